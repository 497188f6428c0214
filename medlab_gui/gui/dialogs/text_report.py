"""What a command found, in its own words: the same lines as on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.dialogs.room import resize_within_screen

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

__all__ = ["TextReport"]


class TextReport(QDialog):
    """Shows lines that can be read, selected and copied.

    Parameters
    ----------
    title : str
        What was asked for.
    text : str
        Lines; columns are aligned by spaces.
    parent : QWidget, optional
        Window that it belongs to.
    """

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.lines = QPlainTextEdit(text, self)
        self.lines.setReadOnly(True)
        self.lines.setAccessibleName(title)
        self.lines.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton(
            _("Copy as text"), QDialogButtonBox.ButtonRole.ActionRole
        )
        copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        rows = QVBoxLayout(self)
        rows.addWidget(self.lines, 1)
        rows.addWidget(buttons)
        resize_within_screen(self, 760, 420)

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.lines.toPlainText())
