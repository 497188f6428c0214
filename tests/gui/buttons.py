"""Several buttons of a mouse at once, which QTest knows nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent

from tests.gui.hand import LEFT, NONE

if TYPE_CHECKING:
    from tests.gui.hand import Hand

__all__ = ["Buttons"]


class Buttons:
    """The mouse over the picture, with the buttons that are down."""

    def __init__(self, hand: Hand) -> None:
        self.hand, self.canvas = hand, hand.canvas
        self.down = Qt.MouseButton.NoButton

    def _send(self, kind: QEvent.Type, at: QPoint, button, held) -> None:
        place = QPointF(self.canvas.mapToGlobal(at))
        event = QMouseEvent(kind, QPointF(at), place, button, self.down, held)
        QCoreApplication.sendEvent(self.canvas, event)

    def press(self, j: float, i: float, button=LEFT, held=NONE) -> None:
        self.down |= button
        kind = QEvent.Type.MouseButtonPress
        self._send(kind, self.hand.at(j, i), button, held)

    def to(self, j: float, i: float, held=NONE) -> None:
        none = Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseMove, self.hand.at(j, i), none, held)

    def release(self, j: float, i: float, button=LEFT, held=NONE) -> None:
        self.down &= ~button
        kind = QEvent.Type.MouseButtonRelease
        self._send(kind, self.hand.at(j, i), button, held)

    def double(self, j: float, i: float, button=LEFT) -> None:
        self.press(j, i, button)
        self.release(j, i, button)
        self.down |= button
        kind = QEvent.Type.MouseButtonDblClick
        self._send(kind, self.hand.at(j, i), button, NONE)
        self.release(j, i, button)
