"""``medlab adopt``: which weights are in use, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.checkpoints import project_weights
from medlab_gui.commands.command import Command, Telling, param
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_
from medlab_gui.core.merit import merit

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.store.project import ProjectStore

__all__ = ["ADOPT", "AdoptParams"]


@dataclass(frozen=True)
class AdoptParams:
    """Which weights to use from now on."""

    checkpoint: str = param(
        "Id of a checkpoint, a file of weights, 'starter', or 'previous' to go back.",
        kind="checkpoint",
        positional=True,
    )


def run(params: AdoptParams, ctx: Context) -> dict[str, Any]:
    """Use other weights from now on; the history is kept."""
    from medlab_gui.networks import is_classifier

    with ctx.store() as store:
        before = store.current_checkpoint()
        if params.checkpoint == "previous":
            chosen = store.previous_checkpoint()
            if chosen is None:
                msg = "There are no earlier weights to go back to."
                raise InputError(msg)
            reason = "Gone back to the previous weights."
        else:
            author = ctx.settings.author_name
            chosen = project_weights(store, params.checkpoint, author)
            reason = f"Chosen by hand. {_refusal(store, chosen)}".rstrip()
        if before is None or before.id != chosen.id:
            store.adopt(chosen.id, ctx.settings.author_name, reason)
        return {
            "checkpoint": chosen.id,
            "name": chosen.name,
            "before": before.id if before else None,
            "reason": reason,
            "classifies": is_classifier(chosen.network),
        }


def _refusal(store: ProjectStore, chosen: Checkpoint) -> str:
    """Return what was said when weights were refused after their training, or ""."""
    run = next((r for r in store.runs() if r.id == chosen.run_id), None)
    comparison = run.comparison if run is not None else {}
    old, new = (merit(comparison.get(which)) for which in ("old", "new"))
    refused = old is not None and new is not None and new < old
    return str(comparison["reason"]) if refused else ""


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    told = f"The weights in use are now {result['name']!r}. {result['reason']}"
    if result["classifies"]:
        told += (
            " They are a classifier's: prediction and queue tell what slices show, and "
            "no mask is drawn."
        )
    return told


ADOPT = Command(
    verb="adopt",
    title=N_("Use other weights…"),
    help=N_("Choose the weights in use, or go back to the previous ones."),
    params=AdoptParams,
    run=run,
    text=text,
    told=Telling.NOTICE,
    menu="medlab/model/4_weights",
    when="project_open",
    details=N_(
        "A file is copied into the project first. Nothing is deleted: `medlab list` "
        "names all weights and marks the ones in use. Predictions and queue stay as "
        "they are until `medlab score` ranks again."
    ),
    examples=(
        "medlab adopt previous --project liver",
        "medlab adopt mine.safetensors --project liver",
    ),
)
