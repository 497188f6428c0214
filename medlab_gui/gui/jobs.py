"""The one crossing from worker threads to the Qt thread.

Workers append to queues that belong to their job. A timer on the Qt thread empties
the queues ten times a second while anything runs; the end of a job comes over at
once by a queued Qt signal. No worker ever touches a widget, a layer or the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy import QtCore
from qtpy.QtCore import QObject, Qt, QTimer

from medlab_gui.core.jobs import Job, JobRunner, JobState, Progress
from medlab_gui.gui.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UPDATE_MS", "Jobs"]

UPDATE_MS = 100
"""Progress reaches the window at most this often."""

_READING = frozenset(
    {
        *("comparison", "figures", "open", "pair-open", "pictures", "preview"),
        *("planes", "reading", "scan", "stream", "thumbnail", "volume"),
    }
)
"""Lanes whose jobs write nothing that anybody would miss, and have no child to end."""
_HASTE_S = 0.3


class _Crossing(QObject):
    """Carries the end of a job to the thread that this object lives in."""

    over = QtCore.Signal(object)


@dataclass
class _Watched:
    job: Job
    on_done: Callable[[Any], object] | None
    on_error: Callable[[BaseException], object] | None
    on_end: Callable[[], object] | None
    reports: deque[Progress] = field(default_factory=deque)


class Jobs:
    """Work in threads, watched from the Qt thread.

    Make it, call it and connect to it on the Qt thread; all its signals and callbacks
    come on the Qt thread.

    Attributes
    ----------
    started : Signal(Job)
        A job was submitted.
    progressed : Signal(Job, tuple of Progress)
        New reports of a job, oldest first: the newest one, and before it each report
        that carried ``data`` (so that no epoch of a training is lost).
    finished : Signal(Job)
        It ended, in any way; look at ``job.state``.
    failed : Signal(Job, BaseException)
        It failed and its submitter did not want to handle that itself.
    """

    started = Signal(object)
    progressed = Signal(object, object)
    finished = Signal(object)
    failed = Signal(object, object)

    def __init__(self, runner: JobRunner | None = None) -> None:
        self._runner = runner or JobRunner(
            {"gpu": 1, "disk": 2, "preview": 1, "open": 1, "thumbnail": 1}
        )
        self._watched: dict[int, _Watched] = {}
        self._crossing = _Crossing()
        self._crossing.over.connect(self._end, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self._crossing)
        self._timer.setInterval(UPDATE_MS)
        self._timer.timeout.connect(self._flush)
        self._closed = False

    @property
    def active(self) -> tuple[Job, ...]:
        """Jobs that have not been reported as ended, oldest first."""
        return tuple(w.job for w in self._watched.values())

    def goes_on(self, lane: str) -> bool:
        """Whether something is done in a lane that people know of.

        What has no title only makes ready.
        """
        return any(job.lane == lane and job.title for job in self.active)

    def submit(
        self,
        job: Job,
        *,
        on_done: Callable[[Any], object] | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        on_end: Callable[[], object] | None = None,
        newest_wins: bool = False,
    ) -> Job:
        """Run a job on a thread of its lane.

        Parameters
        ----------
        job : Job
            The work.
        on_done : callable, optional
            Called with the result, on the Qt thread. Where it returns an iterator (it
            is a generator function), that is gone through step by step, with time for
            the window between the steps; the job ends after the last.
        on_error : callable, optional
            Called with the error, on the Qt thread; without it `failed` is emitted.
        on_end : callable, optional
            Called last, however the job ended (also when it was cancelled).
        newest_wins : bool
            Cancel what waits or runs in the same lane.
        """
        watched = _Watched(job, on_done, on_error, on_end)
        self._watched[job.id] = watched
        job.progressed.connect(watched.reports.append, check_nargs=False, max_args=1)
        job.finished.connect(self._ended_on_worker)
        self.started.emit(job)
        if not self._timer.isActive():
            self._timer.start()
        return self._runner.submit(job, newest_wins=newest_wins)

    def cancel(self, job: Job) -> None:
        """Ask a job to stop at its next report; one that waits ends at once."""
        self._runner.cancel(job)

    def close(self, timeout: float = 10.0) -> bool:
        """Cancel all, wait, and deliver nothing more; return whether all ended.

        What only reads or makes ready is hardly waited for: in the first seconds it
        imports libraries, which nobody can stop, for seconds on a busy machine.
        """
        self._closed = True
        self._timer.stop()
        ended = self._runner.close(timeout, hasty=_READING, hasty_timeout=_HASTE_S)
        self._watched.clear()
        return ended

    def _ended_on_worker(self, job: Job) -> None:
        self._crossing.over.emit(job)

    def _flush(self) -> None:
        for watched in list(self._watched.values()):
            self._report(watched)

    def _report(self, watched: _Watched) -> None:
        reports = [watched.reports.popleft() for _ in range(len(watched.reports))]
        if reports:
            kept = (*(r for r in reports[:-1] if r.data), reports[-1])
            self.progressed.emit(watched.job, kept)

    def _end(self, job: Job) -> None:
        watched = self._watched.get(job.id)
        if watched is None or self._closed:
            return
        self._report(watched)
        steps = None
        try:
            if job.state is JobState.DONE and watched.on_done is not None:
                steps = watched.on_done(job.result)
            elif job.state is JobState.FAILED and job.error is not None:
                if watched.on_error is not None:
                    watched.on_error(job.error)
                else:
                    self.failed.emit(job, job.error)
        finally:
            if isinstance(steps, Iterator):
                in_steps(self._steps(watched, steps))
            else:
                self._finish(watched)

    def _steps(self, watched: _Watched, steps: Iterator[object]) -> Iterator[None]:
        """Go on with what follows a job, for as long as there is a window."""
        try:
            for _step in steps:
                yield
                if self._closed:
                    return
        finally:
            self._finish(watched)

    def _finish(self, watched: _Watched) -> None:
        self._watched.pop(watched.job.id, None)
        if self._closed:
            return
        if not self._watched:
            self._timer.stop()
        self.finished.emit(watched.job)
        if watched.on_end is not None:
            watched.on_end()
