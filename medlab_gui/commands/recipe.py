"""``medlab train --recipe``: weights from a recorded recipe, without a project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import read_labels
from medlab_gui.commands.outputs import keep_inputs, target
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.learning.recipe import RecipeItem

__all__ = ["follow_recipe"]


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
    from medlab_gui.learning.recipe import read_recipe, train_recipe

    recipe = read_recipe(as_path(recipe_file))
    card = output.with_suffix(".md")
    keep_inputs(
        [output, card], [file for i in recipe.items for file in (i.image, i.mask)]
    )

    def load(item: RecipeItem) -> Any:
        from medlab_gui.io import read_one

        _, native = read_one(item.image, progress=ctx.progress)
        how = native.grid.canonical()
        labels = read_labels(item.mask, item.class_map, recipe.scheme, how)
        return how.apply(native.data), labels, how.grid.spacing

    with tempfile.TemporaryDirectory(prefix="medlab-train-") as folder:
        made = train_recipe(
            recipe,
            load,
            folder=Path(folder),
            device=ctx.device,
            progress=ctx.progress,
        )
        write_whole(output, made.checkpoint.read_bytes())
    meta = read_meta(output)
    write_card(meta, card)
    return {
        "output": str(output),
        "card": str(card),
        "epochs": made.epochs,
        "metrics": meta.metrics,
    }
