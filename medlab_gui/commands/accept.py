"""``medlab accept``, ``skip``: what a person decides about a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.queue_ import WAITING, queue_state, reprioritise
from medlab_gui.commands.values import counted, parse_slices
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.records import ItemState
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.predicted import StoredClassification
    from medlab_gui.store.project import ProjectStore

__all__ = ["ACCEPT", "SKIP", "AcceptParams", "SkipParams", "classifier_in_use"]


@dataclass(frozen=True)
class AcceptParams:
    """Which slice is right now."""

    series: str = param("UID of the series.", kind="series", positional=True)
    slice: int = param(
        "Slice as the window numbers it, 1 for the one nearest the feet.", minimum=1
    )
    as_it_stands: bool = param(
        "Accept the mask as it is, also where nobody has touched it yet.", False
    )


def _index(store: ProjectStore, uid: str, number: int) -> int:
    return parse_slices(str(number), store.series(uid).n_slices)[0]


def run_accept(params: AcceptParams, ctx: Context) -> dict[str, Any]:
    """Vouch for a slice's mask as it stands: save it and lower its neighbours.

    A slice whose mask nobody touched takes the latest prediction first, or as a whole
    the class that the classifier in use gave it. The window asks for it as it stands:
    it has taken over what it shows.
    """
    import numpy as np

    from medlab_gui.store.fold import current_mask, fold_journal, touched_slices

    author = ctx.settings.author_name
    with ctx.store() as store:
        k = _index(store, params.series, params.slice)
        if any(
            s.series_uid == params.series and s.slice_index == k for s in store.locked()
        ):
            msg = f"Slice {params.slice} belongs to the locked validation set."
            raise InputError(msg)
        said, prediction = None, None
        if not params.as_it_stands and k not in touched_slices(store, params.series):
            said = classifier_in_use(store, params.series)
            if said is None:
                prediction = store.latest_prediction(params.series)
        if said is not None:
            value = int(store.array(said.probs_blob)[k].argmax())
            shown = np.full(store.series(params.series).grid.shape[1:], value, np.uint8)
            _take_over(store, params.series, k, shown, said.id, author)
        elif prediction is not None:
            labels = store.array(prediction.labels_blob)[k]
            shown = np.asarray(labels, np.uint8)
            _take_over(store, params.series, k, shown, prediction.id, author)
        made = fold_journal(
            store,
            params.series,
            author,
            confirm=(k,),
            parent_prediction=prediction.id if prediction else None,
        )
        item = store.item_for(params.series, k)
        if item is not None and item.state is not ItemState.ACCEPTED:
            store.set_item_state(
                item.id, ItemState.ACCEPTED, version=item.version, assignee=author
            )
        reprioritise(store)
        mask, _confirmed, _seq = current_mask(store, params.series)
        taken, current = said or prediction, store.current_checkpoint()
        return {
            "series_uid": params.series,
            "slice": params.slice,
            "slice_index": k,
            "annotation": made.id if made else None,
            "revision": made.revision if made else None,
            "from_prediction": taken is not None,
            "predicted_by": taken.checkpoint_id if taken else None,
            "in_use": current.id if current else None,
            "n_voxels": int((mask[k] > 0).sum()),
            **queue_state(store, limit=1),
        }


def classifier_in_use(
    store: ProjectStore, series_uid: str
) -> StoredClassification | None:
    """Return what the weights in use say of whole slices; None where they draw masks.

    None as well where they were not asked about the series yet.
    """
    current = store.current_checkpoint()
    if current is None or not is_classifier(current.network):
        return None
    return store.latest_classification(series_uid, current.id)


def _take_over(
    store: ProjectStore,
    uid: str,
    k: int,
    shown: NDArray[np.uint8],
    origin: str,
    author: str,
) -> None:
    """Put what a model says of a slice (Y, X) into the journal, as its edit."""
    import numpy as np

    from medlab_gui.store.fold import current_mask

    where = (slice(k, k + 1), slice(None), slice(None))
    with store.open_journal(uid) as journal:
        # Read under the journal's lock, so that nobody edits in between.
        mask, _confirmed, _seq = current_mask(store, uid)
        journal.append_edit(
            "accept-prediction",
            where,
            mask[where],
            shown[np.newaxis],
            author=author,
            source="model",
            origin=origin,
        )


def text_accept(result: dict[str, Any]) -> str:
    """Say it in words."""
    following = result["items"][0] if result["items"] else None
    after = f" Next: slice {following['slice']}." if following else ""
    n = result["n_voxels"]
    origin = ", as predicted" if result["from_prediction"] else ""
    if origin and result["in_use"] not in (None, result["predicted_by"]):
        origin += " by other weights than those in use; `medlab score` asks these"
    what = f"{counted(n, 'voxel')}{origin}" if n else f"no class on it{origin}"
    return f"Slice {result['slice']} is labelled ({what}). {result['message']}{after}"


ACCEPT = Command(
    verb="accept",
    title=N_("Accept slice"),
    help=N_("Confirm that a slice's mask is right as it stands."),
    params=AcceptParams,
    run=run_accept,
    text=text_accept,
    details=N_(
        "A slice that nobody has touched takes the latest prediction, or as a whole "
        "the class that it has by the classifier in use; where there is none either, "
        "it counts as a slice without any class (--as-it-stands leaves out what models "
        "say). The slice leaves the queue, and "
        "the mask is saved as a version with every finished stroke of the series."
    ),
    examples=("medlab accept 1.2.840.1 --slice 14 --project liver",),
)


@dataclass(frozen=True)
class SkipParams:
    """Which slice to leave out."""

    series: str = param("UID of the series.", kind="series", positional=True)
    slice: int = param(
        "Slice as the window numbers it, 1 for the one nearest the feet.", minimum=1
    )
    back: bool = param("Take a skipped slice back into the queue.", False)


def run_skip(params: SkipParams, ctx: Context) -> dict[str, Any]:
    """Leave a slice out of the queue, or take it back."""
    with ctx.store() as store:
        k = _index(store, params.series, params.slice)
        item = store.item_for(params.series, k)
        if item is None:
            msg = (
                f"Slice {params.slice} is not in the queue; `medlab queue` lists what "
                "is, and `medlab score` fills it."
            )
            raise InputError(msg)
        allowed = (ItemState.SKIPPED, *WAITING)
        if item.state not in allowed:
            msg = f"Slice {params.slice} is {item.state} already; it was left as it is."
            raise InputError(msg)
        state = ItemState.QUEUED if params.back else ItemState.SKIPPED
        changed = store.set_item_state(
            item.id, state, version=item.version, assignee=ctx.settings.author_name
        )
        reprioritise(store)
        return {
            "series_uid": params.series,
            "slice": params.slice,
            "state": str(changed.state),
            **queue_state(store, limit=1),
        }


def text_skip(result: dict[str, Any]) -> str:
    """Say it in words."""
    what = "skipped" if result["state"] == "skipped" else "back in the queue"
    return f"Slice {result['slice']} is {what}. {result['message']}"


SKIP = Command(
    verb="skip",
    title=N_("Skip slice"),
    help=N_("Leave a slice out of the queue, or take it back."),
    params=SkipParams,
    run=run_skip,
    text=text_skip,
    details=N_(
        "A skipped slice stays out of the queue when slices are ranked again. It is "
        "not labelled: its mask does not count for fine-tuning."
    ),
    examples=("medlab skip 1.2.840.1 --slice 14 --project liver",),
)
