"""Keeps both series at the same place and size, where positions can be compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject

from medlab_gui.gui.pair.pair_state import Link
from medlab_gui.gui.panes.axial_shear import axial_geometry, flat_of_point

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

    from medlab_gui.gui.pair.pair_pane import PairPane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PairTie"]


class PairTie(QObject):
    """Ties the second series' zoom and place to those of the first, both ways.

    The same place of the patient is in the middle of both, a millimetre is as long in
    both. Where slices do not go together by position there is no such place, and each
    is moved alone.

    Parameters
    ----------
    viewer : Viewer
        Draws the first series.
    bench : Workbench
        What is open.
    pane : PairPane
        The second series.
    fit : callable
        Fits the first series to its room.
    """

    def __init__(
        self,
        viewer: Viewer,
        bench: Workbench,
        pane: PairPane,
        fit: Callable[[], object],
    ) -> None:
        super().__init__(pane)
        self._viewer, self._bench, self._pane = viewer, bench, pane
        self._fit = fit
        self._busy = False
        viewer.scene.camera.events.zoom.connect(self.pull)
        viewer.scene.camera.events.center.connect(self.pull)
        bench.pair.moved.connect(self.pull)
        bench.pair.shown_changed.connect(self.pull)
        pane.moved_by_hand.connect(self.push)
        pane.fit_asked.connect(self._on_fit)

    @property
    def is_tied(self) -> bool:
        """Whether both look at the same place."""
        pair, bench = self._bench.pair, self._bench
        return (
            pair.second is not None
            and bench.session is not None
            and pair.link is Link.POSITION
            and self._pane.geometry_shown is not None
        )

    def pull(self, *_args: object) -> None:
        """Let the second show what the first shows."""
        zoom = float(self._viewer.scene.camera.zoom)
        if self._busy or not self.is_tied or not (math.isfinite(zoom) and zoom > 0):
            return
        session, geometry = self._bench.session, self._pane.geometry_shown
        assert session is not None
        assert geometry is not None
        y, x = self._viewer.scene.camera.center[-2:]
        flat = flat_of_point(session.volume.grid, x, y)
        mm = session.volume.grid.to_mm((session.k, *flat))
        place = geometry.matrix @ geometry.grid.to_index(mm)[1:]
        self._pane.look_at((float(place[0]), float(place[1])), zoom)

    def push(self) -> None:
        """Let the first show what the second shows."""
        if not self.is_tied:
            return
        session, geometry = self._bench.session, self._pane.geometry_shown
        assert session is not None
        assert geometry is not None
        grid, shown = session.volume.grid, self._pane.camera
        flat = np.linalg.solve(geometry.matrix, np.array(shown.center))
        # Its slice may lie a little off the plane of the first, or be none.
        k = self._pane.slice_index
        place = geometry.grid.to_mm((0.0 if k is None else k, *flat))
        row_column = grid.to_index(place)[1:]
        x, y = axial_geometry(grid).matrix @ row_column
        camera = self._viewer.scene.camera
        self._busy = True
        try:
            camera.center = (camera.center[0], float(y), float(x))
            camera.zoom = shown.zoom
        finally:
            self._busy = False

    def _on_fit(self) -> None:
        if self.is_tied:
            self._fit()
        else:
            self._pane.fit()
