"""Two series at the same place in the patient: which slices belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["GridPair", "SliceMatch", "reslice"]

_MOST_TILT = 0.1
"""Share of the slice distance by which parallel slices may drift apart at a corner."""
_RIM = 1e-6


@dataclass(frozen=True, slots=True)
class SliceMatch:
    """The slice of the second series that lies where a slice of the first does.

    Parameters
    ----------
    index : int or None
        None where the second series was not measured there.
    off_mm : float
        Distance from the plane of the first to that slice (to the nearest there is,
        where ``index`` is None), at right angles to it; positive where the slice lies
        in the direction in which the second series counts.
    """

    index: int | None
    off_mm: float


@dataclass(frozen=True, eq=False)
class GridPair:
    """Two working grids in one patient coordinate system.

    Parameters
    ----------
    first, second : Grid
        Slices are cut along ``k`` of each.
    """

    first: Grid
    second: Grid

    @property
    def shares_frame(self) -> bool:
        """Whether both name the same frame of reference: positions can be compared."""
        frame = self.first.frame_of_reference
        return bool(frame) and frame == self.second.frame_of_reference

    @cached_property
    def _counting(self) -> NDArray[np.float64]:
        """Change of the second's slice number for each mm in L, P and S."""
        return np.array(np.linalg.inv(self.second.affine[:3, :3])[0], np.float64)

    @cached_property
    def slice_distance_mm(self) -> float:
        """Distance between the second's slices, at right angles to them."""
        return float(1 / np.linalg.norm(self._counting))

    @cached_property
    def is_parallel(self) -> bool:
        """Whether the slices of both are parallel.

        They count as parallel where a slice of the first series drifts off a slice of
        the second by at most a tenth of the second's slice distance, up to its corners.
        How they are turned within their planes does not matter.
        """
        _k, rows, columns = self.first.shape
        steps = self._counting @ self.first.affine[:3, 1:3]
        drift = np.abs(steps) @ [(rows - 1) / 2, (columns - 1) / 2]
        return bool(drift <= _MOST_TILT)

    def match(self, k: int) -> SliceMatch:
        """Return the second's slice nearest to the middle of slice ``k`` of the first.

        Slices reach half the way to their neighbours, the outermost as far outwards.
        """
        _k, rows, columns = self.first.shape
        middle = self.first.to_mm((k, (rows - 1) / 2, (columns - 1) / 2))
        return self._nearest(float(self.second.to_index(middle)[0]))

    def _nearest(self, place: float) -> SliceMatch:
        last = self.second.shape[0] - 1
        nearest = min(max(int(np.floor(place + 0.5)), 0), last)
        off = nearest - place
        is_there = abs(off) <= 0.5 + _RIM
        return SliceMatch(nearest if is_there else None, off * self.slice_distance_mm)


def reslice(
    data: NDArray[Any],
    pair: GridPair,
    k: int,
    padding: tuple[float, float] | None = None,
    *,
    axis: int = 0,
) -> NDArray[np.float32]:
    """Return the second series in slice ``k`` of the first, pixel by pixel.

    Linear interpolation between the eight voxels round each place. Voxels reach half
    the way to their neighbours, so that the outermost have their size too; nothing is
    made up further out.

    Parameters
    ----------
    data : ndarray, shape ``pair.second.shape``
        Voxels of the second series.
    pair : GridPair
        Where both lie.
    k : int
        Slice of the first series.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture.

    axis : int
        Along which the slices of the first are counted: 0 (axial), 1 or 2.

    Returns
    -------
    ndarray of float32, shape ``pair.first.shape`` without ``axis``
        In the units of ``data``; not a number where nothing was measured.
    """
    down, across = (a for a in range(3) if a != axis)
    rows, columns = pair.first.shape[down], pair.first.shape[across]
    result = np.full(rows * columns, np.nan, np.float32)
    inverse = np.linalg.inv(pair.second.affine)
    step = (inverse @ pair.first.affine)[:3]
    start = step[:, 3] + k * step[:, axis]
    places = (
        start[:, None, None]
        + step[:, down, None, None] * np.arange(rows)[:, None]
        + step[:, across, None, None] * np.arange(columns)
    ).reshape(3, -1)
    last = np.array(pair.second.shape)[:, None] - 1
    there = np.all((places >= -0.5 - _RIM) & (places <= last + 0.5 + _RIM), axis=0)
    (inside,) = np.nonzero(there)
    if not len(inside):
        return result.reshape(rows, columns)
    places = np.clip(places[:, inside], 0, last)
    low = np.floor(places).astype(np.intp)
    share = (places - low).astype(np.float32)
    # Rounding in the matrices must not draw a neighbour in where one voxel is meant.
    share[share < 1e-4] = 0
    total = np.zeros(len(inside), np.float32)
    known = np.ones(len(inside), np.bool_)
    flat = np.ascontiguousarray(data).reshape(-1)
    for corner in np.ndindex(2, 2, 2):
        side = np.array(corner)[:, None]
        weight = np.prod(np.where(side, share, 1 - share), axis=0)
        at = np.minimum(low + side, last)
        index = (at[0] * data.shape[1] + at[1]) * data.shape[2] + at[2]
        value = flat.take(index).astype(np.float32)
        counts = weight > 0
        good = np.isfinite(value)
        if padding is not None:
            good &= (value < padding[0]) | (value > padding[1])
        known &= good | ~counts
        total += weight * np.where(good, value, 0)
    result[inside] = np.where(known, total, np.nan)
    return result.reshape(rows, columns)
