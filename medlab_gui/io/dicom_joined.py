"""Joins slices that an exporter gave a series of their own each.

Some programs make up a new Series Instance UID for every file that they write. Such
slices are taken for one series only where all else that tells series apart agrees, and
their places are those of one stack. Series that a scanner meant to be two have slices
at the same places, another direction, number, name or kind of picture, or more than
one file each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_split import places
from medlab_gui.io.dicom_stack import slice_normal
from medlab_gui.io.geometry_doctor import measure_distances
from medlab_gui.io.series import derived_uid

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from medlab_gui.io.dicom_headers import DicomHeader

__all__ = ["join_lone_slices"]

_FEWEST = 5
"""Four pictures at even distances may be four localisers."""
_MAY_DIFFER = frozenset(("acquisition", "trigger time"))
"""Kinds that differ from slice to slice within one series."""
_LINE_PIXELS = 0.2
"""Share of a pixel by which a slice may be off the line of the others."""


def join_lone_slices(
    groups: Iterable[list[DicomHeader]],
) -> tuple[list[list[DicomHeader]], dict[str, Problem]]:
    """Join files that are alone in their series, where they are certain to be one.

    Parameters
    ----------
    groups : iterable of list of DicomHeader
        The files of each series.

    Returns
    -------
    list of list of DicomHeader, dict of str to Problem
        The groups, joined ones with a common ``series_uid``, and by that UID what was
        done and why.
    """
    result: list[list[DicomHeader]] = []
    lone: dict[Hashable, list[DicomHeader]] = defaultdict(list)
    shared: set[Hashable] = set()
    for group in groups:
        likeness = _likeness(group[0])
        if len(group) == 1 and likeness is not None:
            lone[likeness].append(group[0])
        else:
            shared.add(likeness)
            result.append(group)
    told: dict[str, Problem] = {}
    for likeness, headers in lone.items():
        distance = None if likeness in shared else _distance(headers)
        if distance is None:
            result += [[header] for header in headers]
            continue
        uid = derived_uid("joined", *sorted(h.series_uid for h in headers))
        result.append([replace(h, series_uid=uid) for h in headers])
        told[uid] = _note(len(headers), distance)
    return result, told


def _note(n: int, distance: float) -> Problem:
    return Problem(
        "series-joined",
        Severity.WARNING,
        f"Each of these {n} slices has a Series Instance UID of its own, as some "
        "programs write by mistake. Patient, study, frame of reference, number and "
        "name of the series, direction, size and kind of the pictures agree, and the "
        f"slices lie {distance:.4g} mm apart on one line, so they are taken as one "
        "series.",
    )


def _likeness(header: DicomHeader) -> Hashable | None:
    """Return what slices of one series have in common; None for what is no slice."""
    if len(header.frames) != 1 or not header.series_uid or header.is_secondary:
        return None
    (frame,) = header.frames
    if frame.position is None or frame.orientation is None:
        return None
    if frame.pixel_spacing is None or not frame.layout.is_grey:
        return None
    layout = frame.layout
    return (
        header.patient_key,
        header.study_uid,
        header.modality,
        header.number,
        header.description,
        frame.frame_of_reference,
        tuple(round(v, 3) for v in frame.orientation),
        tuple(round(v, 4) for v in frame.pixel_spacing),
        frame.thickness,
        (layout.rows, layout.columns, layout.bits_stored, layout.signed),
        tuple(kind for kind in frame.kinds if kind[0] not in _MAY_DIFFER),
    )


def _distance(headers: list[DicomHeader]) -> float | None:
    """Return the distance of slices in mm if they make one stack, else None."""
    frames = [h.frames[0] for h in headers]
    if len(frames) < _FEWEST or len(set(places(frames))) < len(frames):
        return None
    numbers = {f.instance for f in frames}
    if 1 < len(numbers) < len(frames):
        return None
    orientation, spacing = frames[0].orientation, frames[0].pixel_spacing
    normal = None if orientation is None else slice_normal(orientation)
    if normal is None or spacing is None:
        return None
    positions = np.array([f.position for f in frames], dtype=np.float64)
    positions = positions[np.argsort(positions @ normal)]
    along = positions @ normal
    if np.diff(along).min() <= 0:
        return None
    found = measure_distances(along)
    if found.odd or len(found.holes) > len(frames) // _FEWEST:
        return None
    whole = positions[-1] - positions[0]
    line = positions[0] + np.outer((along - along[0]) / (whole @ normal), whole)
    if np.linalg.norm(positions - line, axis=1).max() > _LINE_PIXELS * min(spacing):
        return None
    return found.median
