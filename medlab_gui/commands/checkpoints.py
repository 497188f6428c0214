"""Weights that are named: of a file, of the project, or those that come with MedLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.commands.inputs import existing_path
from medlab_gui.core.errors import CheckpointError
from medlab_gui.core.resources import resource

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "check_classes",
    "project_weights",
    "register_weights",
    "weights_file",
]

_STARTER = "abdomen_starter.safetensors"


def weights_file(store: ProjectStore | None, choice: str) -> tuple[Path, str]:
    """Return the file and the id of the weights that are meant.

    Parameters
    ----------
    store : ProjectStore or None
        The project, if there is one.
    choice : str
        A path, the id of a checkpoint of the project, ``"starter"``, or nothing: the
        weights in use, else the starter that comes with MedLab.
    """
    path = existing_path(choice) if choice else None
    if path is not None and path.is_file():
        return path, path.name
    if store is not None:
        if not choice:
            current = store.current_checkpoint()
            if current is not None:
                return store.blob_path(current.blob), current.id
        known = {c.id: c for c in store.checkpoints()}
        if choice in known:
            return store.blob_path(known[choice].blob), choice
    starter = resource("models", _STARTER)
    if choice in ("", "starter") and starter.is_file():
        return starter, "starter"
    if choice in ("", "starter"):
        msg = "MedLab's starter weights are missing; install MedLab again."
        raise CheckpointError(msg)
    where = "weights of the project" if store is not None else "'starter'"
    more = " `medlab list` names them." if store is not None else ""
    msg = f"There are no weights {choice!r}: it is neither a file nor {where}.{more}"
    raise CheckpointError(msg, path=path)


def project_weights(store: ProjectStore, choice: str, author: str) -> Checkpoint:
    """Return weights as a checkpoint of the project; take a file in if need be.

    The first weights that a project gets are the ones in use from then on.

    Parameters
    ----------
    store : ProjectStore
        The project.
    choice : str
        As in `weights_file`.
    author : str
        Who chose them.

    Raises
    ------
    CheckpointError
        If there are no such weights, or they know other classes than the project.
    """
    path, checkpoint_id = weights_file(store, choice)
    known = {c.id: c for c in store.checkpoints()}
    if checkpoint_id in known:
        checkpoint = known[checkpoint_id]
        check_classes(store, checkpoint.scheme, checkpoint.name)
        return checkpoint
    checkpoint = register_weights(store, path)
    if store.current_checkpoint() is None:
        store.adopt(checkpoint.id, author, "The first weights of the project.")
    return checkpoint


def check_classes(store: ProjectStore, scheme: LabelScheme, name: str) -> None:
    """Refuse weights whose values mean other things than the project's.

    Raises
    ------
    CheckpointError
        If the classes are not the same, in the same order.
    """
    own, theirs = (
        [c.name.casefold() for c in one.classes] for one in (store.scheme(), scheme)
    )
    if own != theirs:
        known = ", ".join(c.name for c in scheme.classes)
        wanted = ", ".join(c.name for c in store.scheme().classes)
        msg = (
            f"The weights {name!r} know other classes ({known}) than the project has "
            f"({wanted}); choose weights with the same classes, or another project."
        )
        raise CheckpointError(msg)


def register_weights(
    store: ProjectStore,
    path: Path,
    *,
    name: str = "",
    run_id: str | None = None,
    parent: str | None = None,
) -> Checkpoint:
    """Copy a file of weights into the project.

    Parameters
    ----------
    store : ProjectStore
        The project.
    path : Path
        The file; it is checked first.
    name : str
        What a person reads; the file's own name for itself where empty.
    run_id, parent : str, optional
        The run that made it, and the checkpoint that it began from.

    Raises
    ------
    CheckpointError
        If it is not a checkpoint, or knows other classes than the project.
    """
    from medlab_gui.learning.checkpoint import read_meta

    meta = read_meta(path)
    check_classes(store, meta.scheme, meta.name or path.stem)
    return store.add_checkpoint(
        path,
        network=meta.network,
        pipeline=meta.pipeline,
        inplane_mm=meta.inplane_mm,
        resize=meta.resize,
        scheme=meta.scheme,
        metrics=meta.metrics,
        epoch=meta.epoch,
        name=name or meta.name or path.stem,
        run_id=run_id,
        parent=parent,
    )
