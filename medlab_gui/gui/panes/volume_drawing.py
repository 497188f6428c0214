"""What the 3D view shows: made on a thread, coarse at once and fine afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QImage

from medlab_gui.gui.colors import scheme_colors
from medlab_gui.imaging.rendering import Rendering, ViewPoint, first_window, render
from medlab_gui.imaging.scene import Scene, make_scene, small_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench

__all__ = ["FRONT", "VolumeDrawing"]

_LANE = "volume"
_COARSE = {Rendering.MIP: (220, 1.2), Rendering.VOLUME: (130, 1.6)}
_FINE = {Rendering.MIP: (600, 0.6), Rendering.VOLUME: (420, 0.7)}
"""Pixels of the shorter side, and length of a step in blocks."""

_REST_MS = 160
_STROKE_MS = 250
_Windows = dict[Rendering, tuple[float, float]]

FRONT = ViewPoint(zoom=1.35)
"""All of it, from the front."""


class VolumeDrawing(QObject):
    """Draws the open scan as MIP or volume, with the mask in its colours.

    Everything is computed on a thread, one thing at a time: coarse while it turns, fine
    when the hand rests. Nothing is computed while the pane is hidden.

    Parameters
    ----------
    bench : Workbench
        What is open and how it is looked at.
    pane : QWidget
        Where it is shown, whose size and visibility count; the owner.
    """

    drawn = QtSignal()
    """There is another picture, or none any more."""

    def __init__(self, bench: Workbench, pane: QWidget) -> None:
        super().__init__(pane)
        self._bench, self._pane = bench, pane
        self._state = bench.linked
        self.scene: Scene | None = None
        self.picture: QImage | None = None
        self.view = FRONT
        self._labels: NDArray[np.uint8] | None = None
        self._first_windows = dict.fromkeys(Rendering, (0.5, 1.0))
        self._windows = dict(self._first_windows)
        self._busy = False
        self._wants_scene = self._wants_labels = False
        self._wants_coarse = self._wants_fine = False
        self._rest = self._timer(_REST_MS, self._refine)
        self._strokes = self._timer(_STROKE_MS, self._on_mask)
        bench.session_changed.connect(self._on_session)
        self._state.rendering_changed.connect(self.renew)
        bench.view.events.mask_visible.connect(self.renew)
        self._on_session()

    def _timer(self, ms: int, then: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(ms)
        timer.timeout.connect(then)
        return timer

    @property
    def window_shown(self) -> tuple[float, float]:
        """Level and width of this view: those of a ray are not those of a slice.

        MIP and volume have one each.
        """
        return self._windows[self._state.rendering]

    def reset_window(self) -> None:
        """Show it in the window in which it opened."""
        self.show_window(*self._first_windows[self._state.rendering])

    def show_window(self, level: float, width: float) -> None:
        """Show it in another window, in the units of the scan."""
        self._windows[self._state.rendering] = (level, width)
        self.renew()
        self.drawn.emit()

    @property
    def is_fine(self) -> bool:
        """Whether nothing better is being computed or waits to be."""
        waits = self._busy or self._wants_scene or self._wants_labels
        waits = waits or self._wants_coarse
        return not (waits or self._wants_fine or self._rest.isActive())

    def _on_session(self) -> None:
        session = self._bench.session
        self.scene = self._labels = self.picture = None
        # What is still being read is a body with holes.
        self._wants_scene = session is not None and not session.is_provisional
        self._wants_labels = self._wants_coarse = self._wants_fine = False
        self.view = FRONT
        if session is not None:
            session.edited.connect(self._on_edited)
            session.state_changed.connect(self._on_edited)
        self.go_on()
        self.drawn.emit()

    def _on_edited(self, *_args: object) -> None:
        if not self._strokes.isActive():
            self._strokes.start()

    def _on_mask(self) -> None:
        self._wants_labels = True
        self.go_on()

    def renew(self, *_args: object) -> None:
        """Draw it anew: coarse at once, fine when nothing has changed for a moment."""
        self._wants_coarse = True
        self._rest.start()
        self.go_on()

    def rest(self) -> None:
        """Leave the fine picture for when somebody looks again."""
        self._rest.stop()

    def _refine(self) -> None:
        self._wants_fine = True
        self.go_on()

    def look(self, view: ViewPoint) -> None:
        """Look from elsewhere."""
        self.view = view
        self.renew()
        self.drawn.emit()

    # ---- computing, one thing at a time ----------------------------------------------

    def go_on(self) -> None:
        """Compute what is wanted most, if nothing is under way and somebody looks."""
        session = self._bench.session
        if self._busy or session is None or not self._pane.isVisible():
            return
        if self.scene is None:
            if self._wants_scene:
                self._make_scene()
        elif self._wants_labels:
            self._make_labels()
        elif self._wants_coarse:
            self._wants_coarse = False
            self._draw(_COARSE)
        elif self._wants_fine:
            self._wants_fine = False
            self._draw(_FINE)

    def _make_scene(self) -> None:
        session = self._bench.session
        assert session is not None
        self._wants_scene = False
        volume, mask = session.volume, session.mask

        def work(ctx: JobContext) -> tuple[Scene, NDArray[np.uint8], _Windows]:
            scene = make_scene(volume.data, volume.grid, ctx.check)
            windows = {r: first_window(scene, volume.modality, r) for r in Rendering}
            return scene, small_labels(mask, scene), windows

        def done(made: tuple[Scene, NDArray[np.uint8], _Windows]) -> None:
            if self._bench.session is session:
                self.scene, self._labels, self._first_windows = made
                self._windows = dict(self._first_windows)
                self._wants_coarse = self._wants_fine = True

        self._submit(work, done)

    def _make_labels(self) -> None:
        session, scene = self._bench.session, self.scene
        assert session is not None
        assert scene is not None
        self._wants_labels = False
        mask = session.mask

        def work(ctx: JobContext) -> NDArray[np.uint8]:
            return small_labels(mask, scene)

        def done(labels: NDArray[np.uint8]) -> None:
            if self.scene is scene:
                self._labels = labels
                self.renew()

        self._submit(work, done)

    def _draw(self, quality: dict[Rendering, tuple[int, float]]) -> None:
        scene, rendering = self.scene, self._state.rendering
        session, view = self._bench.session, self._bench.view
        assert scene is not None
        assert session is not None
        side, step = quality[rendering]
        share = min(1.0, side / max(1, min(self._pane.width(), self._pane.height())))
        share = min(share, 1400 / max(1, self._pane.width(), self._pane.height()))
        size = (
            max(8, round(self._pane.width() * share)),
            max(8, round(self._pane.height() * share)),
        )
        window, point = self.window_shown, self.view
        labels = self._labels if view.mask_visible else None
        found = scheme_colors(session.scheme)
        table = np.array([found.get(v, found[None])[:3] for v in range(256)])
        colors = np.round(table * 255).astype(np.uint8)
        inverted = session.series.display.inverted

        def work(ctx: JobContext) -> QImage:
            rgb = render(
                scene,
                point,
                size,
                rendering,
                window,
                labels,
                colors,
                inverted=inverted,
                step=step,
                check=ctx.check,
            )
            width, height = size
            return QImage(
                rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888
            ).copy()

        def done(picture: QImage) -> None:
            if self.scene is scene:
                self.picture = picture
                self.drawn.emit()

        self._submit(work, done)

    def _submit(self, work: Any, done: Any) -> None:
        self._busy = True
        self._bench.submit(
            "", work, on_done=done, on_end=self._on_end, lane=_LANE, newest_wins=False
        )

    def _on_end(self) -> None:
        self._busy = False
        self.go_on()
