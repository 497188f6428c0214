"""What people do and the drawing that follows from it, in turns of their own."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QWidget

from medlab_gui.gui.steps import in_own_turn

__all__ = ["PaintTurns"]

_AFTER_MS = 1
"""Not 0: Qt may handle such a timer in the same turn, before the mouse and the keys."""


class PaintTurns(QObject):
    """Lets the mouse, the keys and timers come in before a window is drawn anew.

    Qt draws as the very next thing after whatever has changed a widget: a step to the
    next slice and the frame that shows it were one turn, in which the window could not
    answer. What is put off is drawn once, however often it is asked for meanwhile.

    Parameters
    ----------
    window : QWidget
        A top-level widget; the owner.

    Attributes
    ----------
    waits : bool
        Whether something is to be drawn soon; also after ``repaint``, which would
        draw at once.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.waits = self._draws = False
        window.installEventFilter(self)

    def eventFilter(self, _window: QObject, event: QEvent) -> bool:
        """Put off what asks for the window to be drawn."""
        if self._draws or event.type() != QEvent.Type.UpdateRequest:
            return False
        if not self.waits:
            self.waits = True
            in_own_turn(self, _AFTER_MS, self._draw)
        return True

    def _draw(self) -> None:
        self.waits, self._draws = False, True
        try:
            QApplication.sendEvent(self._window, QEvent(QEvent.Type.UpdateRequest))
        finally:
            self._draws = False
