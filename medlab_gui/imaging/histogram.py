"""Histograms and histogram equalisation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging.compiled import kernel
from medlab_gui.imaging.slicewise import fill_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equalize", "histogram"]


def histogram(
    data: NDArray[Any],
    bins: int = 256,
    value_range: tuple[float, float] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count grey values.

    Parameters
    ----------
    data : ndarray, any shape
        Grey values; what is not a number is left out.
    bins : int
        Number of bins of equal width.
    value_range : tuple of float, optional
        Lowest and highest value; what lies outside is not counted. The range of the
        data where it is not given.

    Returns
    -------
    counts : ndarray of int64, shape (bins,)
    edges : ndarray of float64, shape (bins + 1,)
    """
    values = np.asarray(data).ravel()
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        low, high = value_range or (0.0, 1.0)
        return np.zeros(bins, np.int64), np.linspace(low, high, bins + 1)
    counts, edges = np.histogram(values, bins=bins, range=value_range)
    return counts.astype(np.int64), edges.astype(np.float64)


def equalize(data: NDArray[Any], *, bins: int = 256) -> NDArray[np.float32]:
    """Spread grey values so that each is as frequent as any other.

    The cumulative histogram of the slice is the new grey value, linear between the
    centres of the bins: the result of ``skimage.exposure.equalize_hist`` on floats (to
    1e-6), and the same bits whether the loops are compiled or not. A slice of one
    single grey value becomes 0.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Finite grey values; a volume is equalised slice by slice.
    bins : int
        Number of bins, at least 2.

    Returns
    -------
    ndarray of float32
        Same shape as ``data``, in [0, 1].

    Raises
    ------
    SpecError
        If there are fewer than two bins.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, section 3.3.
    """
    bins = int(bins)
    if bins < 2:
        msg = f"Histogram equalisation needs at least 2 bins; found {bins}."
        raise SpecError(msg)
    return fill_slices(partial(_equalize_slice, bins=bins), data)


def _equalize_slice(
    plane: NDArray[np.float32], out: NDArray[np.float32], *, bins: int
) -> None:
    if plane.size == 0:
        return
    low, high = plane.min(), plane.max()
    # One grey value, or a range with which float32 cannot reckon.
    if not 1e-30 < float(high) - float(low) < 1e38:
        out[:] = 0
        return
    scale = np.float32(bins) / (high - low)
    edges = np.linspace(low, high, bins + 1, dtype=np.float32)
    values, flat = plane.reshape(-1), out.reshape(-1)
    count, spread = kernel("count_levels"), kernel("spread_levels")
    if count is None:
        counts = _count_in_numpy(values, low, scale, edges)
    else:
        counts = np.zeros(bins, np.int64)
        count(values, low, scale, edges, counts)
    cdf = (np.cumsum(counts) / plane.size).astype(np.float32)
    rise = np.diff(cdf)
    if spread is None:
        flat[:] = _spread_in_numpy(values, low, scale, cdf, rise)
    else:
        spread(values, low, scale, cdf, rise, flat)


def _count_in_numpy(
    values: NDArray[np.float32],
    low: np.float32,
    scale: np.float32,
    edges: NDArray[np.float32],
) -> NDArray[np.int64]:
    bins = len(edges) - 1
    index = ((values - low) * scale).astype(np.int32)
    np.minimum(index, bins - 1, out=index)
    # Windowed CT has few grey levels and many of them lie just on an edge, where
    # rounding would move a whole level to the next bin: compare with the edges, as
    # numpy.histogram does, so that the counts are the same.
    step = (values >= edges[index + 1]) & (index != bins - 1)
    index -= values < edges[index]
    index += step
    return np.bincount(index, minlength=bins).astype(np.int64, copy=False)


def _spread_in_numpy(
    values: NDArray[np.float32],
    low: np.float32,
    scale: np.float32,
    cdf: NDArray[np.float32],
    rise: NDArray[np.float32],
) -> NDArray[np.float32]:
    # Between the centres of bin b and b + 1 the result is linear; before the first
    # and after the last centre it is constant.
    place = (values - low) * scale
    place -= np.float32(0.5)
    np.clip(place, 0, len(cdf) - 1, out=place)
    below = place.astype(np.int32)
    np.minimum(below, len(rise) - 1, out=below)
    place -= below
    result: NDArray[np.float32] = rise[below]
    result *= place
    result += cdf[below]
    return result
