"""Liver cases of `/data`'s public scans, each with its truth on the same voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel
import numpy as np
from PIL import Image

from medlab_gui.core.geometry import Grid
from medlab_gui.io import mask_on_grid, read_mask, read_one, write_image

if TYPE_CHECKING:
    from pathlib import Path

PICTURE_MM = 0.75
"""Pixel of slices that were exported as pictures: an assumption, it is not known."""
CROP_MM = 1.5
"""The same of the crop of a LiTS scan that was resampled to 128 x 128 x 128."""
AMOS_AIR = 79
"""Grey value of air in the two AMOS pictures."""
JUDGE = "chaos-101"
"""The patient whose slices choose the epoch."""


def make_liver(shared: Path, folder: Path) -> list[dict[str, object]]:
    """Write cases into a folder; return those that teach and judge, for a recipe.

    Parameters
    ----------
    shared : Path
        Folder with `data`.
    folder : Path
        Gets ``train/``, and ``test/`` with ``images``, ``truth`` and ``patients.csv``.
    """
    data = shared / "data"
    for name in ("train", "test/images", "test/truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    patients: dict[str, str] = {}

    def test(case: str, patient: str, image: np.ndarray, truth: np.ndarray, mm: float):
        grid = Grid.from_spacing((1, *image.shape), (mm, mm, mm))
        write_image(folder / f"test/images/{case}.nii.gz", image[None], grid)
        write_image(folder / f"test/truth/{case}.nii.gz", truth[None], grid)
        patients[case] = patient

    crop = data / "lits117-crop128"
    scan, labels = (
        np.asarray(nibabel.load(crop / f"{name}.nii.gz").dataobj)[::3]
        for name in ("image", "label")
    )
    grid = Grid.from_spacing(scan.shape, (3 * CROP_MM, CROP_MM, CROP_MM))
    write_image(folder / "train/lits-117.nii.gz", scan.astype(np.int16), grid)
    write_image(
        folder / "train/lits-117-truth.nii.gz", (labels > 0).astype(np.uint8), grid
    )

    judges = []
    chaos = data / "chaos-liver-slices20"
    for path in sorted((chaos / "images").glob("*.jpg")):
        patient, _, number = path.stem.partition("_")
        image, truth = grey(path), grey(chaos / "masks" / path.name) > 127
        if f"chaos-{patient}" == JUDGE:
            judges.append((image, truth))
            continue
        case = f"chaos-{patient}-{number}"
        test(case, f"chaos-{patient}", image, truth.astype(np.uint8), PICTURE_MM)
    images, truths = (np.stack(side) for side in zip(*judges, strict=True))
    grid = Grid.from_spacing(images.shape, (5.0, PICTURE_MM, PICTURE_MM))
    write_image(folder / f"train/{JUDGE}.nii.gz", images, grid)
    write_image(folder / f"train/{JUDGE}-truth.nii.gz", truths.astype(np.uint8), grid)

    amos = data / "sam-med2d-demo" / "data_demo"
    for name in ("amos_0004_75", "amos_0006_90"):
        # Exported upside down. Beyond the field of view it is as dark as air.
        image = np.maximum(grey(amos / "images" / f"{name}.png")[::-1], AMOS_AIR)
        truth = grey(amos / "masks" / f"{name}_liver_000.png")[::-1] > 127
        case = name.replace("_", "-")
        test(case, case.rpartition("-")[0], image, truth.astype(np.uint8), PICTURE_MM)

    seg = data / "dcmqi" / "data" / "segmentations"
    _, volume = read_one(seg / "ct-3slice")
    values, own = read_mask(seg / "liver_seg.nrrd")
    how = volume.grid.canonical()
    truth = how.apply(mask_on_grid((values > 0).astype(np.uint8), own, volume.grid))
    for k, image in enumerate(np.maximum(how.apply(volume.data), -1024)):
        test(f"dcmqi-{k + 1}", "dcmqi", image, truth[k], volume.grid.spacing[1])

    lines = ["case,patient", *(f"{c},{p}" for c, p in sorted(patients.items()))]
    (folder / "test/patients.csv").write_text("\n".join(lines) + "\n")
    organs = {"5": 1}
    return [
        {
            "image": "demo/torso_ct.nii.gz",
            "mask": "demo/torso_ct_organs.nii.gz",
            "map": organs,
            "use": "train",
            "what": "CT of a torso at 3 mm (TotalSegmentator's test file)",
        },
        {
            "image": "demo/liver_ct_dicom",
            "mask": "demo/liver_ct_dicom_organs.nii.gz",
            "map": organs,
            "use": "train",
            "what": "CT of an upper abdomen, 20 slices (TotalSegmentator's test file)",
        },
        {
            "image": "train/lits-117.nii.gz",
            "mask": "train/lits-117-truth.nii.gz",
            "map": {"1": 1},
            "use": "train",
            "what": "Crop round the liver of LiTS volume 117, every third slice",
        },
        {
            "image": f"train/{JUDGE}.nii.gz",
            "mask": f"train/{JUDGE}-truth.nii.gz",
            "map": {"1": 1},
            "use": "train",
            "validation_slices": [0, len(images) - 1],
            "what": "Slices of a CHAOS patient: they choose the epoch, nothing else",
        },
    ]


def grey(path: Path) -> np.ndarray:
    """Return a picture's grey values, uint8 (Y, X)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))
