"""Changes of a mask; large ones are worked out on a thread, and none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.jobs import Job
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.change import Change
    from medlab_gui.review.session import ReviewSession

__all__ = ["LargeChanges"]

_INSTANT_VOXELS = 3 * 10**6
"""A change of so many takes some hundredths of a second."""
_PATIENCE_S = 60.0


class LargeChanges:
    """Makes changes of the open series' mask without holding the window up.

    While a large one is worked out and put into the mask nothing else is edited
    (`MaskEditor.held`): what a person does next is done to its result, or not at all.

    Parameters
    ----------
    bench : Workbench
        What is open; lends the thread.

    Attributes
    ----------
    is_busy : bool
        Whether a large one is under way.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.is_busy = False
        self.is_busy = False
        self._job: Job | None = None
        self._title = self._why = ""
        self._waiting: list[Callable[[], object]] = []

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
        session.hold(why)
        self.is_busy, self._title, self._why = True, title, why

        def done(change: Change | None) -> None:
            if self._job is job:  # else `finish` was before
                self._write(session, change, then)

        def failed(error: BaseException) -> None:
            if self._job is job:
                self._end(session)
                bench.fail(error, title)

        job = self._job = bench.submit(
            title,
            lambda _ctx: prepare(),
            on_done=done,
            on_error=failed,
            lane="edit",
            newest_wins=False,
        )

    def later(self, do: Callable[[], object]) -> None:
        """Do something when the change that is under way is made."""
        self._waiting.append(do)

    def finish(self) -> None:
        """Write down what is under way, at once: the series is about to be closed."""
        job, self._job, self.is_busy = self._job, None, False
        self._waiting.clear()
        session = self._bench.session
        if job is None or session is None:
            return
        job.wait(_PATIENCE_S)
        try:
            if job.state is JobState.FAILED and job.error is not None:
                raise job.error
            if job.state is JobState.DONE and job.result is not None:
                session.write(job.result)
        except MedlabError as error:
            self._bench.fail(error, self._title)

    def _write(
        self,
        session: ReviewSession,
        change: Change | None,
        then: Callable[[], object],
    ) -> None:
        self._job = None
        try:
            if change is not None:
                session.write(change)
        except MedlabError as error:
            self._end(session)
            self._bench.fail(error, self._title)
            return

        def end() -> None:
            if self._bench.session is session:
                if change is not None:
                    session.tell(change)
                then()
            self._end(session)

        if change is None:
            end()
            return
        self._bench.submit(
            self._title,
            lambda _ctx: session.put(change),
            on_end=end,
            lane="edit",
            newest_wins=False,
        )

    def _end(self, session: ReviewSession) -> None:
        """Let people edit again, and do what they have asked for meanwhile."""
        self._job, self.is_busy = None, False
        session.release(self._why)
        waiting, self._waiting = self._waiting, []
        for n, do in enumerate(waiting):
            if self._bench.session is not session:
                return
            if session.held:  # what was done is large, too
                self._waiting.extend(waiting[n:])
                return
            do()
