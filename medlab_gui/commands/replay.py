"""``medlab train --replay``: train once more as a run was trained, and compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.splits import read_split
from medlab_gui.commands.train_runs import Wish, project_training
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import RunState
from medlab_gui.core.training import TrainSpec

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context

__all__ = ["replay", "replay_text"]

_AGAIN, _FOUND = "replay", "replay.json"


def replay(which: str, ctx: Context) -> dict[str, Any]:
    """Repeat a run and compare.

    Parameters
    ----------
    which : str
        Id of a finished run of the project, or the folder ``.run`` that a training by
        ``--recipe`` left.
    ctx : Context
        Project, device, progress.

    Returns
    -------
    dict
        See `learning.capsule.compare_runs`; also written to ``replay.json`` in the
        run's folder.

    Raises
    ------
    InputError
        If there is no such run, it was not finished, or its parts are gone.
    """
    from medlab_gui.learning.capsule import compare_runs
    from medlab_gui.learning.checkpoint import write_whole

    folder = as_path(which)
    again = _recipe_again(folder, ctx) if folder.is_dir() else None
    if again is None:
        folder, again = _run_again(which, ctx)
    found = {"run": which, "folder": str(again), **compare_runs(folder, again)}
    write_whole(folder / _FOUND, json.dumps(found, indent=1).encode())
    return found


def _recipe_again(folder: Path, ctx: Context) -> Path:
    from medlab_gui.commands.recipe import RECIPE, train_from_files
    from medlab_gui.learning.capsule import read_capsule
    from medlab_gui.learning.recipe import read_recipe

    read_capsule(folder)
    recipe = read_recipe(folder / RECIPE)
    again = folder / _AGAIN
    train_from_files(recipe, again, ctx)
    return again


def _run_again(run_id: str, ctx: Context) -> tuple[Path, Path]:
    with ctx.store() as store:
        run_ = store.run(run_id)
        folder = store.run_folder(run_.id)
        if run_.state is not RunState.DONE:
            msg = f"Run {run_.id} is {run_.state}; only a finished run is repeated."
            raise InputError(msg)
        if run_.kind == "cross-validation":
            msg = (
                f"Run {run_.id} is a cross-validation; repeat one of its folds, whose "
                f"folders lie in {folder}, or start it again with the same seed."
            )
            raise InputError(msg)
        split = read_split(store, folder)
        if split is None:
            msg = (
                f"Run {run_.id} was made by an older MedLab, which did not write down "
                "who taught and who judged; it cannot be repeated."
            )
            raise InputError(msg)
        parent = run_.parent_checkpoint
        wish = Wish(
            run_.id,
            TrainSpec.from_dict(run_.spec),
            store.checkpoint(parent) if parent else None,
            0,
            True,
        )
        again = folder / _AGAIN
        project_training(store, wish, split, again, ctx)
    return folder, again


def replay_text(found: dict[str, Any]) -> str:
    """Say in words what a repetition gave."""
    if found["same"]:
        return f"Run {found['run']} gives the same again, to the last bit."
    then, now = found["mean_dice"]
    lines = [
        f"Run {found['run']} gives something else: mean Dice {then:.4f} then, "
        f"{now:.4f} now; weights differ by up to "
        f"{found['largest_weight_difference']:.3g}, losses by up to "
        f"{found['largest_loss_difference']:.3g}."
    ]
    if not found["same_recipe"]:
        lines.append("The recipe is another.")
    if not found["same_data"]:
        lines.append("The slices or their truth have changed.")
    for name, (before, after) in found["environment"].items():
        lines.append(f"{name}: {before} then, {after} now.")
    return "\n".join(lines)
