"""The frames of a DICOM file: one for a plain slice, many for an enhanced object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.io.dicom_display import frame_window
from medlab_gui.io.dicom_dose import dose_positions
from medlab_gui.io.dicom_kinds import kinds_of
from medlab_gui.io.dicom_times import seconds_of
from medlab_gui.io.dicom_values import numbers, text
from medlab_gui.io.series import Frame

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.io.dicom_lut import LookupTable
    from medlab_gui.io.series import PixelLayout

__all__ = ["FrameDefaults", "frames_of"]

_FARTHEST_MM = 1e9
"""Beyond a thousand kilometres a position is none."""


@dataclass(frozen=True, slots=True)
class FrameDefaults:
    """What holds for a frame unless its own functional group says otherwise."""

    layout: PixelLayout
    offset: int | None
    slope: float
    intercept: float
    table: LookupTable | None = None


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
        # Frames of a film: one header cannot place them all, unless it is a dose.
        film = tuple(
            _frame(path, dataset, n, defaults, (), placed=False)
            for n in range(n_frames)
        )
        places = dose_positions(dataset, n_frames)
        if not places or max(abs(v) for p in places for v in p) > _FARTHEST_MM:
            return film
        return tuple(
            replace(f, position=(x, y, z))
            for f, (x, y, z) in zip(film, places, strict=True)
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
    slice_gap = numbers(measures, "SpacingBetweenSlices")
    values = look("PixelValueTransformationSequence")
    # Where there is a table, a rescale beside it is none of the standard's.
    slope = numbers(values, "RescaleSlope") if defaults.table is None else None
    intercept = numbers(values, "RescaleIntercept") if defaults.table is None else None
    number = numbers(dataset, "InstanceNumber")
    voi = look("FrameVOILUTSequence")
    n_bytes = defaults.layout.n_bytes
    alone = placed and not groups
    if not placed or not position or len(position) != 3:
        position = None
    if position and max(map(abs, position)) > _FARTHEST_MM:
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
        kinds=kinds_of(dataset, look),
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        thickness=thickness[0] if thickness else None,
        slice_gap=slice_gap[0] if slice_gap else None,
        table=defaults.table,
        window=None if voi is dataset else frame_window(voi),
        acquired=seconds_of(text(dataset, "AcquisitionTime")) if alone else None,
        created=seconds_of(text(dataset, "ContentTime")) if alone else None,
    )
