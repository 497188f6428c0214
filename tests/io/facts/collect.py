"""Writes down what independent readers see in the real scans: the facts.

``python -m tests.io.facts.collect SHARED [NAME ...]`` reads ``SHARED/data`` with
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
import json
import sys
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from tests.io.facts.dicom_facts import dicom_series, is_dicom
from tests.io.facts.volume_facts import n_bright, picture_facts, volume_file

HERE = Path(__file__).parent
KEPT = ("must_name", "blocked", "refused", "unreadable", "name", "twin", "note")

_DICOM_FILES = (
    *("pydicom-data", "fo-dicom", "dwv", "highdicom", "niivue", "dcmqi"),
    "itksnap-testdata",
)
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
        entries[folder] = {"series": dicom_series(files)}
    if name in _DICOM_FILES:
        for path in sorted((data / name).rglob("*")):
            if path.name == "DICOMDIR":
                continue  # opening it opens the folder
            if path.is_file() and is_dicom(path) and path.parent.name != "image":
                entries[str(path.relative_to(data))] = {"series": dicom_series([path])}
    for pattern in _VOLUMES:
        for path in sorted((data / name).rglob(pattern)):
            entries[str(path.relative_to(data))] = {"series": volume_file(path)}
    for path in sorted((data / name).rglob("*.dcm.gz")):
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / path.stem
            plain.write_bytes(gzip.decompress(path.read_bytes()))
            entries[str(path.relative_to(data))] = {"series": dicom_series([plain])}
    for path in sorted((data / name).rglob("*.tar.xz")):
        with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as ball:
            ball.extractall(folder)  # the project's own; filters come with 3.11.4
            files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
            entries[str(path.relative_to(data))] = {"series": dicom_series(files)}
    for path in sorted((data / name).rglob("*.zip")):
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
            entries[str(path.relative_to(data))] = {"series": dicom_series(files)}
    for pattern in _NOT_READ:
        for path in sorted((data / name).rglob(pattern)):
            entries[str(path.relative_to(data))] = {"series": []}
    for part in _PICTURES.get(name, ()):
        folder = f"{name}/{part}"
        found = picture_facts(sorted((data / folder).iterdir()))
        entries[folder] = {"series": found}
        if part.endswith("masks") and found and found[0]["mode"] == "L":
            entries[folder]["drawn"] = n_bright(data / folder)
    for pattern in _SINGLE_PICTURES.get(name, ()):
        for path in sorted((data / name).glob(pattern)):
            entries[str(path.relative_to(data))] = {"series": picture_facts([path])}
    return entries


if __name__ == "__main__":
    main()
