"""What comes of a training in a project: judged, kept, adopted or refused."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import register_weights
from medlab_gui.commands.inputs import scaled
from medlab_gui.commands.splits import unjudged
from medlab_gui.commands.train_runs import project_training, split_folders
from medlab_gui.commands.values import counted
from medlab_gui.core.labels import IGNORE
from medlab_gui.core.merit import BALANCED, measure, merit
from medlab_gui.core.records import RunState
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.sources import ProjectSource
    from medlab_gui.commands.splits import Split
    from medlab_gui.commands.train_options import TrainParams
    from medlab_gui.commands.train_runs import Wish
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.progress import Progress
    from medlab_gui.learning.train import TrainResult
    from medlab_gui.store.project import ProjectStore

__all__ = ["cross_validate", "finish", "fold_progress"]


def finish(
    store: ProjectStore,
    wish: Wish,
    split: Split,
    made: TrainResult,
    params: TrainParams,
    ctx: Context,
) -> dict[str, Any]:
    """Judge old and new weights on the same locked slices; adopt or refuse."""
    from medlab_gui.commands.judging import judged

    rival, why_not = _rival(store, wish)
    judge, unfair, proves_nothing = _judges(store, wish, split, rival)
    if proves_nothing:
        rival, why_not = None, proves_nothing
    why_not = why_not or _one_class(store, wish, judge)
    files = {"new": made.checkpoint}
    if rival is not None:
        files = {"old": store.blob_path(rival.blob), **files}
    scores = {}
    for n, (name, path) in enumerate(files.items()):
        ctx.progress(n, len(files), f"Judging the {name} weights")
        share = scaled(ctx.progress, n / len(files), (n + 1) / len(files))
        scores[name] = judged(path, judge, ctx.device, share)
    why_not = why_not or _no_better_than_a_guess(scores["new"])
    old = merit(scores.get("old"))
    new = merit(scores["new"]) or 0.0
    better = old is None or new >= old
    may_adopt = wish.may_adopt and params.adopt == "auto"
    adopted = better and may_adopt and not why_not
    what = measure(scores["new"])
    change = f"{what} {new:.4f}" if old is None else f"{what} {old:.4f} -> "
    change += "" if old is None else f"{new:.4f}"
    if not better:
        reason = f"Refused: {what} would fall from {old:.4f} to {new:.4f}."
    elif why_not:
        reason = f"Kept aside: {change}. {why_not}"
    elif adopted:
        reason = f"Adopted: {change}."
    else:
        reason = f"Not adopted, as asked: {change}."
    checkpoint = _registered(store, wish, made, _base(wish))
    notes = [*made.notes, *filter(None, [split.note]), *unfair]
    comparison = {
        "n_slices": scores["new"]["n_slices"],
        **scores,
        "adopted": adopted,
        "reason": reason,
        "notes": notes,
    }
    if adopted:
        store.adopt(checkpoint.id, ctx.settings.author_name, reason)
    store.update_run(
        wish.run_id,
        state=RunState.DONE,
        checkpoint=checkpoint.id,
        comparison=comparison,
        message=reason,
    )
    return {
        "run": wish.run_id,
        "checkpoint": checkpoint.id,
        "parent": wish.parent.id if wish.parent is not None else None,
        "epochs": made.epochs,
        "comparison": comparison,
        "adopted": adopted,
        "notes": notes,
    }


def _judges(
    store: ProjectStore, wish: Wish, split: Split, rival: Checkpoint | None
) -> tuple[ProjectSource, list[str], str]:
    """Return who judges, what to say of it, and why the outcome proves nothing.

    What a training starts from, and what it has to beat, may have learned from slices
    that were locked since.
    """
    from medlab_gui.commands.learned import fair_judges
    from medlab_gui.commands.sources import locked_source

    judge = locked_source(store)
    before = {c.id: c for c in (wish.parent, rival) if c is not None}
    files = {c.name: store.blob_path(c.blob) for c in before.values()}
    fair = fair_judges(store, judge, files)
    # One patient alone judges himself, whatever is compared; the notes say so already.
    notes = [*fair.left_out, *(() if split.same_patient else fair.flattered)]
    if fair.source.keys:
        return fair.source, notes, ""
    why = (
        "The weights before learned from every slice that judges, so that they cannot "
        "be compared: lock slices that no weights learned from, with `medlab lock`."
    )
    return judge, [], why


def _one_class(store: ProjectStore, wish: Wish, judge: ProjectSource) -> str:
    """Return why slices of one class alone say nothing about a classifier, or ""."""
    if not is_classifier(wish.spec.network):
        return ""
    from medlab_gui.learning.whole_slices import shown_classes

    seen = {*shown_classes(judge)} - {IGNORE}
    if len(seen) > 1:
        return ""
    name = store.scheme().answers[seen.pop()] if seen else "nothing that is known"
    return (
        f"All slices that judge show {name}, so that weights which always say that "
        "would be perfect: lock slices of the other classes, with `medlab lock`."
    )


def _no_better_than_a_guess(scores: dict[str, Any]) -> str:
    """Return a sentence where a classifier might as well say the same of all, or ""."""
    found = merit(scores)
    n = len({name for row in scores["per_slice"] for name in row["dice"]})
    if BALANCED not in scores or found is None or n < 2 or found > 1 / n:
        return ""
    return (
        f"A balanced accuracy of {found:.2f} is no better than guessing among {n} "
        "classes: train longer, or on more slices."
    )


def _rival(store: ProjectStore, wish: Wish) -> tuple[Checkpoint | None, str]:
    """Return what new weights have to beat, and why they are not used by themselves.

    Without weights to start from it is those in use, if they are of the same kind:
    masks and what slices show cannot be compared.
    """
    current = store.current_checkpoint()
    if current is not None and current.run_id == wish.run_id:
        # Killed between putting them to use and its end: what they had to beat then.
        current = store.previous_checkpoint()
    new = is_classifier(wish.spec.network)
    if current is None or is_classifier(current.network) == new:
        return wish.parent or current, ""
    kinds = ("draws masks", "is a classifier of slices")
    return wish.parent, (
        f"It {kinds[new]}, and what is in use ({current.name!r}) {kinds[not new]}: "
        "choose between them with `medlab adopt`."
    )


def cross_validate(
    store: ProjectStore,
    wish: Wish,
    splits: Sequence[Split],
    folder: Path,
    ctx: Context,
) -> dict[str, Any]:
    """Train once for each fold; nothing is adopted, and locked slices take no part.

    The weights of each fold are kept in the project as soon as they are made.
    """
    folds = []
    for n, (split, place) in enumerate(
        zip(splits, split_folders(folder, wish), strict=True), start=1
    ):
        name = f"{_base(wish)}, fold {n} of {len(splits)}"
        made = project_training(
            store,
            wish,
            split,
            place,
            ctx,
            name=name,
            progress=fold_progress(ctx.progress, n, len(splits)),
        )
        checkpoint = _registered(store, wish, made, name)
        scores = made.metrics["validation"]
        folds.append(
            {
                "fold": n,
                "checkpoint": checkpoint.id,
                "file": str(made.checkpoint),
                **scores,
            }
        )
    mean, deviation = _mean_sd([float(merit(fold) or 0.0) for fold in folds])
    mean_dice, sd_dice = _mean_sd([float(fold["mean_dice"]) for fold in folds])
    flatters = _known_before(store, wish, splits)
    reason = (
        f"Cross-validated with {len(folds)} folds: {measure(folds[0])} {mean:.4f} ± "
        f"{deviation:.4f}.{flatters and ' '}{flatters}"
    )
    if is_classifier(wish.spec.network):
        for n, split in enumerate(splits, start=1):
            unseen = unjudged(store, split, f"slices of fold {n}")
            reason += unseen and f" {unseen}"
    comparison = {
        "n_folds": len(folds),
        "folds": folds,
        "mean_dice": mean_dice,
        "sd_dice": sd_dice,
        "reason": reason,
    }
    if is_classifier(wish.spec.network):
        comparison |= {BALANCED: mean, f"sd_{BALANCED}": deviation}
    store.update_run(
        wish.run_id,
        state=RunState.DONE,
        comparison=comparison,
        message=reason,
    )
    return {"run": wish.run_id, **comparison}


def _mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and the sample's standard deviation of two or more values."""
    mean = math.fsum(values) / len(values)
    squares = math.fsum((v - mean) ** 2 for v in values)
    return mean, math.sqrt(squares / (len(values) - 1))


def _known_before(store: ProjectStore, wish: Wish, splits: Sequence[Split]) -> str:
    """Return a sentence where folds judge what taught the weights they began with."""
    from medlab_gui.commands.learned import learned_from

    if wish.parent is None:
        return ""
    learned = learned_from(store, store.blob_path(wish.parent.blob))
    if learned is None:
        return (
            f"What {wish.parent.name!r} learned from, where it began, is not known any "
            "more: these scores may flatter."
        )
    judged = {key for split in splits for key in split.validation.keys}
    if not judged & learned:
        return ""
    return (
        f"It began with {wish.parent.name!r}, which had learned from "
        f"{len(judged & learned)} of these {counted(len(judged), 'slice')}: the scores "
        "flatter. Begin with --preset, or with --init starter."
    )


def _registered(
    store: ProjectStore, wish: Wish, made: TrainResult, name: str
) -> Checkpoint:
    """Take what a run made into the project, with the time in its name."""
    return register_weights(
        store,
        made.checkpoint,
        name=f"{name} + {datetime.now():%d %b %H:%M}",
        run_id=wish.run_id,
        parent=wish.parent.id if wish.parent is not None else None,
    )


def _base(wish: Wish) -> str:
    """Return what weights were made from, in a word."""
    return wish.parent.name.split(" + ")[0] if wish.parent else wish.spec.network.name


def fold_progress(progress: Progress, n: int, n_folds: int) -> Progress:
    """Return a progress callable for the n-th fold (from 1) of a cross-validation."""
    began = time.monotonic()

    def report(
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        if data is not None and "seconds_left" in data:
            # Folds to come take as long as this one.
            left = data["seconds_left"]
            whole = time.monotonic() - began + left
            data = {**data, "fold": n, "seconds_left": left + (n_folds - n) * whole}
        share = done / total if total else 0.0
        progress(n - 1 + share, n_folds, f"Fold {n} of {n_folds}: {message}", data)

    return report
