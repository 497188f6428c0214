"""Keeps the canvas and the comparison looking at the same part of the slice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer

from medlab_gui.gui.panes.axial_shear import axial_geometry, flat_of_point

if TYPE_CHECKING:
    from napari import Viewer
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.geometry import Grid
    from medlab_gui.gui.workbench import Workbench

__all__ = ["CameraTie"]

_REST_MS = 120
_MARGIN = 0.02


class CameraTie(QObject):
    """Ties napari's camera to the workbench's `SliceCamera`, both ways.

    What the person does on the canvas is taken over at once. What they do in the
    comparison, which covers the canvas, reaches the canvas when the hand rests:
    napari would draw the hidden picture anew with every turn of the wheel.

    A slice that fits goes on fitting when the canvas gets another size, as in all other
    pictures; napari would keep the pixels of a mm, and cut it off or leave it small.

    Parameters
    ----------
    viewer : Viewer
        The one that shows axial slices.
    canvas : QWidget
        Where it draws; its size tells how large a slice that fits is.
    bench : Workbench
        Its ``camera`` is tied.
    """

    def __init__(self, viewer: Viewer, canvas: QWidget, bench: Workbench) -> None:
        super().__init__(canvas)
        self._viewer, self._canvas, self._bench = viewer, canvas, bench
        self._busy = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.push)
        viewer.scene.camera.events.zoom.connect(self._on_canvas)
        viewer.scene.camera.events.center.connect(self._on_canvas)
        bench.camera.changed.connect(self._on_camera)
        self._fits = False
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(0)  # the canvas has its size, vispy not yet
        self._resized.timeout.connect(self._on_resized)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas's size; nothing is taken from it."""
        if event.type() == QEvent.Type.Resize and not self._resized.isActive():
            self._fits = self._bench.camera.fits
            self._resized.start()
        return False

    def _on_resized(self) -> None:
        if self._fits:
            self.push()
        else:
            self.pull()

    def _grid(self) -> Grid | None:
        """Return the grid of which the canvas shows an axial slice."""
        session, dims = self._bench.session, self._viewer.dims
        if session is None or dims.ndisplay != 2 or tuple(dims.displayed) != (1, 2):
            return None
        return session.volume.grid

    def _fitting(self, grid: Grid) -> float:
        """Return napari's zoom (pixels per mm) at which the slice fits."""
        left, top, right, bottom = axial_geometry(grid).bounds
        room = max(1, self._canvas.height()), max(1, self._canvas.width())
        return (1 - _MARGIN) * min(room[0] / (bottom - top), room[1] / (right - left))

    def _on_canvas(self, _event: object = None) -> None:
        if not self._busy:
            self._fits = False
            self._rest.stop()
            self.pull()

    def pull(self) -> None:
        """Let the comparison show what the canvas shows."""
        grid = self._grid()
        zoom = float(self._viewer.scene.camera.zoom)
        if grid is None or not math.isfinite(zoom):
            return
        y, x = self._viewer.scene.camera.center[-2:]
        row, column = flat_of_point(grid, x, y)
        # napari's 0 is the middle of the first voxel.
        _n, rows, columns = grid.shape
        center = (float(row + 0.5) / rows, float(column + 0.5) / columns)
        self._busy = True
        try:
            self._bench.camera.look_at(center, zoom / self._fitting(grid))
        finally:
            self._busy = False

    def _on_camera(self) -> None:
        if not self._busy:
            self._fits = False
            self._rest.start()

    def push(self) -> None:
        """Let the canvas show what the comparison shows."""
        grid = self._grid()
        if grid is None:
            return
        down, across = self._bench.camera.center
        _n, rows, columns = grid.shape
        flat = np.array([down * rows - 0.5, across * columns - 0.5])
        x, y = axial_geometry(grid).matrix @ flat
        camera = self._viewer.scene.camera
        self._busy = True
        try:
            camera.center = (camera.center[0], float(y), float(x))
            camera.zoom = self._bench.camera.zoom * self._fitting(grid)
        finally:
            self._busy = False
