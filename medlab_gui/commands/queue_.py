"""``medlab score``, ``queue``, ``accept``, ``skip``: what wants a person next."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import project_weights
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.records import ItemState, Score, WorkItem

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "ACCEPT",
    "QUEUE",
    "SCORE",
    "SKIP",
    "AcceptParams",
    "QueueParams",
    "ScoreParams",
    "SkipParams",
]

METHOD = "entropy-band"
_WAITING = (ItemState.QUEUED, ItemState.OPEN)


# ---- score ---------------------------------------------------------------------


@dataclass(frozen=True)
class ScoreParams:
    """What to rank, by whose uncertainty."""

    series: str = param(
        "UID of one series; all of the project where empty.", "", in_dialog=False
    )
    checkpoint: str = param(
        "Weights whose uncertainty counts. Default: the weights in use.",
        "",
        kind="checkpoint",
        in_dialog=False,
    )


def _taken_slices(store: ProjectStore) -> dict[str, set[int]]:
    """Return labelled and locked slices of each series."""
    taken: dict[str, set[int]] = {}
    for locked in store.locked():
        taken.setdefault(locked.series_uid, set()).add(locked.slice_index)
    for series in store.series_list():
        annotation = store.latest_annotation(series.uid)
        if annotation is not None:
            taken.setdefault(series.uid, set()).update(annotation.confirmed)
    return taken


def _score_series(
    store: ProjectStore, uid: str, checkpoint: Checkpoint, predictor: Any, ctx: Context
) -> list[Score]:
    from medlab_gui.commands.predict import predict_series
    from medlab_gui.learning.uncertainty import slice_scores

    series = store.series(uid)
    stored = store.latest_prediction(uid, checkpoint.id)
    labels: Any
    entropy: Any
    if stored is None:
        _prediction, result = predict_series(store, uid, predictor, checkpoint.id, ctx)
        labels, entropy = result.labels, result.entropy
    else:
        labels = store.array(stored.labels_blob)
        entropy = store.array(stored.entropy_blob)
    return [
        Score(uid, s.k, checkpoint.id, METHOD, s.value, s.reason)
        for s in slice_scores(labels, entropy, series.grid.spacing, checkpoint.scheme)
    ]


def reprioritise(store: ProjectStore) -> dict[str, float]:
    """Lower what lies beside labelled slices, spread the rest; write and return it.

    Returns
    -------
    dict of str to float
        Priority of each waiting item by its id.
    """
    from medlab_gui.learning.queue import Candidate, Labelled, rank

    items = store.items(_WAITING)
    patients = {s.uid: s.patient_key for s in store.studies()}
    series = {s.uid: s for s in store.series_list()}

    def place(uid: str, k: int) -> tuple[float, str]:
        one = series[uid]
        return k * one.grid.spacing[0], patients[one.study_uid]

    candidates = []
    ids = {}
    for item in items:
        z_mm, patient = place(item.series_uid, item.slice_index)
        candidates.append(
            Candidate(item.series_uid, item.slice_index, z_mm, item.score, patient)
        )
        ids[item.series_uid, item.slice_index] = item.id
    labelled = [
        Labelled(uid, *place(uid, k))
        for uid, slices in _taken_slices(store).items()
        for k in slices
    ]
    priorities = {
        ids[r.candidate.series_uid, r.candidate.slice_index]: r.priority
        for r in rank(candidates, labelled)
    }
    store.set_priorities(priorities)
    return priorities


def run_score(params: ScoreParams, ctx: Context) -> dict[str, Any]:
    """Score every unlabelled slice by the model's uncertainty, and rank the queue."""
    with ctx.store() as store:
        known = [s.uid for s in store.series_list()]
        wanted = [params.series] if params.series else known
        if not wanted:
            msg = "The project holds no scans yet; take some in with `medlab import`."
            raise InputError(msg)
        checkpoint = project_weights(store, params.checkpoint, ctx.settings.author_name)

        from medlab_gui.learning.predict import Predictor

        predictor = Predictor(store.blob_path(checkpoint.blob), ctx.device)
        scores: list[Score] = []
        for uid in wanted:
            scores += _score_series(store, uid, checkpoint, predictor, ctx)
        store.put_scores(scores)
        taken = _taken_slices(store)
        kept = [i for i in store.items() if i.series_uid not in wanted]
        fresh = [
            WorkItem(
                id=uuid.uuid4().hex[:12],
                series_uid=s.series_uid,
                slice_index=s.slice_index,
                score=s.value,
                priority=s.value,
                reason=s.reason,
                state=ItemState.QUEUED,
            )
            for s in scores
            if s.slice_index not in taken.get(s.series_uid, ())
        ]
        store.replace_queue([i for i in kept if i.state is ItemState.QUEUED] + fresh)
        reprioritise(store)
        return {
            "checkpoint": checkpoint.id,
            "scored": len(scores),
            **_queue(store, limit=10),
        }


def text_score(result: dict[str, Any]) -> str:
    """Say it in words."""
    return f"{result['scored']} slices scored. {text_queue(result)}"


SCORE = Command(
    verb="score",
    title=N_("Rank slices"),
    help=N_("Rank the unlabelled slices by the model's uncertainty."),
    params=ScoreParams,
    run=run_score,
    text=text_score,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/queue/1_rank",
    shortcut="Ctrl+R",
    when="series_open",
    examples=("medlab score --project liver --json",),
)


# ---- queue ---------------------------------------------------------------------


@dataclass(frozen=True)
class QueueParams:
    """How much of it to show."""

    limit: int = param("Most slices to list.", 20, minimum=1, maximum=100000)


def _queue(store: ProjectStore, limit: int) -> dict[str, Any]:
    items = store.items()
    names = {s.uid: s.description for s in store.series_list()}
    waiting = [i for i in items if i.state in _WAITING]
    counts = {
        str(state): sum(i.state is state for i in items)
        for state in ItemState
        if any(i.state is state for i in items)
    }
    return {
        "items": [
            {
                "id": i.id,
                "series_uid": i.series_uid,
                "description": names.get(i.series_uid, ""),
                "slice": i.slice_index + 1,
                "slice_index": i.slice_index,
                "score": i.score,
                "priority": i.priority,
                "reason": i.reason,
                "state": str(i.state),
                "version": i.version,
            }
            for i in waiting[:limit]
        ],
        "waiting": len(waiting),
        "counts": counts,
        "message": explain(items, n_series=len(names)),
    }


def explain(items: tuple[WorkItem, ...] | list[WorkItem], n_series: int) -> str:
    """Say in words why a queue is empty, or how far it is."""
    waiting = sum(i.state in _WAITING for i in items)
    skipped = sum(i.state is ItemState.SKIPPED for i in items)
    done = len(items) - waiting - skipped
    if not n_series:
        return _("There is no study yet. Open one, then rank its slices.")
    if not items:
        return _("Nothing is ranked yet. Rank the slices to fill the queue.")
    if waiting:
        return _("{done} of {total} done.").format(done=done, total=len(items))
    if skipped:
        return _(
            "Every ranked slice is done but {skipped} that were skipped. "
            "Fine-tune, or take the skipped ones back."
        ).format(skipped=skipped)
    return _("Every ranked slice is labelled. Fine-tune, or open another study.")


def run_queue(params: QueueParams, ctx: Context) -> dict[str, Any]:
    """Return the slices that want a person, the most urgent first."""
    with ctx.store() as store:
        return _queue(store, params.limit)


def text_queue(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = [result["message"]]
    for n, item in enumerate(result["items"], start=1):
        lines.append(
            f"{n:3}. slice {item['slice']:4}  {item['priority']:.3f} "
            f"(score {item['score']:.3f})  {item['reason']}  {item['description']}"
        )
    return "\n".join(lines)


QUEUE = Command(
    verb="queue",
    title=N_("List the queue"),
    help=N_("List the slices that want a person, the most urgent first."),
    params=QueueParams,
    run=run_queue,
    text=text_queue,
    examples=("medlab queue --limit 5 --project liver --json",),
)


# ---- accept, skip --------------------------------------------------------------


@dataclass(frozen=True)
class AcceptParams:
    """Which slice is right now."""

    series: str = param("UID of the series.", kind="series", positional=True)
    slice: int = param(
        "Slice as the window numbers it, 1 for the one nearest the feet.", minimum=1
    )


def _index(store: ProjectStore, uid: str, number: int) -> int:
    n = store.series(uid).n_slices
    if not 1 <= number <= n:
        msg = f"Slice {number} is out of range: the series has the slices 1 to {n}."
        raise InputError(msg)
    return number - 1


def run_accept(params: AcceptParams, ctx: Context) -> dict[str, Any]:
    """Vouch for a slice's mask as it stands: save it and lower its neighbours.

    A slice whose mask nobody touched takes the latest prediction first.
    """
    from medlab_gui.store.fold import current_mask, fold_journal, touched_slices

    author = ctx.settings.author_name
    with ctx.store() as store:
        k = _index(store, params.series, params.slice)
        if any(
            s.series_uid == params.series and s.slice_index == k for s in store.locked()
        ):
            msg = f"Slice {params.slice} belongs to the locked validation set."
            raise InputError(msg)
        prediction = store.latest_prediction(params.series)
        from_model = prediction is not None and k not in touched_slices(
            store, params.series
        )
        if from_model and prediction is not None:
            predicted = store.array(prediction.labels_blob)[k]
            _write_slice(store, params.series, k, predicted, author)
        made = fold_journal(
            store,
            params.series,
            author,
            confirm=(k,),
            parent_prediction=prediction.id if from_model and prediction else None,
        )
        item = store.item_for(params.series, k)
        if item is not None and item.state is not ItemState.ACCEPTED:
            store.set_item_state(
                item.id, ItemState.ACCEPTED, version=item.version, assignee=author
            )
        reprioritise(store)
        mask, _confirmed, _seq = current_mask(store, params.series)
        return {
            "series_uid": params.series,
            "slice": params.slice,
            "slice_index": k,
            "annotation": made.id if made else None,
            "revision": made.revision if made else None,
            "from_prediction": from_model,
            "n_voxels": int((mask[k] > 0).sum()),
            **_queue(store, limit=1),
        }


def _write_slice(
    store: ProjectStore, uid: str, k: int, labels: Any, author: str
) -> None:
    """Put a predicted slice into the journal, as an edit that the model made."""
    import numpy as np

    from medlab_gui.store.fold import current_mask

    mask, _confirmed, _seq = current_mask(store, uid)
    where = (slice(k, k + 1), slice(None), slice(None))
    with store.open_journal(uid) as journal:
        journal.append_edit(
            "accept-prediction",
            where,
            mask[where],
            np.asarray(labels, np.uint8)[np.newaxis],
            author=author,
            source="model",
        )


def text_accept(result: dict[str, Any]) -> str:
    """Say it in words."""
    following = result["items"][0] if result["items"] else None
    after = f" Next: slice {following['slice']}." if following else ""
    return f"Slice {result['slice']} is labelled. {result['message']}{after}"


ACCEPT = Command(
    verb="accept",
    title=N_("Accept slice"),
    help=N_("Vouch for a slice's mask as it stands, and take it from the queue."),
    params=AcceptParams,
    run=run_accept,
    text=text_accept,
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
            msg = f"Slice {params.slice} is not in the queue."
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
            **_queue(store, limit=1),
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
    examples=("medlab skip 1.2.840.1 --slice 14 --project liver",),
)
