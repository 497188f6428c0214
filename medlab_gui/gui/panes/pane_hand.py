"""The mouse over a pane: as over the canvas, without tools that change masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent

from medlab_gui.gui.first_button import FirstButton
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, Notches
from medlab_gui.gui.window_drag import dragged_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.panes.plane_pane import PlanePane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PaneHand"]


class PaneHand(QObject):
    """Left = crosshair, middle = move, right = window, wheel = slice, with Ctrl zoom.

    Parameters
    ----------
    pane : PlanePane
        What it moves over.
    bench : Workbench
        What is open.
    pans : callable
        Whether the left button moves the picture for now (Space is held).

    Attributes
    ----------
    first : list of callable
        ``take(kind, event) -> bool`` of each may take an event before anybody else.
    """

    hovered = Signal(object)
    """Position ``(k, j, i)`` under the mouse."""
    left = Signal()
    """The mouse went away."""
    double_clicked = Signal(object)
    """The person wants the pane of this plane large, or small again."""

    def __init__(
        self, pane: PlanePane, bench: Workbench, pans: Callable[[], bool]
    ) -> None:
        super().__init__(pane)
        self._pane, self._bench, self._pans = pane, bench, pans
        self._button = FirstButton(pane)
        self._drag = ""
        self._last = QPointF()
        self._notches = Notches()
        self.first: list[Callable[[QEvent.Type, QMouseEvent], bool]] = []
        pane.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle what the mouse does."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self.left.emit()
            return False
        if self._bench.session is None:
            return False
        if isinstance(event, QWheelEvent):
            return self._on_wheel(event)
        if isinstance(event, QMouseEvent):
            for one in self._button.heeded(event):
                self._on_mouse(one.type(), one)
            return True
        return False

    def _on_wheel(self, event: QWheelEvent) -> bool:
        notches = self._notches.of(event)
        if notches and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._pane.zoom_at(event.position(), ZOOM_PER_NOTCH**notches)
        elif notches:
            self._bench.linked.step(self._pane.plane, notches)
        return True

    def _on_mouse(self, kind: QEvent.Type, event: QMouseEvent) -> None:
        taken = not self._drag and any(take(kind, event) for take in self.first)
        if kind == QEvent.Type.MouseMove:
            self._on_move(event, taken=taken)
        elif taken:
            pass
        elif kind == QEvent.Type.MouseButtonPress:
            self._on_press(event)
        elif kind == QEvent.Type.MouseButtonRelease:
            self._drag = ""
        elif (
            kind == QEvent.Type.MouseButtonDblClick
            and event.button() == Qt.MouseButton.LeftButton
        ):
            self._drag = ""
            self._bench.linked.unclick()
            self.double_clicked.emit(self._pane.plane)

    def _on_press(self, event: QMouseEvent) -> None:
        self._pane.setFocus(Qt.FocusReason.MouseFocusReason)
        self._last = event.position()
        button = event.button()
        if button == Qt.MouseButton.LeftButton:
            self._drag = "move" if self._pans() else "crosshair"
        elif button == Qt.MouseButton.MiddleButton:
            self._drag = "move"
        elif button == Qt.MouseButton.RightButton:
            self._drag = "window"
        if self._drag == "crosshair":
            at = event.position()
            self._bench.linked.click(self._pane.index_at(at.x(), at.y()))

    def _place(self, at: QPointF) -> None:
        self._bench.linked.place(self._pane.index_at(at.x(), at.y()))

    def _on_move(self, event: QMouseEvent, *, taken: bool) -> None:
        at = event.position()
        moved, self._last = at - self._last, at
        if taken:
            pass
        elif self._drag == "move":
            self._pane.move_by(moved)
        elif self._drag == "window":
            self._change_window(moved)
        elif self._drag == "crosshair" or (
            event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            and event.buttons() == Qt.MouseButton.NoButton
        ):
            self._place(at)
        under = self._pane.index_at(at.x(), at.y())
        under[self._pane.plane.axis] = self._pane.shown_index
        self.hovered.emit(under)

    def _change_window(self, moved: QPointF) -> None:
        view, session = self._bench.view, self._bench.session
        assert session is not None
        whole = session.volume.data.dtype.kind in "iu"
        view.level, view.width = dragged_window(
            (view.level, view.width), moved, self._pane.width(), whole=whole
        )
