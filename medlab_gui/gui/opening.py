"""Open and close projects and series without stopping the window."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError, ProjectMissingError
from medlab_gui.core.i18n import _
from medlab_gui.gui.notices import NoticeAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.recovery import Recovery
    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.project import ProjectStore

__all__ = ["close_series", "open_project", "open_series"]

_MOST_RECOVERIES = 3
"""Series in one sentence about recovered strokes; with more nobody would read it."""


def open_project(
    bench: Workbench,
    place: str,
    then: Callable[[], object] | None = None,
    *,
    create: bool = False,
) -> None:
    """Open a project; see `Workbench.open_project`."""
    create = create or place == str(bench.settings.project_path)
    title = _("Open the project")
    before = bench.project_place if bench.store is not None else ""

    def work(ctx: JobContext) -> ProjectStore:
        from medlab_gui.store.project import ProjectStore

        ctx.check()
        # Also loads the database library, which would stop the window.
        with ProjectStore.open(place, create=create) as store:
            store.series_list()  # takes its time where there are hundreds
        if before:
            # Not left to the window's own connection, which is closed in its thread.
            with suppress(MedlabError), ProjectStore.open(before) as left:
                left.settle()
        return store

    def done(closed: ProjectStore) -> None:
        from medlab_gui.store.project import ProjectStore

        store = ProjectStore.open(place)
        store.remember(closed)
        bench.close_series()
        bench.adopt_project(place, store)
        bench.opening_uid = ""
        if then is not None:
            then()
        _tell_recovered(bench, place)

    def failed(error: BaseException) -> None:
        if isinstance(error, ProjectMissingError):
            make = NoticeAction(
                _("Make a project there"),
                lambda: open_project(bench, place, then, create=True),
            )
            bench.fail(error, title, make)
        else:
            bench.fail(error, title)

    bench.submit(
        title, work, on_done=done, on_error=failed, lane="open", newest_wins=False
    )


def _tell_recovered(bench: Workbench, place: str) -> None:
    """Say which series have strokes that a crash kept from being saved.

    Each says so itself when it is opened; but who does not open it again would never
    hear of it.
    """

    def work(ctx: JobContext) -> dict[str, Recovery]:
        from medlab_gui.review.recovery import recoveries
        from medlab_gui.store.project import ProjectStore

        with ProjectStore.open(place) as store:
            return recoveries(store, ctx.check)

    def done(found: dict[str, Recovery]) -> None:
        if bench.session is not None:
            found.pop(bench.session.series_uid, None)
        found.pop(bench.opening_uid, None)  # it will say so itself
        if bench.project_place != place or not found:
            return
        told = [recovery.message for recovery in found.values()]
        if len(told) > _MOST_RECOVERIES:
            more = len(told) - _MOST_RECOVERIES
            told[_MOST_RECOVERIES:] = [
                _("Strokes on {n} more series were recovered, too.").format(n=more)
            ]
        bench.warn(" ".join(told))

    bench.submit("", work, on_done=done, lane="reading", newest_wins=False)


def open_series(
    bench: Workbench, uid: str, k: int | None, then: Callable[[], object] | None
) -> None:
    """Open a series; see `Workbench.open_series`."""
    if bench.session is not None and bench.session.series_uid == uid:
        bench.changes.stay()
        if k is not None:
            bench.go_to(k)
            bench.linked.show_axial()
        if then is not None:
            then()
    else:
        bench.changes.leave(lambda: _open_another(bench, uid, k, then))


def _open_another(
    bench: Workbench, uid: str, k: int | None, then: Callable[[], object] | None
) -> None:
    place, author = bench.project_place, bench.settings.author_name
    if bench.opening is not None:
        bench.opening.cancel()
    bench.close_series()

    def work(ctx: JobContext) -> ReviewSession:
        from medlab_gui.review.session import ReviewSession

        ctx.progress(0, 0, _("Reading the voxels"))
        session = ReviewSession.open(place, uid, author=author)
        if bench.warming is not None:
            bench.warming.load()
        if ctx.is_cancelled:
            session.close()
        ctx.check()
        return session

    def done(session: ReviewSession) -> Iterator[None]:
        is_wanted = False
        try:
            if bench.warming is not None:
                yield from bench.warming.make()
            is_wanted = bench.opening is job and bench.project_place == place
        finally:
            if not is_wanted:  # by now, or the window was closed
                session.close()
        if not is_wanted:
            return
        n = session.volume.grid.shape[0]
        session.k = n // 2 if k is None else min(max(k, 0), n - 1)
        bench.close_series()
        bench.adopt_session(session)
        if k is not None:
            bench.linked.show_axial()
        yield
        if then is not None:
            then()

    bench.opening_uid = uid
    job = bench.opening = bench.submit(
        _("Open the series"), work, on_done=done, lane="open", newest_wins=False
    )


def close_series(bench: Workbench) -> None:
    """Close the open series; edits since the last save are saved first."""
    session = bench.session
    if session is None:
        return
    bench.changes.finish()
    session.settling.emit()
    uid, unsaved = session.series_uid, session.n_unsaved and not session.read_only
    try:
        bench.drop_session()
    finally:  # else nobody could edit it any more, this window neither
        session.close()
    if unsaved:
        bench.launch("save", {"series": uid})
