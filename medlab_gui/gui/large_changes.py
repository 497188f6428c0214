"""Changes of a mask; large ones are worked out on a thread, and none is lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from medlab_gui.core.errors import ConflictError, MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.jobs import Job
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.change import Change
    from medlab_gui.review.session import ReviewSession

__all__ = ["LargeChanges"]

_log = logging.getLogger(__name__)

_INSTANT_VOXELS = 3 * 10**6
"""A change of so many takes some hundredths of a second."""
_PATIENCE_S = 60.0


@dataclass(eq=False)
class _Running:
    """A large change that is under way."""

    session: ReviewSession
    title: str
    why: str
    then: Callable[[], object]
    job: Job | None = None
    is_written: bool = False
    is_made: bool = False


class LargeChanges:
    """Makes changes of the open series' mask without holding the window up.

    While a large one is worked out and put into the mask nothing else is edited
    (`MaskEditor.held`): what a person does next is done to its result, or not at all.

    Parameters
    ----------
    bench : Workbench
        What is open; lends the thread.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._running: _Running | None = None
        self._waiting: list[tuple[Callable[[], object], bool]] = []
        self._leaving: tuple[str, Callable[[], object]] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a large one is under way."""
        return self._running is not None

    def make(
        self,
        title: str,
        why: str,
        size: int,
        prepare: Callable[[], Change | None],
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """Make a change: at once, or soon where it is large.

        Parameters
        ----------
        title : str
            What is done, for the status bar and for messages.
        why : str
            Sentence for those who want to edit meanwhile.
        size : int
            Of about how many voxels it is.
        prepare : callable
            Works it out, such as `ReviewSession.prepare_prediction`.
        then : callable
            Called when it is made, also where nothing changed.
        """
        bench, session = self._bench, self._bench.session
        assert session is not None
        if size <= _INSTANT_VOXELS:
            try:
                session.make(prepare)
            except MedlabError as error:
                bench.fail(error, title)
            else:
                then()
            return
        if bench.jobs.goes_on("open"):
            bench.inform(
                _("One moment: another study is being opened, and this one closed.")
            )
            return
        session.hold(why)
        running = self._running = _Running(session, title, why, then)

        def failed(error: BaseException) -> None:
            if self._running is running:  # else `finish` has told it
                bench.fail(error, title)

        running.job = bench.submit(
            title,
            lambda _ctx: prepare(),
            on_done=lambda change: self._write(running, change),
            on_error=failed,
            on_end=lambda: self._worked_out(running),
            lane="edit",
            newest_wins=False,
        )

    def later(self, do: Callable[[], object], *, always: bool = False) -> None:
        """Do something when the change that is under way is made.

        Where it is not made that is done only if ``always``: an undo was meant for it.
        """
        self._waiting.append((do, always))

    def leave(self, do: Callable[[], object]) -> None:
        """Do what leaves the series: now, or when what is under way is in the mask.

        Of several the last is done, as if all had been at once; none after `stay`.
        """
        if self._running is None:
            do()
            return
        self._leaving = (self._bench.project_place, do)
        told = _("In a moment: {title} comes first.")
        self._bench.inform(told.format(title=self._running.title))

    def stay(self) -> None:
        """Leave the series no more: a person has gone back to it."""
        self._leaving = None

    def finish(self, *, for_good: bool = False) -> None:
        """Write down what is under way and wait for it: the series is being closed.

        Parameters
        ----------
        for_good : bool
            Nobody goes anywhere from there: the window is being closed, too.
        """
        running, self._running = self._running, None
        self._waiting.clear()
        if for_good:
            self.stay()
        elif self._leaving is not None:
            QTimer.singleShot(0, self._go)
        if running is None or running.is_written or running.job is None:
            return
        job = running.job
        if job.is_cancelled:
            return
        job.wait(_PATIENCE_S)
        try:
            if job.state is JobState.FAILED and job.error is not None:
                raise job.error
            if job.state is not JobState.DONE:
                msg = _("It was not done: the series was closed before.")
                raise ConflictError(msg)
            if job.result is not None:
                running.session.write(job.result)
        except MedlabError as error:
            self._bench.fail(error, running.title)
        except Exception as error:  # noqa: BLE001 - closing goes on, whatever it was
            _log.exception("A change was not made")
            self._bench.warn(f"{running.title}: {error!r}")

    def _go(self) -> None:
        """Leave the series, if somebody wants that; from another project nobody did."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None and leaving[0] == self._bench.project_place:
            self.leave(leaving[1])

    def _write(self, running: _Running, change: Change | None) -> None:
        if self._running is not running:
            return  # `finish` was before
        session = running.session
        if running.job is not None and running.job.is_cancelled:
            self._bench.inform(_("Cancelled. The mask is as it was."))
            return
        if change is None:
            running.is_made = True
            running.then()
            return
        try:
            session.write(change)
        except MedlabError as error:
            self._bench.fail(error, running.title)
            return
        running.is_written = True

        def put(_nothing: None) -> None:
            running.is_made = True
            if self._running is running:
                session.tell(change)
                running.then()

        def failed(error: BaseException) -> None:
            if self._running is running:
                self._bench.reopen()  # with what is written down
            self._bench.fail(error, running.title)

        self._bench.submit(
            "",  # it cannot be cancelled: it is written down
            lambda _ctx: session.put(change),
            on_done=put,
            on_error=failed,
            on_end=lambda: self._end(running),
            lane="edit",
            newest_wins=False,
        )

    def _worked_out(self, running: _Running) -> None:
        if not running.is_written:  # else it is being put into the mask
            self._end(running)

    def _end(self, running: _Running) -> None:
        """Let people edit again, and do what they have asked for meanwhile."""
        is_latest = self._running is running
        if is_latest:
            self._running = None
        running.session.release(running.why)
        if not is_latest:
            return
        try:
            self._do_what_waits(running)
        finally:
            if not self.is_busy:
                self._go()

    def _do_what_waits(self, running: _Running) -> None:
        waiting, self._waiting = self._waiting, []
        if not running.is_made and any(not always for _do, always in waiting):
            waiting = [(do, always) for do, always in waiting if always]
            self._bench.inform(_("Nor was anything undone or redone after it."))
        for n, (do, _always) in enumerate(waiting):
            if self.is_busy:  # what was done is large, too
                self._waiting.extend(waiting[n:])
                return
            do()
