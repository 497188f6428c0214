"""Is a project sound? What ``medlab doctor`` says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from medlab_gui.core.errors import StoreError
from medlab_gui.core.records import Problem, Severity
from medlab_gui.store import tables
from medlab_gui.store.journal_format import is_damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medlab_gui.store.blobs import BlobStore
    from medlab_gui.store.database import Database

__all__ = ["examine"]

_BLOB_COLUMNS = (
    (tables.series.c.blob, "scan"),
    (tables.annotation.c.blob, "mask"),
    (tables.checkpoint.c.blob, "checkpoint"),
    (tables.prediction.c.labels_blob, "prediction"),
    (tables.prediction.c.entropy_blob, "uncertainty"),
    (tables.classification.c.probs_blob, "classification"),
)


def examine(database: Database, blobs: BlobStore, journals: Path) -> Iterator[Problem]:
    """Give what is wrong with a project, worst first.

    Codes are ``database-damaged``, ``missing-files``, ``damaged-files``,
    ``journal-damaged`` and ``leftover-files``.
    """
    try:
        found = database.run_outside_transaction("PRAGMA quick_check")
        verdict = "; ".join(str(row[0]) for row in found)
        if verdict == "ok":
            verdict = ""
    except StoreError as error:
        verdict = error.message
    if verdict:
        yield Problem(
            "database-damaged",
            Severity.UNSAFE,
            f"The project's database is damaged ({verdict}). Restore it from a backup.",
            (database.path.name,),
        )
        return
    for column, what in _BLOB_COLUMNS:
        with database.read() as connection:
            names = connection.scalars(select(column).distinct()).all()
        missing = tuple(name for name in names if not blobs.path(name).is_file())
        if missing:
            yield Problem(
                "missing-files",
                Severity.UNSAFE,
                f"{len(missing)} of {len(names)} files of kind {what!r} are missing. "
                "Restore the project's folder from a backup, or make them again.",
                missing,
            )
        if what != "scan":
            continue
        cut = tuple(n for n in names if n not in missing and not _opens(blobs, n))
        if cut:
            yield Problem(
                "damaged-files",
                Severity.UNSAFE,
                f"{len(cut)} of {len(names)} scans are damaged or cut off. Restore the "
                "project's folder from a backup, or import them again.",
                cut,
            )
    damaged = tuple(
        path.name for path in sorted(journals.glob("*.mlj")) if is_damaged(path)
    )
    if damaged:
        yield Problem(
            "journal-damaged",
            Severity.WARNING,
            f"{len(damaged)} records of strokes are damaged in the middle: strokes "
            "that were made after that and never saved are lost. Saved masks are not "
            "concerned. "
            "Restore them from a backup.",
            damaged,
        )
    leftovers = tuple(part.name for part in blobs.leftovers())
    if leftovers:
        yield Problem(
            "leftover-files",
            Severity.NOTE,
            f"{len(leftovers)} half-written files lie in {blobs.folder}; MedLab "
            "removes them when it opens the project.",
            leftovers,
        )


def _opens(blobs: BlobStore, name: str) -> bool:
    """Tell whether a scan is as long as it says; its voxels are not read."""
    try:
        blobs.array(name)
    except StoreError:
        return False
    return True
