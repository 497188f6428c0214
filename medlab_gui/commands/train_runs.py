"""Trainings in a project: begun, resumed, ended and judged, whatever happens."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from medlab_gui import __version__
from medlab_gui.commands.checkpoints import check_classes, project_weights
from medlab_gui.commands.choosers import set_aside
from medlab_gui.commands.series_titles import series_titles
from medlab_gui.commands.splits import (
    SPLIT,
    Split,
    draw_split,
    fold_sources,
    read_split,
    write_split,
)
from medlab_gui.commands.train_options import train_spec, wanted_folds
from medlab_gui.core.errors import (
    CheckpointError,
    InputError,
    MedlabError,
    storage_error,
)
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.training import TrainSpec
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.train_options import TrainParams
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.progress import Progress
    from medlab_gui.learning.train import TrainResult
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "DYING_S",
    "LOCK",
    "Wish",
    "alive",
    "begun_run",
    "draw_splits",
    "go_on",
    "new_run",
    "project_training",
    "settle_runs",
    "split_folders",
    "splits_of",
    "written_down",
]

LOCK = "alive.lock"
DYING_S = 10.0
"""How long a process that was killed may hold its lock, until it is taken down."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def settle_runs(store: ProjectStore, ended: str = "") -> int:
    """Mark runs whose process is gone as interrupted; return how many there were.

    A training process holds a lock in its run's folder for as long as it lives.

    Parameters
    ----------
    store : ProjectStore
        The project.
    ended : str
        A run whose process was just ended, by force if need be: it does nothing any
        more, though it may hold its lock until the system has taken it down.
    """
    gone = 0
    for run_ in store.runs():
        if run_.state is not RunState.RUNNING:
            continue
        lock = FileLock(store.run_folder(run_.id) / LOCK, timeout=0)
        try:
            with nullcontext() if run_.id == ended else lock:
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
def alive(folder: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock that tells others that this run's process lives.

    Parameters
    ----------
    folder : Path
        The run's.
    patience_s : float
        How long to wait where another process holds it.

    Raises
    ------
    InputError
        If another process holds it.
    """
    lock = FileLock(folder / LOCK, timeout=patience_s)
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
    may_adopt : bool
        Whether its weights may be put to use; a resumption keeps to it.
    """

    run_id: str
    spec: TrainSpec
    parent: Checkpoint | None
    n_folds: int
    is_new: bool
    may_adopt: bool = True


def new_run(store: ProjectStore, params: TrainParams, ctx: Context) -> Wish:
    """Return what a new run is to do; writes nothing but the first weights' adoption.

    Raises
    ------
    MedlabError
        Whatever can be refused, before there is a run.
    """
    from medlab_gui.learning.check import check_recipe
    from medlab_gui.learning.registered_weights import find_weights
    from medlab_gui.learning.transferred import check_start

    parent = None
    if params.init or not params.preset:
        parent = project_weights(store, params.init, ctx.settings.author_name)
        check_classes(store, parent.scheme, parent.name)
    spec = train_spec(params, store.scheme(), parent)
    check_recipe(spec, store.scheme())
    if spec.encoder_weights and parent is None:
        found = find_weights(ctx.settings.weights_path, spec.encoder_weights)
        check_start(spec.network, found)
    if parent is not None and parent.network != spec.network:
        msg = (
            f"The weights {parent.name!r} are of another network "
            f"({parent.network.name}, {parent.network.options}) than the recipe asks "
            f"for ({spec.network.name}, {spec.network.options}): leave --init out, or "
            "name weights of that network."
        )
        raise CheckpointError(msg)
    may_adopt = params.adopt == "auto"
    n_folds = wanted_folds(params)
    return Wish(uuid.uuid4().hex[:12], spec, parent, n_folds, True, may_adopt)


def go_on(store: ProjectStore, run_id: str) -> Wish:
    """Return what a run that was stopped had to do.

    Raises
    ------
    InputError
        If it was not stopped, or an older MedLab began it, which wrote too little down.
    """
    from medlab_gui.learning.trainer import STATE

    run_ = store.run(run_id)
    if run_.state not in (RunState.CANCELLED, RunState.FAILED):
        msg = f"Run {run_.id} is {run_.state}; only a stopped run can be resumed."
        raise InputError(msg)
    wish = begun_run(store, run_id, is_new=False)
    for place in split_folders(store.run_folder(run_id), wish):
        if (place / STATE).exists() and not (place / SPLIT).exists():
            msg = (
                f"Run {run_id} was begun by an older MedLab, which did not write down "
                "who taught and who judged; it cannot go on. Start a new one."
            )
            raise InputError(msg)
    return wish


def begun_run(store: ProjectStore, run_id: str, *, is_new: bool) -> Wish:
    """Return what a run of the project has, or had, to do."""
    run_ = store.run(run_id)
    parent = run_.parent_checkpoint
    return Wish(
        run_.id,
        TrainSpec.from_dict(run_.spec),
        store.checkpoint(parent) if parent else None,
        int(run_.comparison.get("n_folds", 0)),
        is_new,
        bool(run_.comparison.get("may_adopt", True)),
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
            comparison={
                **({"n_folds": wish.n_folds} if wish.n_folds else {}),
                **({} if wish.may_adopt else {"may_adopt": False}),
            },
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


def split_folders(folder: Path, wish: Wish) -> list[Path]:
    """Return where each training of a run lies: in its folder, or one for each fold."""
    if not wish.n_folds:
        return [folder]
    return [folder / f"fold-{n}" for n in range(1, wish.n_folds + 1)]


def draw_splits(store: ProjectStore, wish: Wish) -> list[Split]:
    """Draw who teaches, chooses the epoch and judges: once, or for each fold.

    Raises
    ------
    InputError
        If too little is labelled, or one side of a split has nothing to tell apart.
    """
    from medlab_gui.learning.check import check_slices, check_values

    seed, by_class = wish.spec.seed, is_classifier(wish.spec.network)
    if wish.n_folds:
        splits = fold_sources(store, wish.n_folds, seed, by_class=by_class)
    else:
        splits = [draw_split(store, seed, by_class=by_class)]
    splits = [set_aside(store, split, wish.spec) for split in splits]
    for split in splits:
        check_slices(split.training, store.scheme(), by_class=by_class)
        check_values(split.validation, store.scheme())
    return splits


def splits_of(
    store: ProjectStore, folder: Path, wish: Wish, drawn: Sequence[Split] = ()
) -> list[Split]:
    """Return the splits of a run; what was drawn for a new one is written down.

    A run that was begun before has those that it began with.
    """
    places = split_folders(folder, wish)
    kept = [read_split(store, place) for place in places]
    if not drawn and None in kept:
        # Stopped before it wrote them all down.
        drawn = draw_splits(store, wish)
    found = []
    for n, place in enumerate(places):
        old = None if wish.is_new and drawn else kept[n]
        if old is None:
            place.mkdir(exist_ok=True)
            write_split(place, drawn[n])
        found.append(old or drawn[n])
    return found


def project_training(
    store: ProjectStore,
    wish: Wish,
    split: Split,
    folder: Path,
    ctx: Context,
    *,
    name: str = "",
    progress: Progress | None = None,
) -> TrainResult:
    """Train by a wish on the two sides of a split.

    Parameters
    ----------
    store : ProjectStore
        The project.
    wish : Wish
        The recipe, and what to start from.
    split : Split
        Who teaches and who judges.
    folder : Path
        For state, capsule and result.
    ctx : Context
        Device, progress, and where registered weights are.
    name : str
        What a person reads on the model card.
    progress : callable, optional
        Instead of the context's.
    """
    from medlab_gui.learning.kept import name_series
    from medlab_gui.learning.train import train

    if wish.spec.keep_at:
        sources = (split.choosers, split.validation)
        keys = [key for source in sources if source is not None for key in source.keys]
        name_series(folder, series_titles(store, (key.series_uid for key in keys)))
    parent = wish.parent
    return train(
        wish.spec,
        store.scheme(),
        split.training,
        split.validation,
        folder=folder,
        choosers=split.choosers,
        init_from=store.blob_path(parent.blob) if parent is not None else None,
        weights_folder=ctx.settings.weights_path,
        resume=not wish.is_new,
        device=ctx.device,
        same_patient=split.same_patient,
        progress=progress or ctx.progress,
        name=name,
        card={"split": split.note} if split.note else None,
    )
