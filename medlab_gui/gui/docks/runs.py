"""Trainings: the one that runs, those that ran, and the weights in use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QItemSelection, QItemSelectionModel, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.commands.train import TrainParams, settle_runs
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import Job, JobState
from medlab_gui.core.records import Run, RunState
from medlab_gui.gui.chosen_runs import ChosenRuns
from medlab_gui.gui.dialogs.aside import show_beside
from medlab_gui.gui.dialogs.compare_weights import CompareWeightsDialog
from medlab_gui.gui.dialogs.finetune import FineTuneDialog
from medlab_gui.gui.elsewhere import ElsewhereWatch
from medlab_gui.gui.keybook import as_held
from medlab_gui.gui.launching import rank_again, use_weights
from medlab_gui.gui.live_training import LiveTraining
from medlab_gui.gui.notices import NoticeAction
from medlab_gui.gui.run_curves import RunCurves
from medlab_gui.gui.runs_model import RunColumn, RunsModel
from medlab_gui.gui.steps import in_own_turn
from medlab_gui.gui.when_seen import WhenSeen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QHideEvent, QShowEvent

    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.store.project import ProjectStore

__all__ = ["RunsDock"]

_ROWS_SEEN = 7
"""Rows of the table that are seen at once, where there are so many."""


class RunsDock(QWidget):
    """Fine-tuning under way and done.

    Parameters
    ----------
    workbench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._settled: ProjectStore | None = None
        self._seen = WhenSeen(self, self.refresh)
        self._is_reading = False
        self.model = RunsModel(self)
        self._elsewhere = ElsewhereWatch(workbench, self.model.running, self)
        self._elsewhere.changed.connect(self._on_elsewhere)
        self._elsewhere.looked.connect(self._find_killed)
        self._build()
        workbench.project_changed.connect(self._on_project)
        self.live.began.connect(self.refresh)
        self.live.named.connect(self._on_named)
        self.live.reported.connect(self._on_reported)
        self.live.ended.connect(self._on_ended)
        self._on_project()
        for job in workbench.jobs.active:
            self.live.follow(job)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return the size of a dock."""
        return QSize(320, 560)

    # ---- building -------------------------------------------------------------

    def _build(self) -> None:
        inner = QWidget()
        # A word too long for the dock (a file's name) is cut off, not all beside it.
        inner.setMinimumWidth(1)
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(6, 6, 6, 6)
        self.weights = QLabel(inner)
        self.weights.setWordWrap(True)
        self.weights.setAccessibleName(_("Weights in use"))
        rows.addWidget(self.weights)
        self.finetune = self._button(
            _("Fine-tune…"), _("Learn from the labelled slices"), self.ask_finetune
        )
        self.back = self._button(
            _("Previous weights"),
            _("Go back to the weights that were in use before"),
            self._go_back,
        )
        rows.addLayout(self._row(self.finetune, self.back))
        self.live = LiveTraining(self._bench, inner)
        rows.addWidget(self.live)
        self.empty = QLabel(
            _("No training yet. Label some slices, then fine-tune the model."), inner
        )
        self.empty.setWordWrap(True)
        rows.addWidget(self.empty)
        rows.addWidget(self._build_table(inner))
        self.compare = self._button(
            _("Compare…"), _("Old and new weights on the locked slices"), self._compare
        )
        self.resume = self._button(
            _("Resume"), _("Go on where the training was stopped"), self._resume
        )
        rows.addLayout(self._row(self.compare, self.resume))
        self.chosen = ChosenRuns(self._bench, inner)
        rows.addWidget(self.chosen)
        self.picture = RunCurves(self._bench, self.chosen.changes, inner)
        self.curves, self.together = self.picture.curves, self.picture.together
        rows.addWidget(self.picture, 1)
        area = QScrollArea(self)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.setMinimumWidth(270)

    def _build_table(self, parent: QWidget) -> QTableView:
        self.table = QTableView(parent)
        self.table.setModel(self.model)
        self.table.setAccessibleName(_("Trainings of the project"))
        self.table.setToolTip(
            as_held(_("Ctrl and click: see several over one another"))
        )
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        # Each line is shortened: a wrapped long name would hide the line below it.
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        line = self.fontMetrics().height()
        self.table.verticalHeader().setDefaultSectionSize(2 * line + 8)
        header = self.table.horizontalHeader()
        # `_fit_columns` makes room: Qt would ask for all that every cell of every row
        # has, font and icon too, each time that something is selected.
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(RunColumn.WHAT, QHeaderView.ResizeMode.Stretch)
        # The newest first, until a title is clicked; a third click leads back.
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.selectionModel().selectionChanged.connect(self._on_selection)
        self.table.doubleClicked.connect(self._compare)
        return self.table

    def _button(self, text: str, tip: str, run: Any) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        button.clicked.connect(run)
        return button

    @staticmethod
    def _row(*buttons: QPushButton) -> QHBoxLayout:
        row = QHBoxLayout()
        for button in buttons:
            row.addWidget(button)
        return row

    # ---- the project ------------------------------------------------------------

    def _on_project(self) -> None:
        store = self._bench.store
        if store is not None and store is not self._settled:
            self._settled = store
            in_own_turn(self, 1, self._tell_interrupted)
        self._seen.ask()

    def _tell_interrupted(self) -> None:
        if self._settle():
            self._bench.warn(
                _(
                    "A training was interrupted. What it had learned up to its "
                    "last epoch is kept; the Runs dock can resume it."
                )
            )
            self._seen.ask()

    def _settle(self, ended: str = "") -> bool:
        """Tell whether trainings stood as running whose process is gone."""
        store = self._bench.store
        try:
            return store is not None and settle_runs(store, ended) > 0
        except MedlabError:
            return False

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while the dock was hidden."""
        super().showEvent(event)
        # First on, then read: what others write from here on is told.
        self._elsewhere.set_on(True)
        self._seen.ask()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no more at what others do."""
        super().hideEvent(event)
        self._elsewhere.set_on(False)

    def _on_elsewhere(self) -> None:
        """Show what another process did to the runs; else the table stays as it is."""
        if not self._seen.is_seen:
            self._seen.is_due = True
            return
        store = self._bench.store
        # Of ours the progress tells, epoch by epoch.
        epochs = self.live.job is None and bool(self.model.running())
        try:
            if store is not None and (epochs or not self.model.shows(store)):
                self.refresh()
        except MedlabError:  # gone, which who works in it says; or for a moment
            self._elsewhere.look_again()

    def _find_killed(self) -> None:
        """Notice that a training elsewhere is dead: it writes nothing any more."""
        if self.live.job is None and self.model.running() and self._settle():
            self.refresh()

    def refresh(self) -> None:
        """Read runs and weights from the project; what was selected stays selected."""
        self._seen.done()
        store = self._bench.store
        runs: tuple[Run, ...] = ()
        names: dict[str, str] = {}
        current = previous = None
        used: frozenset[str] = frozenset()
        if store is not None:
            try:
                runs = store.runs()
                names = {c.id: c.name for c in store.checkpoints()}
                used = frozenset(a.checkpoint_id for a in store.adoptions())
                current = store.current_checkpoint()
                previous = store.previous_checkpoint()
            except MedlabError as error:
                self.weights.setText(error.message)
                self._elsewhere.look_again()
                return
        chosen = self._all_selected()
        self._is_reading = True
        in_use = current.id if current is not None else ""
        self.model.set_runs(runs, names, in_use, used)
        self._select([self.model.row_of(run.id) for run in chosen])
        self.weights.setText(
            _("No weights in use yet.")
            if current is None
            # The name has a line of its own: others are longer, and what stands below
            # must not move when they are used.
            else _("Weights in use:\n{name}").format(name=current.name)
        )
        self.finetune.setEnabled(store is not None and self.live.job is None)
        self.back.setEnabled(previous is not None and self.live.job is None)
        if previous is not None:
            tip = _("Go back to {name}").format(name=previous.name)
            self.back.setToolTip(tip)
        self._fit_columns()
        self._fit_table()
        self.empty.setVisible(not runs)
        self.table.setVisible(bool(runs))
        self._is_reading = False
        self._on_selection()

    def _fit_columns(self) -> None:
        """Make columns as wide as the widest of their words."""
        header, width_of = self.table.horizontalHeader(), self.fontMetrics()
        for column in (RunColumn.DICE, RunColumn.RESULT):
            row = self.model.widest(column, width_of.horizontalAdvance)
            cell = self.table.sizeHintForIndex(self.model.index(row, column))
            # One pixel is the line that the table would draw between columns.
            wide = max(cell.width() + 1, header.sectionSizeHint(column))
            header.resizeSection(column, wide)

    def _fit_table(self) -> None:
        """Make room for the rows; what is selected leaves it as it is."""
        shown = min(max(self.model.rowCount(), 3), _ROWS_SEEN)
        rows = shown * self.table.verticalHeader().defaultSectionSize()
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(rows + header + 2 * self.table.frameWidth())

    def _select(self, rows: list[int]) -> None:
        """Select these rows; the newest run where none of them is there any more."""
        newest = self.model.newest
        known = [row for row in rows if row >= 0] or [newest] * (newest >= 0)
        chosen = QItemSelection()
        for row in known:
            index = self.model.index(row, 0)
            chosen.select(index, index)
        flags = QItemSelectionModel.SelectionFlag
        how = flags.Rows | flags.ClearAndSelect
        self.table.selectionModel().select(chosen, how)

    def _all_selected(self) -> tuple[Run, ...]:
        """Return the selected runs, the oldest first."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.runs_of(index.row() for index in rows)

    def _selected(self) -> Run | None:
        runs = self._all_selected()
        return runs[0] if len(runs) == 1 else None

    def _on_selection(self, *_args: QItemSelection) -> None:
        if self._is_reading:  # all that follows from it comes when all is read
            return
        runs = self._all_selected()
        titles = self.model.titles(runs)
        self.chosen.set_runs(runs, titles, self.model.current)
        self.chosen.setVisible(self.model.rowCount() > 0)
        run = self._selected()
        self.compare.setEnabled(run is not None and "new" in run.comparison)
        stopped = run is not None and run.state in (
            RunState.CANCELLED,
            RunState.FAILED,
        )
        self.resume.setEnabled(stopped and self.live.job is None)
        for button in (self.compare, self.resume):
            button.setVisible(self.model.rowCount() > 0)
        self._show_curves(runs, titles)

    def _show_curves(self, runs: Sequence[Run], titles: Sequence[str]) -> None:
        """Show the selected runs; the one under way as it reports."""
        row = self.model.row_of(self.live.run_id)
        if self.live.job is not None and row >= 0:
            self.live.curves.spec = self.model.run(row).spec
        if self._looks_at_live(runs):
            self.picture.show_live(self.live.curves)
        else:
            live = {self.live.run_id: self.live.curves}
            self.picture.show_runs(runs, titles, live if self.live.job else {})

    def _looks_at_live(self, runs: Sequence[Run]) -> bool:
        """Whether the training under way is what is selected, or has no row yet."""
        if self.live.job is None:
            return False
        is_listed = self.model.row_of(self.live.run_id) >= 0
        return not is_listed or [run.id for run in runs] == [self.live.run_id]

    # ---- the training under way ---------------------------------------------------

    def _on_named(self, run_id: str) -> None:
        if self.live.curves.is_empty:  # a resumed one goes on where it was
            self.live.curves = self.picture.written(run_id)
        self.refresh()
        # Others can be looked at meanwhile; this one is what was just begun.
        self._select([self.model.row_of(run_id)])

    def _on_reported(self) -> None:
        runs = self._all_selected()
        if self._looks_at_live(runs):
            self.curves.set_curves(self.live.curves)
        elif any(run.id == self.live.run_id for run in runs):
            self._show_curves(runs, self.model.titles(runs))

    def _on_ended(self, job: Job) -> None:
        if job.state is not JobState.DONE:
            # A process that was ended by force could not write down that it was.
            self._settle(self.live.run_id)
        result = job.result if job.state is JobState.DONE else None
        run_id = str(result.get("run", "")) if isinstance(result, dict) else ""
        run_id = run_id or self.live.run_id
        if run_id and not self.live.curves.is_empty and not self.live.fold:
            self.picture.remember(run_id, self.live.curves)
        self.refresh()
        row = self.model.row_of(run_id)
        if row >= 0:
            self.table.selectRow(row)
        if isinstance(result, dict) and "comparison" in result:
            self._tell(run_id, result)
        elif isinstance(result, dict) and "folds" in result:
            self._bench.inform(str(result.get("reason", "")))

    def _tell(self, run_id: str, result: dict[str, Any]) -> None:
        self._bench.inform(
            str(result["comparison"].get("reason", "")),
            NoticeAction(_("Compare"), partial(self.show_comparison, run_id)),
        )
        if result.get("adopted"):
            rank_again(self._bench)

    # ---- doing ------------------------------------------------------------------

    def ask_finetune(self) -> None:
        """Show the dialog that starts a fine-tuning."""
        dialog = FineTuneDialog(self._bench, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _resume(self) -> None:
        run = self._selected()
        if run is not None:
            self._bench.launch("train", TrainParams(resume=run.id))

    def _go_back(self) -> None:
        use_weights(self._bench, "previous")

    def _compare(self, *_args: object) -> None:
        run = self._selected()
        if run is not None and "new" in run.comparison:
            self.show_comparison(run.id)

    def show_comparison(self, run_id: str) -> None:
        """Show how old and new weights of a run did on the locked slices."""
        if self._bench.store is None:
            return
        try:
            run = self._bench.store.run(run_id)
        except MedlabError as error:
            self._bench.fail(error, _("Compare"))
            return
        show_beside(CompareWeightsDialog(self._bench, run, self.window()))
