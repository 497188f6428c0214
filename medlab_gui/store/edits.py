"""A change of a mask: what changed and nothing else, packed for the journal."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Edit", "pack", "tighten", "unpack"]

_RUNS, _PLAIN = b"R", b"P"


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
    differs = before != after
    planes = np.flatnonzero(differs.reshape(size[0], -1).any(axis=1))
    if planes.size == 0:
        return None
    z = slice(int(planes[0]), int(planes[-1]) + 1)
    flat = differs[z].any(axis=0)
    y, x = (
        slice(int(hits[0]), int(hits[-1]) + 1)
        for hits in (np.flatnonzero(flat.any(axis=axis)) for axis in (1, 0))
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


def pack(voxels: NDArray[np.uint8]) -> bytes:
    """Return voxels as few bytes.

    A mask is patches of one value: runs in C order (lengths as little-endian uint32,
    then values) are several times faster to compress than the voxels themselves. Where
    the runs would be longer than the voxels, these are taken.
    """
    flat = np.ascontiguousarray(voxels).reshape(-1)
    ends = np.flatnonzero(flat[1:] != flat[:-1])
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
    return np.repeat(values, lengths).reshape(size)
