"""Which weights: some of the project, those that come with MedLab, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QWidget

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WeightsField"]

_FILE = "\0file"


class WeightsField(QComboBox):
    """A list of weights whose last line asks for a file.

    Parameters
    ----------
    entries : iterable of (str, str)
        What a person reads, and what the command takes.
    chosen : str or None
        What is chosen to begin with; the first entry where it is none of them.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self,
        entries: Iterable[tuple[str, str]],
        chosen: str | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        for text, value in entries:
            self.addItem(text, value)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.addItem(_("From a file…"), _FILE)
        self._before = self.currentIndex()
        self.activated.connect(self._activated)

    def choice(self) -> str:
        """Return what the command takes: an id, a word, or a path."""
        return str(self.currentData())

    def _activated(self, index: int) -> None:
        if self.itemData(index) == _FILE:
            path, _kind = QFileDialog.getOpenFileName(
                self,
                _("Choose a file of weights"),
                str(Path.home()),
                _("Weights (*.safetensors *.pth *.pt);;All files (*)"),
            )
            index = self._row_of(path) if path else self._before
            self.setCurrentIndex(index)
        self._before = index

    def _row_of(self, path: str) -> int:
        """Return the line of a file, which is added where it is new."""
        row = self.findData(path)
        if row < 0:
            row = self.count() - 1
            self.insertItem(row, Path(path).name, path)
            self.setItemData(row, path, Qt.ItemDataRole.ToolTipRole)
        return row
