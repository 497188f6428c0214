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
    state: NDArray[np.float32],
    y: int,
    energy: NDArray[np.float32],
    share: np.float32,
    slope: np.float32,
) -> None:
    # Plain indices, not a view for each of the nine streams: making the views would
    # take as long as the loop.
    a = PAD
    tau, one = np.float32(0.25), np.float32(1)
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
        shrink = norm * slope + one
        state[y, 0, x + a] = (state[y, 0, x + a] - tau * gy) / shrink
        state[y, 1, x + a] = (state[y, 1, x + a] - tau * gx) / shrink


@_compiled
def _last_row(
    state: NDArray[np.float32],
    y: int,
    energy: NDArray[np.float32],
    share: np.float32,
    slope: np.float32,
) -> None:
    a = PAD
    tau, one = np.float32(0.25), np.float32(1)
    for x in range(energy.size):
        gx = state[y, 2, x + a + 1] - state[y, 2, x + a]
        norm = np.sqrt(gx * gx)
        energy[x] += share * norm
        shrink = norm * slope + one
        state[y, 1, x + a] = (state[y, 1, x + a] - tau * gx) / shrink


@_compiled
def _add_up(energy: NDArray[np.float32], total: NDArray[np.float64]) -> None:
    for x in range(total.size):
        total[x] += energy[x]
        energy[x] = 0


@_compiled
def _block_sum(values: NDArray[np.float32], start: int, size: int) -> np.float32:
    total = np.float32(0)
    whole = 0
    if size >= 8:
        a, b = values[start], values[start + 1]
        c, d = values[start + 2], values[start + 3]
        e, f = values[start + 4], values[start + 5]
        g, h = values[start + 6], values[start + 7]
        whole = size - size % 8
        for i in range(start + 8, start + whole, 8):
            a += values[i]
            b += values[i + 1]
            c += values[i + 2]
            d += values[i + 3]
            e += values[i + 4]
            f += values[i + 5]
            g += values[i + 6]
            h += values[i + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(start + whole, start + size):
        total += values[i]
    return total


@_compiled
def _pairwise_sum(values: NDArray[np.float32]) -> np.float32:
    """Add up as numpy does: in the same order, so to the same float32.

    Halves are added up first, down to blocks of 128 (a stack, not recursion: numba
    cannot keep a function that calls itself).
    """
    starts, sizes = np.zeros(64, np.int64), np.zeros(64, np.int64)
    stages, lefts = np.zeros(64, np.int64), np.zeros(64, np.float32)
    sizes[0] = values.size
    total = np.float32(0)
    top = 0
    while top >= 0:
        size = sizes[top]
        half = size // 2
        half -= half % 8
        if size <= 128:
            total = _block_sum(values, starts[top], size)
            top -= 1
        elif stages[top] == 0:
            stages[top], stages[top + 1] = 1, 0
            starts[top + 1], sizes[top + 1] = starts[top], half
            top += 1
        elif stages[top] == 1:
            lefts[top] = total
            stages[top], stages[top + 1] = 2, 0
            starts[top + 1], sizes[top + 1] = starts[top] + half, size - half
            top += 1
        else:
            total = lefts[top] + total
            top -= 1
    return total


@_compiled
def _changes_of_row(
    state: NDArray[np.float32], y: int, room: NDArray[np.float32], n_columns: int
) -> None:
    start = y * n_columns
    for x in range(n_columns):
        column = x + PAD
        change = (
            state[y - 1, 0, column] - (state[y, 0, column] + state[y, 1, column])
        ) + state[y, 1, column - 1]
        room[start + x] = change * change


@_compiled
def _norms_of_row(
    state: NDArray[np.float32],
    y: int,
    below: int,
    room: NDArray[np.float32],
    n_columns: int,
) -> None:
    start = y * n_columns
    for x in range(n_columns):
        column = x + PAD
        gy = state[below, 2, column] - state[y, 2, column]
        gx = state[y, 2, column + 1] - state[y, 2, column]
        room[start + x] = np.sqrt(gy * gy + gx * gx)


@_compiled
def _sum_of_changes(
    state: NDArray[np.float32], room: NDArray[np.float32]
) -> np.float32:
    """Return the sum of squared changes that the field stands for, before a sweep."""
    n_columns = room.size // state.shape[0]
    for x in range(n_columns):
        column = x + PAD
        change = state[0, 1, column - 1] - (state[0, 0, column] + state[0, 1, column])
        room[x] = change * change
    for y in range(1, state.shape[0]):
        _changes_of_row(state, y, room, n_columns)
    return _pairwise_sum(room)


@_compiled
def _sum_of_norms(state: NDArray[np.float32], room: NDArray[np.float32]) -> np.float32:
    """Return the sum of the picture's gradient norms, after a sweep."""
    n_rows = state.shape[0]
    for y in range(n_rows):
        _norms_of_row(state, y, min(y + 1, n_rows - 1), room, room.size // n_rows)
    return _pairwise_sum(room)


@_compiled
def denoise_rows(
    state: NDArray[np.float32],
    energy: NDArray[np.float32],
    room: NDArray[np.float32],
    weight: float,
    eps: float,
    max_iter: int,
    exact: bool,
) -> int:
    """Minimise ``|u - f|^2 / 2 + weight |grad u|`` over one slice by Chambolle's steps.

    One sweep over the rows is one step: the picture of row y + 1 is made from the dual
    field just before row y of the field, on which it depends, is updated. Each pixel
    has the bits that ``skimage.restoration.denoise_tv_chambolle`` gives it in float32.

    The result hangs on the step at which it stops, and that on the last digits of an
    energy. A cheap sum (down the columns) decides where it is clear; where it is not,
    the energy is added up in scikit-image's own order.

    Parameters
    ----------
    state : ndarray of float32, shape (Y, 4, pitch)
        Of each row the dual field (down, right), the picture and the source, side by
        side: separate pictures of 2^n pixels would lie on the same lines of the
        processor's cache. Columns `PAD` to ``PAD + X`` are the slice, which is put
        into the source and found in the picture; all else is 0 at the start.
    energy : ndarray of float32, shape (X,)
        Room to work in.
    room : ndarray of float32, shape (Y * X,)
        Room to work in.
    weight : float
        Strength, above 0.
    eps : float
        Stop when the energy changes by less than this share of its first value.
    max_iter : int
        Steps at most, at least 1.
    exact : bool
        Add the energy up in scikit-image's order in every step.

    Returns
    -------
    int
        Number of steps; 0 where it takes ``exact`` to know when to stop.
    """
    n_rows, n_columns = state.shape[0], energy.size
    b = PAD + n_columns
    share = np.float32(weight)
    slope = np.float32(0.25 / weight)
    size = np.float32(room.size)
    total = np.zeros(n_columns, np.float64)
    first = 0.0
    previous = 0.0
    # The same in float32 and in scikit-image's order; known for some steps only.
    first_32 = np.float32(0)
    previous_32 = np.float32(0)
    known = False
    near = True
    for step in range(max_iter):
        adding = exact or near
        now_32 = np.float32(0)
        if adding:
            now_32 = _sum_of_changes(state, room)
        total[:] = 0
        _first_row(state, energy)
        for y in range(n_rows):
            # Beyond the last column and row the picture goes on as it ends.
            state[y, 2, b] = state[y, 2, b - 1]
            if y < n_rows - 1:
                _sweep_row(state, y, energy, share, slope)
            else:
                _last_row(state, y, energy, share, slope)
            if y % BLOCK_ROWS == BLOCK_ROWS - 1 or y == n_rows - 1:
                _add_up(energy, total)
        now = 0.0
        for x in range(n_columns):
            now += total[x]
        now /= n_rows * n_columns
        if adding:
            now_32 = (now_32 + share * _sum_of_norms(state, room)) / size
        if step == 0:
            first, first_32 = now, now_32
            near = False
        else:
            change, limit = abs(previous - now), eps * first
            unsure = 4e-6 * max(previous, now)
            if change < limit + unsure:
                if change < limit - unsure:
                    return step + 1
                if not (known and adding):
                    return 0
                if abs(previous_32 - now_32) < np.float32(eps) * first_32:
                    return step + 1
            near = change < 1.12 * limit + 2 * unsure
        previous, previous_32, known = now, now_32, adding
    return max_iter


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
    from numba import boolean, float32, float64, int64, void

    line = float32[::1]
    return {
        "denoise_rows": int64(
            float32[:, :, ::1], line, line, float64, float64, int64, boolean
        ),
        "count_levels": void(line, float32, float32, line, int64[::1]),
        "spread_levels": void(line, float32, float32, line, line, line),
    }
