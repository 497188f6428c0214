"""Total-variation denoising: noise goes, edges stay."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging.compiled import kernel
from medlab_gui.imaging.slicewise import map_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["total_variation"]

# As in kernels.py, which only the compiled path imports.
PAD = 16
BLOCK_ROWS = 16


def total_variation(
    data: NDArray[Any],
    *,
    weight: float = 0.1,
    eps: float = 2e-4,
    max_iter: int = 200,
) -> NDArray[np.float32]:
    """Minimise the integral of the gradient's norm, near to the picture.

    Chambolle's projection: the minimiser of ``|u - f|^2 / 2 + weight |grad u|``. The
    same steps and the same end as ``skimage.restoration.denoise_tv_chambolle`` (to
    1e-5), in float32, and the same bits whether the loop is compiled or not.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values, normally in [0, 1]; a volume is denoised slice by slice.
    weight : float
        Strength, above or equal to 0; 0 changes nothing.
    eps : float
        Stop when the energy changes by less than this share of its first value.
    max_iter : int
        Stop after so many steps at the latest.

    Returns
    -------
    ndarray of float32
        Same shape as ``data``.

    Raises
    ------
    SpecError
        If a parameter is negative or not a number.

    References
    ----------
    .. [1] A. Chambolle, An algorithm for total variation minimization and
       applications, J. Math. Imaging Vis. 20 (2004) 89-97.
    """
    if not (0 <= weight < float("inf") and eps >= 0 and max_iter >= 0):
        msg = (
            "Total variation needs a weight, a tolerance and a number of steps that "
            f"are not negative; found {weight}, {eps} and {max_iter}."
        )
        raise SpecError(msg)
    steps = int(max_iter)
    if weight == 0 or steps == 0:
        return np.array(data, dtype=np.float32)
    return map_slices(lambda plane, _: _denoise(plane, weight, eps, steps), data)


def _denoise(
    image: NDArray[np.float32], weight: float, eps: float, max_iter: int
) -> NDArray[np.float32]:
    loop = kernel("denoise_rows")
    if loop is None:
        return _denoise_in_numpy(image, weight, eps, max_iter)
    n_rows, n_columns = image.shape
    state, energy = _room(n_rows, n_columns)
    state[:, :2] = 0
    state[:, 3, PAD : PAD + n_columns] = image
    loop(state, energy, float(weight), float(eps), max_iter)
    return state[:, 2, PAD : PAD + n_columns].copy()


class _Room(threading.local):
    """Arrays to work in, kept: getting them from the system takes a tenth of the time.

    Each thread has its own.
    """

    shape: tuple[int, int] = (0, 0)
    state: NDArray[np.float32]
    energy: NDArray[np.float32]


_kept = _Room()


def _room(n_rows: int, n_columns: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    if _kept.shape != (n_rows, n_columns):
        # A row of vectors that begins on a line of the cache is a quarter faster.
        pitch = -(-n_columns // PAD) * PAD + 2 * PAD
        _kept.state = _aligned(n_rows * 4 * pitch).reshape(n_rows, 4, pitch)
        _kept.energy = _aligned(n_columns)
        _kept.shape = (n_rows, n_columns)
    return _kept.state, _kept.energy


def _aligned(size: int) -> NDArray[np.float32]:
    raw = np.zeros(size + 16, np.float32)
    start = -raw.ctypes.data % 64 // 4
    return raw[start : start + size]


def _denoise_in_numpy(
    image: NDArray[np.float32], weight: float, eps: float, max_iter: int
) -> NDArray[np.float32]:
    """Do what ``kernels.denoise_rows`` does, to the last bit: see there."""
    # The dual field (down, right) lives on the forward differences; its last row or
    # column stays 0. `change` is its negative divergence, `out` the picture.
    down, right = np.zeros_like(image), np.zeros_like(image)
    gy, gx = np.zeros_like(image), np.zeros_like(image)
    share, tau, one = np.float32(weight), np.float32(0.25), np.float32(1)
    slope = tau / share
    first = previous = 0.0
    for step in range(max_iter):
        change = down + right
        np.negative(change[:1], out=change[:1])
        np.subtract(down[:-1], change[1:], out=change[1:])
        change[:, 1:] += right[:, :-1]
        out = image + change
        np.subtract(out[1:], out[:-1], out=gy[:-1])
        np.subtract(out[:, 1:], out[:, :-1], out=gx[:, :-1])
        norm = gy * gy
        norm += gx * gx
        np.sqrt(norm, out=norm)
        change *= change
        cost = share * norm
        cost[:-1] += change[1:]
        energy = _column_sums(change[0], cost) / image.size
        norm *= slope
        norm += one
        np.divide(one, norm, out=norm)
        for field, gradient in ((down, gy), (right, gx)):
            field -= tau * gradient
            field *= norm
        if step == 0:
            first = energy
        elif abs(previous - energy) < eps * first:
            break
        previous = energy
    return out


def _column_sums(start: NDArray[np.float32], cost: NDArray[np.float32]) -> float:
    # numpy's own sums choose their order by the processor: a step more or less of the
    # loop would follow. Here it is fixed: down the rows of a block, then the blocks,
    # then the columns.
    blocks = cost[::BLOCK_ROWS].copy()
    blocks[0] = start + blocks[0]
    for row in range(1, min(BLOCK_ROWS, cost.shape[0])):
        part = cost[row::BLOCK_ROWS]
        blocks[: len(part)] += part
    columns = np.cumsum(blocks, axis=0, dtype=np.float64)[-1]
    return float(np.cumsum(columns)[-1])
