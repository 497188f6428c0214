"""Trainings in a project: begun, resumed, ended and judged, whatever happens."""

from __future__ import annotations

import json
import math
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from medlab_gui import __version__
from medlab_gui.commands.inputs import (
    check_classes,
    project_weights,
    register_weights,
    scaled,
)
from medlab_gui.commands.splits import Split, draw_split, read_split, write_split
from medlab_gui.commands.train_options import train_spec
from medlab_gui.core.errors import (
    CheckpointError,
    InputError,
    MedlabError,
    storage_error,
)
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.training import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.train_options import TrainParams
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.train import TrainResult
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "Wish",
    "alive",
    "cross_validate",
    "finish",
    "go_on",
    "new_run",
    "project_training",
    "settle_runs",
    "split_of",
    "written_down",
]

_LOCK = "alive.lock"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def settle_runs(store: ProjectStore) -> int:
    """Mark runs whose process is gone as interrupted; return how many there were.

    A training process holds a lock in its run's folder for as long as it lives.
    """
    gone = 0
    for run_ in store.runs():
        if run_.state is not RunState.RUNNING:
            continue
        lock = FileLock(store.run_folder(run_.id) / _LOCK, timeout=0)
        try:
            with lock:
                if store.run(run_.id).state is not RunState.RUNNING:
                    continue  # it ended between the look and the lock
                store.update_run(
                    run_.id,
                    state=RunState.CANCELLED,
                    finished=_now(),
                    message="Interrupted; it can be resumed.",
                )
                gone += 1
        except Timeout:
            continue
        except OSError as error:
            raise storage_error(error, store.run_folder(run_.id)) from error
    return gone


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Hold the lock that tells others that this run's process lives.

    Raises
    ------
    InputError
        If another process holds it.
    """
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        msg = "This run is going on in another process; cancel it there first."
        raise InputError(msg) from error
    except OSError as error:
        raise storage_error(error, folder) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Wish:
    """What a run is to do.

    Parameters
    ----------
    run_id : str
        Its name.
    spec : TrainSpec
        The recipe.
    parent : Checkpoint or None
        The weights that it starts from.
    n_folds : int
        Folds of a cross-validation, or 0.
    is_new : bool
        Whether it was not begun before.
    """

    run_id: str
    spec: TrainSpec
    parent: Checkpoint | None
    n_folds: int
    is_new: bool


def new_run(store: ProjectStore, params: TrainParams, ctx: Context) -> Wish:
    """Return what a new run is to do; writes nothing but the first weights' adoption.

    Raises
    ------
    MedlabError
        Whatever can be refused, before there is a run.
    """
    from medlab_gui.learning.check import check_recipe

    parent = None
    if params.init or not params.preset:
        parent = project_weights(store, params.init, ctx.settings.author_name)
        check_classes(store, parent.scheme, parent.name)
    spec = train_spec(params, store.scheme(), parent)
    check_recipe(spec, store.scheme())
    if parent is not None and parent.network != spec.network:
        msg = (
            f"The weights {parent.name!r} are of another network "
            f"({parent.network.name}, {parent.network.options}) than the recipe asks "
            f"for ({spec.network.name}, {spec.network.options}): leave --init out, or "
            "name weights of that network."
        )
        raise CheckpointError(msg)
    return Wish(uuid.uuid4().hex[:12], spec, parent, params.folds, True)


def go_on(store: ProjectStore, run_id: str) -> Wish:
    """Return what a run that was stopped had to do.

    Raises
    ------
    InputError
        If it was not stopped.
    """
    run_ = store.run(run_id)
    if run_.state not in (RunState.CANCELLED, RunState.FAILED):
        msg = f"Run {run_.id} is {run_.state}; only a stopped run can be resumed."
        raise InputError(msg)
    return _of_row(store, run_, is_new=False)


def _of_row(store: ProjectStore, run_: Run, *, is_new: bool) -> Wish:
    parent = run_.parent_checkpoint
    return Wish(
        run_.id,
        TrainSpec.from_dict(run_.spec),
        store.checkpoint(parent) if parent else None,
        int(run_.comparison.get("n_folds", 0)),
        is_new,
    )


def begin(store: ProjectStore, wish: Wish) -> None:
    """Write the run down as running."""
    if not wish.is_new:
        store.update_run(wish.run_id, state=RunState.RUNNING, finished=None, message="")
        return
    kind = "fine-tune" if wish.parent is not None else "train"
    store.add_run(
        Run(
            id=wish.run_id,
            kind="cross-validation" if wish.n_folds else kind,
            spec=json.loads(wish.spec.to_json()),
            state=RunState.RUNNING,
            seed=wish.spec.seed,
            code_version=__version__,
            started=_now(),
            parent_checkpoint=wish.parent.id if wish.parent is not None else None,
            comparison={"n_folds": wish.n_folds} if wish.n_folds else {},
        )
    )


@contextmanager
def written_down(store: ProjectStore, wish: Wish) -> Iterator[None]:
    """Begin a run, and write down how it ends if it fails or is cancelled."""
    begin(store, wish)
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, (Cancelled, KeyboardInterrupt))
        what = (
            "Cancelled; it can be resumed."
            if stopped
            else error.message
            if isinstance(error, MedlabError)
            else f"A bug: {type(error).__name__}: {error}"
        )
        state = RunState.CANCELLED if stopped else RunState.FAILED
        # The disk may be full or gone: the first error is the one to tell.
        with suppress(MedlabError):
            store.update_run(wish.run_id, state=state, finished=_now(), message=what)
        raise


def split_of(
    store: ProjectStore, folder: Path, wish: Wish, drawn: Split | None
) -> Split:
    """Return the split that a run began with, or write down the one drawn for it."""
    kept = None if wish.is_new else read_split(store, folder)
    if kept is not None:
        return kept
    split = drawn
    if split is None:
        split = draw_split(store, wish.spec.seed)
    write_split(folder, split)
    return split


def project_training(
    store: ProjectStore, wish: Wish, split: Split, folder: Path, ctx: Context
) -> TrainResult:
    """Train by a wish on the two sides of a split."""
    from medlab_gui.learning.train import train

    parent = wish.parent
    return train(
        wish.spec,
        store.scheme(),
        split.training,
        split.validation,
        folder=folder,
        init_from=store.blob_path(parent.blob) if parent is not None else None,
        resume=not wish.is_new,
        device=ctx.device,
        same_patient=split.same_patient,
        progress=ctx.progress,
        card={"split": split.note} if split.note else None,
    )


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
    base = wish.parent.name.split(" + ")[0] if wish.parent else wish.spec.network.name
    checkpoint = register_weights(
        store,
        made.checkpoint,
        name=f"{base} + {datetime.now():%d %b %H:%M}",
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
        finished=_now(),
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


def cross_validate(
    store: ProjectStore,
    wish: Wish,
    splits: Sequence[Split],
    folder: Path,
    ctx: Context,
) -> dict[str, Any]:
    """Train once for each fold; nothing is adopted, and locked slices take no part."""
    folds = []
    for n, split in enumerate(splits, start=1):
        place = folder / f"fold-{n}"
        place.mkdir(exist_ok=True)
        kept = None if wish.is_new else read_split(store, place)
        if kept is None:
            write_split(place, split)
        ctx.progress(n - 1, len(splits), f"Fold {n} of {len(splits)}")
        made = project_training(store, wish, kept or split, place, ctx)
        scores = made.metrics["validation"]
        folds.append({"fold": n, "checkpoint": str(made.checkpoint), **scores})
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
        finished=_now(),
        comparison=comparison,
        message=reason,
    )
    return {"run": wish.run_id, **comparison}
