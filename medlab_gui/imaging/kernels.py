"""Loops over grey levels, compiled by numba; what ``compiled.py`` is to load.

They give the bits of the numpy path on every processor: no fastmath. Unsigned indices,
since a signed one may count from the end.

Import it through ``compiled.py`` only: that decides where the machine code is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.imaging.chambolle import compiled_loop, denoise_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["count_levels", "denoise_rows", "signatures", "spread_levels"]

# Reckoning places is done for many values at once by the processor's wide registers,
# looking up is not: two loops over a block that stays in its nearest cache.
_BLOCK = 2048


@compiled_loop
def count_levels(
    values: NDArray[np.float32],
    low: np.float32,
    scale: np.float32,
    edges: NDArray[np.float32],
    counts: NDArray[np.int64],
) -> None:
    """Count values in bins of equal width, as ``numpy.histogram`` does.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        From ``edges[0]`` to ``edges[-1]``.
    low, scale : float32
        First edge, and bins per unit: a first guess at the bin.
    edges : ndarray of float32, shape (bins + 1,)
        Decide where the guess is just beside an edge.
    counts : ndarray of int64, shape (bins,)
        Added to.
    """
    bins = counts.size
    # Background is one single level: adding to one counter over and over again would
    # wait for the last addition each time, so neighbours have counters of their own.
    lanes = np.zeros((4, bins), np.int32)
    guess = np.empty(_BLOCK, np.uint32)
    last = np.uint32(bins - 1)
    one = np.uint32(1)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        for i in range(block.size):
            index = np.int32((block[i] - low) * scale)
            guess[i] = min(index, np.int32(last))
        for i in range(block.size):
            value, level = block[i], guess[i]
            if value < edges[level]:
                level -= one
            elif level != last and value >= edges[level + one]:
                level += one
            lanes[i & 3, level] += 1
    for lane in range(4):
        for level in range(bins):
            counts[level] += lanes[lane, level]


@compiled_loop
def spread_levels(
    values: NDArray[np.float32],
    low: np.float32,
    scale: np.float32,
    cdf: NDArray[np.float32],
    rise: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Look values up in a table that is linear between the centres of bins.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Grey values.
    low, scale : float32
        First edge, and bins per unit.
    cdf : ndarray of float32, shape (bins,)
        Result at the centre of each bin.
    rise : ndarray of float32, shape (bins - 1,)
        Differences of ``cdf``.
    out : ndarray of float32, shape (n,)
        The result.
    """
    half, most = np.float32(0.5), np.float32(cdf.size - 1)
    zero, last = np.float32(0), np.int32(rise.size - 1)
    below = np.empty(_BLOCK, np.uint32)
    beyond = np.empty(_BLOCK, np.float32)
    for start in range(0, values.size, _BLOCK):
        block, result = values[start : start + _BLOCK], out[start : start + _BLOCK]
        for i in range(block.size):
            place = (block[i] - low) * scale - half
            # not min and max: what those do about NaN cannot be done for many at once
            place = place if place > zero else zero
            place = place if place < most else most
            index = min(np.int32(place), last)
            below[i] = index
            beyond[i] = place - np.float32(index)
        for i in range(block.size):
            level = below[i]
            result[i] = rise[level] * beyond[i] + cdf[level]


def signatures() -> dict[str, Any]:
    """Return numba's signatures of the loops, by name."""
    from numba import float32, float64, int64, void

    line, plane = float32[::1], float32[:, ::1]
    return {
        "denoise_rows": int64(
            *(plane, plane, float32[:, :, :, ::1], plane, line),
            *(float64, float64, int64),
        ),
        "count_levels": void(line, float32, float32, line, int64[::1]),
        "spread_levels": void(line, float32, float32, line, line, line),
    }
