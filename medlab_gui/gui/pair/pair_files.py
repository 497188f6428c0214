"""A second series that lies in files: it is taken into the project, then shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import MedlabError, NotAnImageError
from medlab_gui.core.i18n import _
from medlab_gui.gui import launching
from medlab_gui.gui.incoming import questions

if TYPE_CHECKING:
    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.incoming import Choice
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.io import FileSeries

__all__ = ["can_open", "found_beside", "open_found", "open_listed"]


def can_open(found: FileSeries) -> bool:
    """Tell whether it is a volume, or a way out may make one of it."""
    return found.blocking is None or questions(found)


def found_beside(bench: Workbench) -> list[FileSeries]:
    """Return what was found in files that the project has not, and can be compared.

    While they are looked through there is none: what is known may be half a series.
    """
    from medlab_gui.commands.known_series import apart_from_known

    store, session, incoming = bench.store, bench.session, bench.incoming
    if store is None or session is None or incoming.is_scanning:
        return []
    own = [apart_from_known(store, one) for one in incoming.found if can_open(one)]
    there = {session.series_uid, *(one.uid for one in store.series_list())}
    return [one for one in own if one.uid not in there]


def open_listed(bench: Workbench, uid: str, *, overlay: bool = False) -> None:
    """Show a series beside the open one, or over it, wherever it lies.

    Parameters
    ----------
    bench : Workbench
        A series is open.
    uid : str
        One of the project, or one that was found in files.
    overlay : bool
        Over the open one instead of beside it.
    """
    try:
        files = [] if _is_stored(bench, uid) else found_beside(bench)
    except MedlabError as error:
        bench.fail(error, _("Open the series to compare with"))
        return
    found = next((one for one in files if one.uid == uid), None)
    if found is not None:
        open_found(bench, found, overlay=overlay)
    else:
        bench.pair.open(uid, overlay=overlay)


def _is_stored(bench: Workbench, uid: str) -> bool:
    return bench.store is not None and bench.store.has_series(uid)


def open_found(bench: Workbench, found: FileSeries, *, overlay: bool = False) -> None:
    """Take a series into the project, and show it beside the open one or over it.

    Where its geometry is a question, that is asked first, as where it is opened
    itself. It comes in but is not shown where another series was opened meanwhile.

    Parameters
    ----------
    bench : Workbench
        A series is open.
    found : FileSeries
        One of `found_beside`.
    overlay : bool
        Over the open one instead of beside it.
    """
    ask = bench.incoming.ask
    if questions(found) and ask is not None:
        ask(
            found,
            lambda choice: _take_in(bench, found, choice, overlay=overlay),
            lambda: None,
        )
    else:
        _take_in(bench, found, None, overlay=overlay)


def _take_in(
    bench: Workbench, found: FileSeries, choice: Choice | None, *, overlay: bool
) -> None:
    if bench.session is None:
        return
    place, first = bench.project_place, bench.session.series_uid
    context_for = launching.context_of(bench)

    def work(ctx: JobContext) -> dict[str, Any]:
        from medlab_gui.commands.import_ import take_in
        from medlab_gui.io.treatment import treat

        treated = [found] if choice is None else treat(found, *choice)
        volumes = [one for one in treated if one.blocking is None]
        if not volumes:
            why = treated[0].blocking
            assert why is not None
            msg = _("{name} cannot be opened. {why}").format(
                name=found.name, why=why.message
            )
            raise NotAnImageError(msg, path=found.files[0])
        context = context_for(ctx)
        with context.store(create=True) as store:
            return take_in(store, max(volumes, key=lambda s: s.n_slices), context)

    def done(result: dict[str, Any]) -> None:
        if bench.project_place != place:
            return
        bench.project_changed.emit()
        launching.tell_problems(bench, result)
        if bench.session is not None and bench.session.series_uid == first:
            bench.pair.open(result["uid"], overlay=overlay)

    bench.submit(
        _("Take {name} into the project").format(name=found.name),
        work,
        on_done=done,
        on_error=lambda error: bench.fail(error, _("Compare with another series")),
        lane="disk",
        newest_wins=False,
    )
