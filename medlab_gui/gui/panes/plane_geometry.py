"""How a plane of the working grid lies on the screen, in true proportions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.directions import direction_letters, in_doubt
from medlab_gui.core.measurements import Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["PlaneGeometry", "edge_letters", "finest_plane"]

_SQUARE = 1e-4
_FLAT, _COARSE = 0.25, 1.5


def finest_plane(grid: Grid) -> Plane:
    """Return the plane in which a scan is looked at first: that of its slices.

    Where slices are few (together no thicker than a quarter of their sides) or far
    apart (one and a half times the size of a pixel) a cut across them is a ribbon. It
    is told from the working grid alone, so that a volume shows the same picture in
    whatever order its axes were stored; what is about as fine in every direction is
    shown axially.

    Parameters
    ----------
    grid : Grid
        Working grid of the series.
    """
    sizes = np.array(grid.shape) * grid.spacing
    thin, coarse = int(np.argmin(sizes)), int(np.argmax(grid.spacing))
    if sizes[thin] <= _FLAT * np.delete(sizes, thin).min():
        return list(Plane)[thin]
    if grid.spacing[coarse] >= _COARSE * np.delete(grid.spacing, coarse).max():
        return list(Plane)[coarse]
    return Plane.AXIAL


def edge_letters(
    right: NDArray[np.float64], down: NDArray[np.float64], *, doubt: bool
) -> tuple[str, str, str, str]:
    """Return the letters at the left, right, top and bottom edge of a picture.

    Parameters
    ----------
    right, down : ndarray of float, shape (3,)
        Where the picture's axes point in the patient, LPS.
    doubt : bool
        Whether the scan's directions are only assumed.
    """
    left_edge, right_edge, top, bottom = (
        in_doubt(direction_letters(way), doubt=doubt)
        for way in (-right, right, -down, down)
    )
    return left_edge, right_edge, top, bottom


@dataclass(frozen=True)
class PlaneGeometry:
    """A plane of a grid as a picture: where its pixels are, in mm.

    The working grid runs to S, P and L (``Grid.canonical``). Axial slices are drawn
    with the front up, coronal and sagittal ones with the head up, the patient's right
    on the viewer's left and the front on the left. Slices are cut along the grid's own
    axes, also where the acquisition was oblique: nothing is interpolated, and the
    letters say how the plane really lies. Where two axes are not at right angles
    (gantry tilt) the pixels are drawn as the parallelograms that they are.

    Parameters
    ----------
    grid : Grid
        Working grid of the series.
    plane : Plane
        Which of the three.
    doubt : bool
        Whether its directions are only assumed, which its letters then say.
    """

    grid: Grid
    plane: Plane
    doubt: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice, as they lie in the array."""
        rows, columns = self.plane.axes
        return self.grid.shape[rows], self.grid.shape[columns]

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return self.grid.shape[self.plane.axis]

    @property
    def spacing(self) -> float:
        """Distance in mm from a slice to the next, at right angles to them."""
        return self.grid.heights[self.plane.axis]

    @cached_property
    def _screen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit directions in LPS that point right and down on the screen."""
        rows, columns = self.plane.axes
        right = self.grid.affine[:3, columns] / self.grid.spacing[columns]
        down = self.grid.affine[:3, rows] / self.grid.spacing[rows]
        if rows == 0:  # k runs to the head, which is up
            down = -down
        if abs(right @ down) < _SQUARE:
            return right, down
        # The axis that lies nearer to one of the patient's stays straight.
        if np.abs(right).max() >= np.abs(down).max():
            down = down - (down @ right) * right
            down /= np.linalg.norm(down)
        else:
            right = right - (right @ down) * down
            right /= np.linalg.norm(right)
        return right, down

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Map from ``(row, column)`` to mm ``(x, y)`` right and down; shape (2, 2).

        The centre of the first pixel is at 0; rows of coronal and sagittal slices run
        to the head, that is to negative y.
        """
        rows, columns = self.plane.axes
        right, down = self._screen
        steps = self.grid.affine[:3, [rows, columns]]
        matrix = np.array([right @ steps, down @ steps])
        matrix[np.abs(matrix) < 1e-9] = 0.0
        return matrix

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in mm of the whole slice with its pixels."""
        rows, columns = self.shape
        corners = np.array(
            [(r, c) for r in (-0.5, rows - 0.5) for c in (-0.5, columns - 0.5)]
        )
        xy = corners @ self.matrix.T
        low, high = xy.min(axis=0), xy.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @cached_property
    def edge_letters(self) -> tuple[str, str, str, str]:
        """Letters at the left, right, top and bottom edge."""
        return edge_letters(*self._screen, doubt=self.doubt)
