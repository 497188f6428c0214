"""What a journal says: which edits stand, and what a mask becomes by them."""

from __future__ import annotations

import bisect
import threading
import zlib
from typing import IO, TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import StoreError
from medlab_gui.store.edits import take_over, unpack
from medlab_gui.store.journal_format import Op, Record

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["History", "edits_apart", "slices_apart"]


class History:
    """Records in order, with the edits that stand and those that were undone.

    Only places in the file are kept in memory; voxels are read when they are wanted.

    Parameters
    ----------
    path : Path
        The journal, for messages.

    Attributes
    ----------
    records : list of Record
        All records, without their voxels.
    floor : int
        Undo and redo do not reach this record or those before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[Record] = []
        self.floor = 0
        self._base = 0
        self._edits: dict[int, Record] = {}
        self._done: list[int] = []
        self._undone: list[int] = []
        self._reader: IO[bytes] | None = None
        self._reading = threading.Lock()

    def _take(self, record: Record) -> None:
        self.records.append(record)
        if record.op is Op.EDIT:
            self._edits[record.seq] = record
        _follow(record, self._done, self._undone)

    @property
    def last_seq(self) -> int:
        """Number of the last record; 0, or ``base_seq``, where there is none."""
        return max(self._base, self.records[-1].seq if self.records else 0)

    @property
    def undo_target(self) -> int | None:
        """Number of the edit that an undo takes back, or None."""
        return self._done[-1] if self._done and self._done[-1] > self.floor else None

    @property
    def redo_target(self) -> int | None:
        """Number of the edit that a redo brings again, or None."""
        if self._undone and self._undone[-1] > self.floor:
            return self._undone[-1]
        return None

    @property
    def done(self) -> tuple[int, ...]:
        """Numbers of the edits that stand, first to last."""
        return tuple(self._done)

    @property
    def touched(self) -> set[int]:
        """Slices that an edit changed and that was not undone."""
        return {k for seq in self._done for k in self._edits[seq].slices}

    def done_at(self, seq: int) -> tuple[int, ...]:
        """Return the numbers of the edits that stood after a record."""
        done: list[int] = []
        undone: list[int] = []
        for record in self.records:
            if record.seq > seq:
                break
            _follow(record, done, undone)
        return tuple(done)

    def record(self, seq: int) -> Record:
        """Return an edit without its voxels."""
        return self._edits[seq]

    def edit(self, seq: int) -> tuple[Record, NDArray[np.uint8], NDArray[np.uint8]]:
        """Return an edit with its voxels before and after, uint8 (z, y, x).

        Raises
        ------
        StoreError
            If the journal cannot be read (any more).
        """
        record = self._edits[seq]
        assert record.box is not None
        assert self._reader is not None
        size = tuple(s.stop - s.start for s in record.box)
        try:
            with self._reading:
                self._reader.seek(record.offset)
                packed = self._reader.read(record.n_before + record.n_after)
            before = unpack(packed[: record.n_before], size)
            after = unpack(packed[record.n_before :], size)
        except (OSError, ValueError, zlib.error) as error:
            msg = (
                f"The record of strokes {self.path} cannot be read ({error}). "
                "Check the disk."
            )
            raise StoreError(msg, path=self.path) from error
        return record, before, after

    def replay_confirmed(self, confirmed: NDArray[np.bool_], from_seq: int) -> None:
        """Apply only the confirmations behind a record, see `replay`."""
        for record in self.records:
            if record.op is Op.CONFIRM and record.seq > from_seq:
                confirmed[record.k] = record.confirmed

    def replay(
        self, mask: NDArray[np.uint8], confirmed: NDArray[np.bool_], from_seq: int
    ) -> int:
        """Apply all records behind one to a mask.

        Parameters
        ----------
        mask : ndarray of uint8, shape (Z, Y, X)
            As it was after record ``from_seq``; changed in place.
        confirmed : ndarray of bool, shape (Z,)
            Likewise.
        from_seq : int
            0 for all records.

        Returns
        -------
        int
            Number of records applied.
        """
        n = 0
        for record in self.records:
            if record.seq <= from_seq:
                continue
            n += 1
            if record.op is Op.CONFIRM:
                confirmed[record.k] = record.confirmed
                continue
            target = record.seq if record.op is Op.EDIT else record.target
            edit, before, after = self.edit(target)
            assert edit.box is not None
            if record.op is Op.UNDO:
                before, after = after, before
            take_over(mask[edit.box], before, after)
        return n


def edits_apart(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    """Return the edits that stand in one of two states of a mask and not in both.

    Parameters
    ----------
    old, new : tuple of int
        Numbers of the edits that stand, first to last (`History.done`).
    """
    # What lies below an edit never changes while the edit stands: the two lists are
    # the same up to some place and differ from there on.
    same = bisect.bisect_left(
        range(min(len(old), len(new))), True, key=lambda n: old[n] != new[n]
    )
    return (*old[same:], *new[same:])


def slices_apart(
    history: History, edits: tuple[int, ...], otherwise_confirmed: NDArray[np.bool_]
) -> tuple[int, ...]:
    """Return the slices, from 0 and in order, of edits and of changed confirmations."""
    edited = {k for seq in edits for k in history.record(seq).slices}
    return tuple(sorted({*edited, *np.flatnonzero(otherwise_confirmed).tolist()}))


def _follow(record: Record, done: list[int], undone: list[int]) -> None:
    if record.op is Op.EDIT:
        done.append(record.seq)
        undone.clear()
    elif record.op is Op.UNDO:
        undone.append(done.pop())
    elif record.op is Op.REDO:
        done.append(undone.pop())
