"""Histograms and histogram equalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging.slicewise import map_slices

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
    centres of the bins: the result of ``skimage.exposure.equalize_hist`` on floats, by
    counting and two table look-ups. A slice of one single grey value becomes 0.

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
    return map_slices(lambda plane: _equalize_slice(plane, bins), data)


def _equalize_slice(plane: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    low, high = plane.min(), plane.max()
    if plane.size == 0 or not high > low:
        return np.zeros_like(plane)
    position = plane - low
    position *= np.float32(bins) / (high - low)
    index = position.astype(np.int32)
    np.minimum(index, bins - 1, out=index)
    # Windowed CT has few grey levels and many of them lie just on an edge, where
    # rounding would move a whole level to the next bin: compare with the edges, as
    # numpy.histogram does, so that the counts are the same.
    edges = np.linspace(low, high, bins + 1, dtype=np.float32)
    index -= plane < edges[index]
    index += (plane >= edges[index + 1]) & (index != bins - 1)
    counts = np.bincount(index.ravel(), minlength=bins)
    cdf = (np.cumsum(counts) / plane.size).astype(np.float32)
    # Between the centres of bin b and b + 1 the result is linear; before the first
    # and after the last centre it is constant.
    position -= np.float32(0.5)
    np.clip(position, 0, bins - 1, out=position)
    below = position.astype(np.int32)
    np.minimum(below, bins - 2, out=below)
    position -= below
    result: NDArray[np.float32] = np.diff(cdf)[below]
    result *= position
    result += cdf[below]
    return result
