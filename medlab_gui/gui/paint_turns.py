"""What people do and the drawing that follows from it, in turns of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from medlab_gui.gui.steps import in_own_turn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PaintTurns", "once_painted"]

_AFTER_MS = 1
"""Not 0: Qt may handle such a timer in the same turn, before the mouse and the keys."""
_LATEST_MS = 1000
"""A window that starts minimised, or on another desktop, is not painted at all."""


def once_painted(widget: QWidget, do: Callable[[], object]) -> None:
    """Do something once a widget was painted, or after a second at the latest.

    A timer of 0 ms comes before: the window system first has to say that the widget is
    in sight.

    Parameters
    ----------
    widget : QWidget
        Nothing is done once it is gone.
    do : callable
        Called once, without arguments.
    """
    _Once(widget, do)


class _Once(QObject):
    """Waits for a widget's first ``Paint``."""

    def __init__(self, widget: QWidget, do: Callable[[], object]) -> None:
        super().__init__(widget)
        self._widget, self._do = widget, do
        self._is_done = False
        widget.installEventFilter(self)
        QTimer.singleShot(_LATEST_MS, self, self._go)

    def eventFilter(self, _widget: QObject, event: QEvent) -> bool:
        """Look for what paints; it has not painted yet."""
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self, self._go)
        return False

    def _go(self) -> None:
        if not self._is_done:
            self._is_done = True
            self._widget.removeEventFilter(self)
            self.deleteLater()
            self._do()


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
