"""What headers claim about slices, against positions: the second part of the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from medlab_gui.core.geometry import Grid
    from medlab_gui.io.series import Frame

__all__ = ["judge_claims"]

_DIRECTIONS = {
    "S": "from the feet to the head",
    "I": "from the head to the feet",
    "P": "from the front to the back",
    "A": "from the back to the front",
    "L": "from the patient's right to the left",
    "R": "from the patient's left to the right",
}
_OPPOSITE = dict(zip("SIPALR", "ISAPRL", strict=True))


def judge_claims(frames: tuple[Frame, ...], grid: Grid) -> list[Problem]:
    """Compare thickness, distance and numbers that the files name with positions.

    Parameters
    ----------
    frames : tuple of Frame
        In the order of their positions.
    grid : Grid
        The native grid that was made of them.
    """
    if len(frames) < 2:
        return []
    problems: list[Problem] = []
    distance = grid.spacing[0]
    thickness = frames[0].thickness
    if thickness is not None and thickness > 0 and distance < 0.99 * thickness:
        problems.append(
            Problem(
                "overlap",
                Severity.NOTE,
                f"Slices overlap: they are {thickness:g} mm thick and {distance:.4g} "
                "mm apart. The distance is used.",
            )
        )
    elif thickness is not None and 0 < thickness < distance / 1.01:
        problems.append(
            Problem(
                "gap",
                Severity.NOTE,
                f"There are gaps between slices: they are {thickness:g} mm thick and "
                f"{distance:.4g} mm apart. The distance is used.",
            )
        )
    _judge_named_distance(frames, grid, problems)
    _judge_numbers(frames, grid, problems)
    return problems


def _judge_named_distance(
    frames: tuple[Frame, ...], grid: Grid, problems: list[Problem]
) -> None:
    named = frames[0].slice_gap
    if named is None or named == 0:
        return
    # Some scanners measure from edge to edge, some along the table.
    step = grid.affine[:3, 0]
    rows, columns = grid.affine[:3, 2], grid.affine[:3, 1]
    normal = np.cross(rows, columns) / np.linalg.norm(np.cross(rows, columns))
    distance = abs(float(step @ normal))
    meant = [distance, grid.spacing[0], distance - (frames[0].thickness or 0.0)]
    if any(abs(abs(named) - m) <= max(0.02 * distance, 0.02) for m in meant):
        return
    problems.append(
        Problem(
            "spacing-contradicts",
            Severity.WARNING,
            f"The header says that slices are {abs(named):g} mm apart (Spacing Between "
            f"Slices), but their positions say {distance:.4g} mm. The positions are "
            "believed.",
            (frames[0].path.name,),
        )
    )


def _judge_numbers(
    frames: tuple[Frame, ...], grid: Grid, problems: list[Problem]
) -> None:
    # The order of frames within one file is no number that anybody reads.
    numbers = [f.instance for f in frames]
    if len(set(numbers)) < len(numbers):
        return
    letter = grid.axis_letters[0]
    if letter in "IAR":
        numbers.reverse()
        letter = _OPPOSITE[letter]
    if numbers == sorted(numbers):
        return
    if numbers == sorted(numbers, reverse=True):
        code = "flipped-order"
        message = (
            f"The files number the slices {_DIRECTIONS[_OPPOSITE[letter]]}; MedLab "
            f"counts {_DIRECTIONS[letter]}. Positions tell the order, so left and "
            "right, top and bottom are as in the patient."
        )
    else:
        code = "shuffled-order"
        message = (
            "The numbers of the slices do not follow their positions; they are put in "
            "order by position."
        )
    problems.append(Problem(code, Severity.NOTE, message))
