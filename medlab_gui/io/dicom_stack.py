"""Do slices make a volume? Positions in, grid and problems out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_mosaic import is_mosaic
from medlab_gui.io.geometry_doctor import judge_slices
from medlab_gui.io.grid_checks import spacing_problems
from medlab_gui.io.slice_claims import judge_claims
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.io.series import Frame

__all__ = ["Stack", "slice_normal", "stack_frames"]

_ROUGH = 2e-3
"""What rounded directions are off at most: three decimals give half of it."""


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
    problems = _judge_directions(frames)
    dy, dx = first.pixel_spacing
    if len(frames) == 1:
        step = normal * _lone_thickness(frames, problems)
    else:
        step, found = judge_slices(frames, positions, normal, min(dy, dx), tilt)
        problems += found
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
                tuple(
                    next(f.path.name for f in frames if f.frame_of_reference == r)
                    for r in sorted(references)
                ),
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
    problems += judge_claims(frames, grid)
    return Stack(frames, grid, tuple(problems))


def _judge_directions(frames: tuple[Frame, ...]) -> list[Problem]:
    """Report directions that are a little off two unit vectors at a right angle."""
    directions = np.array([f.orientation for f in frames], dtype=np.float64)
    rows, columns = directions[:, :3], directions[:, 3:]
    lengths = np.linalg.norm(np.stack((rows, columns)), axis=2)
    off = float(np.abs(lengths - 1).max())
    slant = float(np.abs((rows * columns).sum(axis=1) / lengths.prod(axis=0)).max())
    if off <= _ROUGH and slant <= _ROUGH:
        return []
    what = f"are off by up to {100 * off:.1f} % of their length" if off > _ROUGH else ""
    if slant > _ROUGH:
        what += f"{' and ' if what else 'are '}{np.degrees(slant):.1f} degrees off a "
        what += "right angle"
    return [
        Problem(
            "rough-orientation",
            Severity.WARNING,
            "The directions of rows and columns in the header should be unit vectors "
            f"at a right angle, and {what}. They were set right, and Pixel Spacing is "
            "believed; compare a distance with the scanner's.",
        )
    ]


def _by_number(frame: Frame) -> tuple[int, str, int]:
    return frame.instance, frame.path.name, frame.index


def _refuse(frames: tuple[Frame, ...]) -> Problem | None:
    first = frames[0]

    def no(code: str, message: str) -> Problem:
        return Problem(code, Severity.NOT_A_VOLUME, message)

    if first.layout.rows < 1 or first.layout.columns < 1:
        return no("no-size", "The file says that its picture has no rows or columns.")
    if is_mosaic(first):
        return no(
            "mosaic",
            "Each picture is a mosaic of many slices (Siemens), and the part of the "
            "header that says how it is laid out is missing or cannot be read. Export "
            "the series as enhanced DICOM or convert it to NIfTI.",
        )
    lacking = [f for f in frames if f.position is None or f.orientation is None]
    if lacking:
        who = counted(
            len(lacking),
            "picture does not say where in the patient it was",
            "pictures do not say where in the patient they were",
        )
        message = f"{who} taken ({_what_lacks(lacking)}), so no volume can be made."
        if len(lacking) > 1 and len({f.path for f in lacking}) == 1:
            message += (
                " They are one after another in one file, and may be slices as well as "
                "angles or moments. If they are slices, give their distances by hand, "
                "or export them as single slices."
            )
        names = tuple(dict.fromkeys(f.path.name for f in lacking))
        return Problem("no-position", Severity.NOT_A_VOLUME, message, names)
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
            "The files do not say how large a pixel is (Pixel Spacing is missing or "
            "makes no sense), so nothing could be measured.",
        )
    if not min(spacing) > 0:
        return no(
            "absurd-spacing",
            f"The files say that a pixel is {spacing[0]:g} x {spacing[1]:g} mm, which "
            "cannot be.",
        )
    return None


def _what_lacks(frames: list[Frame]) -> str:
    lost = any(f.position is None for f in frames)
    turned = any(f.orientation is None for f in frames)
    if lost and turned:
        return "Image Position and Orientation are missing or make no sense"
    what = "Position" if lost else "Orientation"
    return f"Image {what} is missing or makes no sense"


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
