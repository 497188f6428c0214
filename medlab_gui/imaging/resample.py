"""Slices at another pixel size, with the pixels' centres where they belong."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["resample_slice", "resize"]


def resample_slice(
    data: NDArray[Any],
    spacing_yx: tuple[float, float],
    target_mm: float,
    *,
    order: int = 1,
) -> NDArray[Any]:
    """Return a slice with square pixels of about the given size.

    The number of pixels is rounded, so that the field of view stays the same; the
    true pixel size is ``n * spacing / n_new``, within half a pixel over the slice.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (C, Y, X)
        The picture, or channels of it.
    spacing_yx : tuple of float
        Its pixel size ``(dy, dx)`` in mm.
    target_mm : float
        The pixel size wanted, in mm.
    order : int
        0 takes the nearest pixel (masks); 1 is linear, smoothed first where the
        picture becomes smaller.

    Returns
    -------
    ndarray, shape (Y', X') or (C, Y', X')
        float32, or the dtype of ``data`` with order 0.
    """
    if not (min(spacing_yx) > 0 and target_mm > 0):
        msg = (
            f"Pixel sizes must be above 0 mm; found {spacing_yx} and a target of "
            f"{target_mm}."
        )
        raise GeometryError(msg)
    shape = [
        max(1, round(n * mm / target_mm))
        for n, mm in zip(data.shape[-2:], spacing_yx, strict=True)
    ]
    return resize(data, (shape[0], shape[1]), order=order)


def resize(
    data: NDArray[Any], shape_yx: tuple[int, int], *, order: int = 1
) -> NDArray[Any]:
    """Return a picture with another number of pixels over the same field of view.

    Outer edges stay where they are: pixel ``n`` of the result lies at
    ``(n + 0.5) * old / new - 0.5`` of the source.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (C, Y, X)
        The picture, or channels of it.
    shape_yx : tuple of int
        Rows and columns wanted.
    order : int
        0 takes the nearest pixel; 1 is linear, smoothed first along an axis that
        becomes shorter (Gaussian of half the reduction factor less one); 3 is bicubic,
        with a kernel that is widened by the reduction factor, as Pillow does it.

    Returns
    -------
    ndarray
        float32, or the dtype of ``data`` with order 0. Bicubic values beyond the
        lowest and highest of ``data``, of which sharp edges have some, are cut off.

    Raises
    ------
    GeometryError
        If a side would have no pixel.

    References
    ----------
    .. [1] R. Keys, Cubic convolution interpolation for digital image processing, IEEE
       Transactions on Acoustics, Speech, and Signal Processing 29 (1981) 1153-1160;
       its a is -1/2.
    """
    if min(shape_yx) < 1:
        msg = f"A picture needs at least one pixel each way; asked for {shape_yx}."
        raise GeometryError(msg)
    if order == 0:
        return _nearest(data, shape_yx)
    values = np.asarray(data, dtype=np.float32)
    if values.shape[-2:] == tuple(shape_yx):
        return values.copy()
    if order == 3:
        rows, columns = (
            _cubic_weights(old, new)
            for old, new in zip(values.shape[-2:], shape_yx, strict=True)
        )
        wide = rows @ values @ columns.T
        across = (-2, -1)
        low, high = values.min(across, keepdims=True), values.max(across, keepdims=True)
        return np.clip(wide, low, high)
    from skimage.transform import resize as resize_image

    target = (*values.shape[:-2], *shape_yx)
    factors = [
        max(0.0, (old / new - 1) / 2)
        for old, new in zip(values.shape, target, strict=True)
    ]
    result = resize_image(
        values,
        target,
        order=order,
        mode="edge",
        preserve_range=True,
        anti_aliasing=any(f > 0 for f in factors),
        anti_aliasing_sigma=factors if any(f > 0 for f in factors) else None,
    )
    return cast("NDArray[Any]", result.astype(np.float32, copy=False))


def _nearest(data: NDArray[Any], shape_yx: tuple[int, int]) -> NDArray[Any]:
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)
        for old, new in zip(data.shape[-2:], shape_yx, strict=True)
    )
    return data[..., rows[:, None], columns]


@lru_cache(maxsize=8)
def _cubic_weights(old: int, new: int) -> NDArray[np.float32]:
    """Return what each pixel of a line gives to each of the new line, (new, old)."""
    step = old / new
    reach = max(1.0, step)
    centres = (np.arange(new) + 0.5) * step
    away = np.abs(np.arange(old) + 0.5 - centres[:, None]) / reach
    near = (1.5 * away - 2.5) * away**2 + 1
    far = ((-0.5 * away + 2.5) * away - 4) * away + 2
    weights = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)
