"""The bytes of a NIfTI file, packed with gzip or not, whatever its name says.

Browsers unpack ``.nii.gz`` on the way and keep the name, and people rename files; so
the first bytes tell whether a file is packed.
"""

from __future__ import annotations

import gzip
import math
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["is_packed", "open_bytes", "read_packed"]

_PIECE = 1 << 20
_WRONG_CHECKSUM = ("CRC check failed", "Incorrect length of data")
"""What `gzip` says where the content is not what was packed."""


def is_packed(path: Path) -> bool:
    """Tell whether a file begins as gzip does (RFC 1952)."""
    with path.open("rb", buffering=0) as file:
        return file.read(2) == b"\x1f\x8b"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading what it holds, unpacked."""
    if is_packed(path):
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def read_packed(
    path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[NDArray[Any], list[Problem]]:
    """Read a volume by the piece; of the only one, its checksum too.

    Parameters
    ----------
    path : Path
        The file, packed or not.
    offset : int
        Bytes (unpacked) before the first voxel.
    dtype : dtype
        Of the voxels.
    shape : tuple of int
        Of the file, ``(X, Y, Z)`` or more; the first three are read.

    Returns
    -------
    ndarray, shape (X, Y, Z)
        In Fortran's order.
    list of Problem
        What is odd about the end of the file, although every voxel is there.

    Raises
    ------
    OSError, EOFError, zlib.error
        If a voxel is lacking, or they are not those that were packed.
    """
    raw = np.empty(math.prod(shape[:3]), dtype)
    target = raw.view(np.uint8)
    n_read = 0
    problems: list[Problem] = []
    with open_bytes(path) as file:
        file.seek(offset)
        while n_read < raw.nbytes:
            piece = file.read(min(_PIECE, raw.nbytes - n_read))
            if not piece:
                msg = "too few bytes"
                raise EOFError(msg)
            target[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
            n_read += len(piece)
        if math.prod(shape[3:]) == 1:
            problems = _to_the_end(path, file)
    return raw.reshape(shape[:3], order="F"), problems


def _to_the_end(path: Path, file: IO[bytes]) -> list[Problem]:
    """Read what follows the voxels: gzip compares its checksum at the end."""
    try:
        while file.read(_PIECE):
            pass
    except gzip.BadGzipFile as error:
        if str(error).startswith(_WRONG_CHECKSUM):
            raise
        return [
            Problem(
                "trailing-bytes",
                Severity.WARNING,
                f"{path.name} goes on after its packed content with bytes that do not "
                "belong to it. All voxels are there and their checksum is right, so "
                "it is read; but fetch the file again if you can.",
                (path.name,),
            )
        ]
    except EOFError:
        return [
            Problem(
                "no-checksum",
                Severity.WARNING,
                f"The very end of {path.name} is missing. All voxels are there, but "
                "the checksum that would tell whether they are right is not. Fetch the "
                "file again.",
                (path.name,),
            )
        ]
    return []
