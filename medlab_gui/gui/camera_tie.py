"""Keeps the canvas and the comparison looking at the same part of the slice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from napari import Viewer
    from qtpy.QtWidgets import QWidget

    from medlab_gui.gui.workbench import Workbench

__all__ = ["CameraTie"]

_Pair = tuple[float, float]

_REST_MS = 120
_MARGIN = 0.02


class CameraTie(QObject):
    """Ties napari's camera to the workbench's `SliceCamera`, both ways.

    What the person does on the canvas is taken over at once. What they do in the
    comparison, which covers the canvas, reaches the canvas when the hand rests:
    napari would draw the hidden picture anew with every turn of the wheel.

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

    def _pixels(self) -> tuple[_Pair, _Pair] | None:
        """Return size of the slice and of its pixels in mm; None if none is axial."""
        session, dims = self._bench.session, self._viewer.dims
        if session is None or dims.ndisplay != 2 or tuple(dims.displayed) != (1, 2):
            return None
        _n, rows, columns = session.volume.grid.shape
        _dz, dy, dx = session.volume.grid.spacing
        return (rows * dy, columns * dx), (dy, dx)

    def _fitting(self, size: _Pair) -> float:
        """Return napari's zoom (pixels per mm) at which the slice fits."""
        room = max(1, self._canvas.height()), max(1, self._canvas.width())
        return (1 - _MARGIN) * min(room[0] / size[0], room[1] / size[1])

    def _on_canvas(self, _event: object = None) -> None:
        if not self._busy:
            self._rest.stop()
            self.pull()

    def pull(self) -> None:
        """Let the comparison show what the canvas shows."""
        found = self._pixels()
        zoom = float(self._viewer.scene.camera.zoom)
        if found is None or not math.isfinite(zoom):
            return
        size, pixel = found
        y, x = self._viewer.scene.camera.center[-2:]
        # napari's 0 is the middle of the first voxel.
        center = ((y + pixel[0] / 2) / size[0], (x + pixel[1] / 2) / size[1])
        self._busy = True
        try:
            self._bench.camera.look_at(center, zoom / self._fitting(size))
        finally:
            self._busy = False

    def _on_camera(self) -> None:
        if not self._busy:
            self._rest.start()

    def push(self) -> None:
        """Let the canvas show what the comparison shows."""
        found = self._pixels()
        if found is None:
            return
        size, pixel = found
        y, x = self._bench.camera.center
        camera = self._viewer.scene.camera
        self._busy = True
        try:
            camera.center = (
                camera.center[0],
                y * size[0] - pixel[0] / 2,
                x * size[1] - pixel[1] / 2,
            )
            camera.zoom = self._bench.camera.zoom * self._fitting(size)
        finally:
            self._busy = False
