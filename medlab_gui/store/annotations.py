"""Masks of a project: immutable revisions, and slices locked for validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, insert, select

from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.labels import IGNORE, LabelScheme
from medlab_gui.core.records import Annotation
from medlab_gui.store import tables
from medlab_gui.store.base import next_number
from medlab_gui.store.edits import in_parts
from medlab_gui.store.stamps import new_id, utc_now
from medlab_gui.store.studies import StudyRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from sqlalchemy import Connection, RowMapping

__all__ = ["AnnotationRows", "LockedSlice"]


@dataclass(frozen=True, slots=True)
class LockedSlice:
    """A slice that judges weights and never trains them.

    Parameters
    ----------
    series_uid : str
        The series.
    slice_index : int
        ``k`` on the series' working grid.
    annotation_id : str
        The revision whose mask is the truth of this slice for good.
    """

    series_uid: str
    slice_index: int
    annotation_id: str


class AnnotationRows(StudyRows):
    """The part of `ProjectStore` about masks."""

    def add_annotation(
        self,
        series_uid: str,
        mask: NDArray[np.uint8],
        scheme: LabelScheme,
        *,
        confirmed: Iterable[int],
        author: str,
        journal_seq: int = 0,
        parent: str | None = None,
        parent_prediction: str | None = None,
        from_journal: bool = False,
    ) -> Annotation:
        """Save a mask as the next revision of a series.

        Parameters
        ----------
        series_uid : str
            The series.
        mask : ndarray of uint8, shape (Z, Y, X)
            On the working grid; values of the scheme, 0 and 255 (ignore).
        scheme : LabelScheme
            What the values mean.
        confirmed : iterable of int
            Slices that a person vouches for.
        author : str
            Who saves.
        journal_seq : int
            Number of the last record of the journal that is in the mask. Later ones
            are replayed on it. Never less than that of the revision before.
        parent : str or None
            The revision it was made from; None for the first.
        parent_prediction : str or None
            Prediction that was accepted into it.
        from_journal : bool
            Whether the mask is the one before plus the journal. A mask from elsewhere
            (a file) is a floor: undo does not reach below it.

        Raises
        ------
        ConflictError
            If ``parent`` is not the latest revision: somebody else saved first.
        InputError
            If the series is unknown, or the mask or a slice does not fit.
        StorageFullError
            If there is no room or no permission.
        """
        series = self.series(series_uid)
        slices = _checked(mask, series.grid.shape, scheme, confirmed)
        blob = self._blobs.put_array(mask, compressed=True)
        table = tables.annotation
        with self._database.write() as connection:
            latest = _latest(connection, series_uid)
            if (latest["id"] if latest else None) != parent:
                msg = (
                    f"Somebody else saved the mask of {series_uid} first (version "
                    f"{latest['revision'] if latest else 0}). Open the series again; "
                    "your strokes are kept."
                )
                raise ConflictError(msg)
            seq = max(journal_seq, latest["journal_seq"] if latest else 0)
            floor = latest["undo_floor"] if latest else 0
            values = {
                "id": new_id(),
                "series_uid": series_uid,
                "revision": next_number(
                    connection, table, "revision", table.c.series_uid == series_uid
                ),
                "author": author,
                "created": utc_now(),
                "blob": blob,
                "confirmed": slices,
                "scheme": scheme.to_dict(),
                "parent": parent,
                "parent_prediction": parent_prediction,
                "journal_seq": seq,
                "undo_floor": floor if from_journal else seq,
            }
            connection.execute(insert(table).values(values))
        return _annotation(values)

    def annotation(self, annotation_id: str) -> Annotation:
        """Return one revision, or raise `InputError`."""
        return _annotation(
            self._named(tables.annotation, "id", annotation_id, "annotation")
        )

    def annotations(self, series_uid: str) -> tuple[Annotation, ...]:
        """Return all revisions of a series, first to latest."""
        table = tables.annotation
        query = (
            select(table)
            .where(table.c.series_uid == series_uid)
            .order_by(table.c.revision)
        )
        return tuple(_annotation(row) for row in self._rows(query))

    def latest_annotation(self, series_uid: str) -> Annotation | None:
        """Return the latest revision of a series, or None."""
        with self._database.read() as connection:
            row = _latest(connection, series_uid)
        return _annotation(row) if row else None

    def latest_annotation_ids(self) -> dict[str, str]:
        """Return the id of the latest revision of each series that has one."""
        table = tables.annotation
        query = select(table.c.series_uid, table.c.id).order_by(table.c.revision)
        return {row["series_uid"]: row["id"] for row in self._rows(query)}

    def n_confirmed(self) -> dict[str, int]:
        """Return of each series that has a saved mask how many slices are accepted."""
        table = tables.annotation
        newest = (
            select(table.c.series_uid, func.max(table.c.revision).label("revision"))
            .group_by(table.c.series_uid)
            .subquery()
        )
        is_newest = (table.c.series_uid == newest.c.series_uid) & (
            table.c.revision == newest.c.revision
        )
        query = select(table.c.series_uid, table.c.confirmed).join(newest, is_newest)
        return {row["series_uid"]: len(row["confirmed"]) for row in self._rows(query)}

    def annotation_mask(self, annotation: Annotation) -> NDArray[np.uint8]:
        """Return the mask of a revision, uint8 (Z, Y, X), the caller's to change."""
        return self._blobs.array(annotation.blob, mmap=False)

    def journal_seq(self, annotation: Annotation) -> int:
        """Return the number of the last journal record that is in a revision."""
        row = self._named(tables.annotation, "id", annotation.id, "annotation")
        return int(row["journal_seq"])

    def undo_floor(self, annotation: Annotation) -> int:
        """Return the number of the last journal record that undo must not touch."""
        row = self._named(tables.annotation, "id", annotation.id, "annotation")
        return int(row["undo_floor"])

    # ---- the locked validation set ------------------------------------------

    def lock_slices(
        self, series_uid: str, slice_indices: Iterable[int], annotation_id: str
    ) -> None:
        """Pin slices of a revision as the truth that judges weights, for good.

        Slices that the same revision pins already are left alone.

        Parameters
        ----------
        series_uid : str
            The series.
        slice_indices : iterable of int
            Slices ``k`` on the working grid, from 0.
        annotation_id : str
            The revision whose mask is the truth.

        Raises
        ------
        InputError
            If the revision is another series', or nobody vouches for a slice in it.
        ConflictError
            If another revision pins a slice already; nothing is locked then.
        """
        annotation = self.annotation(annotation_id)
        if annotation.series_uid != series_uid:
            msg = f"The saved mask {annotation_id} is of another series."
            raise InputError(msg)
        wanted = sorted({int(k) for k in slice_indices})
        doubtful = sorted(set(wanted) - set(annotation.confirmed))
        if doubtful:
            numbers = ", ".join(str(k + 1) for k in doubtful)
            msg = (
                f"Slice {numbers} cannot be locked: nobody has accepted it yet. "
                "Accept it first."
            )
            raise InputError(msg)
        table = tables.locked_slice
        with self._database.write() as connection:
            rows = connection.execute(
                select(table).where(table.c.series_uid == series_uid)
            ).mappings()
            pinned = {row["slice_index"]: row["annotation_id"] for row in rows}
            taken = [k for k in wanted if pinned.get(k, annotation_id) != annotation_id]
            if taken:
                numbers = ", ".join(str(k + 1) for k in taken)
                msg = (
                    f"Slice {numbers} is locked already, with an earlier mask as its "
                    "truth; a locked slice stays as it is."
                )
                raise ConflictError(msg)
            new = [
                {
                    "series_uid": series_uid,
                    "slice_index": k,
                    "annotation_id": annotation_id,
                    "created": utc_now(),
                }
                for k in wanted
                if k not in pinned
            ]
            if new:
                connection.execute(insert(table), new)

    def locked(self) -> tuple[LockedSlice, ...]:
        """Return all locked slices, by series and slice."""
        table = tables.locked_slice
        query = select(table).order_by(table.c.series_uid, table.c.slice_index)
        return tuple(
            LockedSlice(row["series_uid"], row["slice_index"], row["annotation_id"])
            for row in self._rows(query)
        )


def _checked(
    mask: NDArray[np.uint8],
    shape: tuple[int, int, int],
    scheme: LabelScheme,
    confirmed: Iterable[int],
) -> list[int]:
    """Return the confirmed slices in order, or raise `InputError`."""
    if mask.shape != shape or mask.dtype != np.uint8:
        msg = (
            f"A mask of this series must be uint8 {shape}; found {mask.dtype} "
            f"{mask.shape}."
        )
        raise InputError(msg)
    wrong: set[int] = set()
    for some in in_parts(mask.shape):
        part = mask[some]
        values = part[(part >= scheme.n_classes) & (part != IGNORE)]
        wrong.update(np.unique(values).tolist())
    if wrong:
        msg = (
            f"The mask holds the values {sorted(wrong)}, which are "
            f"no classes of {scheme.name!r}."
        )
        raise InputError(msg)
    slices = sorted({int(k) for k in confirmed})
    if slices and not 0 <= slices[0] <= slices[-1] < shape[0]:
        msg = f"The series has the slices 0 to {shape[0] - 1}; found {slices}."
        raise InputError(msg)
    return slices


def _latest(connection: Connection, series_uid: str) -> RowMapping | None:
    table = tables.annotation
    query = (
        select(table)
        .where(table.c.series_uid == series_uid)
        .order_by(table.c.revision.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().first()


def _annotation(row: RowMapping | dict[str, Any]) -> Annotation:
    return Annotation(
        id=row["id"],
        series_uid=row["series_uid"],
        revision=row["revision"],
        author=row["author"],
        created=row["created"],
        blob=row["blob"],
        confirmed=tuple(row["confirmed"]),
        scheme=LabelScheme.from_dict(row["scheme"]),
        parent=row["parent"],
        parent_prediction=row["parent_prediction"],
    )
