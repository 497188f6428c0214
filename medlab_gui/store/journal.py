"""Every stroke on a mask, on the disk before the next one starts.

One append-only file for each series is undo and redo, autosave, crash recovery and
audit trail in one. A record is written by one call to the operating system, so that
``kill -9`` leaves it whole or torn at the end of the file, where its checksum tells.
A mask is a saved revision plus the records behind it (`History.replay`).

Undo and redo are records too: nothing is ever removed. An edit changes only voxels
whose value before and after differ, so that a box replayed on a mask that came from
elsewhere leaves the rest of the box alone.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from medlab_gui.core.errors import (
    ConflictError,
    ProjectMissingError,
    storage_error,
)
from medlab_gui.core.whole_files import flush_to_disk
from medlab_gui.store import journal_lock
from medlab_gui.store.blobs import fsync_folder
from medlab_gui.store.edits import Edit, pack, tighten
from medlab_gui.store.journal_format import (
    HEADER_SIZE,
    Op,
    Record,
    check_header,
    encode,
    header,
    scan,
)
from medlab_gui.store.journal_history import History
from medlab_gui.store.journal_sync import Syncer
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Journal", "Op", "Record"]


class Journal(History):
    """The strokes on one series' mask; make it with `open`.

    Attributes
    ----------
    path : Path
        The file.
    shape : tuple of int
        ``(Z, Y, X)`` of the mask.
    writable : bool
        Whether this object holds the journal's lock.
    recovered_tail : int
        Bytes of a record whose writing was cut off, left out at opening.
    damaged_copy : Path or None
        Copy of the file as it was, where whole records lay behind damaged ones.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        super().__init__(path)
        self.shape = shape
        self.writable = False
        self.recovered_tail = 0
        self.damaged_copy: Path | None = None
        self._end = HEADER_SIZE
        self._fd = -1
        self._lock: Any = None
        self._syncer: Syncer | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        shape: Sequence[int],
        *,
        writable: bool = True,
        base_seq: int = 0,
    ) -> Self:
        """Open a journal; a new one is begun if it is to be written.

        Parameters
        ----------
        path : Path
            The file.
        shape : sequence of int
            ``(Z, Y, X)`` of the mask.
        writable : bool
            Take the lock, cut off a torn end, and allow appending. Otherwise the file
            is left as it is, and may be missing.
        base_seq : int
            New records get numbers above this one, even where the file has fewer: a
            revision that says it holds record 50 must not swallow a new record 7 after
            the journal was lost.

        Raises
        ------
        ConflictError
            If another window or process is writing it.
        StorageFullError
            If there is no room or no permission.
        StoreError
            If it is not a journal of such a mask.
        """
        n_slices, n_rows, n_columns = (int(n) for n in shape)
        journal = cls(path, (n_slices, n_rows, n_columns))
        journal._base = base_seq
        try:
            if writable:
                journal._lock = journal_lock.take(path)
                journal._open_for_writing()
            elif path.exists():
                journal._read()
        except OSError as error:
            journal._release()
            raise storage_error(error, path) from error
        except BaseException:
            journal._release()
            raise
        return journal

    def _open_for_writing(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self.path, flags, 0o644)
        if os.fstat(self._fd).st_size < HEADER_SIZE:
            os.ftruncate(self._fd, 0)
            os.write(self._fd, header(self.shape))
            flush_to_disk(self._fd)
            fsync_folder(self.path.parent)
        self._read()
        if self.damaged_copy is not None:
            shutil.copyfile(self.path, self.damaged_copy)
        if self.recovered_tail:
            os.ftruncate(self._fd, self._end)
            flush_to_disk(self._fd)
        self._syncer = Syncer(self._fd)
        self.writable = True

    def _read(self) -> None:
        self._reader = self.path.open("rb")
        size = os.fstat(self._reader.fileno()).st_size
        if size < HEADER_SIZE:  # another process is just beginning it
            return
        check_header(self._reader.read(HEADER_SIZE), self.shape, self.path)
        found = scan(self._reader, size)
        self._end = found.end
        self.recovered_tail = found.n_torn
        if found.damaged:
            stamp = utc_now()[:19].replace(":", "")
            self.damaged_copy = self.path.with_suffix(f".damaged-{stamp}")
        for record in found.records:
            self._take(record)

    # ---- adding to it -------------------------------------------------------

    def append_edit(
        self,
        kind: str,
        box: tuple[slice, ...],
        before: NDArray[np.uint8],
        after: NDArray[np.uint8],
        *,
        author: str,
        source: str = "person",
        origin: str | None = None,
    ) -> int:
        """Write an edit down; what was undone before can then not be redone any more.

        Parameters
        ----------
        kind : str
            ``"paint"``, ``"erase"``, ``"fill"``, ``"polygon"``, ``"accept"``, ...
        box : tuple of slice
            Where it is: ``(k, j, i)``. What did not change is cut off.
        before, after : ndarray of uint8, shape of the box
            The voxels.
        author : str
            Who did it.
        source : str
            Who set the voxels: ``"person"`` or ``"model"``.
        origin : str or None
            The prediction that it comes from.

        Returns
        -------
        int
            Its number; that of the last record where nothing changed.

        Raises
        ------
        StorageFullError
            If it could not be written whole. The file is as it was before.
        ProjectMissingError
            If the journal has vanished.
        """
        z, y, x = (
            slice(*s.indices(n)[:2]) for s, n in zip(box, self.shape, strict=True)
        )
        edit = tighten((z, y, x), before, after)
        if edit is None:
            return self.last_seq
        return self.append(kind, edit, author=author, source=source, origin=origin)

    def append(
        self,
        kind: str,
        edit: Edit,
        *,
        author: str,
        source: str = "person",
        origin: str | None = None,
        packed: tuple[bytes, bytes] | None = None,
    ) -> int:
        """Write down an edit that is cut down already, see `append_edit`.

        What `pack` makes of the voxels before and after can be given with it.
        """
        record = Record(
            seq=self.last_seq + 1,
            op=Op.EDIT,
            time=utc_now(),
            author=author,
            source=source,
            kind=kind,
            box=edit.box,
            slices=edit.slices,
            origin=origin,
        )
        before, after = packed or (pack(edit.before), pack(edit.after))
        return self._append(record, before, after)

    def append_undo(self, seq: int, *, author: str = "") -> int:
        """Write down that an edit was taken back; it must be `undo_target`."""
        if seq != self.undo_target:
            msg = f"Edit {seq} is not the one to undo ({self.undo_target})."
            raise ValueError(msg)
        return self._append(self._turn(Op.UNDO, seq, author))

    def append_redo(self, seq: int, *, author: str = "") -> int:
        """Write down that an edit was brought again; it must be `redo_target`."""
        if seq != self.redo_target:
            msg = f"Edit {seq} is not the one to redo ({self.redo_target})."
            raise ValueError(msg)
        return self._append(self._turn(Op.REDO, seq, author))

    def _turn(self, op: Op, target: int, author: str) -> Record:
        return Record(
            seq=self.last_seq + 1, op=op, time=utc_now(), author=author, target=target
        )

    def _append(self, record: Record, before: bytes = b"", after: bytes = b"") -> int:
        if not self.writable or self._syncer is None:
            msg = f"The strokes of this series are open for reading only ({self.path})."
            raise ConflictError(msg, path=self.path)
        data, voxels = encode(record, before, after)
        try:
            self._syncer.wait()  # the record before must be safe first
            self._check_present()
            _write_whole(self._fd, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, self._end)
            raise storage_error(error, self.path) from error
        kept = replace(
            record,
            offset=self._end + voxels,
            n_before=len(before),
            n_after=len(after),
        )
        self._end += len(data)
        self._take(kept)
        self._syncer.request()
        return kept.seq

    def _check_present(self) -> None:
        """Raise if the file has gone: what is written into it then would be lost."""
        ours = os.fstat(self._fd)
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            msg = (
                f"The project's record of strokes {self.path} has vanished, so nothing "
                "can be written down. Connect the drive again, or open another project."
            )
            raise ProjectMissingError(msg, path=self.path)
        if ours.st_size != self._end:  # a refused record that could not be cut off then
            os.ftruncate(self._fd, self._end)

    # ---- the disk -----------------------------------------------------------

    @property
    def durable_at(self) -> float | None:
        """When the latest record became durable (``time.time``), or None."""
        return self._syncer.durable_at if self._syncer else None

    @property
    def is_durable(self) -> bool:
        """Whether every record is."""
        return self._syncer is None or self._syncer.is_done

    @property
    def was_refused(self) -> bool:
        """Whether the disk refused to keep the latest record; the next one says why."""
        return self._syncer is not None and self._syncer.was_refused

    def flush(self) -> None:
        """Wait until every record is durable.

        Raises
        ------
        StorageFullError
            If the disk refused.
        """
        if self._syncer is not None:
            try:
                self._syncer.wait()
            except OSError as error:
                raise storage_error(error, self.path) from error

    def close(self) -> None:
        """Flush, let go of the file and the lock. Closing twice does nothing.

        Raises
        ------
        StorageFullError
            If the last record could not be made durable.
        """
        try:
            self.flush()
        finally:
            self._release()

    def _release(self) -> None:
        self.writable = False
        if self._syncer is not None:
            self._syncer.close()
            self._syncer = None
        if self._reader is not None:
            self._reader.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock is not None:
            journal_lock.let_go(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _write_whole(fd: int, data: bytes) -> None:
    """Write all bytes: one call, but for a disk that fills up on the way."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
