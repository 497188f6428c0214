"""Keys that belong to a control while it has the focus, not to the window's menus."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent

__all__ = ["OwnKeys"]

_MOVES = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    }
)
_ENDS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})


class OwnKeys(QObject):
    """Keeps arrows and Enter for the widgets that it is installed on.

    In the window Enter vouches for a slice and arrows change it. Somebody who types a
    number and ends it with Enter must not accept a slice by that.

    Parameters
    ----------
    parent : QObject
        Owner; install the filter on the controls with ``installEventFilter``.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take arrows and Enter before a shortcut or the canvas can."""
        if (
            not isinstance(event, QKeyEvent)
            or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            or event.key() not in _MOVES | _ENDS
        ):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and event.key() in _ENDS:
            # Controls do their part and pass Enter on, up to napari's main window,
            # which hands every key to the canvas: it ends here.
            watched.event(event)
            event.accept()
            return True
        return False
