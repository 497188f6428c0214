"""Makes a failing case small, and keeps it among the regression cases.

A kept case is a file ``tests/fuzz/cases/NAME``, or a folder of them where one file does
not show the failure; ``cases/README.md`` says from which public scan each comes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.mutate import apply, make_case
from tests.fuzz.run import Child
from tests.fuzz.seeds import seeds

if TYPE_CHECKING:
    from tests.fuzz.run import Report
    from tests.fuzz.seeds import Folder

__all__ = ["CASES", "keep"]

CASES = Path(__file__).parent / "cases"
_TRIES = 400
"""How often a case is read to make it smaller."""


def keep(seed: int, report: Report, shared: Path | None) -> None:
    """Write the smallest case found of each kind of failure in a report."""
    files = seeds(shared)
    child = Child(shared)
    for signature, found in sorted(report.failures.items()):
        case = min(
            (make_case(seed, n, list(files), files) for n, _ in found[:10]),
            key=lambda c: (len(c[1]), sum(map(len, files[c[0]].values()))),
        )
        small = minimised(child, case, files, signature)
        if small is None:
            print(f"does not happen again: {signature}")
            continue
        _write(small, signature, case[0])
    child.stop()


def minimised(
    child: Child,
    case: tuple[str, tuple[tuple[str, str, int], ...]],
    files: dict[str, Folder],
    signature: str,
) -> Folder | None:
    """Return a case made small that fails as it did, or None where it does not."""

    def fails(folder: Folder) -> bool:
        failure = child.read(folder)
        return failure is not None and failure.signature == signature

    name, steps = case
    if not fails(apply(case, files)):
        return None
    for step in steps:
        fewer = (name, tuple(s for s in steps if s != step))
        if fails(apply(fewer, files)):
            steps = fewer[1]
    folder = apply((name, steps), files)
    for file in list(folder):
        fewer_files = {n: b for n, b in folder.items() if n != file}
        if fewer_files and fails(fewer_files):
            folder = fewer_files
    for file in list(folder):
        folder = _shortened(folder, file, fails)
    return folder


def _shortened(folder: Folder, file: str, fails: object) -> Folder:
    """Take out blocks of a file, large ones first, as long as it fails the same."""
    assert callable(fails)
    tries = 0
    size = max(1, len(folder[file]) // 2)
    while size >= 8 and tries < _TRIES:
        at = 0
        while at < len(folder[file]) and tries < _TRIES:
            data = folder[file]
            shorter = {**folder, file: data[:at] + data[at + size :]}
            tries += 1
            if fails(shorter):
                folder = shorter
            else:
                at += size
        size //= 2
    return folder


def _write(folder: Folder, signature: str, origin: str) -> None:
    words = "".join(c if c.isalnum() else "-" for c in signature).strip("-").lower()
    digest = hashlib.sha256(repr(sorted(folder.items())).encode()).hexdigest()[:6]
    name = f"{words[:48].strip('-')}-{digest}"
    if len(folder) == 1 and "." in next(iter(folder)):  # else its name tells
        ((file, data),) = folder.items()
        end = "".join(Path(file).suffixes[-2:])
        end = end if len(end) < 9 else Path(file).suffix
        (CASES / f"{name}{end}").write_bytes(data)
        name += end
    else:
        (CASES / name).mkdir(exist_ok=True)
        for file, data in folder.items():
            (CASES / name / file).write_bytes(data)
    size = sum(map(len, folder.values()))
    print(f"kept {name} ({size} bytes, from {origin})")
    with (CASES / "README.md").open("a") as notes:
        notes.write(f"| `{name}` | {origin} | {signature} |\n")
