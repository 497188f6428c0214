"""Figures of masks or networks, and the worst cases a click away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QFontDatabase
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.commands.evaluate import EVALUATE
from medlab_gui.core.i18n import _
from medlab_gui.gui.dialogs.aside import stand_aside
from medlab_gui.gui.dialogs.room import resize_within_screen

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["EvaluationDialog"]

_CASE = int(Qt.ItemDataRole.UserRole) + 1


class EvaluationDialog(QDialog):
    """Shows what ``medlab evaluate`` found.

    Parameters
    ----------
    workbench : Workbench
        Opens the cases.
    result : dict
        What the command returned.
    parent : QWidget, optional
        Window that it belongs to.
    """

    def __init__(
        self, workbench: Workbench, result: dict[str, Any], parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._output = str(result.get("output") or "")
        self.setWindowTitle(_("Evaluation"))
        rows = QVBoxLayout(self)
        self.figures = QPlainTextEdit(self)
        self.figures.setReadOnly(True)
        self.figures.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.figures.setFont(
            QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        )
        self.figures.setAccessibleName(_("Figures"))
        if EVALUATE.text is not None:
            self.figures.setPlainText(EVALUATE.text(result))
        rows.addWidget(self.figures, 2)
        self.worst = self._worst(result.get("worst") or [])
        if self.worst.rowCount():
            label = QLabel(_("Cases, the worst first:"), self)
            label.setBuddy(self.worst)
            rows.addWidget(label)
            rows.addWidget(self.worst, 1)
        else:
            self.worst.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        if self._output:
            self.report = buttons.addButton(
                _("Open the report"), QDialogButtonBox.ButtonRole.ActionRole
            )
            self.report.clicked.connect(self._open_report)
        rows.addWidget(buttons)
        resize_within_screen(self, 860, 560)

    def _worst(self, cases: list[dict[str, Any]]) -> QTableWidget:
        table = QTableWidget(len(cases), 2, self)
        classified = any("probability" in case for case in cases)
        lowest = _("Probability of the truth") if classified else _("Lowest DSC")
        table.setHorizontalHeaderLabels([_("Case"), lowest])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setAccessibleName(_("Worst cases; activate one to open it"))
        table.setToolTip(_("Click a case to open it"))
        for row, case in enumerate(cases):
            name = QTableWidgetItem(str(case["case"]))
            name.setData(_CASE, case)
            share = case["probability" if classified else "dsc"]
            score = QTableWidgetItem(f"{100 * share:.1f} %")
            score.setTextAlignment(
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
            table.setItem(row, 0, name)
            table.setItem(row, 1, score)
        table.clicked.connect(self._open_case)
        table.activated.connect(self._open_case)
        return table

    def _open_case(self, index: QModelIndex) -> None:
        cell = self.worst.item(index.row(), 0)
        case = cell.data(_CASE) if cell is not None else None
        # A line of a file of scores is nowhere to be seen.
        if case is None or not (case["series_uid"] or case["path"]):
            return
        stand_aside(self)
        if case["series_uid"]:
            self._bench.open_series(case["series_uid"], case["slice_index"])
        elif case["path"]:
            self._bench.incoming.open((Path(case["path"]),))

    def _open_report(self) -> None:
        page = Path(self._output).absolute() / "report.html"
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))
