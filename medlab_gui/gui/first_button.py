"""The button that was pressed first owns the mouse until it is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qtpy.QtWidgets import QWidget

__all__ = ["FirstButton"]

_PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class FirstButton:
    """Follows which button was pressed first, and tells what to do of the others.

    Two drags at once would each undo what the other does, and the release of one would
    end the other. And a dialog may get the release of a drag that it interrupts.

    Parameters
    ----------
    widget : QWidget
        What the mouse is over.
    """

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._last = QPointF()
        self.held: Qt.MouseButton | None = None

    def press(self, event: QMouseEvent) -> None:
        """Take note of who owns the mouse from now on."""
        self.held = event.button()

    def let_go(self) -> None:
        """Nobody owns it any more."""
        self.held = None

    def is_lost(self, event: QMouseEvent) -> bool:
        """Tell whether the button is no longer down, and nobody was told so."""
        if self.held is None:
            return False
        if event.button() == self.held:
            return event.type() != QEvent.Type.MouseButtonRelease
        return not event.buttons() & self.held

    def is_second(self, event: QMouseEvent) -> bool:
        """Tell whether it is the press or release of another button meanwhile."""
        is_move = event.type() == QEvent.Type.MouseMove
        return self.held is not None and not is_move and event.button() != self.held

    def release(self, at: QPointF) -> QMouseEvent:
        """Return the release that never came, as if it had come at a point."""
        assert self.held is not None
        return QMouseEvent(
            QEvent.Type.MouseButtonRelease,
            at,
            QPointF(self._widget.mapToGlobal(at)),
            self.held,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )

    def heeded(self, event: QMouseEvent) -> Iterator[QMouseEvent]:
        """Yield what is to be done for an event of the mouse.

        A release that never came comes first, where the mouse was seen last; what a
        second button does is left out.
        """
        if self.is_lost(event):
            release = self.release(self._last)
            self.let_go()
            yield release
        if self.is_second(event):
            return
        kind = event.type()
        if kind in _PRESSES:
            self.press(event)
        elif kind == QEvent.Type.MouseButtonRelease:
            self.let_go()
        self._last = event.position()
        yield event
