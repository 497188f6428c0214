"""Applies the recipe to the whole open scan in the background, where it was wished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QObject

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.processed_volume import ProcessedVolume

if TYPE_CHECKING:
    from medlab_gui.core.jobs import Job, JobContext, Progress
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.gui.preview import SliceRunner
    from medlab_gui.gui.workbench import Workbench

__all__ = ["VolumeProcessing"]


class VolumeProcessing(QObject):
    """The open scan as the recipe makes it, as far as somebody wished for that.

    Parameters
    ----------
    workbench : Workbench
        What is open.
    parent : QObject
        Who asks.

    Attributes
    ----------
    runner : SliceRunner or None
        Of the open scan: what it has fitted to it is not fitted again.
    """

    changed = QtCore.Signal()
    """More or fewer slices are processed."""
    failed = QtCore.Signal(object)
    """The error that ended it."""

    def __init__(self, workbench: Workbench, parent: QObject) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._volume: ProcessedVolume | None = None
        self._job: Job | None = None
        self.runner: SliceRunner | None = None
        workbench.session_changed.connect(self._on_session)
        workbench.pipeline_changed.connect(self._on_pipeline)
        workbench.job_progressed.connect(self._on_progress)

    @property
    def is_running(self) -> bool:
        """Whether slices are being processed."""
        return self._job is not None

    @property
    def current(self) -> ProcessedVolume | None:
        """What there is of the open series with the recipe as it is, or None."""
        volume, session = self._volume, self._bench.session
        if volume is None or session is None:
            return None
        try:
            fits = volume.is_of(session.series_uid, self._bench.pipeline)
        except MedlabError:  # a step of a plugin that is away
            return None
        return volume if fits else None

    @property
    def progress(self) -> tuple[int, int]:
        """Slices that are processed with the recipe as it is, and slices in all."""
        session, volume = self._bench.session, self.current
        if session is None:
            return 0, 0
        n = session.volume.grid.shape[0]
        return (volume.n_done if volume is not None else 0), n

    def start(self) -> None:
        """Process every slice that is not done yet, from the one shown outwards."""
        session, volume = self._bench.session, self.current
        if session is None:
            return
        try:
            if volume is None:
                # The old one goes first: two would take twice the memory.
                self._volume = None
                volume = ProcessedVolume(
                    session.series_uid,
                    self._bench.pipeline,
                    session.volume.data,
                    session.series.display.padding,
                )
        except MedlabError as error:
            self.failed.emit(error)
            return
        self._volume, first, runner = volume, session.k, self.runner

        def work(ctx: JobContext) -> None:
            volume.fill(first, ctx.progress, runner)

        self._job = job = self._bench.submit(
            _("Preprocessing the volume"),
            work,
            on_error=self.failed.emit,
            on_end=lambda: self._ended(job),
            lane="volume",
        )
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; the slices that are done stay."""
        if self._job is not None:
            self._bench.cancel(self._job)

    def _on_session(self) -> None:
        self.cancel()
        self._volume = None
        self.changed.emit()

    def _on_pipeline(self, _spec: PipelineSpec) -> None:
        # The volume of another recipe is of no use any more.
        if self._volume is not None and self.current is None:
            self.cancel()

    def _on_progress(self, job: Job, _reports: tuple[Progress, ...]) -> None:
        if job is self._job:
            self.changed.emit()

    def _ended(self, job: Job) -> None:
        if job is self._job:
            self._job = None
        self.changed.emit()
