"""What pydicom sees in DICOM files, slice by slice; ITK (GDCM) has to agree."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import SimpleITK as sitk

from tests.io.facts.figures import indices, plain, reason, rounded, values_of

if TYPE_CHECKING:
    from pathlib import Path

_BARE = ("CR-MONO1-10-chest",)
"""DICOM without preamble, mark and ending."""


def is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        marked = file.read(132)[128:] == b"DICM"
    return marked or path.suffix == ".dcm" or path.name in _BARE


def dicom_series(files: list[Path]) -> list[dict[str, Any]]:
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
        fact["corners"] = rounded(
            [
                first,
                last,
                first + axes[3:] * dy * (rows - 1),
                first + axes[:3] * dx * (columns - 1),
            ]
        )
    if all(s["plane"] is not None for s in slices):
        values = np.stack([s["plane"] for s in slices])
        fact |= values_of(values)
        if "corners" in fact:
            fact["voxels"] = [
                [*rounded(_place(slices, k, j, i)), plain(values[k, j, i])]
                for k, j, i in indices(values.shape)
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
        fact["disagrees"] = f"SimpleITK does not read it: {reason(error)}"
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
