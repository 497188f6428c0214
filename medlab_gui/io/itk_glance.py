"""A part of the voxels of a large NRRD or MetaImage file, without reading all of it."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.io.glance import GLANCE_BYTES, gzip_length

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["bytes_left_over", "is_sealed", "part_of_voxels"]

_LONGEST_HEADER = 1 << 20


def part_of_voxels(
    path: Path, kind: str, size: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """Return some slices of a large file that is complete.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"nrrd"`` or ``"mha"``.
    size : tuple of int
        ``(X, Y, Z)`` and perhaps the number of volumes, as its header says.
    dtype : dtype
        Of its voxels, whatever their byte order.

    Returns
    -------
    ndarray, shape (Z', Y, X), or None
        None where the file is small, is not sure to be complete, or keeps its voxels
        in another file or in an unusual way: then it has to be read.
    """
    n_bytes = math.prod(size) * dtype.itemsize
    if math.prod(size[:3]) * dtype.itemsize <= GLANCE_BYTES:
        return None
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    found = _nrrd(head) if kind == "nrrd" else _meta(head)
    if found is None:
        return None
    offset, packing, big = found
    dtype = dtype.newbyteorder(">" if big else "<")
    x, y, z = size[:3]
    if packing == "raw":
        if path.stat().st_size < offset + n_bytes:
            return None
        return np.memmap(path, dtype, "r", offset, (z, y, x))
    if gzip_length(path) != n_bytes % 2**32:
        return None
    n = max(1, min(z, GLANCE_BYTES // (x * y * dtype.itemsize)))
    wanted = n * x * y * dtype.itemsize
    try:
        with path.open("rb") as file:
            file.seek(offset)
            with gzip.open(file) as unpacked:
                start = unpacked.read(wanted)
    except (OSError, EOFError, zlib.error):
        return None
    if len(start) < wanted:
        return None
    return np.frombuffer(start, dtype).reshape(n, y, x)


def is_sealed(path: Path, kind: str) -> bool | None:
    """Tell whether a file ends with a checksum; None where its voxels are elsewhere."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    found = _nrrd(head) if kind == "nrrd" else _meta(head)
    return None if found is None else found[1] == "gzip"


def bytes_left_over(path: Path, kind: str, n_bytes: int) -> int:
    """Return how much lies behind plain voxels, ``n_bytes`` of them, in the file."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    found = _nrrd(head) if kind == "nrrd" else _meta(head)
    if found is None or found[1] != "raw":
        return 0
    return path.stat().st_size - found[0] - n_bytes


def _nrrd(head: bytes) -> tuple[int, str, bool] | None:
    """Return where the voxels begin, how they are packed, and if big endian."""
    end = re.search(rb"\r?\n\r?\n", head)
    if end is None:
        return None
    text = head[: end.start()].decode("latin-1")
    fields = {
        name.strip().lower().replace(" ", ""): value.strip().lower()
        for name, mark, value in (line.partition(":") for line in text.splitlines())
        if mark
    }
    if {"datafile", "byteskip", "lineskip"} & set(fields):
        return None
    packing = {"raw": "raw", "gzip": "gzip", "gz": "gzip"}.get(
        fields.get("encoding", "")
    )
    if packing is None:
        return None
    return end.end(), packing, fields.get("endian") == "big"


def _meta(head: bytes) -> tuple[int, str, bool] | None:
    end = re.search(rb"^ElementDataFile *= *LOCAL *\r?\n", head, re.MULTILINE)
    if end is None:
        return None
    fields = {
        name.strip(): value.strip().lower()
        for name, mark, value in (
            line.partition("=")
            for line in head[: end.start()].decode("latin-1").splitlines()
        )
        if mark
    }
    if fields.get("CompressedData") == "true" or fields.get("HeaderSize", "0") != "0":
        return None
    if fields.get("BinaryData", "true") != "true":
        return None
    big = "true" in (
        fields.get("BinaryDataByteOrderMSB"),
        fields.get("ElementByteOrderMSB"),
    )
    return end.end(), "raw", big
