"""The queue: which slices want a person, the most urgent first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSize, Qt, QTimer
from qtpy.QtGui import QFont, QFontMetrics
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _, counted
from medlab_gui.core.records import ItemState, WorkItem
from medlab_gui.gui.progress_bar import ProgressBar
from medlab_gui.gui.queue_model import WAITING, Column, QueueDelegate, QueueModel
from medlab_gui.gui.steps import in_own_turn
from medlab_gui.gui.thumbnails import Thumbnails
from medlab_gui.gui.when_seen import WhenSeen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from medlab_gui.gui.workbench import Workbench

__all__ = ["QueueDock", "explain"]

_SOON_MS = 100
"""Until the queue follows: slices are drawn first, alone while they fly by."""


def explain(items: Sequence[WorkItem], *, n_series: int, has_model: bool) -> str:
    """Say in words why nothing waits; empty where something does.

    Parameters
    ----------
    items : sequence of WorkItem
        The queue.
    n_series : int
        Series in the project.
    has_model : bool
        Whether the project has weights in use.
    """
    waiting = sum(i.state in WAITING for i in items)
    skipped = sum(i.state is ItemState.SKIPPED for i in items)
    if waiting:
        return ""
    if not n_series:
        return _(
            "The queue is empty because the project holds no study yet. "
            "Open one with Study > Open study, then rank its slices."
        )
    if not items and not has_model:
        return _(
            "The queue is empty because the project has no model yet. “Rank” takes "
            "the starter model that comes with MedLab; Model > Use other weights "
            "takes yours."
        )
    if not items:
        return _(
            "Nothing is ranked yet. “Rank” asks the model which slices it is least "
            "sure of; they come first."
        )
    if skipped == len(items):
        return counted(
            skipped,
            "The only slice was skipped. Click it and take it back, or rank again.",
            "All {n} slices were skipped. Click one and take it back, or rank again.",
        )
    if skipped:
        labelled = counted(
            len(items) - skipped, "1 slice is labelled", "{n} slices are labelled"
        )
        return _(
            "The queue is finished: {labelled}, {skipped}. Fine-tune the model now, or "
            "click a skipped slice and take it back."
        ).format(
            labelled=labelled,
            skipped=counted(skipped, "1 was skipped", "{n} were skipped"),
        )
    return counted(
        len(items),
        "The queue is finished: its only slice is labelled. Fine-tune the model, then "
        "rank again.",
        "The queue is finished: all {n} slices are labelled. Fine-tune the model, "
        "then rank again.",
    )


class QueueDock(QWidget):
    """The work that is left.

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
        self._thumbnails = Thumbnails(workbench)
        self._seen = WhenSeen(self, self.refresh)
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self._when_others_had_their_turn)
        self.model = QueueModel(self._thumbnails, self)
        self._build()
        workbench.project_changed.connect(self._on_project)
        workbench.session_changed.connect(self._on_place)
        workbench.slice_changed.connect(self._on_slice)
        workbench.job_started.connect(self._on_job)
        workbench.job_finished.connect(self._on_job)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return the size of a dock."""
        return QSize(320, 420)

    def _build(self) -> None:
        self.progress = ProgressBar(self)
        self.progress.setAccessibleName(_("Slices done"))
        self.progress.setTextVisible(True)
        # Themes draw it as a thin line, which its text would not fit into.
        self.progress.setMinimumHeight(self.fontMetrics().height() + 6)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setMargin(8)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.message.setAccessibleName(_("State of the queue"))
        self.table = QTableView(self)
        self.table.setModel(self.model)
        self._delegate = QueueDelegate(self.table)
        self.table.setItemDelegate(self._delegate)
        self.table.setAccessibleName(_("Slices that wait to be looked at"))
        self.table.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(
            QueueDelegate.picture_side + 4
        )
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(36)
        header.setSectionResizeMode(Column.REASON, QHeaderView.ResizeMode.Stretch)
        bold = QFont(self.font())
        bold.setBold(True)  # as headers and the selected row are written
        wide = QFontMetrics(bold).horizontalAdvance
        for column, width in (
            (Column.PICTURE, QueueDelegate.picture_side + 8),
            (Column.SLICE, max(wide(_("Slice")), wide("0000")) + 12),
            (Column.SCORE, max(wide(_("Score")), wide("0.00")) + 12),
            (Column.STATE, wide(_("skipped")) + 12),
        ):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, width)
        self.table.clicked.connect(self._open_row)
        self.table.activated.connect(self._open_row)
        self.rank = self._button(
            _("Rank"), _("Ask the model which slices it is least sure of"), self._rank
        )
        self.accept = self._button(
            _("Accept and next"),
            _("The mask of this slice is right: open the next one (Enter)"),
            self._bench.accept_and_next,
        )
        self.skip = self._button(
            _("Skip"), _("Leave the slice shown out (Shift+N)"), self._skip_or_back
        )
        buttons = QHBoxLayout()
        for button in (self.rank, self.accept, self.skip):
            buttons.addWidget(button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(6, 6, 6, 6)
        rows.addWidget(self.progress)
        rows.addWidget(self.message)
        rows.addWidget(self.table, 1)
        rows.addLayout(buttons)
        self.setMinimumWidth(270)

    def _button(self, text: str, tip: str, run: Any) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        button.setSizePolicy(
            QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed
        )
        button.clicked.connect(run)
        return button

    # ---- showing --------------------------------------------------------------

    def _on_project(self) -> None:
        """Read the queue anew, once for all that changes in a moment."""
        self._seen.is_due = True
        self._soon.start()

    def _when_others_had_their_turn(self) -> None:
        # What changed the project may have taken long just now.
        in_own_turn(self, 1, self._catch_up)

    def _catch_up(self) -> None:
        if not self._seen.catch_up():
            self._on_place()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while the dock was hidden."""
        super().showEvent(event)
        self._thumbnails.set_side(
            round(QueueDelegate.picture_side * self.devicePixelRatioF())
        )
        if self._seen.is_due and self._seen.is_seen:
            self.refresh()

    def refresh(self) -> None:
        """Read the queue from the project; what was selected stays selected."""
        self._seen.done()
        store = self._bench.store
        items: Sequence[WorkItem] = ()
        names: dict[str, str] = {}
        has_model = False
        if store is not None:
            try:
                items = store.items()
                names = store.descriptions()
                has_model = store.current_checkpoint() is not None
            except MedlabError as error:
                self._say(error.message)
                return
        self._thumbnails.forget_changed()
        chosen = self._selected()
        scrolled = self.table.verticalScrollBar().value()
        self.model.set_items(items, names)
        self.table.verticalScrollBar().setValue(scrolled)
        if chosen is not None:
            row = self.model.row_at((chosen.series_uid, chosen.slice_index))
            if row >= 0:
                self.table.selectRow(row)
        self._on_place()
        self.table.setVisible(bool(items))
        self._say(explain(items, n_series=len(names), has_model=has_model))
        self._show_progress(items)
        self._show_buttons()

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _show_progress(self, items: Sequence[WorkItem]) -> None:
        done = sum(i.state is ItemState.ACCEPTED for i in items)
        skipped = sum(i.state is ItemState.SKIPPED for i in items)
        self.progress.setVisible(bool(items))
        self.progress.setRange(0, max(1, len(items)))
        self.progress.setValue(done)
        text = _("{done} of {total} done").format(done=done, total=len(items))
        if skipped:
            text += _(", {n} skipped").format(n=skipped)
        self.progress.setFormat(text)

    def _selected(self) -> WorkItem | None:
        rows = self.table.selectionModel().selectedRows()
        return self.model.item(rows[0].row()) if rows else None

    def _on_slice(self, _k: int) -> None:
        self._soon.start()

    def _on_place(self) -> None:
        """Mark the row of the open slice, and select it."""
        session = self._bench.session
        place = (session.series_uid, session.k) if session is not None else None
        self.model.set_open(place)
        row = self.model.row_at(place)
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, 0))
        self._show_buttons()

    def _on_job(self, _job: object) -> None:
        self._show_buttons()

    def _show_buttons(self) -> None:
        session, store = self._bench.session, self._bench.store
        self.rank.setEnabled(store is not None and not self._is_ranking())
        self.accept.setEnabled(session is not None and not session.read_only)
        item = self._open_item()
        back = item is not None and item.state is ItemState.SKIPPED
        self.skip.setText(_("Take back") if back else _("Skip"))
        self.skip.setEnabled(item is not None and item.state is not ItemState.ACCEPTED)

    def _is_ranking(self) -> bool:
        title = self._bench.command("score").title
        return any(job.title == title for job in self._bench.jobs.active)

    def _open_item(self) -> WorkItem | None:
        session = self._bench.session
        if session is None:
            return None
        row = self.model.row_at((session.series_uid, session.k))
        return self.model.item(row) if row >= 0 else None

    # ---- doing ----------------------------------------------------------------

    def _open_row(self, index: QModelIndex) -> None:
        item = self.model.item(index.row())
        self._bench.open_series(item.series_uid, item.slice_index)
        # Keys are about the slice now: here letters would look for a row, and Enter
        # would open this one again instead of accepting it.
        self.table.clearFocus()

    def _rank(self) -> None:
        self._bench.launch("score", {})

    def _skip_or_back(self) -> None:
        item = self._open_item()
        if item is not None and item.state is ItemState.SKIPPED:
            self._bench.launch(
                "skip",
                {
                    "series": item.series_uid,
                    "slice": item.slice_index + 1,
                    "back": True,
                },
            )
        else:
            self._bench.skip()
