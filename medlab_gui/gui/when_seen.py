"""Brings a dock up to date when somebody can see it, in a turn of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakMethod, ref

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QWidget

from medlab_gui.gui.steps import in_own_turn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WhenSeen"]


class WhenSeen(QObject):
    """Knows whether a widget is seen, and catches up with what changed meanwhile.

    A dock behind another's tab is "visible" to Qt, outside the window: what its dock
    says (``visibilityChanged``) is what counts.

    Parameters
    ----------
    widget : QWidget
        In a dock or not.
    refresh : bound method
        Reads what the widget shows; calls `done`.

    Attributes
    ----------
    is_due : bool
        Whether something changed that the widget does not show yet.
    """

    def __init__(self, widget: QWidget, refresh: Callable[[], object]) -> None:
        super().__init__(widget)
        # Weak: a widget that is gone must not be kept by who watches it.
        self._weak_widget, self._refresh = ref(widget), WeakMethod(refresh)
        self._dock: QDockWidget | None = None
        self._is_in_front = True
        self.is_due = False
        widget.installEventFilter(self)

    @property
    def is_seen(self) -> bool:
        """Whether the widget is shown, and not behind another one's tab."""
        widget = self._weak_widget()
        return widget is not None and self._is_in_front and widget.isVisible()

    def ask(self) -> None:
        """Refresh soon where it is seen, else when it is; once for many changes."""
        self.is_due = True
        in_own_turn(self, 1, self.catch_up)

    def catch_up(self) -> bool:
        """Refresh now if that is due and seen; tell whether it was done."""
        if not (self.is_due and self.is_seen):
            return False
        refresh = self._refresh()
        if refresh is not None:
            refresh()
        return True

    def done(self) -> None:
        """Note that the widget shows what there is."""
        self.is_due = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Find the dock when the widget is first shown."""
        if event.type() == QEvent.Type.Show:
            if self._dock is None:
                self._follow_dock()
            if self.is_due:
                self.ask()
        return False

    def _follow_dock(self) -> None:
        widget = self._weak_widget()
        parent = widget.parentWidget() if widget is not None else None
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parentWidget()
        if parent is not None:
            self._dock = parent
            parent.visibilityChanged.connect(self._on_front)

    def _on_front(self, is_in_front: bool) -> None:
        self._is_in_front = is_in_front
        if is_in_front and self.is_due:
            self.ask()
