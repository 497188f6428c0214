"""Voxels of NRRD and MetaImage files that ITK reads wrongly, or not at all.

Of a packed MetaImage whose header does not say how long it is packed, or says so
wrongly, ITK returns what happens to be in memory. It knows no bzip2, and no MetaImage
in which numbers are written as text.
"""

from __future__ import annotations

import bz2
import math
import re
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["own_voxels"]

_LONGEST_HEADER = 1 << 20
_EITHER_HEADER = 47
"""For zlib: a header of its own or of gzip (32), with the largest window (15)."""


class _Place(NamedTuple):
    """Where voxels are: a file, from which byte on, how packed, and if big endian."""

    file: Path
    offset: int
    packing: str
    big: bool


def own_voxels(
    path: Path, kind: str, size: Sequence[int], dtype: np.dtype[Any], index: int = 0
) -> NDArray[Any] | None:
    """Return a volume that ITK must not be asked for.

    Parameters
    ----------
    path : Path
        A file whose header `check_itk_header` found sound.
    kind : str
        ``"nrrd"`` or ``"mha"``.
    size : sequence of int
        ``(X, Y, Z)`` and perhaps the number of volumes, as its header says.
    dtype : dtype
        Of its voxels, whatever their byte order.
    index : int
        Which volume of a 4-D file.

    Returns
    -------
    ndarray, shape (Z, Y, X), or None
        None where ITK is to read it.

    Raises
    ------
    ValueError
        If it does not hold what its header says.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    place = _of_nrrd(path, head) if kind == "nrrd" else _of_meta(path, head)
    if place is None:
        return None
    with place.file.open("rb") as file:
        file.seek(place.offset)
        packed = file.read()
    n = math.prod(size)
    if place.packing == "text":
        numbers = _written(packed, n, dtype)
    else:
        unpacked = _unpacked(packed, place.packing, n * dtype.itemsize)
        numbers = np.frombuffer(unpacked, dtype.newbyteorder(">" if place.big else "<"))
    volumes = numbers.reshape(-1, *size[:3][::-1])
    found: NDArray[Any] = volumes[index].astype(dtype.newbyteorder("="), copy=False)
    return found


def _written(text: bytes, n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    words = np.array(text.split(maxsplit=n)[:n])
    if words.size < n:
        msg = f"{words.size} of {n} voxels"
        raise ValueError(msg)
    try:
        numbers = words.astype("f8" if dtype.kind == "f" else "i8")
    except OverflowError as error:
        raise ValueError from error
    found = numbers.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(found, numbers):
        msg = f"numbers beyond {dtype}"
        raise ValueError(msg)
    return found


def _unpacked(packed: bytes, packing: str, n_bytes: int) -> bytes:
    try:
        if packing == "bzip2":
            # Programs that pack on several threads (pbzip2) write many streams.
            with bz2.open(BytesIO(packed)) as unpacker:
                found = unpacker.read(n_bytes)
                unpacker.read(1)  # the checksum comes at the end
        else:
            found = _inflated(packed, n_bytes)
    except (OSError, zlib.error, EOFError) as error:
        raise ValueError from error
    if len(found) < n_bytes:
        msg = f"{len(found)} of {n_bytes} bytes"
        raise ValueError(msg)
    return found


def _inflated(packed: bytes, n_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_EITHER_HEADER)
    found = unpacker.decompress(packed, n_bytes)
    if len(found) == n_bytes and not unpacker.eof:
        # What is left proves it: the checksum comes at the end.
        unpacker.decompress(unpacker.unconsumed_tail, 1)
    return found


def _of_nrrd(path: Path, head: bytes) -> _Place | None:
    end = re.search(rb"\r?\n\r?\n", head)
    text = head[: end.start()] if end else head
    fields = {
        name.strip().lower().replace(" ", ""): value.strip()
        for name, mark, value in (
            line.partition(":") for line in text.decode("latin-1").splitlines()
        )
        if mark
    }
    if fields.get("encoding", "").lower() not in ("bzip2", "bz2"):
        return None
    if {"byteskip", "lineskip"} & set(fields):
        return None
    big = fields.get("endian", "").lower() == "big"
    place = fields.get("datafile", "")
    if place:
        other = path.parent / place
        return _Place(other, 0, "bzip2", big) if other.is_file() else None
    return _Place(path, end.end() if end else len(head), "bzip2", big)


def _of_meta(path: Path, head: bytes) -> _Place | None:
    end = re.search(rb"^ElementDataFile *= *([^\r\n]*)\r?\n?", head, re.MULTILINE)
    if end is None:
        return None
    fields = {
        name.strip(): value.strip()
        for name, mark, value in (
            line.partition("=")
            for line in head[: end.start()].decode("latin-1").splitlines()
        )
        if mark
    }
    packing = ""
    if _is_true(fields.get("CompressedData", "")):
        packing = "zlib"
    elif "BinaryData" in fields and not _is_true(fields["BinaryData"]):
        packing = "text"
    if not packing:
        return None
    big = any(
        _is_true(fields.get(name, ""))
        for name in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    )
    skip = int(fields.get("HeaderSize", "0"))
    place = end[1].decode("latin-1").strip()
    if place.upper() == "LOCAL":
        return _Place(path, max(end.end(), skip), packing, big)
    other = path.parent / place
    return _Place(other, max(0, skip), packing, big) if other.is_file() else None


def _is_true(word: str) -> bool:
    return word[:1] in ("T", "t", "1")
