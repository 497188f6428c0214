"""One series on its way from its files onto the stage and into the project.

It is looked at while it is read, read-only. When all is read (and the person has said
what is to be done about its geometry, where that is a question) it is taken into the
project, and the project's own series takes the place of the provisional one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import JobState
from medlab_gui.gui import launching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.core.jobs import Job, JobContext, Progress
    from medlab_gui.gui.warming import Warming
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries, VolumeStream
    from medlab_gui.review.provisional import ProvisionalSession
    from medlab_gui.review.session import ReviewSession

__all__ = ["StreamOpening"]

_PATIENCE_S = 0.2
_LOOK_S = 0.3
"""So long may drawing the first slice take; then the others are read all the same."""


class StreamOpening:
    """Opens a series from its files; make it, then `start` it.

    Parameters
    ----------
    bench : Workbench
        Where it opens; its project is open.
    found : FileSeries
        Without a blocking problem, and not in the project yet.
    may_import : bool
        False waits for `decide` before anything is written into the project.

    Attributes
    ----------
    session : ProvisionalSession or None
        What is on the stage, from the first slice until the import is done.
    ended : Signal(str)
        It is over: with the UID in the project, or an empty text.
    """

    ended = Signal(str)

    def __init__(
        self, bench: Workbench, found: FileSeries, *, may_import: bool = True
    ) -> None:
        self._bench = bench
        self.found = found
        self.session: ProvisionalSession | None = None
        self._may_import = may_import
        self._stream: VolumeStream | None = None
        self._job: Job | None = None
        self._is_importing = False
        self._is_over = False
        self._is_refused = False
        self._goes_back = True
        self._go_back: Callable[[], object] = lambda: None
        self._reads_on = threading.Event()

    # ---- reading ----------------------------------------------------------------

    def start(self) -> None:
        """Begin to read; the stage changes when the middle slice is there."""
        found, reads_on, warming = self.found, self._reads_on, self._bench.warming

        def work(ctx: JobContext) -> VolumeStream:
            return _first_of(found, reads_on, ctx, warming)

        self._submit(self._title, work, self._begin, lane="open")

    def read_on(self) -> None:
        """Read the other slices, too: the first one has been drawn."""
        self._reads_on.set()

    @property
    def _title(self) -> str:
        return _("Read {name}").format(name=self.found.name)

    def _begin(self, stream: VolumeStream) -> Iterator[None] | None:
        """Show it: at once where all that draws it is there, else in steps."""
        warming = self._bench.warming
        if warming is not None and not warming.has_made:
            return self._make_ready(stream, warming)
        self._show(stream)
        return None

    def _make_ready(self, stream: VolumeStream, warming: Warming) -> Iterator[None]:
        try:
            yield from warming.make()
        except BaseException:  # or the window was closed: nobody reads it to its end
            stream.cancel()
            raise
        self._show(stream)

    def _show(self, stream: VolumeStream) -> None:
        from medlab_gui.review.provisional import ProvisionalSession

        bench = self._bench
        self._stream = stream
        if self._is_over or bench.store is None:
            stream.cancel()
            return
        if self._is_refused:
            self._give_up()
            return
        try:
            scheme = bench.store.scheme()
        except MedlabError as error:
            self._failed(error)
            return
        self._go_back = self._way_back()
        bench.close_series()
        self.session = ProvisionalSession(
            stream, self.found, scheme, bench.settings.author_name
        )
        bench.adopt_session(self.session)
        self.session.slice_changed.connect(self.session.want)
        bench.session_changed.connect(self._on_session)
        bench.job_progressed.connect(self._on_progress)

        def work(ctx: JobContext) -> None:
            try:
                stream.wait(ctx.progress)
            except RuntimeError:
                ctx.check()  # that is why it was stopped
                raise

        self._submit(self._title, work, self._on_read, lane="stream")

    def _way_back(self) -> Callable[[], object]:
        """Return what opens the series again that is on the stage now."""
        bench = self._bench
        if bench.session is None:
            return lambda: None
        place, uid, k = bench.project_place, bench.session.series.uid, bench.session.k

        def go_back() -> None:
            store = bench.store if bench.project_place == place else None
            if store is not None and store.has_series(uid):
                bench.open_series(uid, k)

        return go_back

    def _on_progress(self, job: Job, _reports: tuple[Progress, ...]) -> None:
        if job is self._job and self.session is not None and not self._is_importing:
            self.session.update()

    def _on_read(self, _nothing: None) -> None:
        self._job = None
        if self._is_refused:  # just when the last slice had come
            self._give_up()
            return
        if self.session is not None:
            self.session.update()
            self.session.arrived.emit()  # also where nothing new came: it is all now
        self._import_if_ready()

    # ---- into the project -------------------------------------------------------

    @property
    def is_read(self) -> bool:
        """Whether all of it has been read."""
        return self._stream is not None and self._stream.done

    @property
    def is_importing(self) -> bool:
        """Whether it is being written into the project."""
        return self._is_importing

    def decide(self, found: FileSeries) -> None:
        """Take it into the project as it is read, with what was chosen about it."""
        self.found = found
        self._may_import = True
        self._import_if_ready()

    def _import_if_ready(self) -> None:
        # The end of a job of ours comes here: nothing is taken in twice.
        busy = self._job is not None
        if self._is_over or busy or not (self.is_read and self._may_import):
            return
        bench, found, stream = self._bench, self.found, self._stream
        place, author = bench.project_place, bench.settings.author_name
        context_for = launching.context_of(bench)
        self._is_importing = True
        if self.session is not None:
            self.session.arrived.emit()

        def work(ctx: JobContext) -> tuple[dict[str, Any], ReviewSession]:
            from medlab_gui.commands.import_ import take_in
            from medlab_gui.review.session import ReviewSession

            context = context_for(ctx)
            with context.store(create=True) as store:
                result = take_in(store, found, context, stream)
            return result, ReviewSession.open(place, result["uid"], author=author)

        self._submit(
            _("Take {name} into the project").format(name=found.name),
            work,
            self._swap,
            lane="disk",
        )

    def _swap(self, made: tuple[dict[str, Any], ReviewSession]) -> None:
        """Put the project's series where the provisional one is, without a jump."""
        result, session = made
        bench, provisional = self._bench, self.session
        self._is_over = True
        if provisional is not None and bench.session is provisional:
            self._let_go()
            session.k = provisional.k
            bench.adopt_session(session, is_same_place=True)
        else:
            session.close()
            self._let_go()
        bench.project_changed.emit()
        launching.tell_problems(bench, result)
        self.ended.emit(self.found.uid)

    # ---- other ends ---------------------------------------------------------------

    def cancel(self, *, go_back: bool = True) -> None:
        """Stop; nothing of it stays, unless it is in the project by then.

        Where ``go_back``, the series that was open before is opened again.
        """
        self._is_refused, self._goes_back = True, go_back
        self.read_on()  # nobody waits for threads that wait to be let on
        if self._job is not None:
            self._bench.cancel(self._job)
        elif not self._is_over:
            self._give_up()

    def _submit(
        self, title: str, work: Callable[[JobContext], Any], done: Any, *, lane: str
    ) -> None:
        def end() -> None:
            if job.state is JobState.CANCELLED and not self._is_over:
                self._give_up()

        job = self._job = self._bench.submit(
            title,
            work,
            on_done=done,
            on_error=self._failed,
            on_end=end,
            lane=lane,
            newest_wins=False,
        )

    def _failed(self, error: BaseException) -> None:
        self._give_up()
        self._bench.fail(error, _("Open the series"))

    def _on_session(self) -> None:
        # Another series is looked at now. What is being written is finished.
        if self._bench.session is not self.session and not self._is_importing:
            self._is_over = True
            if self._job is not None:
                self._bench.cancel(self._job)
            self._let_go()
            self.ended.emit("")

    def _give_up(self) -> None:
        provisional = self.session
        self._is_over = True
        self._let_go()
        if provisional is not None and self._bench.session is provisional:
            self._bench.drop_session()
            if self._goes_back:
                self._go_back()
        self.ended.emit("")

    def _let_go(self) -> None:
        """Keep nothing of the voxels, which the project has by now or nobody needs."""
        self.read_on()
        if self._stream is not None:
            self._stream.let_go()
        self._stream = self._job = self.session = None
        for signal, slot in (
            (self._bench.session_changed, self._on_session),
            (self._bench.job_progressed, self._on_progress),
        ):
            signal.disconnect(slot, missing_ok=True)


def _first_of(
    found: FileSeries,
    reads_on: threading.Event,
    ctx: JobContext,
    warming: Warming | None,
) -> VolumeStream:
    """Begin to read a series; come back when its middle slice is there.

    Each thread reads one; they go on when ``reads_on`` is set, or a moment later.
    """
    from medlab_gui.io import open_stream
    from medlab_gui.review.provisional import first_slice

    first = first_slice(found)
    arrived = threading.Event()

    def filled(stream: VolumeStream, slices: tuple[int, ...]) -> None:
        if first in slices:
            arrived.set()
        if not (stream.done or reads_on.wait(_LOOK_S)):
            reads_on.set()

    def ended(_stream: VolumeStream, _error: Exception | None) -> None:
        arrived.set()

    stream = open_stream(found, start_at=first, on_filled=filled, on_end=ended)
    try:
        if warming is not None:
            warming.load()  # while the slice is read
        if found.format != "dicom" or found.derivation is not None:
            stream.wait(ctx.progress)  # all comes at once, and is told of
        while not arrived.wait(_PATIENCE_S):
            ctx.check()
        ctx.check()
    except BaseException:
        stream.cancel()
        raise
    if stream.error is not None:
        raise stream.error
    return stream
