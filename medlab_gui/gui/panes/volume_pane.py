"""The 3D view: turned by the left button, drawn on a thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QFont, QFontMetricsF, QImage, QMouseEvent, QPainter, QPen
from qtpy.QtWidgets import QWidget

from medlab_gui.core.directions import direction_letters
from medlab_gui.core.i18n import _
from medlab_gui.gui.colors import scheme_colors
from medlab_gui.gui.panes import marks
from medlab_gui.gui.stamps import Stamps
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, turned
from medlab_gui.gui.window_drag import dragged_window
from medlab_gui.imaging.rendering import Rendering, ViewPoint, first_window, render
from medlab_gui.imaging.scene import Scene, make_scene, small_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import (
        QFocusEvent,
        QHideEvent,
        QPaintEvent,
        QResizeEvent,
        QShowEvent,
        QWheelEvent,
    )

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench

__all__ = ["VolumePane"]

_LANE = "volume"
_COARSE = {Rendering.MIP: (220, 1.2), Rendering.VOLUME: (130, 1.6)}
_FINE = {Rendering.MIP: (600, 0.6), Rendering.VOLUME: (420, 0.7)}
"""Pixels of the shorter side, and length of a step in blocks."""

_REST_MS = 160
_STROKE_MS = 250
_FIRST = ViewPoint(zoom=1.35)
_Windows = dict[Rendering, tuple[float, float]]
_DEGREES_PER_SIDE = 180.0


class VolumePane(QWidget):
    """Shows the whole scan as MIP or volume, with the mask in its colours.

    Everything is computed on a thread: coarse while it turns, fine when the hand
    rests. Nothing is computed while it is hidden.

    Parameters
    ----------
    bench : Workbench
        What is open and how it is looked at.
    parent : QWidget, optional
        Owner.
    """

    double_clicked = QtSignal()
    """The person wants the pane large, or small again."""

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._state = bench.linked
        self._stamps = Stamps(self)
        self._scene: Scene | None = None
        self._labels: NDArray[np.uint8] | None = None
        self._picture: QImage | None = None
        self._view = _FIRST
        self._first_windows = dict.fromkeys(Rendering, (0.5, 1.0))
        self._windows = dict(self._first_windows)
        self._busy = False
        self._wants_scene = self._wants_labels = False
        self._wants_coarse = self._wants_fine = False
        self._last = QPointF()
        self.setObjectName("pane_volume")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(_("3D"))
        self._rest = self._timer(_REST_MS, self._refine)
        self._strokes = self._timer(_STROKE_MS, self._on_mask)
        bench.session_changed.connect(self._on_session)
        self._state.moved.connect(self._refresh)
        self._state.rendering_changed.connect(self._on_look)
        bench.view.events.mask_visible.connect(self._on_look)
        for name in ("crosshair", "letters", "corner_text"):
            getattr(bench.view.events, name).connect(self._refresh)
        self._on_session()

    def _timer(self, ms: int, then: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(ms)
        timer.timeout.connect(then)
        return timer

    def minimumSizeHint(self) -> QSize:
        """Return the least that makes sense."""
        return QSize(120, 120)

    @property
    def view_point(self) -> ViewPoint:
        """From where one looks."""
        return self._view

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
        self._on_look()
        self.update()

    @property
    def picture(self) -> QImage | None:
        """What was drawn last; None before the first time."""
        return self._picture

    @property
    def is_fine(self) -> bool:
        """Whether nothing better is being computed or waits to be."""
        waits = self._busy or self._wants_scene or self._wants_labels
        waits = waits or self._wants_coarse
        return not (waits or self._wants_fine or self._rest.isActive())

    # ---- what happens elsewhere ---------------------------------------------------

    def _refresh(self, *_args: object) -> None:
        self.update()

    def _on_session(self) -> None:
        session = self._bench.session
        self._scene = self._labels = self._picture = None
        # What is still being read is a body with holes.
        self._wants_scene = session is not None and not session.is_provisional
        self._wants_labels = self._wants_coarse = self._wants_fine = False
        self._view = _FIRST
        if session is not None:
            session.edited.connect(self._on_edited)
            session.state_changed.connect(self._on_edited)
        self._go_on()
        self.update()

    def _on_edited(self, *_args: object) -> None:
        if not self._strokes.isActive():
            self._strokes.start()

    def _on_mask(self) -> None:
        self._wants_labels = True
        self._go_on()

    def _on_look(self, *_args: object) -> None:
        self._wants_coarse = True
        self._rest.start()
        self._go_on()

    def _refine(self) -> None:
        self._wants_fine = True
        self._go_on()

    def fit(self) -> None:
        """Look from the front at all of it."""
        self.look(_FIRST)

    def look(self, view: ViewPoint) -> None:
        """Look from elsewhere."""
        self._view = view
        self._on_look()
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Compute what was put off while nobody looked."""
        self._go_on()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing."""
        self._rest.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw it in the new size."""
        self._on_look()

    # ---- computing, one thing at a time ----------------------------------------------

    def _go_on(self) -> None:
        session = self._bench.session
        if self._busy or session is None or not self.isVisible():
            return
        if self._scene is None:
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
                self._scene, self._labels, self._first_windows = made
                self._windows = dict(self._first_windows)
                self._wants_coarse = self._wants_fine = True

        self._submit(work, done)

    def _make_labels(self) -> None:
        session, scene = self._bench.session, self._scene
        assert session is not None
        assert scene is not None
        self._wants_labels = False
        mask = session.mask

        def work(ctx: JobContext) -> NDArray[np.uint8]:
            return small_labels(mask, scene)

        def done(labels: NDArray[np.uint8]) -> None:
            if self._scene is scene:
                self._labels = labels
                self._on_look()

        self._submit(work, done)

    def _draw(self, quality: dict[Rendering, tuple[int, float]]) -> None:
        scene, rendering = self._scene, self._state.rendering
        session, view = self._bench.session, self._bench.view
        assert scene is not None
        assert session is not None
        side, step = quality[rendering]
        share = min(1.0, side / max(1, min(self.width(), self.height())))
        share = min(share, 1400 / max(1, self.width(), self.height()))
        size = (
            max(8, round(self.width() * share)),
            max(8, round(self.height() * share)),
        )
        window, point = self.window_shown, self._view
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
            if self._scene is scene:
                self._picture = picture
                self.update()

        self._submit(work, done)

    def _submit(self, work: Any, done: Any) -> None:
        self._busy = True
        self._bench.submit(
            "", work, on_done=done, on_end=self._on_end, lane=_LANE, newest_wins=False
        )

    def _on_end(self) -> None:
        self._busy = False
        self._go_on()

    # ---- mouse ---------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to turn, to move or to change the window."""
        self._last = event.position()
        is_left = event.button() == Qt.MouseButton.LeftButton
        if is_left and self._bench.measure.tool is not None:
            self._bench.inform(
                _(
                    "Nothing is measured in 3D: a place in this picture has no depth. "
                    "Measure on a slice."
                )
            )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn (left), move (middle), or change the window (right)."""
        moved, self._last = event.position() - self._last, event.position()
        side = max(1, min(self.width(), self.height()))
        if event.buttons() & Qt.MouseButton.LeftButton:
            turn = _DEGREES_PER_SIDE / side
            self.look(
                replace(
                    self._view,
                    yaw=(self._view.yaw - moved.x() * turn) % 360,
                    pitch=min(90.0, max(-90.0, self._view.pitch + moved.y() * turn)),
                )
            )
        elif event.buttons() & Qt.MouseButton.MiddleButton:
            mm = 1 / self._px_per_mm()
            x, y = self._view.shift
            shift = (x + moved.x() * mm, y + moved.y() * mm)
            self.look(replace(self._view, shift=shift))
        elif event.buttons() & Qt.MouseButton.RightButton:
            self.show_window(*dragged_window(self.window_shown, moved, self.width()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge it, or back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom: there are no slices here."""
        factor = ZOOM_PER_NOTCH ** turned(event)
        zoom = min(20.0, max(0.2, self._view.zoom * factor))
        self.look(replace(self._view, zoom=zoom))
        event.accept()

    # ---- drawing -------------------------------------------------------------------

    def _px_per_mm(self) -> float:
        assert self._scene is not None
        return (
            self._view.zoom
            * min(self.width(), self.height())
            / (2 * self._scene.radius)
        )

    def place_of(self, mm: NDArray[np.float64]) -> QPointF:
        """Return where a position in LPS mm is seen, in logical pixels."""
        assert self._scene is not None
        right, down, _away = self._view.axes()
        off = np.asarray(mm) - self._scene.center
        x = (float(off @ right) + self._view.shift[0]) * self._px_per_mm()
        y = (float(off @ down) + self._view.shift[1]) * self._px_per_mm()
        return QPointF(self.width() / 2 + x, self.height() / 2 + y)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the last picture, letters and the crosshair."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        font = QFont(self.font())
        font.setPointSizeF(10)
        view, size = self._bench.view, (float(self.width()), float(self.height()))
        session = self._bench.session
        if session is not None:
            metrics = QFontMetricsF(font)
            if self._picture is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(QRectF(self.rect()), self._picture)
                self._draw_marks(painter, size)
            elif self.isVisible():
                middle = QPointF(
                    marks.MARGIN, self.height() - marks.MARGIN - metrics.descent()
                )
                words = _("Preparing…")
                if session.is_provisional:
                    words = _("Comes when all is read.")
                self._stamps.write(painter, font, middle, words)
            if view.corner_text:
                is_mip = self._state.rendering is Rendering.MIP
                title = _("3D, MIP") if is_mip else _("3D, volume")
                at = QPointF(marks.MARGIN, marks.MARGIN + metrics.ascent())
                self._stamps.write(painter, font, at, title)
                if self._picture is not None:
                    low = self.height() - marks.MARGIN - metrics.descent()
                    words = marks.window_text(*self.window_shown, session.volume.units)
                    self._stamps.write(painter, font, QPointF(marks.MARGIN, low), words)
            if self.hasFocus():
                painter.setPen(QPen(marks.FRAME_COLOR, 1))
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the frame of the pane that keys go to."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show no frame."""
        self.update()

    def _draw_marks(self, painter: QPainter, size: tuple[float, float]) -> None:
        view, mm = self._bench.view, self._state.mm
        if view.letters:
            bold = QFont(self.font())
            bold.setPointSizeF(13)
            bold.setBold(True)
            right, down, _away = self._view.axes()
            letters = (
                direction_letters(-right),
                direction_letters(right),
                direction_letters(-down),
                direction_letters(down),
            )
            marks.draw_letters(painter, self._stamps, bold, size, letters)
        if view.crosshair and mm is not None and self._scene is not None:
            at = self.place_of(mm)
            painter.setPen(QPen(marks.BADGE_COLOR, 1))
            painter.drawEllipse(at, 5, 5)
