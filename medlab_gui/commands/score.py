"""``medlab score``: rank slices by the model's uncertainty."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import project_weights
from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.queue_ import (
    queue_state,
    reprioritise,
    taken_slices,
    text_queue,
)
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.records import ItemState, Score, WorkItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.commands.command import Context
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.classifier import SliceClassifier
    from medlab_gui.learning.predict import Predictor
    from medlab_gui.store.project import ProjectStore

__all__ = ["SCORE", "ScoreParams"]

METHOD = "entropy-band"
WHOLE_SLICE = "entropy-slice"
"""Of classifiers, which know no borders."""


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


def _score_series(
    store: ProjectStore,
    uid: str,
    checkpoint: Checkpoint,
    predictor: Callable[[], Predictor],
    ctx: Context,
) -> list[Score]:
    from medlab_gui.commands.predict import predict_series
    from medlab_gui.learning.uncertainty import slice_scores

    series = store.series(uid)
    stored = store.latest_prediction(uid, checkpoint.id)
    labels: Any
    entropy: Any
    if stored is None:
        made = predict_series(store, uid, predictor(), checkpoint.id, ctx)
        result = made[1]
        labels, entropy = result.labels, result.entropy
    else:
        newest = store.latest_prediction(uid)
        if newest is not None and newest.id != stored.id:
            # Back to weights that were asked before: what is seen, accepted and
            # exported shall be theirs, not what others said meanwhile.
            store.renew_prediction(stored)
        labels = store.array(stored.labels_blob)
        entropy = store.array(stored.entropy_blob)
    return [
        Score(uid, s.k, checkpoint.id, METHOD, s.value, s.reason)
        for s in slice_scores(labels, entropy, series.grid.spacing, checkpoint.scheme)
    ]


def _score_whole_slices(
    store: ProjectStore,
    uid: str,
    checkpoint: Checkpoint,
    classifier: Callable[[], SliceClassifier],
    ctx: Context,
) -> list[Score]:
    """Score slices by how unsure a classifier is of what they show."""
    import torch

    from medlab_gui.commands.classify import classify_series
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.learning.uncertainty import entropy

    stored = store.latest_classification(uid, checkpoint.id)
    if stored is None:
        params = PredictParams(uid)
        classify_series(store, uid, classifier(), checkpoint.id, ctx, params)
        stored = store.latest_classification(uid, checkpoint.id)
        assert stored is not None  # it was kept just now
    probs = torch.tensor(store.array(stored.probs_blob))
    names = checkpoint.scheme.answers
    return [
        Score(
            uid,
            k,
            checkpoint.id,
            WHOLE_SLICE,
            unsure,
            f"{names[int(own.argmax())]} {100 * float(own.max()):.0f} %",
        )
        for k, (unsure, own) in enumerate(
            zip(entropy(probs, 1).tolist(), probs, strict=True)
        )
    ]


def run_score(params: ScoreParams, ctx: Context) -> dict[str, Any]:
    """Score every unlabelled slice by the model's uncertainty, and rank the queue."""
    from medlab_gui.networks import is_classifier

    with ctx.store() as store:
        known = [s.uid for s in store.series_list()]
        wanted = [params.series] if params.series else known
        if not wanted:
            msg = "The project holds no study yet; open one first (`medlab import`)."
            raise InputError(msg)
        if params.series:
            store.series(params.series)
        checkpoint = project_weights(store, params.checkpoint, ctx.settings.author_name)

        @cache
        def predictor() -> Predictor:
            # Made when the first series needs it: torch takes seconds to load.
            from medlab_gui.learning.predict import Predictor

            file = store.blob_path(checkpoint.blob)
            return Predictor(file, ctx.device, fastest=True)

        @cache
        def classifier() -> SliceClassifier:
            from medlab_gui.learning.classifier import SliceClassifier

            return SliceClassifier(store.blob_path(checkpoint.blob), ctx.device)

        scores: list[Score] = []
        whole = is_classifier(checkpoint.network)
        for uid in wanted:
            if whole:
                scores += _score_whole_slices(store, uid, checkpoint, classifier, ctx)
            else:
                scores += _score_series(store, uid, checkpoint, predictor, ctx)
        store.put_scores(scores)
        taken = taken_slices(store)
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
            "notes": predictor().notes if predictor.cache_info().currsize else [],
            **queue_state(store, limit=10),
        }


def text_score(result: dict[str, Any]) -> str:
    """Say it in words."""
    told = f"{counted(result['scored'], 'slice')} scored. {text_queue(result)}"
    return "\n".join([told, *result["notes"]])


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
    when="series_stored",
    details=N_(
        "Predicts what these weights have not predicted yet and keeps it in the "
        "project; what they said before counts again as the newest prediction. A "
        "slice's score, 0 to 1, is the mean uncertainty over the predicted classes "
        "and 5 mm round them, or, of a classifier's weights, the uncertainty of what "
        "the slice shows; its priority is lower beside labelled slices. Labelled and "
        "locked slices do not enter the queue; accepted and skipped ones stay as they "
        "are."
    ),
    examples=("medlab score --project liver --json",),
)
