"""Walking through the queue: accept or skip a slice, then on to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.records import ItemState

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["accept_and_next", "go_to_next", "skip"]


def accept_and_next(bench: Workbench) -> None:
    """Confirm the slice shown, save, mark its queue entry, open the next one."""
    session = bench.session
    if session is None:
        return
    uid, k = session.series_uid, session.k
    if session.read_only or k in session.locked:
        bench.warn(
            _("This slice cannot be accepted: it belongs to the locked validation set.")
            if k in session.locked
            else _("This series is open read-only here; nothing can be accepted.")
        )
        return
    try:
        session.confirm(k)
    except MedlabError as error:
        bench.fail(error, _("Accept the slice"))
        return

    def accepted(_result: Any = None) -> None:
        bench.inform(_("Slice {n} accepted.").format(n=k + 1))
        go_to_next(bench)

    def saved() -> None:
        item = bench.store.item_for(uid, k) if bench.store is not None else None
        if item is None:
            accepted()
        else:
            bench.launch("accept", {"item": item.id}, on_done=accepted)

    bench.save(then=saved)


def skip(bench: Workbench) -> None:
    """Mark the queue entry of the slice shown as skipped and open the next one."""
    session = bench.session
    if session is None or bench.store is None:
        return
    item = bench.store.item_for(session.series_uid, session.k)
    if item is None or item.state not in (ItemState.QUEUED, ItemState.OPEN):
        bench.inform(_("This slice is not waiting in the queue."))
        go_to_next(bench)
        return

    def skipped(_result: Any) -> None:
        bench.inform(_("Slice {n} skipped.").format(n=item.slice_index + 1))
        go_to_next(bench)

    bench.launch("skip", {"item": item.id}, on_done=skipped)


def go_to_next(bench: Workbench) -> None:
    """Open the slice that the model is least sure of, or say why there is none."""
    if bench.store is None:
        return
    items = bench.store.items()
    waiting = [i for i in items if i.state in (ItemState.QUEUED, ItemState.OPEN)]
    session = bench.session
    here = (session.series_uid, session.k) if session is not None else None
    ahead = [i for i in waiting if (i.series_uid, i.slice_index) != here]
    if ahead:
        bench.open_series(ahead[0].series_uid, ahead[0].slice_index)
    elif items:
        bench.inform(
            _(
                "The queue is finished: every slice in it was accepted or skipped. "
                "Fine-tune the model (Model menu) and rank the slices again."
            )
        )
    else:
        bench.inform(
            _(
                "The queue is empty. Predict masks, then choose Queue > Rank slices, "
                "and the slices the model is least sure of come first."
            )
        )
