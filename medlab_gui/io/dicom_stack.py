"""Do slices make a volume? Positions in, grid and problems out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.grid_checks import spacing_problems
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.io.series import Frame

__all__ = ["SAME_PLACE_MM", "Stack", "slice_normal", "stack_frames"]

SAME_PLACE_MM = 0.01
"""Slices nearer than this lie at the same place."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames in order along the normal.

    Parameters
    ----------
    frames : tuple of Frame
        Sorted so that the position along the normal grows.
    grid : Grid or None
        Native grid; where slices are not even, with the median step.
    problems : tuple of Problem
        What is odd about the geometry.
    """

    frames: tuple[Frame, ...]
    grid: Grid | None
    problems: tuple[Problem, ...]


def slice_normal(orientation: Sequence[float]) -> NDArray[np.float64] | None:
    """Return the unit normal of a slice, or None where its axes are not sound.

    Parameters
    ----------
    orientation : sequence of 6 floats
        DICOM Image Orientation (Patient).
    """
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > 0.01:
        return None
    normal: NDArray[np.float64] = np.cross(row, column)
    return normal / np.linalg.norm(normal)


def stack_frames(frames: Sequence[Frame], *, tilt: float = 0.0) -> Stack:
    """Sort frames of one size and orientation, and measure how they lie.

    Nothing is interpolated, moved or made up. Neighbouring positions decide the
    spacing; slice thickness only where there is a single slice.

    Parameters
    ----------
    frames : sequence of Frame
        At least one; no two at the same place.
    tilt : float
        Gantry tilt that the header names, in degrees.
    """
    frames = tuple(frames)
    refusal = _refuse(frames)
    if refusal is not None:
        return Stack(tuple(sorted(frames, key=_by_number)), None, (refusal,))
    first = frames[0]
    assert first.orientation is not None  # by _refuse
    assert first.pixel_spacing is not None
    normal = slice_normal(first.orientation)
    assert normal is not None
    row = np.array(first.orientation[:3]) / np.linalg.norm(first.orientation[:3])
    column = np.cross(normal, row)
    along = [float(np.array(f.position) @ normal) for f in frames]
    order = np.argsort(along, kind="stable")
    frames = tuple(frames[n] for n in order)
    positions = np.array([f.position for f in frames], dtype=np.float64)
    problems: list[Problem] = []
    dy, dx = first.pixel_spacing
    if len(frames) == 1:
        step = normal * _lone_thickness(frames, problems)
    else:
        step = _step(frames, positions, normal, min(dy, dx), tilt, problems)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = column * dy
    affine[:3, 2] = row * dx
    affine[:3, 3] = positions[0]
    references = {f.frame_of_reference for f in frames}
    if len(references) > 1:
        problems.append(
            Problem(
                "frames-of-reference-differ",
                Severity.UNSAFE,
                f"The slices name {len(references)} different frames of reference: the "
                "patient may have moved between them. Do not measure across slices.",
            )
        )
    reference = next(iter(references)) if len(references) == 1 else ""
    shape = (len(frames), first.layout.rows, first.layout.columns)
    try:
        grid = Grid(shape, affine, reference or None)
    except GeometryError as error:
        problems.append(Problem("not-a-volume", Severity.NOT_A_VOLUME, error.message))
        return Stack(frames, None, tuple(problems))
    problems += spacing_problems(grid)
    _judge_thickness(frames, grid, problems)
    return Stack(frames, grid, tuple(problems))


def _by_number(frame: Frame) -> tuple[int, str, int]:
    return frame.instance, frame.path.name, frame.index


def _refuse(frames: tuple[Frame, ...]) -> Problem | None:
    first = frames[0]

    def no(code: str, message: str) -> Problem:
        return Problem(code, Severity.NOT_A_VOLUME, message)

    if not first.layout.is_grey:
        return no(
            "colour",
            f"The pictures are in colour ({first.layout.photometric}); MedLab works on "
            "grey values. Export the scan itself rather than a coloured rendering.",
        )
    if first.layout.rows < 1 or first.layout.columns < 1:
        return no("no-size", "The file says that its picture has no rows or columns.")
    if "MOSAIC" in dict(first.kinds).get("kind of picture", ""):
        return no(
            "mosaic",
            "Each picture is a mosaic of many slices (Siemens), which MedLab does not "
            "take apart. Export the series as enhanced DICOM or convert it to NIfTI.",
        )
    lacking = [f for f in frames if f.position is None or f.orientation is None]
    if lacking:
        who = counted(len(lacking), "picture does", "pictures do")
        return no(
            "no-position",
            f"{who} not say where in the patient it was taken (Image Position and "
            f"Orientation are missing in {len(lacking)} of {len(frames)}), so there is "
            "no volume to be made of them.",
        )
    if first.orientation is None or slice_normal(first.orientation) is None:
        return no(
            "bad-orientation",
            "The directions of rows and columns in the header are not two unit vectors "
            "at a right angle, so nobody can say how the slices lie.",
        )
    spacing = first.pixel_spacing
    if spacing is None:
        return no(
            "no-spacing",
            "The files do not say how large a pixel is (Pixel Spacing is missing), so "
            "nothing could be measured.",
        )
    if not min(spacing) > 0:
        return no(
            "absurd-spacing",
            f"The files say that a pixel is {spacing[0]:g} x {spacing[1]:g} mm, which "
            "cannot be.",
        )
    return None


def _lone_thickness(frames: tuple[Frame, ...], problems: list[Problem]) -> float:
    thickness = frames[0].thickness
    if thickness is not None and thickness > 0:
        found = f"its thickness of {thickness:g} mm is taken as the slice distance"
    else:
        thickness = 1.0
        found = "the file names no thickness either, and 1 mm is assumed"
    problems.append(
        Problem(
            "single-slice",
            Severity.WARNING,
            f"There is only one slice: {found}. Areas can be measured, volumes cannot.",
            (frames[0].path.name,),
        )
    )
    return thickness


def _step(
    frames: tuple[Frame, ...],
    positions: NDArray[np.float64],
    normal: NDArray[np.float64],
    pixel_mm: float,
    tilt: float,
    problems: list[Problem],
) -> NDArray[np.float64]:
    """Return the vector from slice to slice, and say what is wrong with it."""
    n = len(positions)
    if n == 2:
        problems.append(
            Problem(
                "few-slices",
                Severity.WARNING,
                "There are only two slices, so nobody can tell whether one is missing "
                "between them.",
            )
        )
    whole = positions[-1] - positions[0]
    along = positions @ normal
    gaps = np.diff(along)
    median = float(np.median(gaps))
    step: NDArray[np.float64] = whole / (n - 1)
    slant = float(np.degrees(np.arccos(np.clip(whole @ normal / _norm(whole), -1, 1))))
    if slant > 60:
        problems.append(
            Problem(
                "not-a-volume",
                Severity.NOT_A_VOLUME,
                "The slices lie beside one another rather than behind one another, so "
                "they make no volume.",
            )
        )
    uneven = _judge_gaps(frames, along, gaps, median, problems)
    if uneven:
        step = whole / (whole @ normal) * median
    expected = positions[0] + np.outer((along - along[0]) / (whole @ normal), whole)
    sideways = np.linalg.norm(positions - expected, axis=1)
    if sideways.max() > max(0.05, 0.2 * pixel_mm):
        worst = [frames[k].path.name for k in np.flatnonzero(sideways > 0.2 * pixel_mm)]
        problems.append(
            Problem(
                "shifted-slices",
                Severity.UNSAFE,
                f"Slices are shifted sideways against one another by up to "
                f"{sideways.max():.1f} mm. They are shown one upon the other as "
                "stored; do not measure across slices.",
                tuple(dict.fromkeys(worst)),
            )
        )
    drift = _norm(whole) * np.sin(np.radians(slant))
    if slant > 0.1 and drift > 0.5 * pixel_mm:
        problems.append(
            Problem(
                "gantry-tilt",
                Severity.UNSAFE,
                f"The scanner was tilted: each slice is shifted against the one before "
                f"(slant {slant:.1f} degrees, {drift:.1f} mm over the whole scan). The "
                "shift is kept in the geometry and nothing is resampled, but distances "
                "across slices read from straight views would be wrong.",
            )
        )
    elif abs(tilt) > 0.5:
        problems.append(
            Problem(
                "gantry-tilt-not-in-positions",
                Severity.WARNING,
                f"The header names a gantry tilt of {tilt:g} degrees, but the "
                "positions of the slices are not slanted; the positions are believed.",
            )
        )
    return step


def _norm(vector: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(vector))


def _judge_gaps(
    frames: tuple[Frame, ...],
    along: NDArray[np.float64],
    gaps: NDArray[np.float64],
    median: float,
    problems: list[Problem],
) -> bool:
    """Report missing and uneven slices; return whether the median step must serve."""
    ratio = gaps / median
    whole = np.rint(ratio)
    holes = np.flatnonzero((whole >= 2) & (np.abs(ratio - whole) <= 0.1))
    odd = np.flatnonzero(
        (np.abs(ratio - 1) > 0.1) & ~np.isin(np.arange(gaps.size), holes)
    )
    if holes.size:
        n_lost = int((whole[holes] - 1).sum())
        at = [
            f"{along[k] + m * median:.1f}"
            for k in holes
            for m in range(1, int(whole[k]))
        ]
        listed = ", ".join(at[:8]) + (f" and {len(at) - 8} more" if len(at) > 8 else "")
        problems.append(
            Problem(
                "missing-slices",
                Severity.UNSAFE,
                f"{counted(n_lost, 'slice is', 'slices are')} missing (slice distance "
                f"{median:g} mm): there is none at {listed} mm along the scan. The "
                "others are shown without a gap and nothing is made up; volumes and "
                "distances across the gap would be wrong. Fetch the missing slices.",
                tuple(
                    dict.fromkeys(
                        name
                        for k in holes
                        for name in (frames[k].path.name, frames[k + 1].path.name)
                    )
                ),
            )
        )
    if odd.size:
        problems.append(
            Problem(
                "uneven-spacing",
                Severity.UNSAFE,
                f"The distance between slices is not even: {gaps.min():.3g} to "
                f"{gaps.max():.3g} mm, median {median:.3g} mm. The median is used and "
                "nothing is resampled; volumes and distances across slices would be "
                "wrong.",
                tuple(dict.fromkeys(frames[k + 1].path.name for k in odd[:20])),
            )
        )
    if holes.size or odd.size:
        return True
    ideal = np.linspace(along[0], along[-1], along.size)
    error = float(np.abs(along - ideal).max())
    if error > max(0.051, 0.01 * median):
        problems.append(
            Problem(
                "uneven-spacing",
                Severity.UNSAFE if error > 0.5 * median else Severity.WARNING,
                f"The distance between slices varies from {gaps.min():.4g} to "
                f"{gaps.max():.4g} mm; with an even distance a slice is up to "
                f"{error:.2g} mm off its true place.",
            )
        )
    return False


def _judge_thickness(
    frames: tuple[Frame, ...], grid: Grid, problems: list[Problem]
) -> None:
    thickness = frames[0].thickness
    if len(frames) < 2 or thickness is None or thickness <= 0:
        return
    distance = grid.spacing[0]
    if distance < 0.99 * thickness:
        problems.append(
            Problem(
                "overlap",
                Severity.NOTE,
                f"Slices overlap: they are {thickness:g} mm thick and {distance:.4g} "
                "mm apart. The distance is used.",
            )
        )
    elif distance > 1.01 * thickness:
        problems.append(
            Problem(
                "gap",
                Severity.NOTE,
                f"There are gaps between slices: they are {thickness:g} mm thick and "
                f"{distance:.4g} mm apart. The distance is used.",
            )
        )
