"""Writes down what independent readers see in the real scans: the facts.

``python tests/io/facts/collect.py SHARED [NAME ...]`` reads ``SHARED/data`` with
pydicom, SimpleITK (ITK, GDCM), nibabel and Pillow; NIfTI twins that other people made
(dcm2niix, dicom2nifti) are read like any volume, and the test compares them with the
series that they were made from. It must never import MedLab: what it writes is what
MedLab is measured by.

One file ``NAME.json`` for each folder of the data. For each path:

``series``
    What is in it. ``shape`` (slices, rows, columns); ``corners``, LPS millimetres of
    the voxels (0, 0, 0), (last, 0, 0), (0, last, 0) and (0, 0, last); ``min``,
    ``max``, ``mean`` of the rescaled values and ``voxels``: place in mm, value. Slices
    go by position along the cross product of row and column (PS3.3 C.7.6.2.1.1), NIfTI
    axes as they are stored. ``uneven``: slices lie at no even distance. ``readers``:
    who agrees. ``disagrees``: who does not, and how.
``drawn``
    Of a folder of masks drawn as pictures: how many pixels are brighter than half.
``must_name``, ``blocked``, ``refused``, ``unreadable``, ``name``, ``twin``, ``note``
    Written by hand and kept when the rest is collected again: problem codes that must
    be told, the code that keeps it from being a volume, a word of the sentence with
    which the path is refused, or its only series when it is read, the patient's name
    in its letters, and what is odd.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image

HERE = Path(__file__).parent
KEPT = ("must_name", "blocked", "refused", "unreadable", "name", "twin", "note")

_DICOM_FILES = (
    *("pydicom-data", "fo-dicom", "dwv", "highdicom", "niivue", "dcmqi"),
    "itksnap-testdata",
)
_BARE = ("CR-MONO1-10-chest",)
"""DICOM without preamble, mark and ending."""
_HARD = "dicom2nifti-hard-headers"
_FOLDERS = {
    "abdomen-ct-17": ["abdomen-ct-17"],
    "dcm_qa_ct": ["dcm_qa_ct/In/Philips"],
    "dcm_qa_enh": [
        "dcm_qa_enh/In/Philips",
        "dcm_qa_enh/In/Siemens/XA10",
    ],
    "niivue": ["niivue/dicom_3slice"],
    "totalseg": ["totalseg/example_ct_dicom"],
    "rt-utils": [f"rt-utils/tests/{n}_data" for n in ("mock", "oriented", "one_slice")],
    "dcmqi": [
        f"dcmqi/data/segmentations/{n}"
        for n in ("24x38x3/image", "23x38x3/image", "ct-3slice")
    ],
    _HARD: [
        *(
            f"{_HARD}/generic/{n}"
            for n in (
                *("anatomical/001", "anatomical/001_implicit", "compressed/001"),
                *("anatomical/002_non_isotropic", "compressed_rle/001", "rgb/001"),
                *("compressed_j2k/001", "compressed_jpeg/001"),
            )
        ),
        *(
            f"{_HARD}/failing/{n}/001"
            for n in (
                *("sliceincrement", "sliceorientation", "slicecount", "notavolume"),
                "gantrytilting",
            )
        ),
        *(f"{_HARD}/hitachi/anatomical/{n}" for n in ("001", "001_implicit")),
        f"{_HARD}/siemens_multiframe/anatomical/001",
        f"{_HARD}/hyperfine/anatomical/001",
    ],
}
_PICTURES = {
    "chaos-liver-slices20": ("images", "masks"),
    "kits-kidneytumour-slices20": ("images", "masks"),
    "msd-lungtumour-slices10": ("images", "masks"),
    "lgg-flair-slices22": ("images", "masks"),
    "pddca-mandible-slices4": (
        *("images", "masks", "misaligned/images", "misaligned/masks"),
    ),
    "sam-med2d-demo": ("data_demo/images",),
    "brain-tumor-mri": tuple(
        f"Training/{n}" for n in ("glioma", "meningioma", "notumor", "pituitary")
    ),
}
_SINGLE_PICTURES = {
    "sam-med2d-demo": ("data_demo/images/*.png", "data_demo/masks/*.png"),
    "highdicom": ("data/test_files/*.jpeg",),
}
_VOLUMES = ("*.nii", "*.nii.gz", "*.nrrd", "*.mha", "*.mgz")
_NOT_READ = ("*.gipl.gz", "*.mif")
"""Formats of other programs, which are refused by name."""
_AT = ((0.5, 0.5, 0.5), (0.5, 0.25, 0.6), (0.3, 0.7, 0.4))
"""Where voxels are looked at, as fractions of the axes."""


def main() -> None:
    data = Path(sys.argv[1]) / "data"
    wanted = sys.argv[2:] or sorted(p.name for p in data.iterdir() if p.is_dir())
    warnings.simplefilter("ignore")
    sitk.ProcessObject.GlobalWarningDisplayOff()
    for name in wanted:
        entries = _collect(data, name)
        if entries:
            _write(HERE / f"{name}.json", entries)


def _write(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    before = json.loads(path.read_text()) if path.is_file() else {}
    for key, entry in entries.items():
        entry |= {k: v for k, v in before.get(key, {}).items() if k in KEPT}
    lines = []
    for key, entry in sorted(entries.items()):
        rest = {k: v for k, v in entry.items() if k != "series"}
        parts = [f"    {json.dumps(k)}: {_dumped(v)}" for k, v in rest.items()]
        series = ",\n".join(f"      {_dumped(s)}" for s in entry["series"])
        parts.append(
            f'    "series": [\n{series}\n    ]' if series else '    "series": []'
        )
        lines.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(parts) + "\n  }")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(path.name, len(entries))


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _collect(data: Path, name: str) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for folder in _FOLDERS.get(name, []):
        files = sorted(p for p in (data / folder).rglob("*") if p.is_file())
        entries[folder] = {"series": _dicom_series(files)}
    if name in _DICOM_FILES:
        for path in sorted((data / name).rglob("*")):
            if path.name == "DICOMDIR":
                continue  # opening it opens the folder
            if path.is_file() and _is_dicom(path) and path.parent.name != "image":
                entries[str(path.relative_to(data))] = {"series": _dicom_series([path])}
    for pattern in _VOLUMES:
        for path in sorted((data / name).rglob(pattern)):
            entries[str(path.relative_to(data))] = {"series": _volume_file(path)}
    for path in sorted((data / name).rglob("*.dcm.gz")):
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / path.stem
            plain.write_bytes(gzip.decompress(path.read_bytes()))
            entries[str(path.relative_to(data))] = {"series": _dicom_series([plain])}
    for path in sorted((data / name).rglob("*.tar.xz")):
        with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as ball:
            ball.extractall(folder, filter="data")
            files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
            entries[str(path.relative_to(data))] = {"series": _dicom_series(files)}
    for path in sorted((data / name).rglob("*.zip")):
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
            entries[str(path.relative_to(data))] = {"series": _dicom_series(files)}
    for pattern in _NOT_READ:
        for path in sorted((data / name).rglob(pattern)):
            entries[str(path.relative_to(data))] = {"series": []}
    for part in _PICTURES.get(name, ()):
        folder = f"{name}/{part}"
        found = _pictures(sorted((data / folder).iterdir()))
        entries[folder] = {"series": found}
        if part.endswith("masks") and found and found[0]["mode"] == "L":
            entries[folder]["drawn"] = _n_bright(data / folder)
    for pattern in _SINGLE_PICTURES.get(name, ()):
        for path in sorted((data / name).glob(pattern)):
            entries[str(path.relative_to(data))] = {"series": _pictures([path])}
    return entries


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        marked = file.read(132)[128:] == b"DICM"
    return marked or path.suffix == ".dcm" or path.name in _BARE


# --- DICOM -------------------------------------------------------------------------


def _dicom_series(files: list[Path]) -> list[dict[str, Any]]:
    """Return the facts of the series in DICOM files, slice by slice from pydicom."""
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for path in files:
        dataset = _dataset(path)
        if "Rows" not in dataset or dataset.get("Modality") == "SEG":
            continue
        meta = getattr(dataset, "file_meta", {})
        if meta.get("MediaStorageSOPClassUID") == "1.2.840.10008.1.3.10":
            continue
        for slice_ in _slices(path, dataset):
            key = (str(dataset.get("SeriesInstanceUID", "")), slice_["size"])
            key += (tuple(np.round(slice_["axes"], 3)) if slice_["axes"] else (),)
            groups[key].append(slice_)
    found = []
    for slices in groups.values():
        for part in _apart(slices):
            found.append(_stack(part, files))
    return sorted(
        found, key=lambda s: (-s["shape"][0], s.get("corners") or [], s["uid"])
    )


def _dataset(path: Path) -> pydicom.Dataset:
    """Read a file; where its end is broken, the header alone."""
    for short in (False, True):
        try:
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=short)
        except Exception:  # noqa: BLE001 - what it cannot read has no facts
            continue
        if dataset:
            return dataset
    return pydicom.Dataset()


def _slices(path: Path, dataset: pydicom.Dataset) -> list[dict[str, Any]]:
    n = int(dataset.get("NumberOfFrames") or 1)
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    values, why = _pixels(path, dataset, n)
    result = []
    for index in range(n):
        own = per_frame[index] if index < len(per_frame) else None
        groups = [g for g in (own, shared) if g is not None]

        def look(sequence: str, name: str, groups: Any = groups) -> Any:
            for group in groups:
                if group.get(sequence) and name in group[sequence][0]:
                    return group[sequence][0][name].value
            return dataset.get(name)

        axes = look("PlaneOrientationSequence", "ImageOrientationPatient")
        place = look("PlanePositionSequence", "ImagePositionPatient")
        slope = look("PixelValueTransformationSequence", "RescaleSlope")
        intercept = look("PixelValueTransformationSequence", "RescaleIntercept")
        spacing = look("PixelMeasuresSequence", "PixelSpacing")
        kind = look("MRImageFrameTypeSequence", "FrameType") or dataset.get("ImageType")
        plane = None
        if values is not None:
            plane = values[index].astype(np.float64) * float(
                1 if slope is None else slope
            )
            plane += float(intercept or 0)
        result.append(
            {
                "dataset": dataset,
                "path": path,
                "size": (int(dataset.Rows), int(dataset.Columns)),
                "place": [float(v) for v in place] if place else None,
                "axes": [float(v) for v in axes] if axes else None,
                "spacing": [float(v) for v in spacing] if spacing else None,
                "plane": plane,
                "why": why,
                "kinds": (
                    str(kind),
                    str(look("MREchoSequence", "EffectiveEchoTime"))
                    + str(dataset.get("EchoTime")),
                    str(look("FrameContentSequence", "TemporalPositionIndex"))
                    + str(dataset.get("TemporalPositionIdentifier")),
                    str(dataset.get("AcquisitionNumber")),
                ),
            }
        )
    return result


def _pixels(path: Path, dataset: pydicom.Dataset, n: int) -> tuple[Any, str]:
    """Return stored values (frames, rows, columns), or why there are none."""
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        return None, "colour"
    if str(dataset.get("PhotometricInterpretation", "")).startswith("PALETTE"):
        return None, "palette"
    try:
        values = pydicom.pixels.pixel_array(dataset, raw=True)
    except Exception as error:  # noqa: BLE001 - each codec has errors of its own
        try:
            image = sitk.ReadImage(str(path))
        except RuntimeError:
            return None, f"{type(error).__name__}"
        values = sitk.GetArrayFromImage(image)
        slope = float(dataset.get("RescaleSlope") or 1)
        values = (values - float(dataset.get("RescaleIntercept") or 0)) / slope
    return (values[np.newaxis] if values.ndim == 2 else values), ""


def _apart(slices: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Split slices of which several lie at one place by what tells them apart."""
    places = [tuple(np.round(s["place"], 2)) if s["place"] else None for s in slices]
    if None in places:
        kinds = sorted({s["kinds"][0] for s in slices})
        return [[s for s in slices if s["kinds"][0] == kind] for kind in kinds]
    if len(set(places)) == len(places):
        return [slices]
    parts: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for n in range(1, len(slices[0]["kinds"]) + 1):
        parts = defaultdict(list)
        for slice_ in slices:
            parts[slice_["kinds"][:n]].append(slice_)
        if len(parts) < len(slices) and all(
            len({tuple(np.round(s["place"], 2)) for s in part}) == len(part)
            for part in parts.values()
        ):
            return list(parts.values())
    if len({s["path"] for s in slices}) > 1:
        return [slices]  # copies, or a series in time: no volume can be told
    # Frames of one file that nothing tells apart: the first at each place, the next...
    turns: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    seen: dict[Any, int] = defaultdict(int)
    for slice_, place in zip(slices, places, strict=True):
        key = (slice_["kinds"], place)
        turns[(slice_["kinds"], seen[key])].append(slice_)
        seen[key] += 1
    return list(turns.values())


def _stack(slices: list[dict[str, Any]], files: list[Path]) -> dict[str, Any]:
    dataset = slices[0]["dataset"]
    meta = getattr(dataset, "file_meta", {})
    fact: dict[str, Any] = {
        "uid": str(dataset.get("SeriesInstanceUID", "")),
        "modality": str(dataset.get("Modality") or ""),
        "syntax": str(meta.get("TransferSyntaxUID", "")),
        "shape": [len(slices), *slices[0]["size"]],
        "readers": ["pydicom"],
    }
    placed = all(s["place"] and s["axes"] for s in slices)
    if placed:
        axes = np.array(slices[0]["axes"])
        normal = np.cross(axes[:3], axes[3:])
        slices.sort(key=lambda s: float(np.dot(s["place"], normal)))
    apart = placed and len({tuple(np.round(s["place"], 2)) for s in slices})
    if apart == len(slices) and slices[0]["spacing"]:
        dy, dx = slices[0]["spacing"]
        along = np.array([np.dot(s["place"], normal) for s in slices])
        gaps = np.diff(along)
        if gaps.size and np.ptp(gaps) > 0.1 * np.median(gaps):
            fact["uneven"] = True
        first, last = (np.array(slices[n]["place"]) for n in (0, -1))
        rows, columns = slices[0]["size"]
        fact["corners"] = _rounded(
            [
                first,
                last,
                first + axes[3:] * dy * (rows - 1),
                first + axes[:3] * dx * (columns - 1),
            ]
        )
    if all(s["plane"] is not None for s in slices):
        values = np.stack([s["plane"] for s in slices])
        fact |= _values(values)
        if "corners" in fact:
            fact["voxels"] = [
                [*_rounded(_place(slices, k, j, i)), _plain(values[k, j, i])]
                for k, j, i in _indices(values.shape)
            ]
        _cross_check(fact, slices, values, files)
    else:
        fact["no_values"] = next(s["why"] for s in slices if s["plane"] is None)
    return fact


def _place(slices: list[dict[str, Any]], k: int, j: int, i: int) -> Any:
    """Return where a voxel lies, from its own slice's position."""
    axes = np.array(slices[k]["axes"])
    dy, dx = slices[k]["spacing"]
    return np.array(slices[k]["place"]) + axes[3:] * dy * j + axes[:3] * dx * i


def _cross_check(
    fact: dict[str, Any], slices: list[dict[str, Any]], values: Any, files: list[Path]
) -> None:
    """Let ITK (GDCM) read the same, and note whether it sees the same."""
    paths = list(dict.fromkeys(str(s["path"]) for s in slices))
    try:
        image = sitk.ReadImage(paths if len(paths) > 1 else paths[0])
    except RuntimeError as error:
        fact["disagrees"] = f"SimpleITK does not read it: {_reason(error)}"
        return
    other = sitk.GetArrayFromImage(image).astype(np.float64)
    if other.shape != values.shape:
        fact["disagrees"] = f"SimpleITK sees {list(other.shape)} voxels"
        return
    wrong = []
    if not np.allclose(
        other, values, atol=1e-3 * max(1.0, np.abs(values).max() / 1000)
    ):
        flipped = np.allclose(other[::-1], values)
        wrong.append("slices from the last to the first" if flipped else "other values")
    if "corners" in fact:
        z, y, x = values.shape
        last = [(0, 0, 0), (0, 0, z - 1), (0, y - 1, 0), (x - 1, 0, 0)]
        seen = [image.TransformIndexToPhysicalPoint(i) for i in last]
        off = np.abs(np.array(seen) - np.array(fact["corners"])).max()
        if off > 0.05:
            wrong.append(f"corners up to {off:.3g} mm elsewhere")
    if wrong:
        fact["disagrees"] = "SimpleITK sees " + " and ".join(wrong)
    else:
        fact["readers"].append("SimpleITK")


# --- volumes in one file -------------------------------------------------------------


def _volume_file(path: Path) -> list[dict[str, Any]]:
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
        return fact | {"shape": [1, *values.shape]} | _values(values)
    z, y, x = values.shape
    rest = [0] * (image.GetDimension() - 3)
    corners = [(0, 0, 0), (0, 0, z - 1), (0, y - 1, 0), (x - 1, 0, 0)]
    fact["shape"] = [z, y, x]
    fact["corners"] = _rounded(
        [image.TransformIndexToPhysicalPoint([*c, *rest])[:3] for c in corners]
    )
    fact |= _values(values)
    fact["voxels"] = [
        [
            *_rounded(image.TransformIndexToPhysicalPoint([i, j, k, *rest])[:3]),
            _plain(values[k, j, i]),
        ]
        for k, j, i in _indices(values.shape)
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
    fact["corners"] = _rounded([(matrix @ [*c, 1])[:3] for c in corners])
    fact |= _values(values)
    fact["voxels"] = [
        [*_rounded((matrix @ [i, j, k, 1])[:3]), _plain(values[k, j, i])]
        for k, j, i in _indices(values.shape)
    ]
    try:
        other = sitk.ReadImage(str(path))
    except RuntimeError as error:
        return fact | {"disagrees": f"SimpleITK does not read it: {_reason(error)}"}
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


def _n_bright(folder: Path) -> int:
    pictures = [np.asarray(Image.open(p).convert("L")) for p in folder.iterdir()]
    return sum(int((picture > 127).sum()) for picture in pictures)


def _pictures(paths: list[Path]) -> list[dict[str, Any]]:
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
        found.append(fact | {"readers": ["Pillow"]} | _values(np.stack(planes)))
    return found


def _reason(error: RuntimeError) -> str:
    """Return ITK's last line without paths and addresses."""
    said = str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")
    return re.sub(r' for "[^"]*"|\(0x[0-9a-f]+\)|"?/[^ "]*"?', "", said)[:100].strip()


# --- numbers -------------------------------------------------------------------------


def _indices(shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
    result = []
    for fractions in _AT:
        k, j, i = (int(f * n) for f, n in zip(fractions, shape, strict=True))
        result.append((k, j, i))
    return result


def _values(values: Any) -> dict[str, Any]:
    sound = values[np.isfinite(values)]
    if not sound.size:
        return {"no_values": "no numbers"}
    fact: dict[str, Any] = {
        "min": _plain(sound.min()),
        "max": _plain(sound.max()),
        "mean": _plain(sound.astype(np.float64).mean()),
    }
    if sound.size < values.size:
        fact["not_numbers"] = int(values.size - sound.size)
    return fact


def _plain(value: Any) -> float | int | None:
    number = float(value)
    if not np.isfinite(number):
        return None
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return float(f"{number:.7g}")


def _rounded(values: Any) -> Any:
    return (np.round(np.asarray(values, dtype=np.float64), 4) + 0.0).tolist()


if __name__ == "__main__":
    main()
