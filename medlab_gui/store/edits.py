"""A change of a mask: what changed and nothing else, packed for the journal."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Edit", "in_parts", "pack", "take_over", "tighten", "unpack"]

_RUNS, _PLAIN = b"R", b"P"
_PART_VOXELS = 2**21


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """The smallest box that holds every voxel that changed.

    Parameters
    ----------
    box : tuple of slice
        Where in the mask: ``(k, j, i)``.
    before, after : ndarray of uint8, shape of the box
        The voxels.
    slices : tuple of int
        Those of the mask where a voxel changed.
    """

    box: tuple[slice, slice, slice]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    slices: tuple[int, ...]


def tighten(
    box: tuple[slice, slice, slice],
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
) -> Edit | None:
    """Return a change cut down to what changed; None where nothing did.

    Parameters
    ----------
    box : tuple of slice
        Where in the mask: ``(k, j, i)`` with start and stop.
    before, after : ndarray of uint8, shape of the box
        The voxels.
    """
    size = tuple(s.stop - s.start for s in box)
    if before.shape != size or after.shape != size:
        msg = f"The box {size} holds arrays {before.shape} and {after.shape}."
        raise ValueError(msg)
    of_axes = [np.zeros(n, np.bool_) for n in size]
    for some in in_parts(size):
        differs = before[some] != after[some]
        flat = differs.any(axis=0)
        of_axes[0][some] = differs.any(axis=(1, 2))
        of_axes[1] |= flat.any(axis=1)
        of_axes[2] |= flat.any(axis=0)
    planes, rows, columns = (np.flatnonzero(hits) for hits in of_axes)
    if planes.size == 0:
        return None
    z, y, x = (
        slice(int(hits[0]), int(hits[-1]) + 1) for hits in (planes, rows, columns)
    )
    k, j, i = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for outer, inner in zip(box, (z, y, x), strict=True)
    )
    return Edit(
        (k, j, i),
        before[z, y, x].astype(np.uint8, copy=False),
        after[z, y, x].astype(np.uint8, copy=False),
        tuple((planes + box[0].start).tolist()),
    )


def in_parts(size: tuple[int, ...]) -> Iterator[slice]:
    """Give planes of a box, so many at a time that others get a turn in between.

    numpy holds Python's lock in some of what it does, and what fits into the
    processor's cache is faster.

    Parameters
    ----------
    size : tuple of int
        Of the box: ``(z, y, x)``.
    """
    n = max(1, _PART_VOXELS // max(1, size[1] * size[2]))
    for first in range(0, size[0], n):
        yield slice(first, min(first + n, size[0]))


def take_over(
    voxels: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> None:
    """Change voxels as an edit did, and leave alone what it did not change.

    Parameters
    ----------
    voxels : ndarray of uint8, shape of the box
        Changed in place.
    before, after : ndarray of uint8, shape of the box
        What the edit found and what it left.
    """
    for some in in_parts(voxels.shape):
        np.copyto(voxels[some], after[some], where=before[some] != after[some])


def pack(voxels: NDArray[np.uint8]) -> bytes:
    """Return voxels as few bytes.

    A mask is patches of one value: runs in C order (lengths as little-endian uint32,
    then values) are several times faster to compress than the voxels themselves. Where
    the runs would be longer than the voxels, these are taken.
    """
    flat = np.ascontiguousarray(voxels).reshape(-1)
    found = []
    for first in range(0, flat.size - 1, _PART_VOXELS):
        part = flat[first : first + _PART_VOXELS + 1]
        found.append(np.flatnonzero(part[1:] != part[:-1]) + first)
    ends = np.concatenate(found) if found else np.empty(0, np.intp)
    if 5 * (ends.size + 1) >= flat.size:
        return _PLAIN + zlib.compress(flat.tobytes(), 1)
    lengths = np.diff(ends, prepend=-1, append=flat.size - 1).astype("<u4")
    values = np.append(flat[ends], flat[-1])
    return _RUNS + zlib.compress(lengths.tobytes() + values.tobytes(), 1)


def unpack(packed: bytes, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the voxels that `pack` was given, in an array of a size.

    Raises
    ------
    ValueError, zlib.error
        If the bytes are damaged.
    """
    data = zlib.decompress(packed[1:])
    if packed[:1] == _PLAIN:
        return np.frombuffer(data, np.uint8).reshape(size)
    n_runs = len(data) // 5
    lengths = np.frombuffer(data, "<u4", n_runs)
    values = np.frombuffer(data, np.uint8, offset=4 * n_runs)
    ends = np.cumsum(lengths, dtype=np.int64)
    n = math.prod(size)
    if len(data) != 5 * n_runs or n != (ends[-1] if n_runs else 0):
        msg = f"{n_runs} runs do not fill a box of {size}."
        raise ValueError(msg)
    # Runs end where a part does, too: numpy holds Python's lock while it repeats.
    parts = np.arange(_PART_VOXELS, n, _PART_VOXELS)
    cut = np.union1d(ends, parts)
    values, lengths = values[np.searchsorted(ends, cut)], np.diff(cut, prepend=0)
    flat = np.empty(n, np.uint8)
    first = begin = 0
    for end in (*parts.tolist(), n):
        last = int(np.searchsorted(cut, end)) + 1
        flat[begin:end] = np.repeat(values[first:last], lengths[first:last])
        first, begin = last, end
    return flat.reshape(size)
