"""The classes of the project: names and colours, in the order of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.commands.classes import ClassesParams, parse_classes
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.labels import OKABE_ITO
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.docks.labels import swatch

if TYPE_CHECKING:
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.gui.workbench import Workbench

__all__ = ["ClassesDialog"]

_COLOR = Qt.ItemDataRole.UserRole


class ClassesDialog(QDialog):
    """A table of classes.

    Parameters
    ----------
    scheme : LabelScheme
        The classes until now.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, scheme: LabelScheme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scheme = scheme
        self.params: ClassesParams | None = None
        self.setWindowTitle(_("Classes"))
        hint = QLabel(
            _(
                "What the mask can hold. A class that has voxels anywhere keeps its "
                "name and place; colours can always change. Double click a colour, or "
                "press the space bar on its row."
            )
        )
        hint.setWordWrap(True)
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([_("Name"), _("Colour")])
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setSectionResizeMode(
            0, QHeaderView.ResizeMode.Stretch
        )
        self.table.cellDoubleClicked.connect(self._on_double_click)
        self.table.setAccessibleName(_("Classes"))
        self.table.setTabKeyNavigation(False)
        self.table.installEventFilter(self)
        self.problem = QLabel()
        self.problem.setObjectName("dialog_problem")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.add = QPushButton(_("Add"))
        self.add.clicked.connect(self._add)
        self.delete = QPushButton(_("Delete"))
        self.delete.clicked.connect(self._delete)
        row = QHBoxLayout()
        for button in (self.add, self.delete):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel,
            self,
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(hint)
        layout.addWidget(self.table)
        layout.addLayout(row)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        for one in scheme.classes:
            self._insert(one.name, one.color)
        resize_within_screen(self, 420, 380)

    @classmethod
    def ask(cls, bench: Workbench, parent: QWidget) -> ClassesParams | None:
        """Show the dialog; return what was chosen, None for nothing."""
        if bench.store is None:
            return None
        dialog = cls(bench.store.scheme(), parent)
        dialog.exec()
        params = dialog.params
        dialog.deleteLater()
        return params

    def _insert(self, name: str, color: tuple[int, int, int]) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        self.table.setItem(row, 0, QTableWidgetItem(name))
        item = QTableWidgetItem()
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        self.table.setItem(row, 1, item)
        self.set_color(row, QColor(*color))

    def set_color(self, row: int, color: QColor) -> None:
        """Give a class another colour."""
        item = self.table.item(row, 1)
        if item is not None and color.isValid():
            rgb = (color.red(), color.green(), color.blue())
            item.setIcon(swatch(rgb))
            item.setText(color.name())
            item.setData(_COLOR, color.name())

    def _add(self) -> None:
        row = self.table.rowCount()
        self._insert(_("New class"), OKABE_ITO[row % len(OKABE_ITO)])
        self.table.setCurrentCell(row, 0)
        item = self.table.item(row, 0)
        if item is not None:
            self.table.editItem(item)

    def _delete(self) -> None:
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())

    def _on_double_click(self, row: int, column: int) -> None:
        item = self.table.item(row, 1)
        if column == 1 and item is not None:
            chosen = QColorDialog.getColor(QColor(item.data(_COLOR)), self)
            self.set_color(row, chosen)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the space bar choose the colour of the row that has the keys."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            if event.type() == QEvent.Type.KeyPress:
                self._on_double_click(self.table.currentRow(), 1)
            return True
        return False

    def accept(self) -> None:
        """Take what is in the table, or say what is wrong with it."""
        parts = []
        for row in range(self.table.rowCount()):
            name, color = self.table.item(row, 0), self.table.item(row, 1)
            if name is not None and color is not None:
                # An empty name stays a part of its own, so that it is named as wrong.
                parts.append(f"{name.text().strip()},{color.data(_COLOR)}")
        try:
            parse_classes("; ".join(parts), self._scheme)
        except MedlabError as error:
            self.problem.setText(error.message)
            self.problem.show()
            return
        self.params = ClassesParams("; ".join(parts))
        super().accept()
