"""A change of a mask, without what did not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Edit", "tighten"]


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
    hits = [np.flatnonzero(differs.any(axis=a)) for a in ((1, 2), (0, 2), (0, 1))]
    if hits[0].size == 0:
        return None
    z, y, x = (slice(int(h[0]), int(h[-1]) + 1) for h in hits)
    k, j, i = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for outer, inner in zip(box, (z, y, x), strict=True)
    )
    return Edit(
        (k, j, i),
        before[z, y, x].astype(np.uint8, copy=False),
        after[z, y, x].astype(np.uint8, copy=False),
        tuple((hits[0] + box[0].start).tolist()),
    )
