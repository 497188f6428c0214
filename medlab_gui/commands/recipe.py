"""``medlab train --recipe``: weights from a recorded recipe, without a project.

Beside ``liver.safetensors`` and its card ``liver.md`` lies ``liver.run``: the capsule
of the training (see `learning.capsule`) with the recipe, whose paths are made absolute.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import read_labels
from medlab_gui.commands.outputs import keep_inputs, target
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError, storage_error
from medlab_gui.core.processes import leads

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.command import Context
    from medlab_gui.learning.recipe import Recipe, RecipeItem
    from medlab_gui.learning.train import TrainResult

__all__ = ["RECIPE", "follow_recipe", "train_from_files"]

RECIPE = "recipe.json"


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

    from medlab_gui.learning.card import write_card
    from medlab_gui.learning.checkpoint import read_meta, write_whole
    from medlab_gui.learning.recipe import read_recipe

    recipe = read_recipe(as_path(recipe_file))
    card, capsule = output.with_suffix(".md"), output.with_suffix(".run")
    keep_inputs(
        [output, card], [file for i in recipe.items for file in (i.image, i.mask)]
    )
    # Beside the output: renamed when it is whole, so that no half of one is left.
    try:
        place = tempfile.mkdtemp(prefix=f".{output.stem}-", dir=output.parent)
    except OSError as error:
        raise storage_error(error, output.parent) from error
    folder = as_path(place)
    try:
        made = train_from_files(recipe, folder, ctx)
        if leads():
            write_whole(output, made.checkpoint.read_bytes())
            write_card(read_meta(output), card)
            _keep(folder, capsule)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "output": str(output),
        "card": str(card),
        "capsule": str(capsule),
        "epochs": made.epochs,
        "metrics": made.metrics,
        "notes": list(made.notes),
    }


def _keep(folder: Path, capsule: Path) -> None:
    from medlab_gui.learning.trainer import BEST, STATE

    try:
        # Whole weights each, and of no use any more: nobody resumes a recipe.
        for name in (STATE, BEST):
            (folder / name).unlink(missing_ok=True)
        if capsule.is_dir():
            shutil.rmtree(capsule)
        folder.rename(capsule)
    except OSError as error:
        raise storage_error(error, capsule) from error


def train_from_files(recipe: Recipe, folder: Path, ctx: Context) -> TrainResult:
    """Train by a recipe whose scans are files, and keep the recipe in the folder.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    folder : Path
        For the capsule; made if it is not there, and begun anew.
    ctx : Context
        Device, progress, cancellation.
    """
    from medlab_gui.learning.checkpoint import write_whole
    from medlab_gui.learning.recipe import train_recipe

    def load(item: RecipeItem) -> Any:
        from medlab_gui.io import read_one

        _, native = read_one(item.image, progress=ctx.progress)
        how = native.grid.canonical()
        labels = read_labels(item.mask, item.class_map, recipe.scheme, how)
        return how.apply(native.data), labels, how.grid.spacing

    made = train_recipe(
        recipe,
        load,
        folder=folder,
        device=ctx.device,
        progress=ctx.progress,
        weights_folder=ctx.settings.weights_path,
    )
    if leads():
        write_whole(folder / RECIPE, json.dumps(recipe.to_dict(), indent=1).encode())
    return made
