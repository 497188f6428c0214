"""What nibabel, ITK and Pillow see in volumes of one file, and in pictures."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import SimpleITK as sitk
from PIL import Image

from tests.io.facts.figures import indices, plain, reason, rounded, values_of

if TYPE_CHECKING:
    from pathlib import Path


def volume_file(path: Path) -> list[dict[str, Any]]:
    if ".nii" not in path.name and path.suffix != ".mgz":
        return [_itk(path)]
    image = nibabel.load(path)
    n = int(np.prod(image.shape[3:])) if len(image.shape) > 3 else 1
    return [_nifti(path, image, k) for k in range(n)]


def _itk(path: Path) -> dict[str, Any]:
    image = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(image)
    fact: dict[str, Any] = {"readers": ["SimpleITK"]}
    if image.GetNumberOfComponentsPerPixel() > 1:
        return fact | {"no_values": "colour", "shape": list(values.shape[:3])}
    while values.ndim > 3:
        values = values[0]
    if values.ndim < 3:
        return fact | {"shape": [1, *values.shape]} | values_of(values)
    z, y, x = values.shape
    rest = [0] * (image.GetDimension() - 3)
    corners = [(0, 0, 0), (0, 0, z - 1), (0, y - 1, 0), (x - 1, 0, 0)]
    fact["shape"] = [z, y, x]
    fact["corners"] = rounded(
        [image.TransformIndexToPhysicalPoint([*c, *rest])[:3] for c in corners]
    )
    fact |= values_of(values)
    fact["voxels"] = [
        [
            *rounded(image.TransformIndexToPhysicalPoint([i, j, k, *rest])[:3]),
            plain(values[k, j, i]),
        ]
        for k, j, i in indices(values.shape)
    ]
    return fact


def _nifti(path: Path, image: Any, k_volume: int) -> dict[str, Any]:
    """Return the facts of one volume; further axes are gone through as they lie."""
    fact: dict[str, Any] = {"readers": ["nibabel"]}
    shape = (*image.shape[:3], 1, 1)[:3]
    if image.get_data_dtype().fields is not None:
        return fact | {"no_values": "colour", "shape": list(shape[::-1])}
    values = np.asarray(image.dataobj).astype(np.float64)
    values = values.reshape((*shape, -1), order="F")[..., k_volume].transpose(2, 1, 0)
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    z, y, x = values.shape
    corners = [(0, 0, 0), (0, 0, z - 1), (0, y - 1, 0), (x - 1, 0, 0)]
    fact["shape"] = [z, y, x]
    fact["corners"] = rounded([(matrix @ [*c, 1])[:3] for c in corners])
    fact |= values_of(values)
    fact["voxels"] = [
        [*rounded((matrix @ [i, j, k, 1])[:3]), plain(values[k, j, i])]
        for k, j, i in indices(values.shape)
    ]
    try:
        other = sitk.ReadImage(str(path))
    except RuntimeError as error:
        return fact | {"disagrees": f"SimpleITK does not read it: {reason(error)}"}
    if other.GetDimension() < 3:
        return fact | {"disagrees": "SimpleITK sees a picture without depth"}
    rest = [0] * (other.GetDimension() - 3)
    seen = [other.TransformIndexToPhysicalPoint([*c, *rest])[:3] for c in corners]
    off = float(np.abs(np.array(seen) - np.array(fact["corners"])).max())
    array = sitk.GetArrayFromImage(other).astype(np.float64)
    if other.GetNumberOfComponentsPerPixel() > 1:
        array = np.moveaxis(array, -1, 0)  # what nibabel has as the fifth axis
    array = array.reshape(-1, *values.shape)[k_volume]
    if off > 0.01 + 1e-4 * np.abs(fact["corners"]).max():
        fact["disagrees"] = f"SimpleITK sees corners up to {off:.3g} mm elsewhere"
    elif not np.allclose(array, values, equal_nan=True, rtol=1e-4):
        fact["disagrees"] = "SimpleITK sees other values"
    else:
        fact["readers"].append("SimpleITK")
    return fact


def n_bright(folder: Path) -> int:
    pictures = [np.asarray(Image.open(p).convert("L")) for p in folder.iterdir()]
    return sum(int((picture > 127).sum()) for picture in pictures)


def picture_facts(paths: list[Path]) -> list[dict[str, Any]]:
    sizes: dict[Any, list[Any]] = defaultdict(list)
    for path in paths:
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".tiff"):
            picture = Image.open(io.BytesIO(path.read_bytes()))
            plane = np.asarray(picture)
            mode = picture.mode
            if mode == "RGB" and not np.ptp(plane, axis=-1).any():
                plane, mode = plane[..., 0], "L"  # grey, three times over
            sizes[(*picture.size[::-1], mode)].append(plane)
    found: list[dict[str, Any]] = []
    if len(sizes) > 1:
        return found  # no stack
    for (rows, columns, mode), planes in sorted(sizes.items()):
        fact = {"shape": [len(planes), rows, columns], "mode": mode}
        found.append(fact | {"readers": ["Pillow"]} | values_of(np.stack(planes)))
    return found
