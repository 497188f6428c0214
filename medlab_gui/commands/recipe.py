"""``medlab train --recipe``: weights from a recorded recipe, without a project.

Beside ``liver.safetensors`` and its card ``liver.md`` lies ``liver.run``: the capsule
of the training (see `learning.capsule`) with the recipe, whose paths are made absolute.
Until it is done, all of that is in ``liver.unfinished``: a training that was stopped
goes on from there.
"""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import read_labels
from medlab_gui.commands.outputs import keep_inputs, target
from medlab_gui.commands.train_runs import LOCK, alive
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError, storage_error
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.processes import leads

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.learning.recipe import Recipe, RecipeItem
    from medlab_gui.learning.train import TrainResult

__all__ = ["RECIPE", "follow_recipe", "resume_recipe", "train_from_files"]

RECIPE = "recipe.json"
UNFINISHED = ".unfinished"
"""Ending of the folder in which a training goes on, beside its output."""


def follow_recipe(recipe_file: str, output_file: str, ctx: Context) -> dict[str, Any]:
    """Train by a recipe; write the weights and, beside them, their model card.

    Parameters
    ----------
    recipe_file : str
        The recipe (see `learning.recipe`).
    output_file : str
        Where the weights go: ``.safetensors``.
    ctx : Context
        Device, progress, cancellation.

    Raises
    ------
    InputError
        If no output is named, or a scan of the recipe cannot be read.
    SpecError
        If it is not a recipe.
    StorageFullError
        If there is no room or no permission.
    """
    if not output_file:
        msg = "Name the file for the weights, e.g. --output liver.safetensors."
        raise InputError(msg)
    output = target(output_file, (".safetensors",))

    from medlab_gui.learning.best_weights import BEST
    from medlab_gui.learning.recipe import read_recipe

    recipe = read_recipe(as_path(recipe_file))
    keep_inputs(
        [output, output.with_suffix(".md")],
        [file for i in recipe.items for file in (i.image, i.mask)],
    )
    folder = output.with_suffix(UNFINISHED)
    if (folder / BEST).exists() and leads():
        msg = (
            f"{folder} is what a training left that was stopped: `medlab train "
            f"--resume {folder}` goes on with it; delete it to begin anew."
        )
        raise InputError(msg, path=folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    return _train_in(folder, recipe, output, ctx, resume=False)


def resume_recipe(folder: Path, ctx: Context) -> dict[str, Any]:
    """Go on with a training by a recipe that was stopped.

    Parameters
    ----------
    folder : Path
        What it left beside its output: ``liver.unfinished``.
    ctx : Context
        Device, progress, cancellation.

    Returns
    -------
    dict
        As `follow_recipe`.

    Raises
    ------
    InputError
        If it is no such folder, the recipe or its scans have changed since, or another
        process is at it.
    """
    from medlab_gui.learning.recipe import read_recipe

    if folder.suffix != UNFINISHED or not (folder / RECIPE).is_file():
        msg = (
            f"{folder} is no training that was stopped: there is no {RECIPE} in it, or "
            f"its name does not end in {UNFINISHED}."
        )
        raise InputError(msg, path=folder)
    recipe = read_recipe(folder / RECIPE)
    output = target(str(folder.with_suffix(".safetensors")), (".safetensors",))
    return _train_in(folder, recipe, output, ctx, resume=True)


def _train_in(
    folder: Path, recipe: Recipe, output: Path, ctx: Context, *, resume: bool
) -> dict[str, Any]:
    """Train in a folder beside the output, which is renamed when all is whole.

    Where it is stopped, or the machine fails, it stays if an epoch is done.
    """
    from medlab_gui.core.whole_files import write_whole
    from medlab_gui.learning.best_weights import BEST
    from medlab_gui.learning.card import write_card
    from medlab_gui.learning.checkpoint import read_meta

    card, capsule = output.with_suffix(".md"), output.with_suffix(".run")
    is_ours = False
    try:
        with alive(folder) if leads() else nullcontext():
            is_ours = leads()
            made = train_from_files(recipe, folder, ctx, resume=resume)
            if leads():
                write_whole(output, made.checkpoint.read_bytes())
                write_card(read_meta(output), card)
        if leads():
            _keep(folder, capsule)
    except BaseException as error:
        if not is_ours:
            raise
        if not (folder / BEST).exists():
            shutil.rmtree(folder, ignore_errors=True)
        elif isinstance(error, (Cancelled, KeyboardInterrupt)):
            raise Cancelled(f"`medlab train --resume {folder}` goes on.") from error
        raise
    return {
        "output": str(output),
        "card": str(card),
        "capsule": str(capsule),
        "epochs": made.epochs,
        "metrics": made.metrics,
        "notes": list(made.notes),
    }


def _keep(folder: Path, capsule: Path) -> None:
    from medlab_gui.learning.best_weights import BEST
    from medlab_gui.learning.trainer import STATE

    try:
        # Whole weights each, and of no use any more; nor is the lock.
        for name in (STATE, BEST, LOCK):
            (folder / name).unlink(missing_ok=True)
        if capsule.is_dir():
            shutil.rmtree(capsule)
        folder.rename(capsule)
    except OSError as error:
        raise storage_error(error, capsule) from error


def train_from_files(
    recipe: Recipe, folder: Path, ctx: Context, *, resume: bool = False
) -> TrainResult:
    """Train by a recipe whose scans are files, and keep the recipe in the folder.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    folder : Path
        For the capsule; made if it is not there.
    ctx : Context
        Device, progress, cancellation.
    resume : bool
        Go on from the state in the folder instead of beginning anew.
    """
    from medlab_gui.core.whole_files import write_whole
    from medlab_gui.learning.parallel import Team
    from medlab_gui.learning.predict import choose_device
    from medlab_gui.learning.recipe import train_recipe

    def load(item: RecipeItem) -> Any:
        from medlab_gui.io import read_one

        _, native = read_one(item.image, progress=ctx.progress)
        how = native.grid.canonical()
        unnamed: dict[int, int] = {}
        labels = read_labels(item.mask, item.class_map, recipe.scheme, how, unnamed)
        return how.apply(native.data), labels, how.grid.spacing, unnamed

    if leads():
        # At once: who resumes needs it.
        folder.mkdir(exist_ok=True)
        write_whole(folder / RECIPE, json.dumps(recipe.to_dict(), indent=1).encode())
    # Before the scans are read: one process may lack the memory for them.
    with Team.join(choose_device(ctx.device)).telling_why():
        return train_recipe(
            recipe,
            load,
            folder=folder,
            device=ctx.device,
            progress=ctx.progress,
            weights_folder=ctx.settings.weights_path,
            resume=resume,
        )
