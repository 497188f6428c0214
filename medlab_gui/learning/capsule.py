"""A run's capsule: all that is needed to repeat a training, and to compare.

Files in the run's folder: ``spec.json`` (the recipe), ``capsule.json`` (software,
machine, fingerprints of every slice and which side it was on, notes, result),
``history.json`` (curves), ``log.txt``, ``checkpoint.safetensors`` with its card
``checkpoint.md``.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import medlab_gui
from medlab_gui.core.errors import DamagedFileError, InputError, storage_error
from medlab_gui.core.merit import measure, merit
from medlab_gui.core.training import TrainSpec
from medlab_gui.core.whole_files import write_whole
from medlab_gui.imaging.pipeline import needs_volume
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.dataset import half_of, near_slices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.learning.dataset import SliceKey, SliceSource

__all__ = [
    "CHECKPOINT",
    "RunLog",
    "compare_runs",
    "environment",
    "gone_on_with",
    "read_capsule",
    "slice_prints",
    "write_capsule",
]

CAPSULE, SPEC, LOG = "capsule.json", "spec.json", "log.txt"
CHECKPOINT, HISTORY = "checkpoint.safetensors", "history.json"
FORMAT = 1
_MATTERS = ("medlab", "code", "torch", "numpy", "system", "threads", "device", "card")
"""Of an `environment`, what numbers depend on."""


def slice_prints(
    source: SliceSource, spec: TrainSpec | None = None
) -> list[dict[str, Any]]:
    """Return for each slice who it is and the digests of all that the network sees.

    Parameters
    ----------
    source : SliceSource
        The slices.
    spec : TrainSpec, optional
        The recipe: what else of a scan a slice's numbers depend on. Without it, or
        where nothing does, only the slice itself.

    Returns
    -------
    list of dict
        ``series_uid, slice_index, group``, the digests ``image`` and ``labels``; of a
        network with several channels ``neighbours`` (their digests, from below, the
        slice itself left out); ``scan`` where preprocessing needs the whole of it.
    """
    half = 0 if spec is None else half_of(spec.network.in_channels)
    whole = spec is not None and needs_volume(spec.pipeline)
    images: dict[SliceKey, str] = {}
    scans: dict[str, str] = {}

    def image(key: SliceKey) -> str:
        if key not in images:
            images[key] = _digest(source.image(key))
        return images[key]

    prints = []
    for key in source.keys:
        row: dict[str, Any] = {
            "series_uid": key.series_uid,
            "slice_index": key.slice_index,
            "group": source.group(key),
            "image": image(key),
            "labels": _digest(source.labels(key)),
        }
        if half:
            near = list(near_slices(source, key, half))
            del near[half]
            row["neighbours"] = [image(one) for one in near]
        if whole:
            if key.series_uid not in scans:
                scans[key.series_uid] = _digest(source.scan(key))
            row["scan"] = scans[key.series_uid]
        prints.append(row)
    return prints


def _digest(array: Any) -> str:
    plain = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{plain.dtype.str}{plain.shape}".encode())
    # As bytes where they lie: scans are large.
    digest.update(plain.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """Return a digest of MedLab's own source: two versions may bear one number."""
    digest = hashlib.sha256()
    root = Path(medlab_gui.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def environment(device: str) -> dict[str, Any]:
    """Return what numbers may depend on: software, processor, graphics card."""
    return {
        "medlab": medlab_gui.__version__,
        "code": code_digest(),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "card": torch.cuda.get_device_name() if device == "cuda" else "",
        "cuda": torch.version.cuda or "" if device == "cuda" else "",
    }


def gone_on_with(folder: Path, now: dict[str, Any], epoch: int) -> str:
    """Return a sentence where a stopped training goes on with other software, or "".

    Parameters
    ----------
    folder : Path
        Of the run; its capsule says what the epochs before were trained with.
    now : dict
        What `environment` returns.
    epoch : int
        The first one to come.
    """
    try:
        text = (folder / CAPSULE).read_text(encoding="utf-8")
        then = json.loads(text)["environment"]
        parted = [name for name in _MATTERS if then.get(name, "") != now[name]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        parted = ["nothing written down"]
    if not parted or epoch == 1:
        return ""
    return (
        f"From epoch {epoch} on it was trained with other software or on another "
        f"machine than before ({', '.join(parted)}): trained anew from the start, it "
        "may become something else."
    )


class RunLog:
    """Lines with the time, in the run's folder; a resumed run goes on writing.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, line: str) -> None:
        """Write a line, on disk at once."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{now} {line}\n")
        except OSError as error:
            raise storage_error(error, self._path) from error


def write_capsule(folder: Path, spec: TrainSpec, content: dict[str, Any]) -> None:
    """Write recipe and capsule; the old ones stay until the new are complete."""
    write_whole(folder / SPEC, spec.to_json().encode())
    text = json.dumps({"format": FORMAT, **content}, indent=1)
    write_whole(folder / CAPSULE, text.encode())


def read_capsule(folder: Path) -> tuple[TrainSpec, dict[str, Any]]:
    """Return a run's recipe and the rest of its capsule.

    Raises
    ------
    InputError
        If the folder holds none.
    DamagedFileError
        If it cannot be read, or a newer MedLab wrote it.
    """
    if not (folder / CAPSULE).is_file():
        msg = f"{folder} holds no run: there is no {CAPSULE} in it."
        raise InputError(msg, path=folder)
    try:
        content = json.loads((folder / CAPSULE).read_text(encoding="utf-8"))
        spec = TrainSpec.from_dict(
            json.loads((folder / SPEC).read_text(encoding="utf-8"))
        )
        if int(content["format"]) > FORMAT:
            msg = f"The run in {folder} was made by a newer MedLab; please update."
            raise DamagedFileError(msg, path=folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"The capsule of the run in {folder} is damaged ({error})."
        raise DamagedFileError(msg, path=folder) from error
    return spec, content


def compare_runs(first: Path, again: Path) -> dict[str, Any]:
    """Compare a run with its repetition.

    Parameters
    ----------
    first, again : Path
        Folders of two finished runs.

    Returns
    -------
    dict
        ``same`` (recipe, data, curves and weights are equal to the last bit);
        ``same_recipe``, ``same_data``; ``environment`` (what differs: name to
        ``[then, now]``); ``largest_loss_difference`` over the epochs;
        ``largest_weight_difference``; ``mean_dice`` (``[then, now]``), and the figure
        that judges, ``merit``, whose name is ``measure``.
    """
    (spec_a, a), (spec_b, b) = read_capsule(first), read_capsule(again)
    curves_a, curves_b = _curves(first), _curves(again)
    meta_a, weights_a = load_checkpoint(first / CHECKPOINT)
    meta_b, weights_b = load_checkpoint(again / CHECKPOINT)
    differing = [
        float((weights_a[name].double() - weights_b[name].double()).abs().max())
        for name in weights_a
        if name in weights_b and weights_a[name].numel()
    ]
    losses = [
        abs(x["loss"] - y["loss"]) for x, y in zip(curves_a, curves_b, strict=False)
    ]
    then, now = (
        {**content["environment"], "processes": content.get("processes", 1)}
        for content in (a, b)
    )
    scores = [meta.metrics.get("validation", {}) for meta in (meta_a, meta_b)]
    found: dict[str, Any] = {
        "same_recipe": spec_a == spec_b,
        "same_data": a["data"] == b["data"],
        "environment": {
            name: [then.get(name), now.get(name)]
            for name in sorted(then.keys() | now.keys())
            if then.get(name) != now.get(name)
        },
        "largest_loss_difference": max(losses, default=0.0),
        "largest_weight_difference": max(differing, default=0.0),
        "mean_dice": [one.get("mean_dice") for one in scores],
        "merit": [merit(one) for one in scores],
        "measure": measure(scores[1]),
    }
    found["same"] = (
        found["same_recipe"]
        and found["same_data"]
        and curves_a == curves_b
        and weights_a.keys() == weights_b.keys()
        and not any(differing)
    )
    return found


def _curves(folder: Path) -> Any:
    try:
        return json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"The curves of the run in {folder} cannot be read; was it finished?"
        raise DamagedFileError(msg, path=folder) from error


def joined_digest(spec: TrainSpec, sides: Iterable[list[dict[str, Any]]]) -> str:
    """Return one digest of a recipe, of which slices there are, and of their truth."""
    content = [spec.to_dict(), *sides]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
