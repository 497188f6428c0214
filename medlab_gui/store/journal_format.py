r"""How a journal lies on the disk.

::

    header   b"MEDLABJ\0", version, Z, Y, X, CRC-32          28 bytes
    record   b"MREC", three lengths, CRC-32                  20 bytes
             JSON: number, what, who, when, box
             the box before, see `edits.pack`
             the box after
    record   ...

Numbers are little-endian. The CRC of a record covers its lengths and all behind them.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

from medlab_gui.core.errors import ProjectVersionError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "HEADER_SIZE",
    "Op",
    "Record",
    "Scan",
    "check_header",
    "decode_meta",
    "encode",
    "header",
    "is_damaged",
    "scan",
]

_VERSION = 1
_FILE_MAGIC = b"MEDLABJ\0"
_RECORD_MAGIC = b"MREC"
_FILE = struct.Struct("<8sIIII")
_RECORD = struct.Struct("<4sIII")
_CRC = struct.Struct("<I")
HEADER_SIZE = _FILE.size + _CRC.size
"""Bytes before the first record."""

_PREFIX = _RECORD.size + _CRC.size


class Op(StrEnum):
    """What a record says."""

    EDIT = "edit"
    UNDO = "undo"
    REDO = "redo"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a journal; its voxels stay on the disk.

    Parameters
    ----------
    seq : int
        Its number; numbers grow along the journal.
    op : Op
        What it says.
    time : str
        ISO time in UTC.
    author : str
        Who did it.
    source : str
        Who set the voxels: ``"person"`` or ``"model"``.
    kind : str
        Of an edit: ``"paint"``, ``"fill"``, ``"accept"``, ...
    box : tuple of slice or None
        Of an edit: where it is, ``(k, j, i)``.
    slices : tuple of int
        Of an edit: those where a voxel changed.
    origin : str or None
        Of an edit: the prediction that it comes from.
    target : int
        Of an undo or redo: number of the edit.
    k : int
        Of a confirmation: the slice.
    confirmed : bool
        Of a confirmation: whether a person vouches for it now.
    offset, n_before, n_after : int
        Where its voxels lie in the file, packed.
    """

    seq: int
    op: Op
    time: str
    author: str
    source: str = "person"
    kind: str = ""
    box: tuple[slice, slice, slice] | None = None
    slices: tuple[int, ...] = ()
    origin: str | None = None
    target: int = 0
    k: int = -1
    confirmed: bool = False
    offset: int = 0
    n_before: int = 0
    n_after: int = 0

    def meta(self) -> dict[str, Any]:
        """Return what is written about it as JSON."""
        meta: dict[str, Any] = {
            "seq": self.seq,
            "op": str(self.op),
            "time": self.time,
            "author": self.author,
        }
        if self.op is Op.CONFIRM:
            return {**meta, "k": self.k, "confirmed": self.confirmed}
        if self.op is not Op.EDIT:
            return {**meta, "target": self.target}
        box = [[s.start, s.stop] for s in self.box or ()]
        return {
            **meta,
            "source": self.source,
            "kind": self.kind,
            "origin": self.origin,
            "box": box,
            "slices": list(self.slices),
        }


@dataclass(frozen=True, slots=True)
class Scan:
    """What is in a journal.

    Parameters
    ----------
    records : list of Record
        All that are whole, up to the first that is not.
    end : int
        Offset behind them.
    n_torn : int
        Bytes behind that.
    damaged : bool
        Whether there is a whole record in those bytes: then it is not the torn end of
        an interrupted writing, but damage in the middle.
    """

    records: list[Record]
    end: int
    n_torn: int
    damaged: bool


def header(shape: tuple[int, int, int]) -> bytes:
    """Return the first bytes of a journal for masks of a shape."""
    head = _FILE.pack(_FILE_MAGIC, _VERSION, *shape)
    return head + _CRC.pack(zlib.crc32(head))


def check_header(head: bytes, shape: tuple[int, int, int], path: Path) -> None:
    """Refuse a file that is not the journal of such a mask.

    Raises
    ------
    ProjectVersionError
        If a newer MedLab wrote it.
    StoreError
        If it is something else, or of another shape.
    """
    magic, version, *found = _FILE.unpack(head[: _FILE.size])
    crc = _CRC.unpack(head[_FILE.size : HEADER_SIZE])[0]
    if magic != _FILE_MAGIC or (
        version == _VERSION and crc != zlib.crc32(head[: _FILE.size])
    ):
        msg = (
            f"The record of strokes {path} is damaged: it does not begin as one. "
            "Restore it from a backup, or move it away; the saved masks are not in it."
        )
        raise StoreError(msg, path=path)
    if version != _VERSION:
        msg = (
            f"The record of strokes {path} was made by a newer MedLab (version "
            f"{version}; this one knows {_VERSION}): update MedLab to open the series."
        )
        raise ProjectVersionError(msg, path=path)
    if tuple(found) != shape:
        msg = (
            f"The record of strokes {path} belongs to a scan of {tuple(found)} "
            f"voxels, not {shape}. Move it away; the saved masks are not in it."
        )
        raise StoreError(msg, path=path)


def encode(record: Record, before: bytes, after: bytes) -> tuple[bytes, int]:
    """Return the bytes of a record, and where in them the voxels begin."""
    meta = json.dumps(record.meta(), separators=(",", ":")).encode()
    lengths = _RECORD.pack(_RECORD_MAGIC, len(meta), len(before), len(after))
    crc = zlib.crc32(lengths)
    for part in (meta, before, after):
        crc = zlib.crc32(part, crc)
    data = b"".join((lengths, _CRC.pack(crc), meta, before, after))
    return data, _PREFIX + len(meta)


def decode_meta(meta: bytes, offset: int, n_before: int, n_after: int) -> Record:
    """Return the record of a JSON text and the place of its voxels."""
    values = json.loads(meta)
    box = values.pop("box", None)
    if box is not None:
        z, y, x = (slice(int(a), int(b)) for a, b in box)
        values["box"] = (z, y, x)
        values["slices"] = tuple(values["slices"])
    values["op"] = Op(values["op"])
    return Record(**values, offset=offset, n_before=n_before, n_after=n_after)


def scan(file: IO[bytes], size: int) -> Scan:
    """Read all records of a journal.

    Parameters
    ----------
    file : binary file
        The journal.
    size : int
        Bytes to look at; a writer may be adding more.
    """
    records: list[Record] = []
    end = HEADER_SIZE
    while (found := _record_at(file, end, size)) is not None:
        record, end = found
        records.append(record)
    torn = max(0, size - end)
    return Scan(records, end, torn, torn > 0 and _record_follows(file, end, size))


def is_damaged(path: Path) -> bool:
    """Tell whether a journal is damaged, other than by a torn end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(HEADER_SIZE)
        if len(head) < HEADER_SIZE:
            return False
        crc = _CRC.unpack(head[_FILE.size :])[0]
        begins = head.startswith(_FILE_MAGIC) and crc == zlib.crc32(head[: _FILE.size])
        return not begins or scan(file, size).damaged


def _record_at(file: IO[bytes], start: int, size: int) -> tuple[Record, int] | None:
    """Return the whole record at an offset and the offset behind it, or None."""
    file.seek(start)
    prefix = file.read(_PREFIX)
    if len(prefix) < _PREFIX:
        return None
    magic, n_meta, n_before, n_after = _RECORD.unpack(prefix[: _RECORD.size])
    stop = start + _PREFIX + n_meta + n_before + n_after
    if magic != _RECORD_MAGIC or stop > size:
        return None
    payload = file.read(stop - start - _PREFIX)
    crc = zlib.crc32(payload, zlib.crc32(prefix[: _RECORD.size]))
    if crc != _CRC.unpack(prefix[_RECORD.size :])[0]:
        return None
    voxels = start + _PREFIX + n_meta
    return decode_meta(payload[:n_meta], voxels, n_before, n_after), stop


def _record_follows(file: IO[bytes], start: int, size: int) -> bool:
    """Tell whether a whole record lies anywhere behind an offset."""
    file.seek(start)
    rest = file.read(size - start)
    at = rest.find(_RECORD_MAGIC, 1)
    while at >= 0:
        if _record_at(file, start + at, size) is not None:
            return True
        at = rest.find(_RECORD_MAGIC, at + 1)
    return False
