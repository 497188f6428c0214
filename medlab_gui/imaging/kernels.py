"""Loops over pixels, compiled by numba where there is numba.

To compile to vector code, and to give the bits of the numpy path on every processor,
the loops keep to this: no sum across a vector (only sums per column, added up at the
end), no fastmath, one row at a time in a function of its own (few pointers are to be
told apart), and unsigned indices (a signed one may count from the end).

Import it through ``compiled.py`` only: that decides where the machine code is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

try:
    from numba import njit
except ImportError:  # the numpy path does the same without it
    njit = None

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "BLOCK_ROWS",
    "PAD",
    "count_levels",
    "denoise_rows",
    "signatures",
    "spread_levels",
]

BLOCK_ROWS = 16
"""Rows whose energy is added up in float32 before it goes into the float64 sum."""

PAD = 16
"""Columns on both sides of a slice in the state; a line of the cache."""

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def _compiled(function: _Function) -> _Function:
    if njit is None:
        return function
    # Without numpy's error model every division is checked, which forbids vector code.
    made = njit(nogil=True, error_model="numpy", cache=True)(function)
    return cast("_Function", made)


@_compiled
def _first_row(state: NDArray[np.float32], energy: NDArray[np.float32]) -> None:
    a = PAD
    for x in range(energy.size):
        change = state[0, 1, x + a - 1] - (state[0, 0, x + a] + state[0, 1, x + a])
        state[0, 2, x + a] = state[0, 3, x + a] + change
        energy[x] = change * change


@_compiled
def _sweep_row(
    state: NDArray[np.float32], y: int, energy: NDArray[np.float32], share: np.float32
) -> None:
    # Plain indices, not a view for each of the nine streams: making the views would
    # take as long as the loop.
    a = PAD
    tau, one = np.float32(0.25), np.float32(1)
    slope = tau / share
    for x in range(energy.size):
        change = (
            state[y, 0, x + a] - (state[y + 1, 0, x + a] + state[y + 1, 1, x + a])
        ) + state[y + 1, 1, x + a - 1]
        pixel = state[y + 1, 3, x + a] + change
        state[y + 1, 2, x + a] = pixel
        gy = pixel - state[y, 2, x + a]
        gx = state[y, 2, x + a + 1] - state[y, 2, x + a]
        norm = np.sqrt(gy * gy + gx * gx)
        energy[x] += change * change + share * norm
        shrink = one / (norm * slope + one)
        state[y, 0, x + a] = (state[y, 0, x + a] - tau * gy) * shrink
        state[y, 1, x + a] = (state[y, 1, x + a] - tau * gx) * shrink


@_compiled
def _last_row(
    state: NDArray[np.float32], y: int, energy: NDArray[np.float32], share: np.float32
) -> None:
    a = PAD
    tau, one = np.float32(0.25), np.float32(1)
    slope = tau / share
    for x in range(energy.size):
        gx = state[y, 2, x + a + 1] - state[y, 2, x + a]
        norm = np.sqrt(gx * gx)
        energy[x] += share * norm
        shrink = one / (norm * slope + one)
        state[y, 1, x + a] = (state[y, 1, x + a] - tau * gx) * shrink


@_compiled
def _add_up(energy: NDArray[np.float32], total: NDArray[np.float64]) -> None:
    for x in range(total.size):
        total[x] += energy[x]
        energy[x] = 0


@_compiled
def denoise_rows(
    state: NDArray[np.float32],
    energy: NDArray[np.float32],
    weight: float,
    eps: float,
    max_iter: int,
) -> int:
    """Minimise ``|u - f|^2 / 2 + weight |grad u|`` over one slice by Chambolle's steps.

    One sweep over the rows is one step: the picture of row y + 1 is made from the dual
    field just before row y of the field, on which it depends, is updated.

    Parameters
    ----------
    state : ndarray of float32, shape (Y, 4, pitch)
        Of each row the dual field (down, right), the picture and the source, side by
        side: separate pictures of 2^n pixels would lie on the same lines of the
        processor's cache. Columns `PAD` to ``PAD + X`` are the slice, which is put
        into the source and found in the picture; all else is 0 at the start.
    energy : ndarray of float32, shape (X,)
        Room to work in.
    weight : float
        Strength, above 0.
    eps : float
        Stop when the energy changes by less than this share of its first value.
    max_iter : int
        Steps at most, at least 1.

    Returns
    -------
    int
        Number of steps.
    """
    n_rows, n_columns = state.shape[0], energy.size
    b = PAD + n_columns
    share = np.float32(weight)
    total = np.zeros(n_columns, np.float64)
    first = 0.0
    previous = 0.0
    step = 0
    while step < max_iter:
        total[:] = 0
        _first_row(state, energy)
        for y in range(n_rows):
            # Beyond the last column and row the picture goes on as it ends.
            state[y, 2, b] = state[y, 2, b - 1]
            if y < n_rows - 1:
                _sweep_row(state, y, energy, share)
            else:
                _last_row(state, y, energy, share)
            if y % BLOCK_ROWS == BLOCK_ROWS - 1 or y == n_rows - 1:
                _add_up(energy, total)
        now = 0.0
        for x in range(n_columns):
            now += total[x]
        now /= n_rows * n_columns
        step += 1
        if step == 1:
            first = now
        elif abs(previous - now) < eps * first:
            break
        previous = now
    return step


@_compiled
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
    last = np.uint32(bins - 1)
    one = np.uint32(1)
    for i in range(values.size):
        value = values[i]
        index = min(np.uint32((value - low) * scale), last)
        if value < edges[index]:
            index -= one
        elif index != last and value >= edges[index + one]:
            index += one
        lanes[i & 3, index] += 1
    for lane in range(4):
        for level in range(bins):
            counts[level] += lanes[lane, level]


@_compiled
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
    last = np.uint32(rise.size - 1)
    for i in range(values.size):
        place = (values[i] - low) * scale - half
        place = min(max(place, np.float32(0)), most)
        below = min(np.uint32(place), last)
        out[i] = rise[below] * (place - np.float32(below)) + cdf[below]


def signatures() -> dict[str, Any]:
    """Return numba's signatures of the loops above, by name."""
    from numba import float32, float64, int64, void

    line = float32[::1]
    return {
        "denoise_rows": int64(float32[:, :, ::1], line, float64, float64, int64),
        "count_levels": void(line, float32, float32, line, int64[::1]),
        "spread_levels": void(line, float32, float32, line, line, line),
    }
