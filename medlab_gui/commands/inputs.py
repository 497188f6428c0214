"""Where commands get their arrays: from a path, or from a series of the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import CheckpointError, InputError
from medlab_gui.core.resources import resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Reorientation
    from medlab_gui.core.records import Checkpoint
    from medlab_gui.core.volume import Volume
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "STARTER",
    "Input",
    "mapped",
    "open_input",
    "project_weights",
    "register_weights",
    "scaled",
    "weights_file",
]

STARTER = "abdomen_starter.safetensors"


@dataclass(frozen=True)
class Input:
    """A scan, ready to be worked on.

    Parameters
    ----------
    volume : Volume
        On the working grid: axial, from the feet to the head.
    back : Reorientation
        Leads from the file's own grid to the working grid; ``back.restore`` returns.
    name : str
        What a person reads.
    series_uid : str or None
        The project's series; None where the scan comes from a path.
    """

    volume: Volume
    back: Reorientation
    name: str
    series_uid: str | None


def open_input(place: str, ctx: Context, series: str = "") -> Input:
    """Read a scan from a path, or from the project by its UID.

    Parameters
    ----------
    place : str
        A path that exists, or the UID of a series in the project.
    ctx : Context
        Project, progress and cancellation.
    series : str
        Which series of the path, where it holds several.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = Path(place).expanduser()
    if path.exists():
        from medlab_gui.io import read_one

        found, native = read_one(path, series or None, progress=ctx.progress)
        how = native.grid.canonical()
        name = found.description or path.name
        return Input(native.reoriented(how), how, name, None)
    if "/" in place or "\\" in place or path.suffix in (".nii", ".gz", ".nrrd", ".dcm"):
        msg = f"{place} does not exist. Check the name of the file or folder."
        raise InputError(msg, path=path)
    from medlab_gui.core.volume import Volume

    with ctx.store() as store:
        if not store.has_series(place):
            msg = (
                f"{place!r} is neither a path nor a series of the project "
                f"{ctx.project_place}. `medlab list` names its series."
            )
            raise InputError(msg)
        record = store.series(place)
        volume = Volume(
            store.array(record.blob),
            record.grid,
            record.modality,
            record.units,
            record.uid,
        )
        return Input(volume, record.reorientation, record.description, record.uid)


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
    path = Path(choice).expanduser() if choice else None
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
    starter = resource("models", STARTER)
    if choice in ("", "starter") and starter.is_file():
        return starter, "starter"
    if choice in ("", "starter"):
        msg = "MedLab's starter weights are missing; install MedLab again."
        raise CheckpointError(msg)
    msg = (
        f"There are no weights {choice!r}: it is neither a file nor a checkpoint of "
        "the project. `medlab list` names the checkpoints."
    )
    raise CheckpointError(msg, path=path)


def mapped(
    mask: NDArray[Any],
    class_map: dict[int, int] | None,
    allowed: Iterable[int],
    name: str,
) -> NDArray[np.uint8]:
    """Return a mask with its values translated to the project's classes.

    Parameters
    ----------
    mask : ndarray of int, shape (Z, Y, X)
        As read.
    class_map : dict or None
        Value in the file to value of the class; values not named become background.
        None keeps the values.
    allowed : iterable of int
        Values that the classes have, 0 and 255 included.
    name : str
        Of the file, for the message.

    Raises
    ------
    InputError
        If a value is not one of the classes'.
    """
    import numpy as np

    allowed = set(allowed)
    values = [int(v) for v in np.unique(mask)]
    table = class_map if class_map is not None else {v: v for v in values}
    wrong = sorted({table.get(v, 0) for v in values} - allowed)
    if wrong:
        msg = (
            f"The mask {name} holds the values {', '.join(map(str, wrong[:8]))}"
            f"{' ...' if len(wrong) > 8 else ''}, which are no classes here (known: "
            f"{', '.join(map(str, sorted(allowed)))}). Translate them, e.g. --map 5=1."
        )
        raise InputError(msg)
    result = np.zeros(mask.shape, np.uint8)
    for source, target in table.items():
        if target and source in values:
            result[mask == source] = target
    return result


def scaled(
    progress: Callable[..., None], start: float, stop: float
) -> Callable[..., None]:
    """Return a progress callable that fills ``start`` to ``stop`` of the whole."""

    def report(
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        share = done / total if total else 0.0
        progress(start + (stop - start) * share, 1.0, message, data)

    return report


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
    """
    path, checkpoint_id = weights_file(store, choice)
    known = {c.id: c for c in store.checkpoints()}
    if checkpoint_id in known:
        return known[checkpoint_id]
    checkpoint = register_weights(store, path)
    if store.current_checkpoint() is None:
        store.adopt(checkpoint.id, author, "The first weights of the project.")
    return checkpoint


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
    """
    from medlab_gui.learning.checkpoint import read_meta

    meta = read_meta(path)
    return store.add_checkpoint(
        path,
        network=meta.network,
        pipeline=meta.pipeline,
        inplane_mm=meta.inplane_mm,
        scheme=meta.scheme,
        metrics=meta.metrics,
        epoch=meta.epoch,
        name=name or meta.name or path.stem,
        run_id=run_id,
        parent=parent,
    )
