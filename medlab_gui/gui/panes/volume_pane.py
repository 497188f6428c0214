"""The 3D view: turned by the left button."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPen
from qtpy.QtWidgets import QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.plane_geometry import edge_letters
from medlab_gui.gui.panes.volume_drawing import FRONT, VolumeDrawing
from medlab_gui.gui.stamps import Stamps
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, turned
from medlab_gui.gui.window_drag import dragged_window
from medlab_gui.imaging.rendering import Rendering, ViewPoint

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

    from medlab_gui.gui.workbench import Workbench

__all__ = ["VolumePane"]

_DEGREES_PER_SIDE = 180.0


class VolumePane(QWidget):
    """Shows the whole scan as MIP or volume, with the mask in its colours.

    What it shows is made by a `VolumeDrawing`.

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
        self._last = QPointF()
        self.setObjectName("pane_volume")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(_("3D"))
        self._state.moved.connect(self._refresh)
        for name in ("crosshair", "letters", "corner_text"):
            getattr(bench.view.events, name).connect(self._refresh)
        self._drawing = VolumeDrawing(bench, self)
        self._drawing.drawn.connect(self._refresh)

    def minimumSizeHint(self) -> QSize:
        """Return the least that makes sense."""
        return QSize(120, 120)

    @property
    def view_point(self) -> ViewPoint:
        """From where one looks."""
        return self._drawing.view

    @property
    def window_shown(self) -> tuple[float, float]:
        """Level and width in which it is shown."""
        return self._drawing.window_shown

    @property
    def picture(self) -> QImage | None:
        """What was drawn last; None before the first time."""
        return self._drawing.picture

    @property
    def is_fine(self) -> bool:
        """Whether nothing better is being computed or waits to be."""
        return self._drawing.is_fine

    def reset_window(self) -> None:
        """Show it in the window in which it opened."""
        self._drawing.reset_window()

    def show_window(self, level: float, width: float) -> None:
        """Show it in another window, in the units of the scan."""
        self._drawing.show_window(level, width)

    def fit(self) -> None:
        """Look from the front at all of it."""
        self.look(FRONT)

    def look(self, view: ViewPoint) -> None:
        """Look from elsewhere."""
        self._drawing.look(view)

    # ---- what happens elsewhere ---------------------------------------------------

    def _refresh(self, *_args: object) -> None:
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Compute what was put off while nobody looked."""
        self._drawing.go_on()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing."""
        self._drawing.rest()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw it in the new size."""
        self._drawing.renew()

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
                    self.view_point,
                    yaw=(self.view_point.yaw - moved.x() * turn) % 360,
                    pitch=min(
                        90.0, max(-90.0, self.view_point.pitch + moved.y() * turn)
                    ),
                )
            )
        elif event.buttons() & Qt.MouseButton.MiddleButton:
            if self._drawing.scene is None:
                return  # nothing is there to be moved yet
            mm = 1 / self._px_per_mm()
            x, y = self.view_point.shift
            shift = (x + moved.x() * mm, y + moved.y() * mm)
            self.look(replace(self.view_point, shift=shift))
        elif event.buttons() & Qt.MouseButton.RightButton:
            self.show_window(*dragged_window(self.window_shown, moved, self.width()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge it, or back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom: there are no slices here."""
        factor = ZOOM_PER_NOTCH ** turned(event)
        zoom = min(20.0, max(0.2, self.view_point.zoom * factor))
        self.look(replace(self.view_point, zoom=zoom))
        event.accept()

    # ---- drawing -------------------------------------------------------------------

    def _px_per_mm(self) -> float:
        assert self._drawing.scene is not None
        return (
            self.view_point.zoom
            * min(self.width(), self.height())
            / (2 * self._drawing.scene.radius)
        )

    def place_of(self, mm: NDArray[np.float64]) -> QPointF:
        """Return where a position in LPS mm is seen, in logical pixels."""
        assert self._drawing.scene is not None
        right, down, _away = self.view_point.axes()
        off = np.asarray(mm) - self._drawing.scene.center
        x = (float(off @ right) + self.view_point.shift[0]) * self._px_per_mm()
        y = (float(off @ down) + self.view_point.shift[1]) * self._px_per_mm()
        return QPointF(self.width() / 2 + x, self.height() / 2 + y)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the last picture, letters and the crosshair."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        font = picture_font(self.font())
        view, size = self._bench.view, (float(self.width()), float(self.height()))
        session = self._bench.session
        if session is not None:
            metrics = QFontMetricsF(font)
            if self.picture is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(QRectF(self.rect()), self.picture)
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
                if self.picture is not None:
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
            bold = marks.letter_font(self.font())
            right, down, _away = self.view_point.axes()
            session = self._bench.session
            doubt = session is not None and session.series.sides_assumed
            letters = edge_letters(right, down, doubt=doubt)
            marks.draw_letters(painter, self._stamps, bold, size, letters)
        if view.crosshair and mm is not None and self._drawing.scene is not None:
            at = self.place_of(mm)
            painter.setPen(QPen(marks.BADGE_COLOR, 1))
            painter.drawEllipse(at, 5, 5)
