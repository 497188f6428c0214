"""Figures of a picture's quality: noise, sharpness, entropy, likeness to another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError
from medlab_gui.imaging.flatness import (
    Region,
    as_plane,
    flat_region,
    noise_sd,
    window_sums,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Quality",
    "Region",
    "edge_sharpness",
    "entropy_bits",
    "flat_region",
    "noise_sd",
    "psnr",
    "quality",
    "ssim",
]


_REACH_PX = 6
"""Three deviations of the smoothing by which edges are found."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What processing did to one slice, before and after on one scale of 0 to 1.

    Parameters
    ----------
    noise_before, noise_after : float
        Standard deviation in the flattest window inside the body, as a share of the
        range from black to white.
    sharpness_before, sharpness_after : float
        Mean slope across the edges of the original, in shares of that range per pixel.
    entropy_before, entropy_after : float
        Of the grey values in 256 bins, in bits (0 to 8).
    psnr_db : float
        Peak signal-to-noise ratio to the original; infinite where nothing changed.
    ssim : float
        Mean structural similarity to the original, at most 1.
    region : tuple of slice
        The flat window ``(rows, columns)``, to be drawn into the picture.
    """

    noise_before: float
    noise_after: float
    sharpness_before: float
    sharpness_after: float
    entropy_before: float
    entropy_after: float
    psnr_db: float
    ssim: float
    region: Region


def quality(
    original: NDArray[Any],
    processed: NDArray[Any],
    *,
    original_range: tuple[float, float] | None = None,
    processed_range: tuple[float, float] | None = None,
    region: Region | None = None,
) -> Quality:
    """Compare a slice before and after processing.

    Both are first mapped from black to white to 0 to 1 and clipped, because a picture
    in HU and one from 0 to 1 have no figure in common.

    Parameters
    ----------
    original, processed : ndarray, shape (Y, X)
        Any real dtype. What is not finite in one of them (nothing was measured there)
        is left out of every figure, and so are edges beside it.
    original_range : tuple of float, optional
        Black and white of the original: the ends of the window in which it is shown.
        Else 0 and 1 where all of it lies there, or its 0.5th and 99.5th percentile.
    processed_range : tuple of float, optional
        Black and white of the result. Else 0 and 1 where all of it lies there, and
        the original's range where it does not.
    region : tuple of slice, optional
        The flat window, where it is known already; else `flat_region` looks for it.

    Raises
    ------
    InputError
        If the two are not slices of one shape, or are empty.
    """
    before, after = _pair(original, processed)
    finite = np.isfinite(before) & np.isfinite(after)
    if original_range is None:
        unit = _is_unit(before[finite])
        original_range = (0.0, 1.0) if unit else _robust_range(before[finite])
    if processed_range is None:
        unit = _is_unit(after[finite])
        processed_range = (0.0, 1.0) if unit else original_range
    if region is None:
        region = flat_region(before)
    a = np.where(finite, _to_unit(before, original_range), np.nan)
    b = np.where(finite, _to_unit(after, processed_range), np.nan)
    shown, processed_shown = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    edges = _find_edges(shown, None if finite.all() else finite)
    return Quality(
        noise_before=noise_sd(a, region),
        noise_after=noise_sd(b, region),
        sharpness_before=_slope_across(shown, edges),
        sharpness_after=_slope_across(processed_shown, edges),
        entropy_before=entropy_bits(a, value_range=(0.0, 1.0)),
        entropy_after=entropy_bits(b, value_range=(0.0, 1.0)),
        psnr_db=psnr(a, b),
        ssim=ssim(a, b),
        region=region,
    )


def edge_sharpness(plane: NDArray[Any]) -> float:
    """Return the mean slope across the strongest edges of a slice.

    Edges are the crests of the gradient after smoothing by 2 pixels, the strongest
    ``(Y + X) / 2`` pixels of them. The slope is that of the unsmoothed picture along
    the edge's normal, with its sign: noise averages out and does not pass for
    sharpness.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
        Any real dtype; what is not finite is taken as the darkest value.

    Returns
    -------
    float
        In units of ``plane`` per pixel; 0 where there is no edge. A step of height A,
        blurred by a Gaussian of s pixels, has ``A / (sqrt(2 pi) s)``.
    """
    values = as_plane(plane)
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0
    values = np.where(finite, values, values[finite].min())
    return _slope_across(values, _find_edges(values))


def entropy_bits(
    plane: NDArray[Any],
    *,
    bins: int = 256,
    value_range: tuple[float, float] | None = None,
) -> float:
    """Return Shannon's entropy of the grey values, in bits.

    Parameters
    ----------
    plane : ndarray, any shape
        What is not finite is left out.
    bins : int
        Number of grey levels that are told apart.
    value_range : tuple of float, optional
        Ends of the first and last bin; else the range of the data.

    Returns
    -------
    float
        0 for one single value, ``log2(bins)`` where all levels are as frequent.
    """
    from medlab_gui.imaging.histogram import histogram

    counts, _ = histogram(plane, bins, value_range)
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def psnr(a: NDArray[Any], b: NDArray[Any], *, data_range: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio of two slices.

    Parameters
    ----------
    a, b : ndarray, shape (Y, X)
        The two pictures; pixels that are not finite in one of them are left out.
    data_range : float
        White less black.

    Returns
    -------
    float
        ``10 log10(data_range^2 / mean((a - b)^2))`` in dB; infinite where they agree.

    Raises
    ------
    InputError
        If the two are not slices of one shape, or are empty.
    """
    one, other = _pair(a, b)
    squares = (one - other) ** 2
    squares = squares[np.isfinite(squares)]
    if squares.size == 0:
        return math.nan
    error = float(squares.mean())
    return math.inf if error == 0 else 10 * math.log10(data_range**2 / error)


def ssim(a: NDArray[Any], b: NDArray[Any], *, data_range: float = 1.0) -> float:
    """Return the mean structural similarity of two slices.

    Over windows of 7 x 7 pixels with sample variances, K1 = 0.01 and K2 = 0.03: the
    figure of ``skimage.metrics.structural_similarity``.

    Parameters
    ----------
    a, b : ndarray, shape (Y, X)
        The two pictures; windows with a pixel that is not finite in one of them are
        left out. Smaller pictures than 7 pixels take the largest odd window that fits.
    data_range : float
        White less black.

    Returns
    -------
    float
        At most 1, which only equal pictures reach; not a number where no window is
        left.

    Raises
    ------
    InputError
        If the two are not slices of one shape, or are empty.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality
       assessment: from error visibility to structural similarity, IEEE Trans. Image
       Process. 13 (2004) 600-612.
    """
    one, other = _pair(a, b)
    finite = np.isfinite(one) & np.isfinite(other)
    one, other = np.where(finite, one, 0.0), np.where(finite, other, 0.0)
    size = min(7, min(one.shape) - 1 + min(one.shape) % 2)
    n = size * size
    sums = [
        window_sums(x, size) / n
        for x in (one, other, one * one, other * other, one * other)
    ]
    mean_a, mean_b = sums[0], sums[1]
    to_sample = n / (n - 1) if n > 1 else 1.0
    var_a = to_sample * (sums[2] - mean_a * mean_a)
    var_b = to_sample * (sums[3] - mean_b * mean_b)
    covariance = to_sample * (sums[4] - mean_a * mean_b)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    likeness = above / below
    if not finite.all():
        likeness = likeness[window_sums(finite, size) > n - 0.5]
    return float(likeness.mean()) if likeness.size else math.nan


def _pair(
    a: NDArray[Any], b: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = as_plane(a), as_plane(b)
    if one.shape != other.shape:
        msg = (
            "Only slices of one shape can be compared; "
            f"found {one.shape} and {other.shape}."
        )
        raise InputError(msg)
    return one, other


def _to_unit(
    values: NDArray[np.float64], ends: tuple[float, float]
) -> NDArray[np.float64]:
    black, white = ends
    scaled = (values - black) / (white - black if white > black else 1.0)
    return np.clip(scaled, 0.0, 1.0)


def _is_unit(values: NDArray[np.float64]) -> bool:
    return values.size == 0 or bool(values.min() >= 0 and values.max() <= 1)


def _robust_range(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(high)


def _find_edges(
    values: NDArray[np.float64], known: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any], NDArray[Any]]:
    """Rows, columns and unit normals (ny, nx) of the strongest edge pixels.

    None where the smoothing reaches pixels that are not ``known``.
    """
    from scipy.ndimage import gaussian_filter, minimum_filter

    none = np.zeros(0, np.intp)
    if min(values.shape) < 3:
        return none, none, none, none
    gy, gx = np.gradient(gaussian_filter(values, 2.0))
    steep = np.hypot(gy, gx)
    inner = steep[1:-1, 1:-1]
    crosses_rows = np.abs(gy[1:-1, 1:-1]) >= np.abs(gx[1:-1, 1:-1])
    # On the crest along the axis that the normal is nearer to; one of two equals.
    crest = np.where(
        crosses_rows,
        (inner >= steep[:-2, 1:-1]) & (inner > steep[2:, 1:-1]),
        (inner >= steep[1:-1, :-2]) & (inner > steep[1:-1, 2:]),
    )
    crest &= inner > 1e-9 * max(float(np.abs(values).max()), 1e-300)
    if known is not None:
        crest &= minimum_filter(known, size=2 * _REACH_PX + 1)[1:-1, 1:-1]
    if not crest.any():
        return none, none, none, none
    strengths = inner[crest]
    few = min(strengths.size, sum(values.shape) // 2)
    weakest = np.partition(strengths, -few)[-few]
    crest &= inner >= max(float(weakest), 0.1 * float(strengths.max()))
    rows, columns = (index + 1 for index in np.nonzero(crest))
    length = steep[rows, columns]
    return rows, columns, gy[rows, columns] / length, gx[rows, columns] / length


def _slope_across(
    values: NDArray[np.float64],
    edges: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any], NDArray[Any]],
) -> float:
    rows, columns, ny, nx = edges
    if rows.size == 0:
        return 0.0
    down = (values[rows + 1, columns] - values[rows - 1, columns]) / 2
    right = (values[rows, columns + 1] - values[rows, columns - 1]) / 2
    return float((down * ny + right * nx).mean())
