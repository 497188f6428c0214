"""``medlab export-run`` and ``delete-run``: trainings leave the project."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.outputs import make_folder
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError, storage_error
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["DELETE_RUN", "EXPORT_RUN", "DeleteRunParams", "ExportRunParams"]

_WEIGHTS, _CARD, _RECORD = "checkpoint.safetensors", "checkpoint.md", "run.json"
_COPIED = (".json", ".txt", ".md", ".csv", ".png", ".svg")
"""What a run wrote for people and programs; locks and states to resume are its own."""


@dataclass(frozen=True)
class ExportRunParams:
    """Which run, and where to."""

    run: str = param("Id of the run, see `medlab list`.", positional=True)
    output: str = param(
        "Folder for weights, model card, recipe, curves and log; made if need be.",
        kind="folder",
    )


@dataclass(frozen=True)
class DeleteRunParams:
    """Which run."""

    run: str = param("Id of the run, see `medlab list`.", positional=True)


def run_export(params: ExportRunParams, ctx: Context) -> dict[str, Any]:
    """Write all that a run left into a folder."""
    from medlab_gui.core.whole_files import write_whole
    from medlab_gui.learning.card import write_card
    from medlab_gui.learning.checkpoint import read_meta

    folder = as_path(params.output)
    with ctx.store() as store:
        run = store.run(params.run)
        source = store.run_folder(run.id)
        folds = sorted(source.glob("fold-*"))
        checkpoint = store.checkpoint(run.checkpoint) if run.checkpoint else None
        blob = store.blob_path(checkpoint.blob) if checkpoint else None
    make_folder(folder)
    # Another run's files beside these would pass for this one's.
    if (folder / _RECORD).exists():
        msg = f"{folder} holds a run already; name another folder."
        raise InputError(msg, path=folder)
    written = [_RECORD]
    record = json.dumps({**asdict(run), "state": str(run.state)}, indent=2)
    try:
        for path in sorted(source.iterdir()):
            if path.is_file() and path.suffix in _COPIED:
                shutil.copyfile(path, folder / path.name)
                written.append(path.name)
        for fold in folds:
            (folder / fold.name).mkdir(exist_ok=True)
            for path in sorted(fold.iterdir()):
                if path.suffix in _COPIED or path.name == _WEIGHTS:
                    name = f"{fold.name}/{path.name}"
                    shutil.copyfile(path, folder / name)
                    written.append(name)
        if blob is not None:
            shutil.copyfile(blob, folder / _WEIGHTS)
            written.append(_WEIGHTS)
            write_card(read_meta(blob), folder / _CARD)
            written.append(_CARD)
        write_whole(folder / _RECORD, record.encode())
    except OSError as error:
        raise storage_error(error, folder) from error
    return {"run": run.id, "output": str(folder), "files": sorted({*written})}


def run_delete(params: DeleteRunParams, ctx: Context) -> dict[str, Any]:
    """Delete a run, its files, and its weights where nothing rests on them."""
    from medlab_gui.commands.train import settle_runs

    with ctx.store() as store:
        settle_runs(store)
        checkpoint = store.run(params.run).checkpoint
        made = [c.id for c in store.checkpoints() if c.run_id == params.run]
        gone = store.delete_run(params.run)
    return {
        "run": params.run,
        "checkpoint": checkpoint,
        "n_weights": len({*made, *([checkpoint] if checkpoint else [])}),
        "weights_deleted": gone,
    }


def export_text(result: dict[str, Any]) -> str:
    """Say it in words."""
    files = ", ".join(result["files"])
    return f"The run is in {result['output']}: {files}."


def delete_text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if not result["n_weights"]:
        return "The run is deleted."
    if result["weights_deleted"]:
        return "The run and its weights are deleted."
    return (
        "The run is deleted; its weights stay where they are or were in use, "
        "predicted something, or others were learned from them."
    )


EXPORT_RUN = Command(
    verb="export-run",
    title=N_("Export training…"),
    help=N_("Write a training's weights, card, recipe, curves and log into a folder."),
    params=ExportRunParams,
    run=run_export,
    text=export_text,
    details=N_(
        "JSON: the names of the files. The weights (checkpoint.safetensors) say what "
        "they are and can be taken into another project with `medlab adopt`."
    ),
    examples=("medlab export-run 3f2a5b7c9d1e --output liver-run --project liver",),
)

DELETE_RUN = Command(
    verb="delete-run",
    title=N_("Delete training"),
    help=N_("Delete a training, and its weights where nothing rests on them."),
    params=DeleteRunParams,
    run=run_delete,
    text=delete_text,
    details=N_(
        "There is no way back. Weights stay that are or were in use, that predicted or "
        "ranked something, or that others were learned from."
    ),
    examples=("medlab delete-run 3f2a5b7c9d1e --project liver",),
)
