"""Keys: which action a key means now, and nothing for napari to act on.

Keys with Ctrl, Alt and the function keys are shortcuts of the menus and work wherever
the focus is. Plain keys work when no field, list or button wants them: they then arrive
at the picture or the window, where `KeyFilter` takes every one of them, so that none
reaches napari's own key bindings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeyFilter", "is_menu_shortcut", "key_name"]

_PASSED_ON = {Qt.Key.Key_Tab, Qt.Key.Key_Backtab}


def is_menu_shortcut(key: str) -> bool:
    """Tell whether a key works from everywhere, as a shortcut of the menu."""
    return key.startswith(("Ctrl+", "Alt+", "F1", "F2", "F3", "F4", "F5"))


def key_name(event: QKeyEvent) -> str:
    """Return the name that the tables use: ``"Shift+N"``, ``"["``, ``"Return"``."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    held = modifiers & (
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    )
    text = event.text()
    if not held and len(text) == 1 and text.isprintable() and not text.isalpha():
        # Digits and brackets are where the keyboard layout puts them.
        return "Space" if text == " " else text
    key = event.key()
    if key == Qt.Key.Key_Enter:
        key = Qt.Key.Key_Return
    name = QKeySequence(int(key)).toString(QKeySequence.SequenceFormat.PortableText)
    name = {"Esc": "Escape"}.get(name, name)
    prefix = ""
    for modifier, word in (
        (Qt.KeyboardModifier.ControlModifier, "Ctrl+"),
        (Qt.KeyboardModifier.AltModifier, "Alt+"),
        (Qt.KeyboardModifier.ShiftModifier, "Shift+"),
    ):
        if modifiers & modifier:
            prefix += word
    return prefix + name


class KeyFilter(QObject):
    """Takes the keys that arrive at the picture or the window.

    Parameters
    ----------
    parent : QObject
        Owner.
    press : callable
        ``press(name, repeated)`` runs what the key means now; ``repeated`` where it
        is still held down.
    hold_space : callable
        ``hold_space(held)``.
    """

    def __init__(
        self,
        parent: QObject,
        press: Callable[[str, bool], object],
        hold_space: Callable[[bool], object],
    ) -> None:
        super().__init__(parent)
        self._press = press
        self._hold_space = hold_space

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle keys; leave everything else alone."""
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        assert isinstance(event, QKeyEvent)
        if event.key() in _PASSED_ON:
            return False
        name = key_name(event)
        if name == "Space":
            if not event.isAutoRepeat():
                self._hold_space(kind == QEvent.Type.KeyPress)
        elif kind == QEvent.Type.KeyPress:
            self._press(name, event.isAutoRepeat())
        event.accept()
        return True
