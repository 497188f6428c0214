"""The training under way: how far it is, what it says, and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.curves import TrainingCurves
from medlab_gui.gui.durations import in_words
from medlab_gui.gui.progress_bar import ProgressBar

if TYPE_CHECKING:
    from medlab_gui.core.jobs import Job, Progress
    from medlab_gui.gui.workbench import Workbench

__all__ = ["LiveTraining"]


class LiveTraining(QFrame):
    """Follows the job of this window that trains; hidden while there is none.

    Parameters
    ----------
    workbench : Workbench
        Its jobs are watched.
    parent : QWidget
        Owner.

    Attributes
    ----------
    job : Job or None
        The training.
    run_id : str
        Its run, as soon as it has said so; kept when it is over.
    curves : TrainingCurves
        What it has reported; of a cross-validation, the fold it is at.
    fold : int
        That fold, from 1; 0 outside a cross-validation.
    began, reported : Signal()
        There is one, and it has said something.
    named : Signal(str)
        It has said which run it is.
    ended : Signal(Job)
        It is over; ``job`` is None already.
    """

    began = Signal()
    named = Signal(str)
    reported = Signal()
    ended = Signal(object)

    def __init__(self, workbench: Workbench, parent: QWidget) -> None:
        super().__init__(parent)
        self._bench = workbench
        self.job: Job | None = None
        self.run_id, self.fold = "", 0
        self.curves = TrainingCurves()
        self._cancelling = False
        self._build()
        workbench.job_started.connect(self.follow)
        workbench.job_progressed.connect(self._on_progress)
        workbench.job_finished.connect(self._on_finished)

    def _build(self) -> None:
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.status = QLabel(self)
        self.status.setWordWrap(True)
        self.status.setAccessibleName(_("Training under way"))
        self.bar = ProgressBar(self)
        self.bar.setAccessibleName(_("Progress of the training"))
        self.bar.setMinimumHeight(self.fontMetrics().height() + 6)
        self.cancel = QPushButton(_("Cancel"), self)
        tip = _("Stop the training; it can be resumed")
        self.cancel.setToolTip(tip)
        self.cancel.setAccessibleDescription(tip)
        self.cancel.clicked.connect(self._cancel)
        line = QHBoxLayout()
        line.addWidget(self.bar, 1)
        line.addWidget(self.cancel)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(6, 4, 6, 4)
        # Above the words: a longer sentence must not move Cancel from under the mouse.
        rows.addLayout(line)
        rows.addWidget(self.status)
        self.hide()

    def follow(self, job: Job) -> None:
        """Show a job from now on, if it trains."""
        if job.title != self._bench.command("train").title.rstrip("…"):
            return
        self.job, self.curves = job, TrainingCurves()
        self.run_id, self.fold = "", 0
        self._cancelling = False
        self.status.setText(_("Starting…"))
        self.bar.setRange(0, 0)
        self.cancel.setEnabled(True)
        self.show()
        self.began.emit()

    def _on_progress(self, job: Job, reports: tuple[Progress, ...]) -> None:
        if job is not self.job or not reports:
            return
        for report in reports:
            data = report.data or {}
            if "run" in data:
                self.run_id = str(data["run"])
                self.named.emit(self.run_id)
            if "epoch" in data:
                self._add(data)
        fraction = reports[-1].fraction
        if fraction is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * fraction))
        if not self._cancelling:
            self.status.setText(_in_words(reports[-1]))
        self.reported.emit()

    def _add(self, data: dict[str, Any]) -> None:
        # Each fold of a cross-validation begins anew.
        if data.get("fold", self.fold) != self.fold:
            self.fold = data["fold"]
            self.curves = TrainingCurves(spec=self.curves.spec)
        self.curves.add(data)

    def _on_finished(self, job: Job) -> None:
        if job is self.job:
            self.job = None
            self.hide()
            self.ended.emit(job)

    def _cancel(self) -> None:
        if self.job is not None:
            self._cancelling = True
            self.cancel.setEnabled(False)
            self.status.setText(_("Stopping; what was learned so far is kept."))
            self._bench.cancel(self.job)


def _in_words(report: Progress) -> str:
    left = (report.data or {}).get("seconds_left")
    if not isinstance(left, int | float):
        return report.message
    return _("{what} · {time} left").format(
        what=report.message, time=in_words(float(left))
    )
