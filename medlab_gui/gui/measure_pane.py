"""Where a slice lies on the screen: between canvas, slice and patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.mouse import picture_point
from medlab_gui.gui.panes.axial_shear import axial_geometry, flat_of_point

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from numpy.typing import ArrayLike, NDArray
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.geometry import Grid
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Pane", "PicturePane", "flat_to_mm", "mm_to_flat"]


class Pane(Protocol):
    """A picture of one slice that measurements can be drawn on.

    Its ``flat`` positions are ``(row, column)`` of the slice in pixels; whole numbers
    are centres of pixels.
    """

    plane: Plane

    @property
    def series_uid(self) -> str:
        """Which series it shows; empty for the open one."""

    @property
    def grid(self) -> Grid | None:
        """Working grid of what is shown; None for nothing."""

    @property
    def slice_index(self) -> int:
        """Slice that is asked for."""

    @property
    def shown_index(self) -> int:
        """Slice in sight: an earlier one until the one asked for is computed."""

    def to_canvas(self, flat: ArrayLike) -> NDArray[np.float64]:
        """Return logical pixels ``(x, y)`` of the canvas, shape (n, 2)."""

    def to_flat(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the position ``(row, column)`` under a pixel of the canvas."""

    def watch(self, changed: Callable[..., object]) -> None:
        """Have a function called when zoom, place, slice or series change."""


def flat_to_mm(
    grid: Grid, plane: Plane, slice_index: int, flat: ArrayLike
) -> NDArray[np.float64]:
    """Return LPS mm, shape (n, 3), of positions in a slice, shape (n, 2)."""
    positions = np.asarray(flat, dtype=np.float64).reshape(-1, 2)
    index = np.empty((len(positions), 3))
    index[:, plane.axis] = slice_index
    index[:, list(plane.axes)] = positions
    return grid.to_mm(index)


def mm_to_flat(grid: Grid, plane: Plane, mm: ArrayLike) -> NDArray[np.float64]:
    """Return positions in a slice, shape (n, 2), of LPS mm, shape (n, 3)."""
    return np.asarray(grid.to_index(mm)[:, list(plane.axes)])


class PicturePane:
    """The axial picture of the window.

    Parameters
    ----------
    viewer : Viewer
        In 2D and not rotated.
    canvas : QWidget
        Its picture.
    bench : Workbench
        What is open.
    """

    plane = Plane.AXIAL
    series_uid = ""

    def __init__(self, viewer: Viewer, canvas: QWidget, bench: Workbench) -> None:
        self._viewer = viewer
        self._canvas = canvas
        self._bench = bench

    @property
    def grid(self) -> Grid | None:
        """Working grid of the open series."""
        session = self._bench.session
        return session.volume.grid if session is not None else None

    @property
    def slice_index(self) -> int:
        """Slice that is shown."""
        session = self._bench.session
        return session.k if session is not None else 0

    shown_index = slice_index

    def to_canvas(self, flat: ArrayLike) -> NDArray[np.float64]:
        """Return logical pixels ``(x, y)`` of the canvas, shape (n, 2)."""
        positions = np.asarray(flat, dtype=np.float64).reshape(-1, 2)
        # `picture_point` is the one place that knows napari's camera; it is linear.
        corner = picture_point(self._viewer, self._canvas, 0.0, 0.0)
        zoom = self._viewer.scene.camera.zoom
        assert self.grid is not None
        mm = positions @ axial_geometry(self.grid).matrix.T
        return np.asarray((mm - [corner.x(), corner.y()]) * zoom)

    def to_flat(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the position ``(row, column)`` under a pixel of the canvas."""
        point = picture_point(self._viewer, self._canvas, x, y)
        assert self.grid is not None
        return flat_of_point(self.grid, point.x(), point.y())

    def watch(self, changed: Callable[..., object]) -> None:
        """Have a function called when zoom, place, slice or series change."""
        events = self._viewer.scene.camera.events
        for event in (events.zoom, events.center):
            event.connect(changed)
        self._bench.slice_changed.connect(changed)
        self._bench.session_changed.connect(changed)
