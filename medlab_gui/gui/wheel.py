"""Count the notches of the mouse wheel; touch pads turn it by parts of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtGui import QWheelEvent

__all__ = ["ZOOM_PER_NOTCH", "Notches", "turned"]

ZOOM_PER_NOTCH = 1.2
"""How much larger a picture gets by one notch, in every view."""

_NOTCH = 120  # eighths of a degree, as Qt counts them


def _angle(event: QWheelEvent) -> int:
    """Return by how much the wheel was turned away from the hand.

    Alt and, on some systems, Shift turn a vertical wheel into a horizontal one: both
    count.
    """
    return event.angleDelta().y() or event.angleDelta().x()


def turned(event: QWheelEvent) -> float:
    """Return by how many notches, and parts of one, the wheel was turned."""
    return _angle(event) / _NOTCH


class Notches:
    """Adds up what the wheel turns, until it is a whole notch."""

    def __init__(self) -> None:
        self._turned = 0

    def of(self, event: QWheelEvent) -> int:
        """Take an event and return the whole notches that are due."""
        self._turned += _angle(event)
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        event.accept()
        return notches
