"""Axes of the axial picture that are not at right angles, told to napari."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["axial_geometry", "axial_shear", "flat_of_point", "shear_layer"]


@lru_cache(maxsize=8)
def axial_geometry(grid: Grid, *, doubt: bool = False) -> PlaneGeometry:
    """Return how axial slices of a grid lie on the screen; asked at every movement.

    Parameters
    ----------
    grid : Grid
        Working grid of the series.
    doubt : bool
        Whether its directions are only assumed, for the letters.
    """
    return PlaneGeometry(grid, Plane.AXIAL, doubt)


def axial_shear(grid: Grid) -> NDArray[np.float64]:
    """Return what napari's layers need besides their scale; shape (2, 2).

    Slices that lie in the picture's plane have rows and columns at right angles, and
    this is the identity. Slices that were taken coronally or sagittally with a shift
    from one to the next make lines of the axial picture, which then is a
    parallelogram: it is drawn as one.

    Parameters
    ----------
    grid : Grid
        Working grid of the series.

    Returns
    -------
    ndarray of float64, shape (2, 2)
        Maps ``(row, column)``, in mm along the pixels' own axes, to mm ``(y, x)``
        down and right on the screen.
    """
    matrix = axial_geometry(grid).matrix
    return np.asarray(matrix[::-1] / np.array(grid.spacing[1:]))


def shear_layer(layer: Layer, grid: Grid | None) -> None:
    """Draw a layer of the axial picture as the grid lies; None is straight.

    Parameters
    ----------
    layer : Layer
        Its scale is the spacing of the grid; its last two axes are the picture's.
    grid : Grid or None
        Working grid of the series.
    """
    wanted = np.eye(layer.ndim + 1)
    if grid is not None:
        wanted[-3:-1, -3:-1] = axial_shear(grid)
    # napari looks at all layers anew where one is set: only for what differs.
    if not np.allclose(layer.affine.affine_matrix, wanted, rtol=0, atol=1e-12):
        layer.affine = wanted


def flat_of_point(grid: Grid, x_mm: float, y_mm: float) -> NDArray[np.float64]:
    """Return the position ``(row, column)`` of a place in the axial picture.

    Parameters
    ----------
    grid : Grid
        Working grid of the series.
    x_mm, y_mm : float
        Right and down from the centre of the slice's first pixel, see
        `gui.mouse.picture_point`.
    """
    matrix = axial_geometry(grid).matrix
    return np.asarray(np.linalg.solve(matrix, np.array([x_mm, y_mm])))
