"""How much of a large file is looked at while a folder is scanned.

A scan lists what is there, and a folder may hold hundreds of large files. So of files
beyond `GLANCE_BYTES` only the header and a part are read then: whether they are
complete is seen from their length. What takes every voxel (numbers that are none, all
values the same) is told when the voxels are read.
"""

from __future__ import annotations

import gzip
import struct
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GLANCE_BYTES", "content_digest", "gzip_length", "unpacked_start"]

GLANCE_BYTES = 32 << 20
"""Files whose voxels take no more than this are read whole by a scan."""
_N_SAMPLES = 64
_SAMPLE_BYTES = 64 << 10


def content_digest(path: Path, *, sealed: bool) -> str:
    """Return a digest that tells the content of a file from that of any other.

    Parameters
    ----------
    path : Path
        The file.
    sealed : bool
        Whether it ends with a checksum over all of its content, as gzip and zlib
        write it.

    Returns
    -------
    str
        Hexadecimal digits. For small files of all bytes; for large ones of their
        length and of samples from the start to the end, which hold the checksum where
        there is one. Where there is none, the time of the last change counts too: two
        masks may differ in a few bytes that no sample meets, and taking one for the
        other would be worse than taking a copy for another file.
    """
    facts = path.stat()
    digest = sha256()
    with path.open("rb", buffering=0) as file:
        if facts.st_size <= GLANCE_BYTES:
            while part := file.read(1 << 20):
                digest.update(part)
            return digest.hexdigest()
        for n in range(_N_SAMPLES):
            file.seek((facts.st_size - _SAMPLE_BYTES) * n // (_N_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    digest.update(str(facts.st_size).encode())
    if not sealed:
        digest.update(str(facts.st_mtime_ns).encode())
    return digest.hexdigest()


def gzip_length(path: Path) -> int:
    """Return how many bytes a gzip file says it holds, modulo 2**32 (RFC 1952)."""
    with path.open("rb", buffering=0) as file:
        file.seek(-4, 2)
        (length,) = struct.unpack("<L", file.read(4))
    return int(length)


def unpacked_start(path: Path, n: int) -> bytes:
    """Return the first ``n`` bytes that a gzip file holds, or all there are."""
    with gzip.open(path) as file:
        return file.read(n)
