"""From a slice of a scan to what the network sees: one way for training and use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError
from medlab_gui.core.specs import Resize
from medlab_gui.imaging.resample import resample_slice, resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.specs import Sampling
    from medlab_gui.imaging.pipeline import FittedPipeline

__all__ = ["prepare_image", "prepare_labels"]

_ORDERS = {"linear": 1, "bicubic": 3}


def prepare_image(
    data: NDArray[Any],
    spacing: tuple[float, float],
    pipeline: FittedPipeline,
    sampling: Sampling,
    k: int = 0,
) -> NDArray[np.float32]:
    """Return a slice as the network sees it.

    The pipeline runs on the scan's own pixels, as the preview shows it, and its result
    is resampled.

    Parameters
    ----------
    data : ndarray, shape (Y, X)
        A slice of the working grid in the scan's units (HU for CT).
    spacing : tuple of 2 floats
        ``(dy, dx)`` in mm.
    pipeline : FittedPipeline
        Filters, in order, that know the scan.
    sampling : float, Resize or None
        Pixel size wanted in mm, or number of pixels; None keeps the pixels.
    k : int
        Which slice of the scan it is.

    Returns
    -------
    ndarray of float32, shape (Y', X')

    Raises
    ------
    InputError
        If the slice holds values that are not numbers: the filters would take them for
        background, and the network's answer for a finding.
    """
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        msg = (
            f"The scan holds values that are not numbers in slice {k + 1}, so nothing "
            "can be said about it. Replace them, e.g. by `medlab preprocess`."
        )
        raise InputError(msg)
    image = pipeline(data, k)
    if isinstance(sampling, Resize):
        shape = (sampling.pixels, sampling.pixels)
        image = resize(image, shape, order=_ORDERS[sampling.interpolation])
    elif sampling is not None:
        image = resample_slice(image, spacing, sampling)
    return np.ascontiguousarray(image, dtype=np.float32)


def prepare_labels(
    labels: NDArray[np.uint8], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a mask with the shape of its prepared slice, nearest pixel taken.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Y, X)
        Class values; 255 is ignored.
    shape : tuple of int
        ``(Y', X')`` of what `prepare_image` returned.

    Returns
    -------
    ndarray of uint8, shape (Y', X')
    """
    if labels.shape == shape:
        return np.ascontiguousarray(labels)
    return np.ascontiguousarray(resize(labels, shape, order=0), dtype=np.uint8)
