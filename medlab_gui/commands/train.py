"""``medlab train``: fine-tune on the project's labelled slices, or follow a recipe."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from medlab_gui import __version__
from medlab_gui.commands.command import Command, Where, param
from medlab_gui.commands.inputs import (
    check_classes,
    project_weights,
    register_weights,
    scaled,
)
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError, MedlabError, storage_error
from medlab_gui.core.i18n import N_
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.training import Phase, TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.train import TrainResult
    from medlab_gui.store.project import ProjectStore

__all__ = ["TRAIN", "TrainParams", "settle_runs"]

_LOCK = "alive.lock"


@dataclass(frozen=True)
class TrainParams:
    """What to train, on what, how long."""

    recipe: str = param(
        "Recipe file that names its own scans; trains without a project.",
        "",
        kind="open_file",
        in_dialog=False,
    )
    output: str = param(
        "With --recipe: the file of weights to write; its model card goes beside it.",
        "",
        kind="save_file",
        in_dialog=False,
    )
    init: str = param(
        "Weights to start from: a file, the id of a checkpoint, or 'starter'. "
        "Default: the weights in use.",
        "",
        kind="checkpoint",
    )
    epochs_head: int = param(
        "Epochs of phase 1, in which the encoder is frozen.",
        2,
        title="Phase 1: epochs",
        minimum=0,
        maximum=1000,
    )
    lr_head: float = param(
        "Learning rate of phase 1.",
        1e-3,
        title="Phase 1: learning rate",
        minimum=1e-7,
        maximum=1.0,
    )
    epochs_all: int = param(
        "Epochs of phase 2, in which everything learns.",
        4,
        title="Phase 2: epochs",
        minimum=0,
        maximum=1000,
    )
    lr_all: float = param(
        "Learning rate of phase 2.",
        3e-4,
        title="Phase 2: learning rate",
        minimum=1e-7,
        maximum=1.0,
    )
    batch: int = param("Slices in a step.", 4, minimum=1, maximum=256)
    seed: int = param("Same seed, same machine, same weights.", 0, minimum=0)
    augment: bool = param("Turn, scale and re-light training slices at random.", True)
    adopt: str = param(
        "Use the new weights at once if they are not worse on the locked validation "
        "slices (auto), or leave that to you (never).",
        "auto",
        choices=("auto", "never"),
    )
    resume: str = param(
        "Id of a cancelled or interrupted run (see `medlab list`) to go on with; "
        "epochs, rates, batch and seed are those that it began with.",
        "",
        in_dialog=False,
    )


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
def _alive(folder: Path) -> Iterator[None]:
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


def _spec(params: TrainParams, parent: Checkpoint) -> TrainSpec:
    phases = []
    if params.epochs_head:
        phases.append(Phase("head", params.epochs_head, params.lr_head, "head"))
    if params.epochs_all:
        phases.append(Phase("all", params.epochs_all, params.lr_all, "all"))
    if not phases:
        msg = "Both phases have 0 epochs; give at least one of them an epoch."
        raise InputError(msg)
    return TrainSpec(
        network=parent.network,
        pipeline=parent.pipeline,
        inplane_mm=parent.inplane_mm,
        phases=tuple(phases),
        batch=params.batch,
        seed=params.seed,
        augment=params.augment,
    )


def _go_on(store: ProjectStore, run_id: str) -> tuple[Run, TrainSpec, Checkpoint]:
    run_ = store.run(run_id)
    if run_.state not in (RunState.CANCELLED, RunState.FAILED):
        msg = f"Run {run_.id} is {run_.state}; only a stopped run can be resumed."
        raise InputError(msg)
    parent = store.checkpoint(str(run_.parent_checkpoint))
    store.update_run(run_.id, state=RunState.RUNNING, finished=None, message="")
    return run_, TrainSpec.from_dict(run_.spec), parent


def _begin(
    store: ProjectStore, run_id: str, params: TrainParams, parent: Checkpoint
) -> tuple[Run, TrainSpec, Checkpoint]:
    spec = _spec(params, parent)
    run_ = Run(
        id=run_id,
        kind="fine-tune",
        spec=json.loads(spec.to_json()),
        state=RunState.RUNNING,
        seed=params.seed,
        code_version=__version__,
        started=_now(),
        parent_checkpoint=parent.id,
    )
    store.add_run(run_)
    return run_, spec, parent


def _fine_tune(params: TrainParams, ctx: Context) -> dict[str, Any]:
    from medlab_gui.commands.sources import locked_source, training_source

    with ctx.store() as store:
        settle_runs(store)
        # All that can be refused comes before the run: it must leave nothing behind.
        parent = None
        if params.resume:
            run_id = store.run(params.resume).id
        else:
            run_id = uuid.uuid4().hex[:12]
            parent = project_weights(store, params.init, ctx.settings.author_name)
            check_classes(store, parent.scheme, parent.name)
            _spec(params, parent)
        training = training_source(store, seed=params.seed)
        validation = locked_source(store)
        folder = store.run_folder(run_id)
        # The lock comes before the row: who sees a running run finds it locked.
        with _alive(folder):
            run_, spec, parent = (
                _begin(store, run_id, params, parent)
                if parent is not None
                else _go_on(store, run_id)
            )
            try:
                from medlab_gui.learning.train import train

                ctx.progress(0, 1, "Preparing", {"run": run_.id})
                made = train(
                    spec,
                    store.scheme(),
                    training,
                    validation,
                    folder=folder,
                    init_from=store.blob_path(parent.blob),
                    resume=bool(params.resume),
                    device=ctx.device,
                    progress=ctx.progress,
                )
                return _finish(store, run_, parent, made, params, ctx)
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
                    store.update_run(
                        run_.id, state=state, finished=_now(), message=what
                    )
                raise


def _finish(
    store: ProjectStore,
    run_: Run,
    parent: Checkpoint,
    made: TrainResult,
    params: TrainParams,
    ctx: Context,
) -> dict[str, Any]:
    """Judge old and new weights on the same locked slices; adopt or refuse."""
    from medlab_gui.commands.sources import locked_source
    from medlab_gui.learning.evaluate import evaluate_slices
    from medlab_gui.learning.predict import Predictor

    judge = locked_source(store)
    scores = {}
    files = {"old": store.blob_path(parent.blob), "new": made.checkpoint}
    for n, (name, path) in enumerate(files.items()):
        ctx.progress(n, 2, f"Judging the {name} weights")
        scores[name] = evaluate_slices(
            Predictor(path, ctx.device),
            judge,
            progress=scaled(ctx.progress, 0.5 * n, 0.5 * (n + 1)),
        )
    old, new = scores["old"]["mean_dice"], scores["new"]["mean_dice"]
    better = new >= old
    adopted = better and params.adopt == "auto"
    if not better:
        reason = f"Refused: mean Dice would fall from {old:.4f} to {new:.4f}."
    elif adopted:
        reason = f"Adopted: mean Dice {old:.4f} -> {new:.4f}."
    else:
        reason = f"Not adopted, as asked: mean Dice {old:.4f} -> {new:.4f}."
    checkpoint = register_weights(
        store,
        made.checkpoint,
        name=f"{parent.name.split(' + ')[0]} + {datetime.now():%d %b %H:%M}",
        run_id=run_.id,
        parent=parent.id,
    )
    comparison = {
        "n_slices": scores["old"]["n_slices"],
        **scores,
        "adopted": adopted,
        "reason": reason,
    }
    if adopted:
        store.adopt(checkpoint.id, ctx.settings.author_name, reason)
    store.update_run(
        run_.id,
        state=RunState.DONE,
        finished=_now(),
        checkpoint=checkpoint.id,
        comparison=comparison,
        message=reason,
    )
    return {
        "run": run_.id,
        "checkpoint": checkpoint.id,
        "parent": parent.id,
        "epochs": made.epochs,
        "comparison": comparison,
        "adopted": adopted,
    }


def run(params: TrainParams, ctx: Context) -> dict[str, Any]:
    """Train, judge on the locked slices, and adopt the weights or refuse them."""
    if params.recipe and params.resume:
        msg = "Name a --recipe, or a run to --resume; a recipe begins anew."
        raise InputError(msg)
    if params.recipe:
        from medlab_gui.commands.recipe import follow_recipe

        return follow_recipe(params.recipe, params.output, ctx)
    if params.output:
        msg = (
            "--output goes with --recipe; without a recipe the new weights are kept in "
            "the project."
        )
        raise InputError(msg)
    return _fine_tune(params, ctx)


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "comparison" in result:
        judged = counted(result["comparison"]["n_slices"], "locked slice")
        return f"{result['comparison']['reason']} Judged on {judged}."
    return f"{result['output']} and its model card {result['card']} are written."


TRAIN = Command(
    verb="train",
    title=N_("Fine-tune…"),
    help=N_("Learn from the labelled slices; new weights are used only if not worse."),
    params=TrainParams,
    run=run,
    text=text,
    where=Where.CHILD,
    lane="gpu",
    menu="medlab/model/2_learn",
    shortcut="Ctrl+T",
    when="series_stored",
    details=N_(
        "Learns from the slices that a person vouches for. Where no slice is locked "
        "for validation yet, about a fifth of them is locked first, for good. Old and "
        "new weights are judged on the locked slices (mean Dice) and the new ones are "
        "kept in the project in any case; `medlab adopt previous` goes back. Ctrl+C "
        "keeps the state, to --resume. With --recipe nothing of the project is used: "
        "weights (.safetensors) and their model card (.md) are written as files."
    ),
    examples=(
        "medlab train --project liver --json",
        "medlab train --project liver --epochs-all 10 --adopt never",
        "medlab train --project liver --resume 3f2a5b7c9d1e",
        "medlab train --recipe abdomen_starter.recipe.json --output my.safetensors",
    ),
)
