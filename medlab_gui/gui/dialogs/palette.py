"""Everything the window can do, found by typing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.dialogs.room import resize_within_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Choice", "Palette", "found"]

_ID = Qt.ItemDataRole.UserRole
_MOVES = {
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
}


class Choice(NamedTuple):
    """One thing that can be done.

    Parameters
    ----------
    id : str
        Of the action.
    title : str
        With its menu in front: ``"View: Mask"``.
    keys : str
        As a person reads them.
    is_possible : bool
        Whether it can be done now.
    """

    id: str
    title: str
    keys: str
    is_possible: bool


def found(choices: Iterable[Choice], text: str) -> list[Choice]:
    """Return what has every word, best first.

    Titles with a word that begins as the text does come before those that hold it
    somewhere, what is possible before what is not; else the order stays.
    """
    words = text.casefold().split()

    def rank(choice: Choice) -> tuple[bool, int]:
        title = choice.title.casefold()
        begins = sum(
            any(part.startswith(word) for part in title.split()) for word in words
        )
        return not choice.is_possible, -begins

    matching = [
        c
        for c in choices
        if all(word in f"{c.title} {c.keys}".casefold() for word in words)
    ]
    return sorted(matching, key=rank)


class Palette(QDialog):
    """A line to type in and what it finds.

    Parameters
    ----------
    choices : iterable of Choice
        Everything.
    run : callable
        ``run(id)``, called after the palette is closed.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self,
        choices: Iterable[Choice],
        run: Callable[[str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._choices, self._run = tuple(choices), run
        self.setWindowTitle(_("All commands"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.line = QLineEdit()
        self.line.setPlaceholderText(_("Type what you want to do"))
        self.line.setAccessibleName(_("What you want to do"))
        self.line.textChanged.connect(self._show)
        self.line.returnPressed.connect(self._choose)
        self.line.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(
            1, QHeaderView.ResizeMode.ResizeToContents
        )
        self.list.itemClicked.connect(self._choose)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        resize_within_screen(self, 560, 420)
        self._show("")

    def _show(self, text: str) -> None:
        self.list.clear()
        for choice in found(self._choices, text):
            item = QTreeWidgetItem([choice.title, choice.keys])
            item.setData(0, _ID, choice.id)
            item.setDisabled(not choice.is_possible)
            self.list.addTopLevelItem(item)
        first = self.list.topLevelItem(0)
        if first is not None:
            self.list.setCurrentItem(first)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move through the list with the keys while the line has them."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in _MOVES
        ):
            self.list.event(event)
            return True
        return False

    def _choose(self, *_args: object) -> None:
        item = self.list.currentItem()
        if item is None or item.isDisabled():
            return
        run, id_ = self._run, str(item.data(0, _ID))
        self.accept()
        run(id_)
