"""Single steps of the bench: contrast, smoothing and scales of one slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging.slicewise import map_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["clahe", "gamma", "gaussian", "median", "percentile_window", "z_score"]


def clahe(
    data: NDArray[Any], *, tiles: int = 8, clip: float = 0.01, bins: int = 256
) -> NDArray[np.float32]:
    """Equalise the histogram in each of many tiles, with limited contrast.

    ``skimage.exposure.equalize_adapthist`` on the slice's own range.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; a volume is taken slice by slice.
    tiles : int
        Tiles along each axis, at least 1.
    clip : float
        Largest share of a tile's pixels in one bin, above 0 to 1; the rest is spread
        over all bins. Small values keep the contrast low.
    bins : int
        Grey levels that are told apart, at least 2.

    Returns
    -------
    ndarray of float32
        Same shape, in [0, 1]; a slice of one grey value becomes 0.

    Raises
    ------
    SpecError
        If a parameter is out of range.

    References
    ----------
    .. [1] K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics
       Gems IV (1994) 474-485.
    """
    if not (tiles >= 1 and 0 < clip <= 1 and bins >= 2):
        msg = (
            "CLAHE needs at least 1 tile, a clip limit above 0 to 1 and at least 2 "
            f"bins; found {tiles}, {clip} and {bins}."
        )
        raise SpecError(msg)
    from skimage.exposure import equalize_adapthist

    def one(plane: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        if plane.size == 0 or not plane.max() > plane.min():
            return np.zeros_like(plane)
        tile = [max(1, n // int(tiles)) for n in plane.shape]
        # The range first: scikit-image takes floats to lie in [-1, 1].
        unit = np.float64(plane) - plane.min()
        unit /= unit.max()
        found = equalize_adapthist(unit, tile, clip_limit=clip, nbins=int(bins))
        return np.asarray(found, dtype=np.float32)

    return map_slices(one, data)


def gamma(data: NDArray[Any], *, gamma: float = 1.0) -> NDArray[np.float32]:
    """Raise grey values from 0 to 1 to a power: below 1 brightens what is dark.

    Parameters
    ----------
    data : ndarray, any shape
        Grey values in [0, 1]; what lies outside is clipped first (`remarks` says so).
    gamma : float
        The exponent, above 0.

    Returns
    -------
    ndarray of float32
        Same shape, in [0, 1].

    Raises
    ------
    SpecError
        If the exponent is not above 0.
    """
    if not 0 < gamma < float("inf"):
        msg = f"Gamma must be a number above 0; found {gamma}."
        raise SpecError(msg)
    out = np.clip(np.asarray(data, dtype=np.float32), 0, 1)
    np.power(out, np.float32(gamma), out=out)
    return out


def percentile_window(
    data: NDArray[Any], *, low: float = 1.0, high: float = 99.0
) -> NDArray[np.float32]:
    """Map the range between two percentiles of a slice to [0, 1], and clip the rest.

    Pixels of the slice's darkest value (background, padding) are not counted.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; a volume is taken slice by slice.
    low, high : float
        Percentiles, 0 to 100, ``low`` below ``high``.

    Returns
    -------
    ndarray of float32
        Same shape, in [0, 1]; a slice of one grey value becomes 0.

    Raises
    ------
    SpecError
        If the percentiles are out of range or in the wrong order.
    """
    if not 0 <= low < high <= 100:
        msg = (
            "A percentile window needs two percentiles from 0 to 100, the lower one "
            f"first; found {low:g} and {high:g}."
        )
        raise SpecError(msg)

    def one(plane: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        picture = _picture(plane)
        if picture.size == 0:
            return np.zeros_like(plane)
        black, white = np.percentile(picture.astype(np.float64), (low, high))
        if not white > black:
            return np.asarray(plane > black, np.float32)
        scaled = (plane - black) / (white - black)
        return np.asarray(np.clip(scaled, 0, 1), np.float32)

    return map_slices(one, data)


def median(data: NDArray[Any], *, radius: int = 1) -> NDArray[np.float32]:
    """Replace each pixel by the median of a square around it.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; a volume is taken slice by slice. Beyond its edge a slice goes on
        as it ends.
    radius : int
        The square has ``2 radius + 1`` pixels each way; 0 changes nothing.

    Returns
    -------
    ndarray of float32
        Same shape and scale.

    Raises
    ------
    SpecError
        If the radius is negative.
    """
    if not radius >= 0:
        msg = f"The radius of a median filter must not be negative; found {radius}."
        raise SpecError(msg)
    from scipy.ndimage import median_filter

    size = 2 * int(radius) + 1

    def one(plane: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        if plane.size == 0:
            return plane
        return np.asarray(median_filter(plane, size, mode="nearest"), np.float32)

    return map_slices(one, data)


def gaussian(data: NDArray[Any], *, sigma: float = 1.0) -> NDArray[np.float32]:
    """Blur by a Gaussian.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; a volume is taken slice by slice. Beyond its edge a slice goes on
        as it ends.
    sigma : float
        Standard deviation in pixels; 0 changes nothing.

    Returns
    -------
    ndarray of float32
        Same shape and scale.

    Raises
    ------
    SpecError
        If sigma is negative or not a number.
    """
    if not 0 <= sigma < float("inf"):
        msg = f"The sigma of a Gaussian must not be negative; found {sigma}."
        raise SpecError(msg)
    from scipy.ndimage import gaussian_filter

    def one(plane: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        if plane.size == 0 or sigma == 0:
            return plane
        return np.asarray(gaussian_filter(plane, sigma, mode="nearest"), np.float32)

    return map_slices(one, data)


def z_score(data: NDArray[Any]) -> NDArray[np.float32]:
    """Bring each slice to mean 0 and standard deviation 1.

    Pixels of the slice's darkest value (background, padding) are not counted, but
    scaled with the rest.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; a volume is taken slice by slice.

    Returns
    -------
    ndarray of float32
        Same shape, in standard deviations; a slice of one grey value becomes 0.
    """

    def one(plane: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        picture = _picture(plane).astype(np.float64)
        if picture.size == 0:
            return np.zeros_like(plane)
        mean, sd = picture.mean(), picture.std()
        return np.asarray((plane - mean) / (sd if sd > 0 else 1.0), np.float32)

    return map_slices(one, data)


def _picture(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """All that is not the darkest value; nothing where there is one value only."""
    return plane[plane > plane.min()] if plane.size else plane.ravel()
