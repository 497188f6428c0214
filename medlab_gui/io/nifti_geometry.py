"""How a NIfTI file lies in the patient: RAS outside, LPS inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.grid_checks import shear_problems, spacing_problems
from medlab_gui.io.loose_axes import no_geometry, span_a_volume, unit_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "lps_to_ras",
    "nifti_axes",
    "nifti_grid",
    "ras_to_lps",
    "raw_sizes",
    "size_problems",
]

_LONGEST_QUATERNION = 1.005
_SIZES_DIFFER = 0.01
"""Share by which sizes may differ: more than any rounding makes of them."""
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
    shape: tuple[int, int, int],
    header: Any,
    problems: list[Problem],
    *,
    sizes: NDArray[np.float64],
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
    sizes : ndarray, shape (3,)
        Sizes of voxels along ``(i, j, k)`` as they stand in the file (`raw_sizes`):
        in ``header``, nibabel has made 1 of 0.
    """
    unit_code = int(header["xyzt_units"]) & 7
    unit = _UNIT_MM.get(unit_code, 1.0)
    if unit_code not in _UNIT_MM:
        message = (
            f"The file gives its lengths in a unit that NIfTI does not know (code "
            f"{unit_code}); they are taken for mm. Do not measure before it is clear "
            "what they are."
        )
        problems.append(Problem("units", Severity.UNSAFE, message))
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
    if sform is None:
        problems += size_problems(shape, sizes)
    if matrix is None:
        problems.append(
            Problem(
                "no-orientation",
                Severity.UNSAFE,
                "The file does not say how it lies in the patient (neither qform nor "
                "sform make sense). The first axis is taken to run to the patient's "
                "right, the second to the front, the third to the head; LEFT AND RIGHT "
                "MAY BE SWAPPED.",
            )
        )
        named = [float(v) for v in header["pixdim"][1 : 1 + int(header["dim"][0])]]
        matrix = np.diag([*[*named, 1.0, 1.0][:3], 1.0])
    matrix = np.array(matrix, dtype=np.float64)
    matrix[:3] *= unit
    try:
        grid = Grid(shape, ras_to_lps(matrix))
    except GeometryError as error:
        problems.append(no_geometry(error.message))
        return None
    if sform is not None and qform is not None:
        _compare(grid, qform, unit, problems)
    elif sform is not None:
        _compare_sizes(grid, sizes * unit, problems)
    else:
        _tell_negative(sizes, problems)
    problems += spacing_problems(grid)
    problems += shear_problems(grid)
    return grid


def raw_sizes(header: Any) -> NDArray[np.float64]:
    """Return the sizes of voxels, shape (3,), of a header that nobody has mended."""
    return np.array(header["pixdim"][1:4], dtype=np.float64)


def size_problems(
    shape: tuple[int, int, int], sizes: NDArray[np.float64]
) -> list[Problem]:
    """Report axes along which voxels have the size 0, as `nifti_grid` gets them.

    A lone slice needs no thickness.
    """
    n_lost = sum(
        n > 1 and size == 0 for n, size in zip(shape[::-1], sizes, strict=True)
    )
    if not n_lost:
        return []
    message = (
        f"The file gives voxels of size 0 along {n_lost} of its axes; 1 mm is assumed "
        "there. Do not measure before you have given the spacing."
    )
    return [Problem("no-spacing", Severity.UNSAFE, message)]


@np.errstate(all="ignore")  # absurd numbers are told as a problem
def nifti_axes(header: Any) -> NDArray[np.float64]:
    """Return how the axes run where `nifti_grid` gives no grid (`unit_axes`).

    The qform's turn is kept apart from the sizes of voxels, so that it is known where
    these are 0; an sform whose columns are 0 says nothing of them. Where there is
    neither, axes are assumed, and `nifti_grid` has said so.
    """
    ways = []
    sform = _matrix(header, "sform")
    if sform is not None:
        ways.append(unit_axes(ras_to_lps(sform)))
    turn = _turn(header)
    if turn is not None:
        ways.append(unit_axes(ras_to_lps(turn)))
    sound = [axes for axes in ways if span_a_volume(axes)]
    return (sound or ways or [ras_to_lps(np.eye(4))])[0]


def _turn(header: Any) -> NDArray[np.float64] | None:
    """Return the qform as if voxels measured 1 mm, or None where there is none."""
    from nibabel.quaternions import quat2mat

    if int(header["qform_code"]) <= 0:
        return None
    try:
        turn: NDArray[np.float64] = np.eye(4)
        turn[:3, :3] = quat2mat(header.get_qform_quaternion())
    except (ValueError, ArithmeticError):
        return None
    if float(header["pixdim"][0]) < 0:
        turn[:3, 2] *= -1
    turn[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return turn


def _matrix(header: Any, which: str) -> NDArray[np.float64] | None:
    try:
        matrix, code = getattr(header, f"get_{which}")(coded=True)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return _rounded_qform(header) if which == "qform" else None
    return matrix if code > 0 else None


def _rounded_qform(header: Any) -> NDArray[np.float64] | None:
    """Return the matrix of a quaternion that rounding made a little too long."""
    from nibabel.quaternions import quat2mat

    vector = np.array([header[f"quatern_{n}"] for n in "bcd"], dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if int(header["qform_code"]) <= 0 or not 1 <= length <= _LONGEST_QUATERNION:
        return None
    matrix: NDArray[np.float64] = np.eye(4)
    sizes = np.abs(raw_sizes(header))
    if float(header["pixdim"][0]) < 0:
        sizes[2] *= -1
    matrix[:3, :3] = quat2mat(np.r_[0.0, vector / length]) * sizes
    matrix[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return matrix


def _grid(shape: tuple[int, int, int], matrix: NDArray[np.float64]) -> Grid | None:
    """Return the grid that a matrix of the header makes, or None if it makes none."""
    try:
        return Grid(shape, ras_to_lps(matrix))
    except GeometryError:
        return None


def _compare_sizes(
    grid: Grid, sizes: NDArray[np.float64], problems: list[Problem]
) -> None:
    """Compare the sform with the sizes of voxels, which stand elsewhere, too."""
    found = np.array(grid.spacing[::-1])
    n_axes = 3 if grid.shape[0] > 1 else 2
    named = np.abs(sizes[:n_axes])
    known = np.isfinite(named) & (named > 0)
    off = np.abs(named / found[:n_axes] - 1)[known]
    if not off.size or off.max() <= _SIZES_DIFFER:
        return
    listed = " x ".join(f"{v:.4g}" for v in sizes[::-1])
    used = " x ".join(f"{v:.4g}" for v in found[::-1])
    problems.append(
        Problem(
            "sform-qform-differ",
            Severity.WARNING,
            f"The file gives two sizes of a voxel: {used} mm where it says how it "
            f"lies (sform), and {listed} mm beside it (pixdim), which some programs "
            "use. The first is used; make sure that it is right before you measure.",
        )
    )


def _tell_negative(sizes: NDArray[np.float64], problems: list[Problem]) -> None:
    negative = [float(v) for v in sizes if v < 0]
    if not negative:
        return
    listed = ", ".join(f"{v:g}" for v in negative)
    problems.append(
        Problem(
            "negative-spacing",
            Severity.WARNING,
            f"The file gives distances below 0 ({listed} mm), which cannot be. The "
            "sign is passed over, and some programs turn the axis round; make sure "
            "that left is left and that the head is up.",
        )
    )


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
