"""The mouse over the second series: as over the first, without what changes masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent

from medlab_gui.core.i18n import _
from medlab_gui.gui.first_button import FirstButton
from medlab_gui.gui.measure_overlay import MeasureOverlay
from medlab_gui.gui.pair.pair_measure import SecondPicture
from medlab_gui.gui.pair.pair_state import Link
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, Notches
from medlab_gui.gui.window_drag import dragged_window

if TYPE_CHECKING:
    from medlab_gui.gui.pair.pair_pane import PairPane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PairHand"]


class PairHand(QObject):
    """Left = the same place in the first, middle = move, right = window, wheel = slice.

    Parameters
    ----------
    pane : PairPane
        What it moves over.
    bench : Workbench
        What is open.
    """

    def __init__(self, pane: PairPane, bench: Workbench) -> None:
        super().__init__(pane)
        self._pane, self._bench = pane, bench
        self._button = FirstButton(pane)
        self._drag = ""
        self._last = QPointF()
        self._notches = Notches()
        self.measuring = MeasureOverlay(SecondPicture(pane, bench), pane, bench)
        pane.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle what the mouse does."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self._pane.hover(None)
            return False
        if self._bench.pair.second is None:
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
            self._bench.pair.step(notches)
        return True

    def _on_mouse(self, kind: QEvent.Type, event: QMouseEvent) -> None:
        at = event.position()
        if not self._drag and self.measuring.hand.take(kind, event):
            self._pane.hover(at)
            return
        if kind == QEvent.Type.MouseButtonPress:
            self._pane.setFocus(Qt.FocusReason.MouseFocusReason)
            self._tell_why_not(event)
            self._last = at
            self._drag = {
                Qt.MouseButton.LeftButton: "place",
                Qt.MouseButton.MiddleButton: "move",
                Qt.MouseButton.RightButton: "window",
            }.get(event.button(), "")
            if self._drag == "place":
                self._place(at)
        elif kind == QEvent.Type.MouseButtonRelease:
            self._drag = ""
        elif kind == QEvent.Type.MouseButtonDblClick:
            self._drag = ""
            self._pane.fit_asked.emit()
        elif kind == QEvent.Type.MouseMove:
            self._on_move(at, event)

    def _tell_why_not(self, event: QMouseEvent) -> None:
        """Say why the tool in hand draws nothing here."""
        bench, is_left = self._bench, event.button() == Qt.MouseButton.LeftButton
        if is_left and bench.measure.tool is not None and bench.pair.is_resampled:
            bench.warn(
                _(
                    "The second series is shown resampled into the plane of the first, "
                    "and one measures on slices as they were taken. Open it alone to "
                    "measure on it."
                )
            )

    def _on_move(self, at: QPointF, event: QMouseEvent) -> None:
        moved, self._last = at - self._last, at
        if self._drag == "move":
            self._pane.move_by(moved)
        elif self._drag == "window":
            self._change_window(moved)
        elif self._drag == "place" or (
            event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            and event.buttons() == Qt.MouseButton.NoButton
        ):
            self._place(at)
        self._pane.hover(at)

    def _place(self, at: QPointF) -> None:
        """Put the crosshair of the first series to the same place in the patient."""
        index = self._pane.index_at(at)
        pair = self._bench.pair
        if index is not None and pair.link is Link.POSITION:
            mm = pair.pair.second.to_mm(index)
            # Its own slice stays where it is: slices of the two rarely coincide.
            first = pair.pair.first.to_index(mm)
            first[0] = self._bench.linked.index[0]
            self._bench.linked.place(first)

    def _change_window(self, moved: QPointF) -> None:
        pair, room = self._bench.pair, self._pane.width()
        pair.set_window(*dragged_window((pair.level, pair.width), moved, room))
