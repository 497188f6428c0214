"""Predictions kept while a training goes on: how a few slices come to look like truth.

Files in the run's folder ``kept/``: ``truth.npz`` with ``image`` (float32) and
``labels`` (uint8) of each slice as the network sees it, named ``0``, ``1``, ...;
``slices.json``, which says whose they are and how large a pixel is; ``names.json``,
where somebody has named the series (`name_series`); and
``step_000600.npz`` with the predicted labels after that many steps. `kept_figure` makes
one figure of them, ``kept.svg`` in the run's folder.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.learning.dataset import PreparedSlices

__all__ = [
    "KEPT",
    "choose_kept",
    "keep_step",
    "keep_truth",
    "name_series",
    "read_kept",
    "series_names",
]

KEPT = "kept"
_NAMES = "names.json"


def choose_kept(slices: PreparedSlices, n: int) -> list[int]:
    """Return numbers of up to ``n`` slices, spread over those that show a class."""
    shown = [k for k in range(len(slices)) if slices.has_foreground(k)]
    among = shown or list(range(len(slices)))
    n = min(n, len(among))
    return [among[(2 * k + 1) * len(among) // (2 * n)] for k in range(n)]


def keep_truth(folder: Path, slices: PreparedSlices, numbers: Sequence[int]) -> None:
    """Write what the slices look like, and their truth."""
    (folder / KEPT).mkdir(exist_ok=True)
    arrays: dict[str, NDArray[np.generic]] = {}
    for place, n in enumerate(numbers):
        image, labels = slices[n]
        arrays[f"image_{place}"], arrays[f"labels_{place}"] = image, labels
    _write(folder / KEPT / "truth.npz", arrays)
    keys = [slices.keys[n] for n in numbers]
    names = [
        {
            "series_uid": k.series_uid,
            "slice_index": k.slice_index,
            "pixel_mm": list(slices.pixel_mm(n)),
        }
        for n, k in zip(numbers, keys, strict=True)
    ]
    write_whole(folder / KEPT / "slices.json", json.dumps(names).encode())


def name_series(folder: Path, names: Mapping[str, str]) -> None:
    """Write what people call the series, by UID: a figure names slices by that."""
    (folder / KEPT).mkdir(parents=True, exist_ok=True)
    write_whole(folder / KEPT / _NAMES, json.dumps(dict(names)).encode())


def series_names(folder: Path) -> dict[str, str]:
    """Return what `name_series` wrote; nothing where it wrote nothing readable."""
    try:
        found = json.loads((folder / KEPT / _NAMES).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # of a recipe, or of an older MedLab
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def keep_step(folder: Path, step: int, predicted: Sequence[NDArray[np.uint8]]) -> None:
    """Write what the network says of them after a step."""
    arrays = {f"labels_{place}": labels for place, labels in enumerate(predicted)}
    _write(folder / KEPT / f"step_{step:06d}.npz", dict(arrays))


def _write(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())


def read_kept(
    folder: Path,
) -> tuple[
    list[tuple[NDArray[np.float32], NDArray[np.uint8]]],
    dict[int, list[NDArray[np.uint8]]],
]:
    """Return the kept slices with their truth, and the predictions by step.

    Parameters
    ----------
    folder : Path
        Of the run. Where nothing was kept, both are empty.

    Returns
    -------
    truth : list of (image, labels)
        float32 and uint8, both (Y', X').
    predicted : dict of int to list of ndarray of uint8
        After each of the steps, in the same order.

    Raises
    ------
    DamagedFileError
        If a file is not what was written.
    """
    try:
        return _truth(folder / KEPT), _steps(folder / KEPT)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        msg = f"The predictions kept in {folder / KEPT} are damaged ({error})."
        raise DamagedFileError(msg, path=folder / KEPT) from error


def _truth(folder: Path) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    if not (folder / "truth.npz").exists():
        return []
    with np.load(folder / "truth.npz") as file:
        n = sum(name.startswith("image_") for name in file.files)
        return [(file[f"image_{k}"], file[f"labels_{k}"]) for k in range(n)]


def _steps(folder: Path) -> dict[int, list[NDArray[np.uint8]]]:
    found = {}
    for path in sorted(folder.glob("step_*.npz")):
        with np.load(path) as file:
            step = int(path.stem.partition("_")[2])
            found[step] = [file[f"labels_{k}"] for k in range(len(file.files))]
    return found
