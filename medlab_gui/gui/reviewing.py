"""Labelling by the queue: take predictions, accept or skip, on to the next slice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.accept import classifier_in_use
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.records import ItemState
from medlab_gui.gui.keybook import as_held
from medlab_gui.review.classified import latest_classified

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.predicted import StoredClassification
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession

__all__ = [
    "accept_and_next",
    "accept_prediction",
    "go_to_next",
    "label_whole_slice",
    "redo",
    "skip",
    "undo",
]

_WAITING = (ItemState.QUEUED, ItemState.OPEN, ItemState.CORRECTED)


def _try(bench: Workbench, title: str, change: Callable[[], object]) -> bool:
    try:
        change()
    except MedlabError as error:
        bench.fail(error, title)
        return False
    return True


def _stands_still(bench: Workbench) -> bool:
    """Stop the cine: nobody vouches for a slice that was passing by."""
    if not bench.cine.is_playing:
        return True
    bench.cine.stop()
    bench.inform(_("The cine has stopped. Look at this slice, then do it again."))
    return False


def undo(bench: Workbench) -> None:
    """Take back the last edit, or while measuring the last measurement."""
    if bench.measure.takes_undo:
        bench.measure.undo()
    else:
        _turn(bench, _("Undo"), back=True)


def redo(bench: Workbench) -> None:
    """Do again what was taken back."""
    if bench.measure.takes_undo:
        bench.measure.redo()
    else:
        _turn(bench, _("Redo"), back=False)


def _turn(bench: Workbench, title: str, *, back: bool) -> None:
    session = bench.session
    if session is None:
        return
    session.settling.emit()  # a stroke that is under way is the last edit
    if bench.changes.is_busy:
        bench.changes.later(partial(_turn, bench, title, back=back))
    elif session.held:
        bench.inform(session.held)
    elif session.can_undo if back else session.can_redo:
        why = _("One moment: a large edit is being taken back, or made again.")
        size, prepare = session.turned_size(back=back), session.prepare_turn
        bench.changes.make(title, why, size, partial(prepare, back=back))


def accept_prediction(bench: Workbench, *, all_slices: bool) -> None:
    """Make the model's mask the mask of this slice, or of all but the locked ones."""
    session = bench.session
    if session is None or session.prediction is None:
        bench.inform(_("There is no prediction yet: choose Model > Predict masks."))
        return
    if not _stands_still(bench):
        return
    if session.held:
        bench.inform(session.held)
        return
    session.settling.emit()  # a stroke that is under way comes before
    try:
        prepare = session.prepare_prediction(None if all_slices else [session.k])
    except MedlabError as error:
        bench.fail(error, _("Take the prediction"))
        return

    def taken() -> None:
        bench.view.mask_visible = True
        bench.inform(
            as_held(
                _(
                    "The prediction is the mask of every slice now (Ctrl+Z takes it "
                    "back)."
                )
            )
            if all_slices
            else _("The prediction is the mask of slice {n} now.").format(n=k + 1)
        )

    k, n = session.k, session.mask.shape[0]
    bench.changes.make(
        _("Take the prediction"),
        _("One moment: the prediction is being taken over."),
        session.mask.size // (1 if all_slices else n),
        prepare,
        taken,
    )


def accept_and_next(bench: Workbench) -> None:
    """Confirm the slice shown, save, mark its queue entry, open the next one."""
    session = bench.session
    if session is None or not _may_be_accepted(bench, session):
        return
    session.settling.emit()  # a stroke that is under way belongs to the slice
    uid, k = session.series_uid, session.k
    if _is_untouched(session, k):
        take: Callable[[], bool] | None = None
        said = classifier_in_use(bench.store, uid) if bench.store is not None else None
        if said is not None:
            if not _is_shown(bench, session, said):
                return
            take = partial(session.accept_class, k)
        elif session.prediction is not None:
            take = partial(session.accept_prediction, [k])
        if take is not None and not _try(bench, _("Accept the slice"), take):
            return
    _vouch(bench, session, _("Slice {n} accepted.").format(n=k + 1))


def label_whole_slice(bench: Workbench, value: int) -> None:
    """Say which class the slice shown shows, accept it so, and open the next one.

    Parameters
    ----------
    bench : Workbench
        What is open.
    value : int
        Value of the class; 0 where it shows none of them.
    """
    session = bench.session
    if session is None or not _may_be_accepted(bench, session):
        return
    k = session.k
    title = _("Label the whole slice")
    if not _try(bench, title, lambda: session.label_whole(k, value)):
        return
    bench.view.mask_visible = True
    name = session.scheme.answers[value]
    said = _("Slice {n} shows {name}; accepted.").format(n=k + 1, name=name)
    _vouch(bench, session, said)


def _may_be_accepted(bench: Workbench, session: ReviewSession) -> bool:
    """Tell whether anybody may vouch for the slice shown; say why not."""
    if not _stands_still(bench):
        return False
    if session.held:
        bench.inform(session.held)
        return False
    locked = session.k in session.locked
    if session.read_only or locked:
        bench.warn(
            _("This slice cannot be accepted: it belongs to the locked validation set.")
            if locked
            else _("This series is open read-only here; nothing can be accepted.")
        )
        return False
    return True


def _vouch(bench: Workbench, session: ReviewSession, said: str) -> None:
    """Save the slice shown as right, mark its queue entry, open the next one.

    The session learns of it from what was saved: until then nothing says "Accepted",
    and where it cannot be saved the slice stays one that waits.
    """
    uid, k = session.series_uid, session.k

    def accepted(_result: Any = None) -> None:
        bench.inform(said)
        _leave(bench, session, k)

    asked = {"series": uid, "slice": k + 1, "as_it_stands": True}
    bench.launch("accept", asked, on_done=accepted)


def _is_untouched(session: ReviewSession, k: int) -> bool:
    """Tell whether accepting means what the model says: nobody ever touched it."""
    return not session.confirmed[k] and not session.is_touched(k)


def _is_shown(
    bench: Workbench, session: ReviewSession, said: StoredClassification
) -> bool:
    """Show the word of the classifier in use, which nobody accepts unseen."""
    if session.classified is not None and session.classified.id == said.id:
        return True
    assert bench.store is not None  # `said` is from it
    shown = latest_classified(bench.store, session.series_uid, said.checkpoint_id)
    if shown is not None:
        session.set_classified(shown)
    bench.inform(
        _("Another classifier is in use now. Look at what it says, then do it again.")
    )
    return False


def skip(bench: Workbench) -> None:
    """Mark the queue entry of the slice shown as skipped and open the next one."""
    session = bench.session
    if session is None or bench.store is None or not _stands_still(bench):
        return
    uid, k = session.series_uid, session.k
    item = bench.store.item_for(uid, k)
    if item is None or item.state not in _WAITING:
        bench.inform(_("This slice is not waiting in the queue."))
        go_to_next(bench)
        return

    def skipped(_result: Any) -> None:
        bench.inform(_("Slice {n} skipped.").format(n=k + 1))
        _leave(bench, session, k)

    bench.launch("skip", {"series": uid, "slice": k + 1}, on_done=skipped)


def _leave(bench: Workbench, session: ReviewSession, k: int) -> None:
    """Open the next slice, unless the person has gone elsewhere meanwhile."""
    if bench.session is session and session.k == k:
        go_to_next(bench)


def go_to_next(bench: Workbench) -> None:
    """Open the slice that the model is least sure of, or say why there is none.

    Slices that another window is editing are its own.
    """
    if bench.store is None:
        return
    store, session = bench.store, bench.session
    here = (session.series_uid, session.k) if session is not None else None
    others: set[str] = set()
    if session is not None and session.read_only:
        others.add(session.series_uid)
    while item := store.first_item(_WAITING, besides=here, not_of=others):
        uid = item.series_uid
        if (session is None or uid != session.series_uid) and store.is_edited(uid):
            others.add(uid)
        else:
            bench.open_series(uid, item.slice_index)
            return
    if others:
        bench.inform(
            _(
                "The slices that wait are of series that another window of MedLab is "
                "editing. Go on there, or close them there."
            )
        )
        return
    from medlab_gui.commands.queue_ import explain

    bench.inform(explain(store.items(), n_series=store.n_series()))
