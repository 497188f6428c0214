"""Work that takes time: progress, cancellation, and threads to run it on.

A worker knows one object, `JobContext`. It calls ``ctx.progress(done, total, text)``
once per slice, batch or file: that reports, and raises `Cancelled` when the user has
asked to stop.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Cancelled", "Job", "JobContext", "JobRunner", "JobState", "Progress"]


class Cancelled(BaseException):
    """The user asked for the work to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    done, total : float
        Steps done and steps in all; ``total`` is 0 where it is not known.
    message : str
        What is being done.
    data : dict or None
        What a watcher may draw, e.g. ``{"epoch": 3, "loss": 0.2, "dice": 0.9}``.
    """

    done: float
    total: float
    message: str
    data: dict[str, Any] | None = None

    @property
    def fraction(self) -> float | None:
        """Share done, 0 to 1, or None where it is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else None


class JobContext:
    """What a worker may say and must listen to.

    Parameters
    ----------
    on_progress : callable, optional
        Called with each `Progress`, on the worker's own thread.
    cancelled : threading.Event, optional
        Set by whoever wants the work to stop.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._cancelled = cancelled or threading.Event()

    def progress(
        self,
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Report, and stop here if asked to.

        Raises
        ------
        Cancelled
            If the user asked for the work to stop.
        """
        self.check()
        if self._on_progress is not None:
            self._on_progress(Progress(done, total, message, data))

    def check(self) -> None:
        """Raise `Cancelled` if the user asked for the work to stop."""
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancelled.is_set()


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """One piece of work; its signals fire on the worker's thread.

    Attributes
    ----------
    title : str
        What a person reads.
    state : JobState
        Where it stands.
    result : object
        What the work returned, once `JobState.DONE`.
    error : BaseException or None
        What it raised, once `JobState.FAILED`.
    progressed : Signal(Progress)
        How far it is.
    finished : Signal(Job)
        It ended, in any way. Look at ``state``.
    """

    progressed = Signal(Progress)
    finished = Signal(object)

    _ids = itertools.count(1)

    def __init__(
        self, title: str, work: Callable[[JobContext], Any], lane: str = "disk"
    ) -> None:
        self.id = next(self._ids)
        self.title = title
        self.lane = lane
        self.state = JobState.WAITING
        self.result: Any = None
        self.error: BaseException | None = None
        self._work = work
        self._context = JobContext(self.progressed.emit)
        self._over = threading.Event()

    def run(self) -> None:
        """Do the work on this thread and tell `finished`."""
        try:
            self._context.check()
            self.state = JobState.RUNNING
            self.result = self._work(self._context)
            self.state = JobState.DONE
        except Cancelled:
            self.state = JobState.CANCELLED
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for the job
            self.error = error
            self.state = JobState.FAILED
        finally:
            self._over.set()
        self.finished.emit(self)

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._context.cancel()

    @property
    def is_cancelled(self) -> bool:
        """Whether the work was asked to stop; it may have been done by then."""
        return self._context.is_cancelled

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work ended; return whether it did."""
        return self._over.wait(timeout)


class JobRunner:
    """Threads in named lanes.

    Parameters
    ----------
    lanes : dict of str to int
        How many jobs of each lane run at once. A lane not named here holds one.
    """

    def __init__(self, lanes: dict[str, int] | None = None) -> None:
        self._limits = lanes or {"gpu": 1, "disk": 2, "preview": 1}
        self._waiting: dict[str, deque[Job]] = {}
        self._running: dict[str, set[Job]] = {}
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, str] = {}  # and the lane each works in
        self._idle: list[SimpleQueue[Job | None]] = []
        self._closed = False

    def submit(self, job: Job, *, newest_wins: bool = False) -> Job:
        """Run a job as soon as its lane has room.

        Parameters
        ----------
        job : Job
            The work.
        newest_wins : bool
            Cancel what waits or runs in the same lane: only the newest preview counts.
        """
        with self._lock:
            if self._closed:
                msg = "MedLab is closing; nothing new is begun."
                raise RuntimeError(msg)
            dropped: list[Job] = []
            if newest_wins:
                dropped = list(self._waiting.get(job.lane, ()))
                self._waiting[job.lane] = deque()
                for running in self._running.get(job.lane, ()):
                    running.cancel()
            self._waiting.setdefault(job.lane, deque()).append(job)
        for old in dropped:
            old.cancel()
            old.run()
        self._start(job.lane)
        return job

    def cancel(self, job: Job) -> None:
        """Ask a job to stop; one that waits for its turn ends at once."""
        job.cancel()
        with self._lock:
            waiting = self._waiting.get(job.lane, ())
            waits = job in waiting
            if waits:
                self._waiting[job.lane].remove(job)
        if waits:
            job.run()

    def _start(self, lane: str) -> None:
        with self._lock:
            running = self._running.setdefault(lane, set())
            waiting = self._waiting.get(lane)
            while waiting and len(running) < self._limits.get(lane, 1):
                job = waiting.popleft()
                running.add(job)
                if self._idle:
                    self._idle.pop().put(job)
                    continue
                inbox: SimpleQueue[Job | None] = SimpleQueue()
                inbox.put(job)  # not an argument: a thread keeps those while it lives
                thread = threading.Thread(
                    target=self._serve, args=(inbox,), name="medlab", daemon=True
                )
                self._threads[thread] = job.lane
                thread.start()

    def _serve(self, inbox: SimpleQueue[Job | None]) -> None:
        """Do one job after the other; a thread that waits is woken, not waited for.

        To start a new one, Python waits until it runs: the Qt thread would stand still.
        """
        thread = threading.current_thread()
        while (job := inbox.get()) is not None:
            lane, whole = job.lane, False
            with self._lock:
                self._threads[thread] = lane
            thread.name = f"medlab-{lane}"
            try:
                job.run()
                whole = True
            finally:
                with self._lock:
                    self._running[lane].discard(job)
                    job = None  # else what it made would live until the next one comes
                    thread.name = "waits for medlab"
                    if whole and not self._closed:
                        self._idle.append(inbox)
                    else:
                        self._threads.pop(thread, None)
                        inbox.put(None)
                self._start(lane)

    @property
    def active(self) -> tuple[Job, ...]:
        """Jobs that wait or run."""
        with self._lock:
            jobs = [j for lane in self._waiting.values() for j in lane]
            jobs += [j for lane in self._running.values() for j in lane]
        return tuple(sorted(jobs, key=lambda j: j.id))

    def close(
        self,
        timeout: float = 10.0,
        *,
        hasty: Collection[str] = (),
        hasty_timeout: float = 0.0,
    ) -> bool:
        """Cancel all, wait, and take no more; return whether all ended in time.

        Parameters
        ----------
        timeout : float
            For how long to wait, in seconds.
        hasty : collection of str
            Lanes whose jobs write nothing: they are left behind after `hasty_timeout`.
        hasty_timeout : float
            For how long to wait for those, in seconds.
        """
        with self._lock:
            self._closed = True
            dropped = [j for lane in self._waiting.values() for j in lane]
            self._waiting.clear()
            running = [j for lane in self._running.values() for j in lane]
            threads = dict(self._threads)
            for inbox in self._idle:
                inbox.put(None)
            self._idle.clear()
        for job in [*dropped, *running]:
            job.cancel()
        for job in dropped:
            job.run()
        start = time.monotonic()
        for thread, lane in threads.items():
            patience = hasty_timeout if lane in hasty else timeout
            if thread is not threading.current_thread():
                thread.join(max(0.0, start + patience - time.monotonic()))
        return not any(t.is_alive() for t in threads)
