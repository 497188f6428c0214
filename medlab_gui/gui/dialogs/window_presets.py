"""The person's windows by name: add, change, order, delete, back to the first ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import ValidationError
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
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

from medlab_gui.core.errors import MedlabError, SpecError
from medlab_gui.core.i18n import _
from medlab_gui.core.settings import WindowChoice
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.window_presets import SHIPPED_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medlab_gui.gui.workbench import Workbench

__all__ = ["WindowPresetsDialog", "as_preset"]


def as_preset(
    row: int, name: str, level: str, width: str, modality: str
) -> WindowChoice:
    """Return what somebody wrote into a row.

    Raises
    ------
    SpecError
        If there is no name, or a number is none or impossible.
    """
    numbers = []
    for title, text, like in (
        (_("level"), level, "40 or -600"),
        (_("width"), width, "400"),
    ):
        try:
            value = float(text.strip().replace(",", "."))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            msg = _(
                "Row {row}: the {title} is a number such as {like}; found {text!r}."
            ).format(row=row, title=title, like=like, text=text)
            raise SpecError(msg)
        numbers.append(value)
    if not name.strip():
        raise SpecError(_("Row {row} has no name. Write one.").format(row=row))
    if numbers[1] <= 0:
        msg = _("Row {row}: the width is above 0; found {text}.").format(
            row=row, text=width.strip()
        )
        raise SpecError(msg)
    try:
        return WindowChoice(
            name=name,
            level=numbers[0],
            width=numbers[1],
            modality=modality.strip().upper(),
        )
    except ValidationError as error:
        found = error.errors()[0]
        msg = _("Row {row}: {field}: {reason}.").format(
            row=row, field=found["loc"][0], reason=found["msg"]
        )
        raise SpecError(msg) from error


class WindowPresetsDialog(QDialog):
    """A table of windows.

    Parameters
    ----------
    bench : Workbench
        Holds the list and the window shown now.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self.setWindowTitle(_("Windows"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        hint = QLabel(
            _(
                "In Review the digits 1 to 9 choose the first nine that fit the open "
                "scan. CT in HU; PT in SUV; without a modality it fits every scan."
            )
        )
        hint.setWordWrap(True)
        self.table = QTableWidget(0, 4)
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalHeaderLabels(
            [_("Name"), _("Level"), _("Width"), _("Modality")]
        )
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(
            0, QHeaderView.ResizeMode.Stretch
        )
        self.problem = QLabel()
        self.problem.setObjectName("dialog_problem")
        self.problem.setWordWrap(True)
        self.problem.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel,
            self,
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(hint)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._row_of_buttons())
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self._fill(bench.presets.all)
        resize_within_screen(self, 560, 480)

    def _row_of_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        entries: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            ("add", _("Add"), _("Add the window shown now"), self._add),
            ("delete", _("Delete"), _("Delete the chosen row"), self._delete),
            ("up", _("Up"), _("Move the chosen row up"), lambda: self._move(-1)),
            ("down", _("Down"), _("Move the chosen row down"), lambda: self._move(1)),
            ("reset", _("Reset"), _("Back to the windows MedLab ships"), self._reset),
        )
        for name, text, tip, run in entries:
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, r=run: r())
            self.buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _fill(self, presets: Iterable[WindowChoice]) -> None:
        self.table.setRowCount(0)
        for preset in presets:
            self._insert(
                self.table.rowCount(),
                [
                    preset.name,
                    f"{preset.level:g}",
                    f"{preset.width:g}",
                    preset.modality,
                ],
            )

    def _insert(self, row: int, texts: list[str]) -> None:
        self.table.insertRow(row)
        for column, text in enumerate(texts):
            self.table.setItem(row, column, QTableWidgetItem(text))

    def _texts(self, row: int) -> list[str]:
        items = (self.table.item(row, column) for column in range(4))
        return [item.text() if item is not None else "" for item in items]

    def _add(self) -> None:
        view, session = self._bench.view, self._bench.session
        modality = session.volume.modality if session is not None else "CT"
        row = self.table.rowCount()
        self._insert(
            row, [_("New window"), f"{view.level:g}", f"{view.width:g}", modality]
        )
        self.table.setCurrentCell(row, 0)
        item = self.table.item(row, 0)
        if item is not None:
            self.table.editItem(item)

    def _delete(self) -> None:
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())

    def _move(self, step: int) -> None:
        row = self.table.currentRow()
        if row >= 0 and 0 <= row + step < self.table.rowCount():
            texts = self._texts(row)
            self.table.removeRow(row)
            self._insert(row + step, texts)
            self.table.setCurrentCell(row + step, 0)

    def _reset(self) -> None:
        self._fill(SHIPPED_WINDOWS)

    def accept(self) -> None:
        """Keep the list, or say what is wrong with it."""
        try:
            self._bench.presets.save(
                [
                    as_preset(row + 1, *self._texts(row))
                    for row in range(self.table.rowCount())
                ]
            )
        except MedlabError as error:
            self.problem.setText(error.message)
            self.problem.show()
            return
        super().accept()
