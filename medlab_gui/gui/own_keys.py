"""Keys that belong to a control while it has the focus, and those that do not."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractSpinBox, QMainWindow, QWidget

__all__ = ["LettersGoOn", "OwnKeys"]

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


_HELD = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class LettersGoOn(QObject):
    """Hands letters and signs on to the window: they are its keys.

    Lists and choices look for what begins with a letter, boxes for numbers drop it.
    Somebody who has clicked on a study, or chosen a recipe, and then presses S to see
    the picture without the mask must not get another recipe, or nothing. In dialogs,
    which have no such keys, letters stay where they are.

    Parameters
    ----------
    parent : QObject
        Owner; install the filter on the controls with ``installEventFilter``.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass on what the control has no use for."""
        if (
            event.type() != QEvent.Type.KeyPress
            or not isinstance(event, QKeyEvent)
            or not isinstance(watched, QWidget)
            or not isinstance(watched.window(), QMainWindow)
            or event.modifiers() & _HELD
        ):
            return False
        text = event.text()
        # Digits and signs are what a box for numbers is for; Space presses and ticks.
        of_use = not text.isalpha() if isinstance(watched, QAbstractSpinBox) else False
        if not text or not text.isprintable() or text.isspace() or of_use:
            return False
        event.ignore()  # so that it goes to whoever holds the control
        return True


class OwnKeys(LettersGoOn):
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
        if super().eventFilter(watched, event):
            return True
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
