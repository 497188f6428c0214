"""The frames of a DICOM file: one for a plain slice, many for an enhanced object."""

from __future__ import annotations

import math
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.io.series import Frame

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.io.series import PixelLayout

__all__ = ["FrameDefaults", "frames_of", "numbers", "text"]


@dataclass(frozen=True, slots=True)
class FrameDefaults:
    """What holds for a frame unless its own functional group says otherwise."""

    layout: PixelLayout
    offset: int | None
    slope: float
    intercept: float


def text(dataset: Any, name: str) -> str:
    """Return an element as text without padding, or "" where it is absent or broken."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError, NotImplementedError):
        return ""
    if isinstance(value, MutableSequence):
        value = "\\".join(str(v) for v in value)
    return "" if value is None else str(value).strip().strip("\0").strip()


def numbers(dataset: Any, name: str) -> tuple[float, ...] | None:
    """Return an element's numbers, or None where one is absent, broken or infinite."""
    try:
        value = dataset.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            value = (value,)
        result = tuple(float(v) for v in value)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    if not result or not all(math.isfinite(v) for v in result):
        return None
    return result


def frames_of(
    path: Path, dataset: Any, n_frames: int, defaults: FrameDefaults
) -> tuple[Frame, ...]:
    """Return all frames of a file in the order in which they are stored.

    Parameters
    ----------
    path : Path
        The file.
    dataset : pydicom.Dataset
        Its header.
    n_frames : int
        How many frames it says it has.
    defaults : FrameDefaults
        What holds for all frames.
    """
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = dataset.get("SharedFunctionalGroupsSequence")
    common = shared[0] if shared else None
    if not per_frame and common is None:
        if n_frames == 1:
            return (_frame(path, dataset, 0, defaults, ()),)
        # Frames of a film: one header cannot place them all.
        return tuple(
            _frame(path, dataset, n, defaults, (), placed=False)
            for n in range(n_frames)
        )
    return tuple(
        _frame(
            path,
            dataset,
            n,
            defaults,
            tuple(
                group
                for group in (
                    per_frame[n] if per_frame and n < len(per_frame) else None,
                    common,
                )
                if group is not None
            ),
        )
        for n in range(n_frames)
    )


def _frame(
    path: Path,
    dataset: Any,
    n: int,
    defaults: FrameDefaults,
    groups: tuple[Any, ...],
    *,
    placed: bool = True,
) -> Frame:
    def look(sequence: str) -> Any:
        """Return the item that holds a functional group, else the whole header."""
        for group in groups:
            items = group.get(sequence)
            if items:
                return items[0]
        return dataset

    position = numbers(look("PlanePositionSequence"), "ImagePositionPatient")
    orientation = numbers(look("PlaneOrientationSequence"), "ImageOrientationPatient")
    measures = look("PixelMeasuresSequence")
    spacing = numbers(measures, "PixelSpacing")
    thickness = numbers(measures, "SliceThickness")
    values = look("PixelValueTransformationSequence")
    slope = numbers(values, "RescaleSlope")
    intercept = numbers(values, "RescaleIntercept")
    number = numbers(dataset, "InstanceNumber")
    n_bytes = defaults.layout.n_bytes
    if not placed or not position or len(position) != 3:
        position = None
    if not orientation or len(orientation) != 6:
        orientation = None
    if not spacing or len(spacing) != 2:
        spacing = None
    return Frame(
        path=path,
        index=n,
        instance=int(number[0]) if number else 0,
        sop_uid=text(dataset, "SOPInstanceUID"),
        position=None if position is None else (position[0], position[1], position[2]),
        orientation=orientation,
        pixel_spacing=None if spacing is None else (spacing[0], spacing[1]),
        slope=(slope[0] if slope else defaults.slope) or 1.0,
        intercept=intercept[0] if intercept else defaults.intercept,
        layout=defaults.layout,
        offset=None if defaults.offset is None else defaults.offset + n * n_bytes,
        kinds=_kinds(dataset, look),
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        thickness=thickness[0] if thickness else None,
    )


def _kinds(dataset: Any, look: Any) -> tuple[tuple[str, str], ...]:
    """Return what may tell apart volumes that share their slice positions."""
    content = look("FrameContentSequence")
    echo = look("MREchoSequence")
    diffusion = look("MRDiffusionSequence")
    gradient = diffusion
    for name in ("DiffusionGradientDirectionSequence",):
        items = diffusion.get(name)
        gradient = items[0] if items else gradient
    image_type = dataset
    for name in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"):
        item = look(name)
        image_type = item if item is not dataset else image_type
    found = (
        (
            "kind of picture",
            text(image_type, "FrameType") or text(dataset, "ImageType"),
        ),
        ("echo time", text(echo, "EffectiveEchoTime") or text(dataset, "EchoTime")),
        ("echo", text(dataset, "EchoNumbers")),
        (
            "point in time",
            text(content, "TemporalPositionIndex")
            or text(dataset, "TemporalPositionIdentifier"),
        ),
        ("b-value", text(diffusion, "DiffusionBValue")),
        ("gradient direction", text(gradient, "DiffusionGradientOrientation")),
        ("inversion time", text(dataset, "InversionTime")),
        ("trigger time", text(dataset, "TriggerTime")),
        ("kernel", text(dataset, "ConvolutionKernel")),
        ("acquisition", text(dataset, "AcquisitionNumber")),
    )
    return tuple((name, value) for name, value in found if value)
