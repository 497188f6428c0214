"""How a file's axes run where its voxels have no size, so that no grid can be made.

A person may give the size (`restack.give_spacing`); the directions are the file's, as
far as it names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["completed_axes", "no_geometry", "span_a_volume", "unit_axes"]

_PARALLEL = 1e-4
"""As `Grid` has it: axes whose unit vectors span less than this span nothing."""


def no_geometry(why: str) -> Problem:
    """Return what to tell of voxels that no grid can be made for; ``why`` in words."""
    return Problem(
        "absurd-spacing",
        Severity.NOT_A_VOLUME,
        "The file's geometry cannot be: a voxel of size 0, or numbers that are none. "
        f"{why} Give the spacing by hand if you know it (--spacing "
        "SLICES,ROWS,COLUMNS, or in the window).",
    )


@np.errstate(all="ignore")  # sizes may be no numbers
def unit_axes(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an affine whose voxels measure 1 mm along each axis that is known.

    Parameters
    ----------
    affine : ndarray of float64, shape (4, 4)
        Maps ``(k, j, i, 1)`` to LPS mm, as a file gives it; sizes may be 0, and
        numbers may be none.

    Returns
    -------
    ndarray of float64, shape (4, 4)
        Columns of unit length, or of NaN where nothing follows from the file; an
        origin of 0 where the file's is none.
    """
    known = np.eye(4)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    axes = affine[:3, :3] / lengths
    axes[:, ~np.isfinite(axes).all(axis=0)] = np.nan
    known[:3, :3] = axes
    origin = affine[:3, 3]
    known[:3, 3] = origin if np.isfinite(origin).all() else 0.0
    return known


def span_a_volume(known: NDArray[np.float64]) -> bool:
    """Tell whether axes are known and not parallel; ``known`` as by `unit_axes`."""
    axes = known[:3, :3]
    return not np.isnan(axes).any() and abs(float(np.linalg.det(axes))) >= _PARALLEL


def completed_axes(
    known: NDArray[np.float64], spacing: Sequence[float]
) -> tuple[NDArray[np.float64], bool]:
    """Return the affine of voxels whose size a person gave.

    Parameters
    ----------
    known : ndarray of float64, shape (4, 4)
        As `unit_axes` returns it.
    spacing : sequence of 3 floats
        ``(dz, dy, dx)`` in mm.

    Returns
    -------
    ndarray of float64, shape (4, 4), and bool
        The affine, and whether the file names all of its directions. A single one
        that is lacking is taken at a right angle to the others, to the side that
        makes left, back and head of them; else axes along head, back and left are
        assumed.
    """
    affine = np.array(known)
    axes = affine[:3, :3]
    lost = np.flatnonzero(np.isnan(axes).any(axis=0))
    if lost.size == 1:
        # Columns are (k, j, i), and i x j = k where they run left, back and head.
        one, other = axes[:, (lost[0] - 1) % 3], axes[:, (lost[0] + 1) % 3]
        across = np.cross(one, other)
        axes[:, lost[0]] = across / max(float(np.linalg.norm(across)), _PARALLEL)
    named = span_a_volume(known)
    if not span_a_volume(affine):
        axes[:] = np.eye(3)[:, ::-1]
    axes *= np.asarray(spacing)
    return affine, named
