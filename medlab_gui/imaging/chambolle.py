"""The loop of total variation, compiled by numba where there is numba.

To compile to vector code, and to give scikit-image's bits on every processor, it keeps
to this: no sum across a vector (only sums per column, added up at the end), no
fastmath, and one row at a time in a function of its own that is told where its rows
begin and that they lie apart. With arrays instead, the compiled code would compare
every row with every other before each row, which took longer than the row.

Import it through ``compiled.py`` only: that decides where the machine code is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np

try:
    from numba import njit
    from numba.extending import intrinsic
except ImportError:  # scikit-image does the same without it
    njit = intrinsic = None

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    # The address of a row's first column: it has no length and knows no limits.
    Row: TypeAlias = NDArray[Any]

__all__ = ["BLOCK_ROWS", "PAD", "compiled_loop", "denoise_rows"]

BLOCK_ROWS = 16
"""Rows whose energy is added up in float32 before it goes into the float64 sum."""

PAD = 16
"""Columns left of a row of the field; a line of the cache."""

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def compiled_loop(function: _Function) -> _Function:
    """Have a function compiled, where there is numba."""
    if njit is None:
        return function
    # Without numpy's error model every division is checked, which forbids vector code.
    made = njit(nogil=True, error_model="numpy", cache=True)(function)
    return cast("_Function", made)


def _row_loop(function: _Function) -> _Function:
    """Have a function compiled that only compiled functions call."""
    if njit is None:
        return function
    made = njit(
        nogil=True,
        error_model="numpy",
        cache=True,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(function)
    return cast("_Function", made)


def _instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    if intrinsic is None:
        return function
    return cast("Callable[..., Any]", intrinsic(function))


@_instruction
def _row(context: Any, array: Any, start: Any) -> Any:
    """``_row(array, start)``: the address of an element of a contiguous array."""
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.gep(made.data, [values[1]])

    return types.CPointer(array.dtype)(array, types.intp), generate


@_instruction
def _rows_lie_apart(context: Any) -> Any:
    """Promise that no row a function writes is another one of its arguments."""
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        first = 2  # before it, numba's own: where to put the result and an exception
        for argument in builder.function.args[first:]:
            if argument.type.is_pointer:
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), generate


@_row_loop
def _picture_row(
    down_above: Row,
    down: Row,
    right: Row,
    source: Row,
    picture: Row,
    squares: Row,
    size: int,
) -> None:
    _rows_lie_apart()
    for x in range(size):
        change = (down_above[x] - (down[x] + right[x])) + right[x - 1]
        picture[x] = source[x] + change
        squares[x] = change * change


@_row_loop
def _norm_row(picture: Row, below: Row, norms: Row, size: int) -> None:
    _rows_lie_apart()
    for x in range(size):
        gy = below[x] - picture[x]
        gx = picture[x + 1] - picture[x]
        norms[x] = np.sqrt(gy * gy + gx * gx)


@_row_loop
def _sweep_row(
    down: Row,
    right: Row,
    down_below: Row,
    right_below: Row,
    source_below: Row,
    picture: Row,
    picture_below: Row,
    energy: Row,
    new_down: Row,
    new_right: Row,
    size: int,
    share: np.float32,
    slope: np.float32,
) -> None:
    _rows_lie_apart()
    tau, one = np.float32(0.25), np.float32(1)
    for x in range(size):
        change = (down[x] - (down_below[x] + right_below[x])) + right_below[x - 1]
        pixel = source_below[x] + change
        picture_below[x] = pixel
        gy = pixel - picture[x]
        gx = picture[x + 1] - picture[x]
        norm = np.sqrt(gy * gy + gx * gx)
        energy[x] += change * change + share * norm
        shrink = norm * slope + one
        new_down[x] = (down[x] - tau * gy) / shrink
        new_right[x] = (right[x] - tau * gx) / shrink


@_row_loop
def _sweep_last_row(
    right: Row,
    picture: Row,
    energy: Row,
    new_right: Row,
    size: int,
    share: np.float32,
    slope: np.float32,
) -> None:
    _rows_lie_apart()
    tau, one = np.float32(0.25), np.float32(1)
    for x in range(size):
        gx = picture[x + 1] - picture[x]
        norm = np.sqrt(gx * gx)
        energy[x] += share * norm
        shrink = norm * slope + one
        new_right[x] = (right[x] - tau * gx) / shrink


@_row_loop
def _add_up(energy: Row, total: Row, size: int) -> None:
    _rows_lie_apart()
    for x in range(size):
        total[x] += energy[x]
        energy[x] = np.float32(0)


@compiled_loop
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


@compiled_loop
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


@compiled_loop
def _paint(
    field: NDArray[np.float32],
    source: NDArray[np.float32],
    out: NDArray[np.float32],
    squares: NDArray[np.float32],
    work: NDArray[np.float32],
) -> None:
    """Make the picture that a field stands for, and the squares of its changes."""
    n_rows, size = source.shape
    pitch = field.shape[2]
    for y in range(n_rows):
        down = 2 * y * pitch + PAD
        _picture_row(
            _row(field, down - 2 * pitch) if y else _row(work, 3 * work.shape[1]),
            _row(field, down),
            _row(field, down + pitch),
            _row(source, y * size),
            _row(out, y * size),
            _row(squares, y * size),
            size,
        )


@compiled_loop
def _sum_of_norms(
    picture: NDArray[np.float32],
    work: NDArray[np.float32],
    room: NDArray[np.float32],
) -> np.float32:
    """Return the sum of a picture's gradient norms, as numpy adds up."""
    n_rows, size = picture.shape
    for y in range(n_rows):
        # Beyond the last column and row the picture goes on as it ends.
        here = _row(work, 0)
        for x in range(size):
            work[0, x] = picture[y, x]
        work[0, size] = work[0, size - 1]
        after = y + 1 if y < n_rows - 1 else y
        _norm_row(here, _row(picture, after * size), _row(room, y * size), size)
    return _pairwise_sum(room)


@compiled_loop
def _exact_energy(
    field: NDArray[np.float32],
    source: NDArray[np.float32],
    out: NDArray[np.float32],
    work: NDArray[np.float32],
    room: NDArray[np.float32],
    share: np.float32,
) -> np.float32:
    """Return the energy of a field with every rounding of scikit-image's."""
    _paint(field, source, out, room, work)
    changes = _pairwise_sum(room)
    return (changes + share * _sum_of_norms(out, work, room)) / np.float32(room.size)


@compiled_loop
def _sweep(
    field: NDArray[np.float32],
    new: NDArray[np.float32],
    source: NDArray[np.float32],
    work: NDArray[np.float32],
    total: NDArray[np.float64],
    share: np.float32,
    slope: np.float32,
) -> float:
    """Take one step from a field to a new one, and return the energy before it.

    The picture of row y + 1 is made just before row y of the field, which depends on
    it: of the picture there are never more than two rows.
    """
    n_rows, size = source.shape
    pitch, width = field.shape[2], work.shape[1]
    total[:] = 0
    energy = _row(work, 2 * width)
    _picture_row(
        _row(work, 3 * width),
        _row(field, PAD),
        _row(field, pitch + PAD),
        _row(source, 0),
        _row(work, 0),
        energy,
        size,
    )
    for y in range(n_rows):
        down, right = 2 * y * pitch + PAD, (2 * y + 1) * pitch + PAD
        here = y & 1
        picture, below = _row(work, here * width), _row(work, (1 - here) * width)
        # Beyond the last column the picture goes on as it ends.
        work[here, size] = work[here, size - 1]
        if y < n_rows - 1:
            _sweep_row(
                _row(field, down),
                _row(field, right),
                _row(field, down + 2 * pitch),
                _row(field, right + 2 * pitch),
                _row(source, (y + 1) * size),
                picture,
                below,
                energy,
                _row(new, down),
                _row(new, right),
                size,
                share,
                slope,
            )
        else:
            _sweep_last_row(
                _row(field, right),
                picture,
                energy,
                _row(new, right),
                size,
                share,
                slope,
            )
        if y % BLOCK_ROWS == BLOCK_ROWS - 1 or y == n_rows - 1:
            _add_up(energy, _row(total, 0), size)
    energy_of_all = 0.0
    for x in range(size):
        energy_of_all += total[x]
    return float(energy_of_all / (n_rows * size))


@compiled_loop
def denoise_rows(
    source: NDArray[np.float32],
    out: NDArray[np.float32],
    fields: NDArray[np.float32],
    work: NDArray[np.float32],
    room: NDArray[np.float32],
    weight: float,
    eps: float,
    max_iter: int,
) -> int:
    """Minimise ``|u - f|^2 / 2 + weight |grad u|`` over one slice by Chambolle's steps.

    Each pixel has the bits that ``skimage.restoration.denoise_tv_chambolle`` gives it
    in float32. They hang on the step at which it stops, and that on the last digits of
    an energy. A cheap sum (down the columns) decides where it is clear; where it is
    not, the energies are made again from the last two fields, which are still there,
    and added up in scikit-image's own order.

    Parameters
    ----------
    source : ndarray of float32, shape (Y, X)
        The slice.
    out : ndarray of float32, shape (Y, X)
        The result.
    fields : ndarray of float32, shape (3, Y, 2, pitch)
        Room for the dual field (down, right) at three steps. Columns `PAD` to ``PAD +
        X`` are the slice. 0 where the loop does not write: what lies beside the slice,
        the last row's ``down``, and all of the first field.
    work : ndarray of float32, shape (4, above X)
        Room for two rows of the picture and one of energies; the last is 0.
    room : ndarray of float32, shape (Y * X,)
        Room to add up in.
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
    share, slope = np.float32(weight), np.float32(0.25 / weight)
    total = np.zeros(source.shape[1], np.float64)
    first, previous = 0.0, 0.0
    # The same in scikit-image's order; known for some steps only.
    first_32, previous_32, known = np.float32(0), np.float32(0), 0
    steps = 1
    while steps < max_iter:
        now, before = fields[(steps - 1) % 3], fields[(steps + 1) % 3]
        energy = _sweep(now, fields[steps % 3], source, work, total, share, slope)
        if steps == 1:
            first = energy
        else:
            change, limit = abs(previous - energy), eps * first
            unsure = 4e-6 * max(previous, energy)
            if change < limit - unsure:
                break
            if change < limit + unsure:
                if known == 0:
                    norms = _sum_of_norms(source, work, room)
                    first_32 = share * norms / np.float32(room.size)
                if known != steps - 1:
                    previous_32 = _exact_energy(before, source, out, work, room, share)
                energy_32 = _exact_energy(now, source, out, work, room, share)
                if abs(previous_32 - energy_32) < np.float32(eps) * first_32:
                    break
                previous_32, known = energy_32, steps
        previous = energy
        steps += 1
    _paint(fields[(steps - 1) % 3], source, out, room, work)
    return steps
