"""Judges what the readers make of a file: a good result or a sentence, nothing else."""

from __future__ import annotations

import json
import re
import resource
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medlab_gui.core.errors import MedlabError, ResourceError

__all__ = ["BASE_BYTES", "Cost", "Failure", "examine"]

BASE_BYTES = 128 * 2**20
"""Memory that reading may take besides four times the files: ITK and GDCM alone take up
to a hundred megabytes for a picture of a few kilobytes, whether it is sound or not."""

_ADDRESS_SLACK = 2**30
"""Threads and mapped files reserve addresses that they never touch."""

_PYTHON = re.compile(r"\bNone\b|Traceback|<class|\w+Error\(|\b0x[0-9a-f]{5}|(?<!')\bb'")

_CPU_S = 10.0
"""No sound file of the fuzzer takes a tenth of this."""


@dataclass(frozen=True)
class Failure:
    """What went wrong: a kind, where, and the details.

    ``kind`` is "exception", "sentence", "result", "memory", "slow", "warning", "noise",
    "crash" or "hang"; kind and ``where`` tell two failures apart.
    """

    kind: str
    where: str
    details: str = ""

    @property
    def signature(self) -> str:
        return f"{self.kind} {self.where}"


@dataclass
class Cost:
    """What a case took: seconds of the processor, and bytes of memory at most."""

    seconds: float = 0.0
    n_bytes: int = 0


def examine(
    path: Path, noise: Path | None = None, cost: Cost | None = None
) -> Failure | None:
    """Scan, describe and read a file or folder; return what is not as it must be.

    Parameters
    ----------
    path : Path
        A file or folder.
    noise : Path, optional
        The file that standard output and error go to; nothing may appear in it.
    cost : Cost, optional
        Takes what it took.
    """
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    budget = 4 * sum(p.stat().st_size for p in files) + BASE_BYTES
    quiet = noise.stat().st_size if noise else 0
    caught: list[warnings.WarningMessage]
    before = _limited(budget)
    began = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = _read(path)
    took = time.process_time() - began
    grown = _memory("VmHWM") - before
    _unlimited()
    if cost is not None:
        cost.seconds, cost.n_bytes = took, grown
    if found is not None:
        return found
    if grown > budget:
        allowed = f"{grown >> 20} MiB, {budget >> 20} allowed"
        return Failure("memory", "grew", allowed)
    if took > _CPU_S:
        return Failure("slow", "", f"{took:.1f} s")
    if caught:
        first = caught[0]
        where = f"{first.category.__name__} {Path(first.filename).name}"
        return Failure("warning", where, str(first.message))
    if noise and noise.stat().st_size > quiet:
        said = noise.read_bytes()[quiet : quiet + 2000].decode("utf-8", "replace")
        return Failure("noise", _first_words(said), said)
    return None


def _first_words(said: str) -> str:
    letters = [c if c.isalpha() else " " for c in said[:200]]
    return " ".join("".join(letters).split()[:6])


def _memory(name: str) -> int:
    with Path("/proc/self/status").open() as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    raise LookupError(name)


def _limited(budget: int) -> int:
    """Forbid more memory than allowed; return what is in use."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    limit = _memory("VmSize") + budget + _ADDRESS_SLACK
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    return _memory("VmRSS")


def _unlimited() -> None:
    resource.setrlimit(
        resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )


def _read(path: Path) -> Failure | None:
    from medlab_gui.commands import inspect_
    from medlab_gui.io import read_volume, scan

    stage = "scan"
    try:
        found = scan(path)
        stage = "inspect"
        told = found.to_dict()
        json.dumps(told, allow_nan=False).encode()
        inspect_.text(told).encode()
        wrong = _wrong_words(found)
        if wrong:
            return wrong
        stage = "read"
        for series in found.series:
            try:
                volume = read_volume(series)
            except MedlabError as error:
                failure = _wrong_refusal(error, path)
                if failure:
                    return failure
            else:
                failure = _wrong_volume(series, volume)
                if failure:
                    return failure
    except MedlabError as error:
        return _wrong_refusal(error, path)
    except Exception as error:  # noqa: BLE001 - any other exception is what we look for
        return _unforeseen(stage, error)
    return None


def _unforeseen(stage: str, error: Exception) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "medlab_gui" in f.filename]
    last = ours[-1] if ours else frames[-1]
    where = f"{stage} {type(error).__name__} {Path(last.filename).name}:{last.name}"
    details = "".join(traceback.format_exception(error))
    return Failure("exception", where, details[-3000:])


def _wrong_refusal(error: MedlabError, path: Path) -> Failure | None:
    if isinstance(error, ResourceError):
        # Only the limit set here stopped it: on another day it takes the memory.
        tried = _origin(error)
        return Failure("memory", f"asked for {tried}", error.message)
    return _wrong_sentence(error.message, path, type(error).__name__)


def _origin(error: BaseException) -> str:
    cause = error.__cause__ or error
    frames = traceback.extract_tb(cause.__traceback__)
    last = frames[-1]
    return f"{Path(last.filename).name}:{last.name}"


def _wrong_sentence(said: str, path: Path, what: str) -> Failure | None:
    words = said.replace(str(path), "").replace(path.name, "")
    faults = {
        "no full stop": not said.rstrip().endswith("."),
        "not printable": not said.isprintable(),
        "Python's words": bool(_PYTHON.search(words)),
        "too long": len(said) > 1500,
        "no words": len(said.split()) < 3,
    }
    for fault, found in faults.items():
        if found:
            return Failure("sentence", f"{fault} {what}", said)
    return None


def _wrong_words(found: Any) -> Failure | None:
    for series in found.series:
        for problem in series.problems:
            wrong = _wrong_sentence(problem.message, Path("/"), problem.code)
            if wrong:
                return wrong
        for name in ("description", "patient_name", "modality"):
            if not getattr(series, name).isprintable():
                said = repr(getattr(series, name))
                return Failure("result", f"{name} is not printable", said)
    for ignored in found.ignored:
        wrong = _wrong_sentence(ignored.reason, ignored.path, "ignored")
        if wrong:
            return wrong
    return None


def _wrong_volume(series: Any, volume: Any) -> Failure | None:
    data, grid = volume.data, volume.grid
    faults = {
        "a series that is no volume was read": series.blocking is not None,
        "voxels do not fit the grid": data.shape != grid.shape,
        "grid is not the series'": not np.array_equal(grid.affine, series.grid.affine),
        "shape is not the series'": tuple(series.shape) != data.shape,
        "unforeseen dtype": data.dtype.name not in ("uint8", "int16", "float32"),
        "no voxels": data.size == 0,
        "not finite": data.dtype.kind == "f" and not np.isfinite(data).all(),
        "affine is not finite": not np.isfinite(grid.affine).all(),
        "spacing is not positive": not min(grid.spacing) > 0,
    }
    for fault, found in faults.items():
        if found:
            details = f"{series.description!r} {data.shape} {data.dtype} {grid}"
            return Failure("result", fault, details)
    return None
