"""How a NIfTI file lies in the patient: RAS outside, LPS inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.grid_checks import shear_problems, spacing_problems

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lps_to_ras", "nifti_grid", "ras_to_lps"]

_UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}


def ras_to_lps(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a NIfTI affine, (i, j, k) to RAS mm, into ours, (k, j, i) to LPS mm."""
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return flipped[:, [2, 1, 0, 3]]


def lps_to_ras(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn our affine, (k, j, i) to LPS mm, into NIfTI's, (i, j, k) to RAS mm."""
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return flipped[:, [2, 1, 0, 3]]


def nifti_grid(
    shape: tuple[int, int, int], header: Any, problems: list[Problem]
) -> Grid | None:
    """Return the grid that a NIfTI header gives, or None where it cannot be.

    Parameters
    ----------
    shape : tuple of int
        ``(Z, Y, X)``.
    header : nibabel.Nifti1Header
        The sform is used, else the qform, else the sizes of voxels alone.
    problems : list of Problem
        Takes what is odd.
    """
    unit_code = int(header["xyzt_units"]) & 7
    unit = _UNIT_MM.get(unit_code, 1.0)
    if unit != 1.0:
        name = "metres" if unit > 1 else "micrometres"
        message = f"The file gives its lengths in {name}; they were turned into mm."
        problems.append(Problem("units", Severity.NOTE, message))
    sform = _matrix(header, "sform")
    qform = _matrix(header, "qform")
    if (
        sform is not None
        and qform is not None
        and _grid(shape, sform) is None
        and _grid(shape, qform) is not None
    ):
        problems.append(
            Problem(
                "sform-unusable",
                Severity.WARNING,
                "One of the two geometries that the file gives (sform) cannot be: its "
                "axes span no volume. The other one (qform) is used.",
            )
        )
        sform = None
    matrix = sform if sform is not None else qform
    if matrix is None:
        problems.append(
            Problem(
                "no-orientation",
                Severity.UNSAFE,
                "The file does not say how it lies in the patient (neither qform nor "
                "sform). The first axis is taken to run to the patient's right, the "
                "second to the front, the third to the head; LEFT AND RIGHT MAY BE "
                "SWAPPED.",
            )
        )
        sizes = [float(v) for v in header["pixdim"][1 : 1 + int(header["dim"][0])]]
        matrix = np.diag([*[*sizes, 1.0, 1.0][:3], 1.0])
    matrix = np.array(matrix, dtype=np.float64)
    matrix[:3] *= unit
    try:
        grid = Grid(shape, ras_to_lps(matrix))
    except GeometryError as error:
        problems.append(
            Problem(
                "absurd-spacing",
                Severity.NOT_A_VOLUME,
                "The file's geometry cannot be: a voxel of size 0, or numbers that are "
                f"none. {error.message}",
            )
        )
        return None
    if sform is not None and qform is not None:
        _compare(grid, qform, unit, problems)
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def _matrix(header: Any, which: str) -> NDArray[np.float64] | None:
    try:
        matrix, code = getattr(header, f"get_{which}")(coded=True)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return matrix if code > 0 else None


def _grid(shape: tuple[int, int, int], matrix: NDArray[np.float64]) -> Grid | None:
    """Return the grid that a matrix of the header makes, or None if it makes none."""
    try:
        return Grid(shape, ras_to_lps(matrix))
    except GeometryError:
        return None


def _compare(
    grid: Grid, qform: NDArray[np.float64], unit: float, problems: list[Problem]
) -> None:
    other = qform.copy()
    other[:3] *= unit
    second = _grid(grid.shape, other)
    if second is None or grid.same_as(second, tol=0.5 * min(grid.spacing)):
        return
    serious = grid.orientation != second.orientation
    ways = (
        f": {grid.orientation} against {second.orientation}, so left and right, front "
        "and back or head and feet are in doubt"
        if serious
        else ""
    )
    problems.append(
        Problem(
            "sform-qform-differ",
            Severity.UNSAFE if serious else Severity.WARNING,
            f"The file gives two geometries that contradict one another{ways}. "
            "The sform is used.",
        )
    )
