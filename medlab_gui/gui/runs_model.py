"""The trainings of a project as rows and columns."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from medlab_gui.core.i18n import _
from medlab_gui.core.merit import merit, spread
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.run_titles import local_time, origin, run_titles
from medlab_gui.gui.menu_words import menu_words
from medlab_gui.gui.run_words import merit_of, merits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from qtpy.QtCore import QObject, QPersistentModelIndex

    from medlab_gui.store.project import ProjectStore

    AnyIndex = QModelIndex | QPersistentModelIndex

__all__ = [
    "RunColumn",
    "RunsModel",
    "dice_change",
    "folds_of",
    "judged",
    "was_refused",
    "weights_of",
]

_NOWHERE = QModelIndex()


class RunColumn(IntEnum):
    """What each column holds."""

    WHAT = 0
    DICE = 1
    RESULT = 2


def judged(run: Run) -> tuple[float | None, float | None]:
    """Return the `merit` of the old and the new weights, where they were judged."""
    return merit(run.comparison.get("old")), merit(run.comparison.get("new"))


def was_refused(run: Run) -> bool:
    """Tell whether the new weights were worse on the locked validation set."""
    old, new = judged(run)
    return old is not None and new is not None and new < old


def folds_of(run: Run) -> tuple[dict[str, Any], ...]:
    """Return what `medlab train --folds` wrote down of each fold; none without."""
    return tuple(run.comparison.get("folds") or ())


def weights_of(run: Run) -> tuple[str, ...]:
    """Return the ids of the weights that a run made: one, or one of each fold."""
    made = [run.checkpoint, *(fold.get("checkpoint") for fold in folds_of(run))]
    return tuple(str(one) for one in made if one)


def dice_change(run: Run) -> str:
    """Return ``"0.81 → 0.84"``, or nothing where the run was not judged.

    Where there were no old weights, ``"0.84"``; of a cross-validation, mean and
    deviation over its folds: ``"0.81 ± 0.02"``.
    """
    mean, deviation = merit(run.comparison), spread(run.comparison)
    if mean is not None and deviation is not None:
        return f"{mean:.3f} ± {deviation:.3f}"
    old, new = judged(run)
    if new is None:
        return ""
    return f"{new:.3f}" if old is None else f"{old:.3f} → {new:.3f}"


def _value(run: Run) -> float | None:
    """Return the figure that a run is ordered by: of its folds, or its new weights."""
    if folds_of(run):
        return merit(run.comparison)
    return judged(run)[1]


class RunsModel(QAbstractTableModel):
    """Rows of `Run`, the newest first until somebody sorts them.

    Parameters
    ----------
    parent : QObject, optional
        Owner.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: list[Run] = []
        self._read: list[Run] = []
        self._sorting = (-1, Qt.SortOrder.AscendingOrder)
        self._names: dict[str, str] = {}
        self._current = ""
        self._used: frozenset[str] = frozenset()
        self._words: dict[str, tuple[str, str, str]] = {}
        self._measure = merits_of(())

    def set_runs(
        self,
        runs: Sequence[Run],
        names: Mapping[str, str],
        current: str,
        used: frozenset[str] = frozenset(),
    ) -> None:
        """Show other trainings.

        Parameters
        ----------
        runs : sequence of Run
            Oldest first.
        names : mapping of str to str
            Checkpoint id to what a person reads.
        current : str
            Id of the weights in use.
        used : frozenset of str
            Ids of weights that are or were in use.
        """
        self.beginResetModel()
        self._read = list(runs)
        self._names, self._current, self._used = dict(names), current, used
        self._words, self._measure = {}, merits_of(self._read)
        self._runs = self._sorted()
        self.endResetModel()

    def sort(
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        """Order the rows by a column; by none (-1), the newest first."""
        self._sorting = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._runs[index.row()].id for index in before]
        self._runs = self._sorted()
        after = [
            self.index(self.row_of(run_id), index.column())
            for run_id, index in zip(ids, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sorted(self) -> list[Run]:
        """Return the runs in the order of the rows; alike ones, the newest first."""
        runs = self._read[::-1]
        column, order = self._sorting
        falling = order is Qt.SortOrder.DescendingOrder
        if column == RunColumn.DICE:
            known = {
                run.id: value for run in runs if (value := _value(run)) is not None
            }
            rest = [run for run in runs if run.id not in known]
            have = [run for run in runs if run.id in known]
            # What was not judged comes last, whichever end is first.
            have.sort(key=lambda run: known[run.id], reverse=falling)
            return [*have, *rest]
        if column == RunColumn.WHAT:
            runs.sort(
                key=lambda run: origin(run, self._names).casefold(), reverse=falling
            )
        elif column == RunColumn.RESULT:
            runs.sort(key=self.result_word, reverse=falling)
        return runs

    @property
    def newest(self) -> int:
        """Row of the newest run, -1 without any."""
        return self.row_of(self._read[-1].id) if self._read else -1

    def runs_of(self, rows: Iterable[int]) -> tuple[Run, ...]:
        """Return the runs of some rows, the oldest first."""
        chosen = {self._runs[row].id for row in rows}
        return tuple(run for run in self._read if run.id in chosen)

    def titles(self, runs: Sequence[Run]) -> list[str]:
        """Return short names that tell these runs apart."""
        return run_titles(runs, self._names)

    @property
    def current(self) -> str:
        """Id of the weights in use; empty where there are none."""
        return self._current

    def run(self, row: int) -> Run:
        """Return the run of a row."""
        return self._runs[row]

    def running(self) -> list[str]:
        """Return the ids of the runs that are under way."""
        return [run.id for run in self._runs if run.state is RunState.RUNNING]

    def shows(self, store: ProjectStore) -> bool:
        """Tell whether a project's runs and weights in use are those that are shown."""
        current = store.current_checkpoint()
        in_use = current.id if current is not None else ""
        return in_use == self._current and list(store.runs()) == self._read

    def row_of(self, run_id: str) -> int:
        """Return the row of a run, or -1."""
        return next((n for n, r in enumerate(self._runs) if r.id == run_id), -1)

    def result_word(self, run: Run) -> str:
        """Return what came of a run, in a word or two."""
        if run.state is RunState.DONE:
            if self._current and self._current in weights_of(run):
                return _("in use")
            if run.comparison.get("adopted"):
                return _("was in use")
            if folds_of(run):
                return _("cross-validated")
            if was_refused(run):
                return _("refused")
            by_hand = self._used.intersection(weights_of(run))
            return _("was in use") if by_hand else _("kept aside")
        return {
            RunState.RUNNING: _("running"),
            RunState.CANCELLED: _("cancelled"),
            RunState.FAILED: _("failed"),
        }[run.state]

    def in_words(self, run: Run) -> str:
        """Return all that is known about a run."""
        parts = [
            _("{when}: {result}").format(
                when=local_time(run.started), result=self.result_word(run)
            ),
            _("{origin}, seed {n}").format(origin=origin(run, self._names), n=run.seed),
        ]
        change = dice_change(run)
        if change:
            what = merit_of(run)
            where = _("{What} on the locked slices {c}")
            if folds_of(run):
                where = _("{What} on what the folds left out {c}")
            parts.append(where.format(What=what[:1].upper() + what[1:], c=change))
        return "\n".join([*parts, *([menu_words(run.message)] if run.message else [])])

    # ---- what Qt asks -----------------------------------------------------------

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(RunColumn)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return the titles of the columns."""
        if role == Qt.ItemDataRole.InitialSortOrderRole:
            best_first = section == RunColumn.DICE
            orders = Qt.SortOrder
            return orders.DescendingOrder if best_first else orders.AscendingOrder
        if role == Qt.ItemDataRole.ToolTipRole and section == RunColumn.DICE:
            return _(
                "Old and new weights on the locked slices: the mean Dice of masks, the "
                "balanced accuracy of classifiers (the mean F1 where an older MedLab "
                "judged them)"
            )
        if role == Qt.ItemDataRole.ToolTipRole and section == RunColumn.WHAT:
            return _("What it began with, when, and the seed of its random numbers")
        if (
            role != Qt.ItemDataRole.DisplayRole
            or orientation == Qt.Orientation.Vertical
        ):
            return None
        return (_("Training"), self._measure, _("Result"))[section]

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        run = self._runs[index.row()]
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.in_words(run)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._words_of(run)[index.column()]

    def _words_of(self, run: Run) -> tuple[str, str, str]:
        """Return what a row says, by column; made once, as Qt asks often."""
        if run.id not in self._words:
            begun = _("{when}, seed {n}").format(
                when=local_time(run.started), n=run.seed
            )
            self._words[run.id] = (
                f"{origin(run, self._names)}\n{begun}",
                dice_change(run).replace(" → ", "\n→ ").replace(" ± ", "\n± "),
                self.result_word(run),
            )
        return self._words[run.id]

    def widest(self, column: RunColumn, width: Callable[[str], int]) -> int:
        """Return the row whose words in a column are the widest; -1 without any.

        Parameters
        ----------
        column : RunColumn
            Which column.
        width : callable
            Returns how wide a line is, in pixels.
        """
        rows: dict[str, int] = {}  # many say the same
        for row, run in enumerate(self._runs):
            rows.setdefault(self._words_of(run)[column], row)
        widths = {
            row: max(width(line) for line in words.split("\n"))
            for words, row in rows.items()
        }
        return max(widths, key=widths.__getitem__, default=-1)
