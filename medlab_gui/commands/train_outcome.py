"""What comes of a training in a project: judged, kept, adopted or refused."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import register_weights, scaled
from medlab_gui.commands.train_runs import project_training, split_folders
from medlab_gui.core.records import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.splits import Split
    from medlab_gui.commands.train_options import TrainParams
    from medlab_gui.commands.train_runs import Wish
    from medlab_gui.learning.progress import Progress
    from medlab_gui.learning.train import TrainResult
    from medlab_gui.store.project import ProjectStore

__all__ = ["cross_validate", "finish", "fold_progress"]


def finish(
    store: ProjectStore,
    wish: Wish,
    made: TrainResult,
    params: TrainParams,
    ctx: Context,
) -> dict[str, Any]:
    """Judge old and new weights on the same locked slices; adopt or refuse."""
    from medlab_gui.commands.sources import locked_source
    from medlab_gui.learning.evaluate import evaluate_slices
    from medlab_gui.learning.predict import Predictor
    from medlab_gui.networks import CLASSIFIERS

    if wish.spec.network.name in CLASSIFIERS:
        return _keep_classifier(store, wish, made)
    judge = locked_source(store)
    # Without weights to start from, those in use are what the new have to beat.
    rival = wish.parent or store.current_checkpoint()
    files = {"new": made.checkpoint}
    if rival is not None:
        files = {"old": store.blob_path(rival.blob), **files}
    scores = {}
    for n, (name, path) in enumerate(files.items()):
        ctx.progress(n, len(files), f"Judging the {name} weights")
        scores[name] = evaluate_slices(
            Predictor(path, ctx.device),
            judge,
            progress=scaled(ctx.progress, n / len(files), (n + 1) / len(files)),
        )
    old = scores["old"]["mean_dice"] if rival is not None else None
    new = scores["new"]["mean_dice"]
    better = old is None or new >= old
    adopted = better and params.adopt == "auto"
    change = f"mean Dice {new:.4f}" if old is None else f"mean Dice {old:.4f} -> "
    change += "" if old is None else f"{new:.4f}"
    if not better:
        reason = f"Refused: mean Dice would fall from {old:.4f} to {new:.4f}."
    elif adopted:
        reason = f"Adopted: {change}."
    else:
        reason = f"Not adopted, as asked: {change}."
    checkpoint = register_weights(
        store,
        made.checkpoint,
        name=f"{_base(wish)} + {datetime.now():%d %b %H:%M}",
        run_id=wish.run_id,
        parent=wish.parent.id if wish.parent is not None else None,
    )
    comparison = {
        "n_slices": scores["new"]["n_slices"],
        **scores,
        "adopted": adopted,
        "reason": reason,
        "notes": list(made.notes),
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
        "notes": list(made.notes),
    }


def _keep_classifier(
    store: ProjectStore, wish: Wish, made: TrainResult
) -> dict[str, Any]:
    """Keep the weights aside: they say what slices show, and draw no masks."""
    scores = made.metrics["validation"]
    name = f"{wish.spec.network.name} + {datetime.now():%d %b %H:%M}"
    checkpoint = register_weights(
        store, made.checkpoint, name=name, run_id=wish.run_id, parent=None
    )
    reason = (
        f"A classifier of slices, mean F1 {scores['mean_dice']:.4f}; kept aside, since "
        "it draws no masks."
    )
    comparison = {
        "n_slices": scores["n_slices"],
        "new": scores,
        "adopted": False,
        "reason": reason,
        "notes": list(made.notes),
    }
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
        "parent": None,
        "epochs": made.epochs,
        "comparison": comparison,
        "adopted": False,
        "notes": list(made.notes),
    }


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
        checkpoint = register_weights(
            store,
            made.checkpoint,
            name=f"{name} + {datetime.now():%d %b %H:%M}",
            run_id=wish.run_id,
            parent=wish.parent.id if wish.parent is not None else None,
        )
        scores = made.metrics["validation"]
        folds.append(
            {
                "fold": n,
                "checkpoint": checkpoint.id,
                "file": str(made.checkpoint),
                **scores,
            }
        )
    means = [float(fold["mean_dice"]) for fold in folds]
    mean = math.fsum(means) / len(means)
    squares = math.fsum((m - mean) ** 2 for m in means)
    deviation = math.sqrt(squares / (len(means) - 1))
    reason = (
        f"Cross-validated with {len(folds)} folds: mean Dice {mean:.4f} ± "
        f"{deviation:.4f}."
    )
    comparison = {
        "n_folds": len(folds),
        "folds": folds,
        "mean_dice": mean,
        "sd_dice": deviation,
        "reason": reason,
    }
    store.update_run(
        wish.run_id,
        state=RunState.DONE,
        comparison=comparison,
        message=reason,
    )
    return {"run": wish.run_id, **comparison}


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
