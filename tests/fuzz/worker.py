"""The child in which files are read, so that a crash or a hang costs one process.

Requests come on standard input, one JSON object a line, and each is answered by a line:
``{"seed": 1, "number": 7}`` names a case of a run, ``{"files": {name: base64}}`` brings
the files along. The answer holds the failure, or ``null``, and what the case took.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fuzz.seeds import Folder

__all__ = ["main"]


def main(shared: str) -> None:
    """Answer requests until there are no more."""
    answers, errors = os.fdopen(os.dup(1), "w", buffering=1), os.dup(2)
    with tempfile.TemporaryDirectory(prefix="medlab-fuzz-") as name:
        root = Path(name)
        noise = root / "noise"
        noise.touch()
        target = os.open(noise, os.O_WRONLY | os.O_APPEND)
        os.dup2(target, 1)
        os.dup2(target, 2)
        (root / "tmp").mkdir()
        tempfile.tempdir = str(root / "tmp")
        try:
            _serve(root, noise, Path(shared) if shared else None, answers)
        except BaseException:
            os.dup2(errors, 2)
            raise


def _serve(root: Path, noise: Path, shared: Path | None, answers: Any) -> None:
    from tests.fuzz.examine import Cost, examine
    from tests.fuzz.mutate import apply, make_case
    from tests.fuzz.seeds import seeds

    files = seeds(shared)
    names = list(files)
    # Libraries are loaded and caches filled by sound files, not on a case's account.
    for name in names:
        examine(_written(root / "case", files[name]))
    answers.write("ready\n")
    for line in sys.stdin:
        asked = json.loads(line)
        if "files" in asked:
            folder = {n: base64.b64decode(b) for n, b in asked["files"].items()}
        elif "sound" in asked:
            folder = files[asked["sound"]]
        else:
            case = make_case(asked["seed"], asked["number"], names, files)
            folder = apply(case, files)
        cost = Cost()
        failure = examine(_written(root / "case", folder), noise, cost)
        if failure is not None and failure.signature == "memory grew":
            # Threads of the case before may have ended late: it counts if it repeats.
            failure = examine(_written(root / "case", folder), noise, cost)
        answer = {
            "failure": None if failure is None else dataclasses.asdict(failure),
            "cost": dataclasses.asdict(cost),
        }
        answers.write(json.dumps(answer) + "\n")


def _written(root: Path, folder: Folder) -> Path:
    """Write a folder and return what is to be opened: it, or its only file."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, data in folder.items():
        (root / name).write_bytes(data)
    return root / next(iter(folder)) if len(folder) == 1 else root


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
