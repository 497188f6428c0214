"""``medlab train --replay``: train once more as a run was trained, and compare."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.splits import read_split
from medlab_gui.commands.train_outcome import fold_progress
from medlab_gui.commands.train_runs import (
    begun_run,
    project_training,
    split_folders,
)
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError
from medlab_gui.core.processes import leads
from medlab_gui.core.records import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context

__all__ = ["replay", "replay_text"]

_AGAIN, _FOUND = "replay", "replay.json"
_SAME = ("same", "same_recipe", "same_data")
_LARGEST = ("largest_loss_difference", "largest_weight_difference")


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
        run's folder. Of a cross-validation ``folds`` has that of each fold besides:
        it is the same where all of them are, and differences are the largest.

    Raises
    ------
    InputError
        If there is no such run, it was not finished, or its parts are gone.
    """
    from medlab_gui.core.whole_files import write_whole

    folder = as_path(which)
    if folder.is_dir():
        pairs = [(folder, _recipe_again(folder, ctx))]
        again = pairs[0][1]
    else:
        folder, pairs = _run_again(which, ctx)
        again = folder / _AGAIN
    if not leads():
        return {"run": which}
    found = {"run": which, "folder": str(again), **_compared(pairs)}
    write_whole(folder / _FOUND, json.dumps(found, indent=1).encode())
    return found


def _compared(pairs: list[tuple[Path, Path]]) -> dict[str, Any]:
    from medlab_gui.learning.capsule import compare_runs

    found = [compare_runs(first, again) for first, again in pairs]
    if len(found) == 1:
        return found[0]

    def means(key: str) -> list[float]:
        n = len(found)
        return [math.fsum(one[key][when] for one in found) / n for when in (0, 1)]

    return {
        **{key: all(one[key] for one in found) for key in _SAME},
        **{key: max(one[key] for one in found) for key in _LARGEST},
        "environment": {k: v for one in found for k, v in one["environment"].items()},
        "mean_dice": means("mean_dice"),
        "merit": means("merit"),
        "measure": found[0]["measure"],
        "folds": [{"fold": n, **one} for n, one in enumerate(found, start=1)],
    }


def _recipe_again(folder: Path, ctx: Context) -> Path:
    from medlab_gui.commands.recipe import RECIPE, train_from_files
    from medlab_gui.learning.capsule import read_capsule
    from medlab_gui.learning.recipe import read_recipe

    read_capsule(folder)
    recipe = read_recipe(folder / RECIPE)
    again = folder / _AGAIN
    train_from_files(recipe, again, ctx)
    return again


def _run_again(run_id: str, ctx: Context) -> tuple[Path, list[tuple[Path, Path]]]:
    """Train a run again; return its folder, and each training's and its repetition's.

    Raises
    ------
    InputError
        If it was not finished, or an older MedLab wrote too little down.
    """
    with ctx.store() as store:
        run_ = store.run(run_id)
        folder = store.run_folder(run_.id)
        if run_.state is not RunState.DONE:
            msg = f"Run {run_.id} is {run_.state}; only a finished run is repeated."
            raise InputError(msg)
        wish = begun_run(store, run_.id, is_new=True)
        places = split_folders(folder, wish)
        pairs = list(zip(places, split_folders(folder / _AGAIN, wish), strict=True))
        splits = [read_split(store, place) for place in places]
        for n, (split, (_first, again)) in enumerate(
            zip(splits, pairs, strict=True), start=1
        ):
            if split is None:
                msg = (
                    f"Who taught and who judged in run {run_.id} is not written down: "
                    "its files are gone, or an older MedLab made it. It cannot be "
                    "repeated."
                )
                raise InputError(msg)
            report = ctx.progress
            if wish.n_folds:
                report = fold_progress(ctx.progress, n, wish.n_folds)
            project_training(store, wish, split, again, ctx, progress=report)
    return folder, pairs


def replay_text(found: dict[str, Any]) -> str:
    """Say in words what a repetition gave."""
    if found["same"]:
        what = f" in all {len(found['folds'])} folds" if "folds" in found else ""
        return f"Run {found['run']} gives the same again{what}, to the last bit."
    then, now = found["merit"]
    lines = [
        f"Run {found['run']} gives something else: {found['measure']} "
        f"{then:.4f} then, {now:.4f} now; weights differ by up to "
        f"{found['largest_weight_difference']:.3g}, losses by up to "
        f"{found['largest_loss_difference']:.3g}."
    ]
    others = [str(one["fold"]) for one in found.get("folds", ()) if not one["same"]]
    if others:
        lines.append(f"It differs in fold {', '.join(others)}.")
    if not found["same_recipe"]:
        lines.append("The recipe is another.")
    if not found["same_data"]:
        lines.append("The slices or their truth have changed.")
    for name, (before, after) in found["environment"].items():
        lines.append(f"{name}: {before} then, {after} now.")
    return "\n".join(lines)
