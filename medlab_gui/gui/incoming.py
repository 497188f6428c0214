"""What was dropped or opened last: looked through in the background, then opened.

Here is also where patients' names are: in memory, by pseudonym, for as long as the
window is open. The project keeps none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psygnal import Signal

from medlab_gui.core.errors import NotAnImageError
from medlab_gui.core.i18n import _
from medlab_gui.core.records import Severity
from medlab_gui.gui import launching
from medlab_gui.gui.look_through import group_of, look_through
from medlab_gui.gui.stream_opening import StreamOpening
from medlab_gui.io.dicom_copies import n_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from medlab_gui.core.jobs import Job, JobContext, Progress
    from medlab_gui.core.records import Problem
    from medlab_gui.gui.look_through import Group, Looked
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries
    from medlab_gui.store.project import ProjectStore

__all__ = ["Choice", "Incoming", "questions"]

Choice = tuple[list[str], tuple[float, float, float] | None]
"""Codes of remedies, and a spacing ``(dz, dy, dx)`` in mm where one was given."""

_MASK = re.compile(r"(?<![a-z])(mask|seg|label|annotation|contour)", re.IGNORECASE)
"""What masks that lie beside their scan are called."""


def questions(found: FileSeries) -> bool:
    """Tell whether a person has to say what is to be done about a series' geometry.

    Not where it cannot be opened whatever is said, such as an incomplete file.
    """
    if found.applied or _hopeless(found) is not None:
        return False
    return any(p.severity is not Severity.NOTE and p.remedies for p in found.problems)


class Incoming:
    """Files and folders on their way into the window.

    Everything here happens on the Qt thread.

    Parameters
    ----------
    bench : Workbench
        Where things open.

    Attributes
    ----------
    places : tuple of Path
        What was opened last.
    found : tuple of FileSeries
        The series there, as far as they are known.
    names : dict of str to str
        Patients' names by pseudonym.
    opening : StreamOpening or None
        The series that is being read from its files.
    ask : callable or None
        ``ask(found, answer, refuse)`` asks what is to be done about the geometry of a
        series, without waiting, and calls ``answer(Choice)`` or ``refuse()``. Set by
        the window; without it series are kept as measured.
    changed : Signal()
        What was found, or whether it is being looked through.
    opening_changed : Signal()
        Another series is being read, or none.
    """

    changed = Signal()
    opening_changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.places: tuple[Path, ...] = ()
        self.found: tuple[FileSeries, ...] = ()
        self.names: dict[str, str] = {}
        self.opening: StreamOpening | None = None
        self.ask: (
            Callable[
                [FileSeries, Callable[[Choice], object], Callable[[], object]], object
            ]
            | None
        ) = None
        self._scan: Job | None = None
        self._comparison: Job | None = None
        self._groups: dict[Group, tuple[FileSeries, ...]] = {}
        self._wish: Group | None = None
        self._waiting: tuple[Path, ...] = ()
        bench.job_progressed.connect(self._on_progress)
        bench.project_changed.connect(self._on_project)

    # ---- looking through ------------------------------------------------------

    @property
    def is_scanning(self) -> bool:
        """Whether files are still being looked at."""
        return self._scan is not None

    @property
    def place_name(self) -> str:
        """What was opened last, in a few words; empty for nothing."""
        if not self.places:
            return ""
        first = self.places[0].name or str(self.places[0])
        if len(self.places) == 1:
            return first
        return _("{name} and {n} more").format(name=first, n=len(self.places) - 1)

    def is_scan(self, job: Job) -> bool:
        """Tell whether a job is the one that looks at files."""
        return job is self._scan

    def open(self, paths: Iterable[Path]) -> None:
        """Look through files and folders, and open the largest series there.

        The series appear in `found` as they are met.
        """
        paths = tuple(paths)
        if self._bench.store is None:  # the window is just starting
            self._waiting = paths
            return
        self._leave()
        self.places, self.found = paths, ()
        self._groups, self._wish = {}, None

        def work(ctx: JobContext) -> Looked:
            return look_through(paths, ctx)

        job = self._scan = self._bench.submit(
            _("Look through {name}").format(name=self.place_name),
            work,
            on_done=lambda found: self._on_scanned(job, found),
            on_error=lambda error: self._on_scan_failed(job, error),
            on_end=lambda: self._on_scan_end(job),
            lane="scan",
        )
        self.changed.emit()

    def _on_project(self) -> None:
        if self._waiting and self._bench.store is not None:
            paths, self._waiting = self._waiting, ()
            self.open(paths)

    def _on_progress(self, job: Job, reports: tuple[Progress, ...]) -> None:
        if job is not self._scan:
            return
        before = dict(self._groups)
        for report in reports:
            self._groups.update((report.data or {}).get("found", {}))
        if before != self._groups:
            self._list(s for group in self._groups.values() for s in group)

    def _list(self, series: Iterable[FileSeries]) -> None:
        self.found = tuple(series)
        for one in self.found:
            known = self.names.get(one.patient_key, "").split(" / ")
            # Under one ID there may be two people: never one under the other's name.
            if n_people([*known, one.patient_name]) > n_people(known):
                both = [name for name in (*known, one.patient_name) if name]
                self.names[one.patient_key] = " / ".join(both)
        self.changed.emit()

    def _on_scanned(self, job: Job, looked: Looked) -> None:
        if job is not self._scan:  # left for another
            return
        self._scan = None
        found = looked.series
        if job.is_cancelled:
            self._keep(looked)
            return
        for error in looked.failures:
            self._bench.warn(error.message)
        self._list(found)
        volumes = [s for s in found if s.blocking is None]
        wanted = [s for s in found if group_of(s) == self._wish]
        if wanted:
            self.open_found(wanted[0])
        elif volumes:
            best = max(volumes, key=_promise)
            if len(found) > 1:
                self._bench.inform(
                    _(
                        "{n} series were found. {name} opens; the others are listed "
                        "under Studies."
                    ).format(n=len(found), name=best.name)
                )
            self.open_found(best)
        else:
            best = max(found, key=lambda s: (questions(s), s.n_slices))
            self.open_found(best)

    def _keep(self, looked: Looked) -> None:
        """List what was found until somebody stopped the search; open none of it."""
        self._list(looked.series)
        text = _("Stopped when all files had been looked at: {n} series listed.")
        if looked.n_read < looked.n_files:
            text = _(
                "Stopped after {done} of {total} files. {n} series found by then: see "
                "Studies; they may have more slices. Open the folder again for all."
            )
        self._bench.inform(
            text.format(
                n=len(looked.series),
                done=f"{looked.n_read:,}",
                total=f"{looked.n_files:,}",
            )
        )

    def _on_scan_failed(self, job: Job, error: BaseException) -> None:
        # It may have ended in the moment in which it was cancelled.
        if job is not self._scan or job.is_cancelled:
            return
        self._scan = None
        self._list(())
        self._bench.fail(error, _("Open study"))

    def _on_scan_end(self, job: Job) -> None:
        if job is self._scan and job.is_cancelled:
            # Stopped while the files were only being listed, or unpacked.
            self._scan = None
            self._list(())
            self._bench.inform(_("Stopped before a series was found."))

    # ---- opening ----------------------------------------------------------------

    def cancel(self) -> None:
        """Stop looking and reading; nothing is left half-done.

        Series that were found by then stay listed.
        """
        if self._scan is not None:
            self._bench.cancel(self._scan)
        self._stop_comparing()
        if self.opening is not None:
            self.opening.cancel()

    def _stop_comparing(self) -> None:
        if self._comparison is not None:
            self._bench.cancel(self._comparison)
            self._comparison = None

    def _leave(self) -> None:
        """Turn to something else; what is being written is finished."""
        if self._scan is not None:
            self._bench.cancel(self._scan)
            self._scan = None
        self._stop_comparing()
        if self.opening is not None and not self.opening.is_importing:
            self.opening.cancel(go_back=False)

    def open_found(self, found: FileSeries) -> None:
        """Open one of `found`; while they are looked through, as soon as that is done.

        What cannot be a volume is refused with the reason, unless there is a way out.
        """
        bench = self._bench
        if self.is_scanning:
            self._wish = group_of(found)
            bench.inform(_("It opens as soon as all files have been looked at."))
        elif bench.store is None:
            self._waiting = self.places
        else:
            self._open_one(self._apart_from_known(bench.store, found))

    def _apart_from_known(self, store: ProjectStore, found: FileSeries) -> FileSeries:
        from medlab_gui.commands.known_series import apart_from_known

        own = apart_from_known(store, found)
        if own is not found:
            self._list([own if s is found else s for s in self.found])
        return own

    def _open_one(self, found: FileSeries) -> None:
        bench = self._bench
        if bench.store is not None and bench.store.has_series(found.uid):
            self._open_known(found)
        elif found.blocking is None:
            self._stream(found)
        elif questions(found) and self.ask is not None:
            self.ask(found, lambda choice: self._treat(found, choice), _nothing)
        else:
            where = found.files[0].parent if len(found.files) > 1 else found.files[0]
            why = _hopeless(found) or found.blocking
            msg = _("{name} cannot be opened. {why}").format(
                name=found.name, why=why.message
            )
            bench.fail(NotAnImageError(msg, path=where), _("Open study"))

    def _open_known(self, found: FileSeries) -> None:
        """Open what the project has, with the remedies that were chosen now.

        Files that are not as they were when they were last read are compared with it
        first; what has other values comes in beside it. That may take long: who has
        gone on to something else by then stays there.
        """
        bench = self._bench
        context_for = launching.context_of(bench)
        self._stop_comparing()
        place, before = bench.project_place, bench.opening

        def look(ctx: JobContext) -> bool:
            from medlab_gui.io.file_stamps import stamp_of

            with context_for(ctx).store(create=False) as store:
                return store.stamped(stamp_of(found)) is not None

        def work(ctx: JobContext) -> dict[str, Any]:
            from medlab_gui.commands.import_ import take_in

            context = context_for(ctx)
            with context.store(create=False) as store:
                return take_in(store, found, context, unread_too=True)

        def done(result: dict[str, Any]) -> None:
            if bench.project_place != place:
                return
            if not result["already_there"]:
                bench.project_changed.emit()
            launching.tell_problems(bench, result)
            if bench.opening is before:
                bench.open_series(result["uid"])

        def looked(is_as_it_was: bool) -> None:
            title = _("Compare {name} with its files").format(name=found.name)
            submit("" if is_as_it_was else title, work, done)

        def submit(
            title: str, work: Callable[[JobContext], Any], done: Callable[[Any], object]
        ) -> None:
            job = self._comparison = bench.submit(
                title,
                work,
                on_done=lambda result: None if job.is_cancelled else done(result),
                lane="disk",
                newest_wins=False,
            )

        submit("", look, looked)

    def _stream(self, found: FileSeries) -> None:
        self._bench.changes.leave(lambda: self._begin(found))

    def _begin(self, found: FileSeries) -> None:
        self._leave()
        asked = questions(found) and self.ask is not None
        opening = StreamOpening(self._bench, found, may_import=not asked)
        opening.ended.connect(lambda _uid: self._on_ended(opening))
        self.opening = opening
        self.opening_changed.emit()
        opening.start()
        if asked and self.ask is not None:
            self.ask(
                found,
                lambda choice: self._treat(found, choice, opening),
                opening.cancel,
            )

    def _on_ended(self, opening: StreamOpening) -> None:
        if self.opening is opening:
            self.opening = None
            self.opening_changed.emit()
            self.changed.emit()

    def _treat(
        self, found: FileSeries, choice: Choice, opening: StreamOpening | None = None
    ) -> None:
        """Do with a series what the person chose, and open what comes of it."""
        codes, spacing = choice

        def work(ctx: JobContext) -> list[FileSeries]:
            from medlab_gui.io.treatment import treat

            ctx.check()
            return treat(found, codes, spacing)

        def done(treated: list[FileSeries]) -> None:
            if opening is not None and codes == ["keep-as-measured"]:
                opening.decide(treated[0])
                return
            if opening is not None:
                opening.cancel(go_back=False)
            known = {s.uid for s in treated}
            self._list([*(s for s in self.found if s.uid not in known), *treated])
            self._stream_first(treated)

        def failed(error: BaseException) -> None:
            if opening is not None:
                opening.cancel()
            self._bench.fail(error, _("Open study"))

        self._bench.submit(
            _("Open study"), work, on_done=done, on_error=failed, lane="open",
            newest_wins=False,
        )  # fmt: skip

    def _stream_first(self, treated: Sequence[FileSeries]) -> None:
        volumes = [s for s in treated if s.blocking is None]
        first = max(volumes or treated, key=lambda s: s.n_slices)
        self.open_found(first)


def _promise(series: FileSeries) -> tuple[bool, bool, int]:
    """Return how likely a series is what a person wants to see first.

    A scan rather than the mask beside it, and the largest.
    """
    is_mask = _MASK.search(series.name) is not None
    return series.modality != "OT", not is_mask, series.n_slices


def _hopeless(series: FileSeries) -> Problem | None:
    """Return what keeps a series from being a volume and has no way out."""
    blocking = (p for p in series.problems if p.severity is Severity.NOT_A_VOLUME)
    return next((p for p in blocking if not p.remedies), None)


def _nothing() -> None:
    """Leave it: the person does not want it after all."""
