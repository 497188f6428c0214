"""Old and new weights on the locked validation set, and which to use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _, counted
from medlab_gui.gui.dialogs.aside import stand_aside
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.launching import use_weights
from medlab_gui.gui.run_words import is_balanced, measure_of
from medlab_gui.gui.runs_model import judged

if TYPE_CHECKING:
    from medlab_gui.core.records import Run
    from medlab_gui.gui.workbench import Workbench

__all__ = ["CompareWeightsDialog", "worst_slices"]

_PLACE = int(Qt.ItemDataRole.UserRole) + 1
_MOST_WORST = 10


def _mean(dice: dict[str, float | None]) -> float | None:
    known = [v for v in dice.values() if v is not None]
    return sum(known) / len(known) if known else None


def worst_slices(
    comparison: dict[str, Any], n: int = 3
) -> list[tuple[str, int, float | None, float]]:
    """Return the slices that the new weights get least right.

    Parameters
    ----------
    comparison : dict
        ``Run.comparison``.
    n : int
        At most so many.

    Returns
    -------
    list of tuple
        ``(series_uid, slice_index, old, new)``: the mean Dice over the classes that
        occur on the slice, worst first; slices on which none occurs are left out.
    """
    old = {
        (row["series_uid"], row["slice_index"]): _mean(row["dice"])
        for row in (comparison.get("old") or {}).get("per_slice", ())
    }
    found = []
    for row in (comparison.get("new") or {}).get("per_slice", ()):
        place = (str(row["series_uid"]), int(row["slice_index"]))
        value = _mean(row["dice"])
        if value is not None:
            found.append((*place, old.get(place), value))
    return sorted(found, key=lambda row: row[3])[:n]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None:
        return ""
    mark = "▲" if new > old else "▼" if new < old else "="
    return f"{mark} {new - old:+.3f}"


class CompareWeightsDialog(QDialog):
    """Shows a run's comparison; adopts its weights or leaves things as they are.

    Parameters
    ----------
    workbench : Workbench
        Its project holds the run.
    run : Run
        A run that was judged.
    parent : QWidget, optional
        Window that it belongs to.
    """

    def __init__(
        self, workbench: Workbench, run: Run, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._run = workbench, run
        self.setWindowTitle(_("Old and new weights"))
        rows = QVBoxLayout(self)
        self.verdict = QLabel(self._verdict(), self)
        self.verdict.setWordWrap(True)
        rows.addWidget(self.verdict)
        # What was left out, and what flatters.
        self.notes = QLabel("\n".join(run.comparison.get("notes") or ()), self)
        self.notes.setObjectName("hint")
        self.notes.setWordWrap(True)
        self.notes.setVisible(bool(self.notes.text()))
        rows.addWidget(self.notes)
        measure = measure_of(run.spec)
        titles = (
            _("Old {measure}").format(measure=measure),
            _("New {measure}").format(measure=measure),
        )
        self.table = self._table(
            (_("Class"), *titles, _("Change")),
            _("{measure} of old and new weights by class").format(measure=measure),
        )
        self._fill_classes()
        rows.addWidget(self.table)
        label = QLabel(_("The slices that the new weights get least right:"), self)
        rows.addWidget(label)
        self.worst = self._table(
            (_("Slice"), *titles, _("Change")),
            _("Worst slices; activate one to open it"),
        )
        self.worst.setToolTip(_("Click a slice to open it"))
        label.setBuddy(self.worst)
        self._fill_worst()
        self.worst.clicked.connect(self._open_slice)
        self.worst.activated.connect(self._open_slice)
        rows.addWidget(self.worst)
        self.buttons = QDialogButtonBox(self)
        self.adopt = self.buttons.addButton(
            _("Use the new weights"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.keep = self.buttons.addButton(
            _("Keep as it is"), QDialogButtonBox.ButtonRole.RejectRole
        )
        self.adopt.setEnabled(self._may_adopt())
        self.buttons.accepted.connect(self._adopt)
        self.buttons.rejected.connect(self.reject)
        rows.addWidget(self.buttons)
        resize_within_screen(self, 520, 430)

    # ---- what is shown ------------------------------------------------------------

    @property
    def _means(self) -> tuple[float | None, float | None]:
        return judged(self._run)

    @property
    def _is_in_use(self) -> bool:
        store = self._bench.store
        current = store.current_checkpoint() if store is not None else None
        return current is not None and current.id == self._run.checkpoint

    def _may_adopt(self) -> bool:
        old, new = self._means
        judged = new is not None and (old is None or new >= old)
        return judged and self._run.checkpoint is not None and not self._is_in_use

    def _verdict(self) -> str:
        old, new = self._means
        n = self._run.comparison.get("n_slices", 0)
        judged = counted(
            n,
            "Judged on 1 locked validation slice.",
            "Judged on {n} locked validation slices.",
        )
        if self._is_in_use:
            return _("The new weights are in use. {judged}").format(judged=judged)
        if old is not None and new is not None and new < old:
            return _(
                "Refused: the new weights are worse on the locked validation set. "
                "{judged}"
            ).format(judged=judged)
        return _("The new weights are not in use. {judged}").format(judged=judged)

    def _table(self, titles: tuple[str, ...], name: str) -> QTableWidget:
        table = QTableWidget(0, len(titles), self)
        table.setHorizontalHeaderLabels(list(titles))
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setAccessibleName(name)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        return table

    @staticmethod
    def _add(
        table: QTableWidget,
        name: str,
        old: float | None,
        new: float | None,
        *,
        bold: bool = False,
    ) -> None:
        row = table.rowCount()
        table.insertRow(row)
        for column, text in enumerate(
            (name, _number(old), _number(new), _change(old, new))
        ):
            cell = QTableWidgetItem(text)
            if column:
                cell.setTextAlignment(
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                )
            font = cell.font()
            font.setBold(bold)
            cell.setFont(font)
            table.setItem(row, column, cell)

    def _fill_classes(self) -> None:
        comparison = self._run.comparison
        old = (comparison.get("old") or {}).get("dice", {})
        new = (comparison.get("new") or {}).get("dice", {})
        for name in [*new, *(n for n in old if n not in new)]:
            self._add(self.table, name, old.get(name), new.get(name))
        mean = _("Balanced accuracy") if is_balanced(self._run) else _("Mean")
        self._add(self.table, mean, *self._means, bold=True)

    def _fill_worst(self) -> None:
        store = self._bench.store
        names = {}
        if store is not None:
            names = {s.uid: s.description for s in store.series_list()}
        for uid, k, old, new in worst_slices(self._run.comparison, _MOST_WORST):
            name = _("Slice {k}").format(k=k + 1)
            if names.get(uid):
                name += f"  ({names[uid]})"
            self._add(self.worst, name, old, new)
            cell = self.worst.item(self.worst.rowCount() - 1, 0)
            if cell is not None:
                cell.setData(_PLACE, (uid, k))

    # ---- what is done -------------------------------------------------------------

    def _open_slice(self, index: QModelIndex) -> None:
        cell = self.worst.item(index.row(), 0)
        if cell is not None:
            stand_aside(self)
            uid, k = cell.data(_PLACE)
            self._bench.open_series(uid, k)

    def _adopt(self) -> None:
        use_weights(self._bench, str(self._run.checkpoint))
        self.accept()
