"""Where a slice is flat, and how much noise there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Region", "as_plane", "flat_region", "noise_sd", "window_sums"]

Region: TypeAlias = tuple[slice, slice]
"""Rows and columns of a window in a slice."""


def flat_region(plane: NDArray[Any]) -> Region:
    """Find the flattest window inside the body, for measuring noise.

    The body is what lies above Otsu's threshold, padding left out. Windows are compared
    by their standard deviation after smoothing, so that the choice follows structure
    and not the luck of the noise. Windows of one single value (padding, or cut off by a
    window) are taken only where there is nothing else.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Any real dtype; what is not finite is outside.

    Returns
    -------
    rows, columns : slice
        A square of a twentieth of the shorter side (8 to 32 pixels); the whole of a
        slice that is smaller than that.
    """
    from scipy.ndimage import gaussian_filter

    values = as_plane(plane)
    size = int(min(32, max(8, min(values.shape) // 20)))
    if min(values.shape) <= size:
        return slice(0, values.shape[0]), slice(0, values.shape[1])
    finite = np.isfinite(values)
    if not finite.any():
        return slice(0, size), slice(0, size)
    values = np.where(finite, values, values[finite].min())
    values = values - values.mean()  # variances by sums of squares lose digits else
    rough = _window_variances(values, size)
    smooth = _window_variances(gaussian_filter(values, 2.0), size)
    noisy = rough > 1e-9 * max(float(rough.max()), 1e-300)
    whole_body = window_sums(_body(values, finite), size) > size * size - 0.5
    whole_picture = window_sums(finite, size) > size * size - 0.5
    for allowed in (whole_body & noisy, whole_picture & noisy, whole_body):
        if allowed.any():
            break
    else:
        allowed = np.ones_like(noisy)
    flattest = int(np.argmin(np.where(allowed, smooth, np.inf)))
    row, column = divmod(flattest, smooth.shape[1])
    return slice(row, row + size), slice(column, column + size)


def noise_sd(plane: NDArray[Any], region: Region) -> float:
    """Return the standard deviation of the finite values in a window of a slice.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Any real dtype.
    region : tuple of slice
        Rows and columns, as from `flat_region`.

    Returns
    -------
    float
        In the units of ``plane``; not a number where nothing is finite.
    """
    values = as_plane(plane)[region]
    values = values[np.isfinite(values)]
    return float(values.std()) if values.size else math.nan


def as_plane(data: NDArray[Any]) -> NDArray[np.float64]:
    """Return one slice in float64, or raise `InputError`."""
    values = np.asarray(data, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        msg = (
            f"Quality is measured on one slice (Y, X); found the shape {values.shape}."
        )
        raise InputError(msg)
    return values


def window_sums(values: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Return the sums over all square windows that lie wholly inside.

    Differences of running sums: the cost does not depend on the window.

    Parameters
    ----------
    values : ndarray, shape (Y, X)
        Finite.
    size : int
        Rows and columns of a window.

    Returns
    -------
    ndarray of float64, shape (Y - size + 1, X - size + 1)
        By the first row and column of the window.
    """
    sums = np.pad(np.asarray(values, dtype=np.float64), ((1, 0), (1, 0)))
    sums = sums.cumsum(axis=0)
    sums = (sums[size:] - sums[:-size]).cumsum(axis=1)
    return sums[:, size:] - sums[:, :-size]


def _window_variances(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    n = size * size
    mean = window_sums(values, size) / n
    return np.maximum(window_sums(values * values, size) / n - mean * mean, 0)


def _body(values: NDArray[np.float64], finite: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from skimage.filters import threshold_otsu

    # Padding beyond a round field of view is darker than air: with it, Otsu would
    # part padding from air and take the air for the body.
    picture = finite & (values > values[finite].min())
    if not picture.any():
        return finite
    inside = values[picture]
    if inside.max() == inside.min():
        return np.asarray(picture)
    above: NDArray[np.bool_] = values > float(threshold_otsu(inside))
    above &= picture
    return above
