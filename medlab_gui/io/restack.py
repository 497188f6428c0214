"""Remedies that resample nothing: other slices, or another spacing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.core.remedies import AppliedRemedy
from medlab_gui.io.dicom_series import one_at_each_place
from medlab_gui.io.dicom_stack import slice_normal, stack_frames
from medlab_gui.io.grid_checks import spacing_problems
from medlab_gui.io.loose_axes import completed_axes
from medlab_gui.io.series import derived_uid
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.io.series import FileSeries, Frame

__all__ = [
    "GEOMETRY",
    "RESAMPLING",
    "drop_copies",
    "give_spacing",
    "keep_longest",
    "split_by",
    "take_first",
    "take_last",
]

RESAMPLING = ("straighten", "even-grid")

GEOMETRY = frozenset(
    (
        "absurd-position",
        "absurd-spacing",
        "bad-orientation",
        "few-slices",
        "flipped-order",
        "frames-of-reference-differ",
        "gantry-tilt",
        "gantry-tilt-not-in-positions",
        "gap",
        "missing-slices",
        "no-position",
        "no-spacing",
        "not-a-volume",
        "overlap",
        "overlapping-blocks",
        "rough-orientation",
        "shifted-slices",
        "shuffled-order",
        "single-slice",
        "spacing-contradicts",
        "uneven-spacing",
    )
)
"""Problems that follow from where the slices lie, and are judged anew."""

_NO_GRID = ("no-position", "no-spacing", "bad-orientation", "not-a-volume")


def with_applied(
    series: FileSeries, code: str, effect: str, **details: Any
) -> FileSeries:
    """Return the series with a choice written down."""
    applied = AppliedRemedy(code, effect, details)
    return replace(series, applied=(*series.applied, applied))


def _restacked(
    series: FileSeries, frames: Sequence[Frame], *key: str, without: str = ""
) -> FileSeries:
    """Return the series with other frames, judged anew and under another UID.

    Without ``key`` it keeps its UID. ``without`` is the problem that was answered.
    """
    stack = stack_frames(frames, tilt=series.tilt)
    kept = tuple(p for p in series.problems if p.code not in (*GEOMETRY, without))
    problems = (*kept, *stack.problems)
    blocked = any(p.severity is Severity.NOT_A_VOLUME for p in problems)
    return replace(
        series,
        uid=derived_uid(series.uid, *key) if key else series.uid,
        frames=stack.frames,
        files=tuple(dict.fromkeys(f.path for f in stack.frames)),
        n_slices=len(stack.frames),
        shape=(len(stack.frames), *series.shape[1:]),
        grid=None if blocked else stack.grid,
        problems=problems,
    )


def drop_copies(series: FileSeries) -> FileSeries:
    """Leave out slices at a taken place if their pixels are the same.

    Raises
    ------
    InputError
        If a pair differs.
    """
    pairs = [(s, _partner(series, s)) for s in series.spare]
    ours = _pixels(series, [one for _, one in pairs])
    others = _pixels(series, [one for one, _ in pairs])
    different = [
        spare.path.name
        for n, (spare, _) in enumerate(pairs)
        if not np.array_equal(ours[n], others[n])
    ]
    if different:
        msg = (
            f"{counted(len(different), 'slice is', 'slices are')} no copy of the one "
            f"at the same place (the first is {different[0]}), so nothing was dropped. "
            "Choose with --remedy first-of-each or --remedy last-of-each."
        )
        raise InputError(msg, path=series.files[0])
    effect = (
        f"{counted(len(pairs), 'exact copy was', 'exact copies were')} dropped, after "
        "comparing every pixel."
    )
    kept = tuple(p for p in series.problems if p.code != "duplicate-slices")
    series = replace(series, problems=kept, spare=())
    return with_applied(series, "drop-copies", effect, dropped=len(pairs))


def _partner(series: FileSeries, spare: Frame) -> Frame:
    place = np.array(spare.position)
    distances = [float(np.linalg.norm(place - f.position)) for f in series.frames]
    return series.frames[int(np.argmin(distances))]


def _pixels(series: FileSeries, frames: Sequence[Frame]) -> Any:
    from medlab_gui.io.read import read_volume

    shape = (len(frames), *series.shape[1:])
    part = replace(
        series,
        frames=tuple(frames),
        files=tuple(dict.fromkeys(f.path for f in frames)),
        n_slices=len(frames),
        shape=shape,
        # Only the pixels are wanted; where they lie does not matter.
        grid=Grid(shape, np.eye(4)),
        problems=(),
    )
    return read_volume(part).data


def take_first(series: FileSeries) -> FileSeries:
    """Take the slice with the lowest number at each place, as is done unasked."""
    kept = tuple(p for p in series.problems if p.code != "duplicate-slices")
    n = len(series.spare)
    effect = (
        "At each place the slice with the lowest number was taken; "
        f"{counted(n, 'other was', 'others were')} left out."
    )
    series = replace(series, problems=kept, spare=())
    return with_applied(series, "first-of-each", effect, dropped=n)


def take_last(series: FileSeries) -> FileSeries:
    """Take the slice with the highest number at each place."""
    n = len(series.spare)
    frames, _, _ = one_at_each_place([*series.frames, *series.spare], last=True)
    effect = (
        "At each place the slice with the highest number was taken; "
        f"{counted(n, 'other was', 'others were')} left out."
    )
    done = _restacked(series, frames, "last-of-each", without="duplicate-slices")
    return with_applied(replace(done, spare=()), "last-of-each", effect, dropped=n)


def split_by(series: FileSeries, code: str) -> list[FileSeries]:
    """Return a series for each frame of reference, or for each acquisition."""
    word = "frame of reference" if code == "split-frames" else "acquisition"

    def key(frame: Frame) -> str:
        if code == "split-frames":
            return frame.frame_of_reference
        return dict(frame.kinds).get("acquisition", "")

    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in series.frames:
        groups[key(frame)].append(frame)
    result = []
    for n, (name, frames) in enumerate(groups.items(), start=1):
        done = _restacked(series, frames, code, name)
        label = f"{word} {n} of {len(groups)}"
        done = replace(
            done,
            part=", ".join(filter(None, (series.part, label))),
            spare=tuple(f for f in series.spare if key(f) == name),
        )
        effect = (
            f"The series was split by {word}; this is part {n} of {len(groups)}, with "
            f"{counted(len(frames), 'slice', 'slices')}."
        )
        result.append(with_applied(done, code, effect, part=n, parts=len(groups)))
    return result


def keep_longest(series: FileSeries) -> FileSeries:
    """Keep the longest run of slices that follow one another at one vector.

    Raises
    ------
    InputError
        If no three slices do.
    """
    positions = np.array([f.position for f in series.frames], dtype=np.float64)
    steps = np.diff(positions, axis=0)
    best, start = (0, 0), 0
    for n in range(len(steps) + 1):
        if n < len(steps) and _same_step(steps[start], steps[n]):
            continue
        best = max(best, (n - start, -start))
        start = n
    n_steps, first = best[0], -best[1]
    if n_steps < 2:
        msg = (
            "No three neighbouring slices are evenly spaced; there is no regular part."
        )
        raise InputError(msg, path=series.files[0])
    frames = series.frames[first : first + n_steps + 1]
    done = _restacked(series, frames, "longest-part")
    effect = (
        f"Only the longest regular part is used: slices {first + 1} to "
        f"{first + n_steps + 1} of {len(series.frames)}."
    )
    return with_applied(done, "longest-part", effect, first=first, last=first + n_steps)


def _same_step(one: Any, other: Any) -> bool:
    off = float(np.linalg.norm(other - one))
    return off <= max(0.05, 0.02 * float(np.linalg.norm(one)))


def give_spacing(series: FileSeries, spacing: tuple[float, float, float]) -> FileSeries:
    """Put the voxels at distances that a person gave.

    Slices without a sound position are stacked in the order of their numbers; without
    a sound direction they are taken as axial, which is told.

    Raises
    ------
    GeometryError
        If there is nothing that could be stacked.
    """
    shown = " x ".join(f"{v:g}" for v in spacing)
    effect = f"The spacing was given by hand: {shown} mm (slices x rows x columns)."
    problems = [
        Problem(
            "spacing-given",
            Severity.WARNING,
            f"The spacing of {shown} mm was given by hand; distances are as good as "
            "those figures.",
        )
    ]
    loose = series.loose_axes
    if series.grid is None and loose is None and not series.frames:
        msg = "The file holds no slices that a spacing could be given to."
        raise GeometryError(msg, path=series.files[0])
    frames, sound, reference = series.frames, True, None
    if series.grid is not None:
        affine = np.array(series.grid.affine)
        affine[:3, :3] *= np.array(spacing) / np.array(series.grid.spacing)
        reference = series.grid.frame_of_reference
    elif loose is not None:
        affine, sound = completed_axes(loose, spacing)
    else:
        # Slices that lie nowhere have their numbers only.
        frames = tuple(sorted(frames, key=lambda f: (f.instance, f.path.name, f.index)))
        affine, sound = _stacked(frames[0], spacing)
        effect += " Slices were stacked in the order of their numbers."
    if not sound:
        shown_as = (
            "axes are taken at right angles, along left, back and head where nothing "
            "is said"
            if loose is not None
            else "they are shown as axial from the feet to the head"
        )
        problems.append(
            Problem(
                "direction-assumed",
                Severity.UNSAFE,
                f"The files do not say how the slices lie in the patient; {shown_as}, "
                "and left and right may be swapped.",
            )
        )
    grid = Grid(series.shape, affine, reference)
    answered = {*_NO_GRID, "absurd-spacing", "spacing-contradicts", "single-slice"}
    kept = [p for p in series.problems if p.code not in answered]
    done = replace(
        series,
        uid=derived_uid(series.uid, "given-spacing", shown),
        frames=frames,
        files=tuple(dict.fromkeys(f.path for f in frames)) or series.files,
        grid=grid,
        problems=(*kept, *problems, *spacing_problems(grid)),
        spare=(),
    )
    if done.blocking is not None:
        done = replace(done, grid=None)
    return with_applied(done, "given-spacing", effect, spacing_mm=list(spacing))


def _stacked(first: Frame, spacing: tuple[float, float, float]) -> tuple[Any, bool]:
    """Return the affine of slices behind one another, and if directions are known."""
    dz, dy, dx = spacing
    directions = first.orientation
    normal = slice_normal(directions) if directions is not None else None
    affine = np.eye(4)
    if directions is None or normal is None:
        row, column, normal = np.eye(3)
    else:
        row = np.array(directions[:3]) / np.linalg.norm(directions[:3])
        column = np.cross(normal, row)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = normal * dz, column * dy, row * dx
    if first.position is not None:
        affine[:3, 3] = first.position
    return affine, directions is not None and slice_normal(directions) is not None
