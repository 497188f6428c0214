"""Slices as Qt pictures; nothing here needs the Qt thread (`QImage` only)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme

__all__ = ["argb_image", "gray_image", "outline_image", "thumbnail"]


def gray_image(picture: NDArray[Any], low: float, high: float) -> QImage:
    """Return a slice in grey.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
        Grey values.
    low, high : float
        Values that become black and white; what lies outside is clipped.

    Returns
    -------
    QImage
        Of format ``Grayscale8``, one pixel for each voxel; owns its memory.
    """
    values = np.asarray(picture, dtype=np.float32)
    scale = 255.0 / (high - low) if high > low else 0.0
    gray = np.clip((values - low) * np.float32(scale), 0, 255).astype(np.uint8)
    gray = np.ascontiguousarray(gray)
    height, width = gray.shape
    return QImage(
        gray.tobytes(), width, height, width, QImage.Format.Format_Grayscale8
    ).copy()


def argb_image(pixels: NDArray[np.uint32]) -> QImage:
    """Return a picture in colours.

    Parameters
    ----------
    pixels : ndarray of uint32, shape (Y, X)
        ``0xAARRGGBB``, with colours multiplied by the opacity.

    Returns
    -------
    QImage
        Of format ``ARGB32_Premultiplied``, one pixel for each; owns its memory.
    """
    height, width = pixels.shape
    return QImage(
        np.ascontiguousarray(pixels).tobytes(),
        width,
        height,
        4 * width,
        QImage.Format.Format_ARGB32_Premultiplied,
    ).copy()


def outline_image(mask: NDArray[np.uint8], scheme: LabelScheme) -> QImage:
    """Return the inner border of each class, clear elsewhere.

    Parameters
    ----------
    mask : ndarray of uint8, shape (Y, X)
        Values of ``scheme``.
    scheme : LabelScheme
        Gives the colours.

    Returns
    -------
    QImage
        See `argb_image`.
    """
    mask = np.asarray(mask)
    padded = np.pad(mask, 1)
    inside = np.ones(mask.shape, dtype=np.bool_)
    for neighbour in (
        padded[:-2, 1:-1],
        padded[2:, 1:-1],
        padded[1:-1, :-2],
        padded[1:-1, 2:],
    ):
        inside &= neighbour == mask
    colors = np.zeros(256, dtype=np.uint32)
    for label in scheme.classes:
        red, green, blue = label.color
        colors[label.value] = 0xFF000000 | red << 16 | green << 8 | blue
    return argb_image(np.where(inside, np.uint32(0), colors[mask]))


def thumbnail(
    picture: NDArray[Any],
    spacing_yx: tuple[float, float],
    window: tuple[float, float],
    side: int,
    mask: NDArray[np.uint8] | None = None,
    scheme: LabelScheme | None = None,
) -> QImage:
    """Return a small picture of a slice with the outline of its mask.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
        Grey values.
    spacing_yx : tuple of float
        Pixel size in mm; the thumbnail has square pixels.
    window : tuple of float
        ``(level, width)`` in the units of ``picture``.
    side : int
        Longer side of the thumbnail in device pixels.
    mask : ndarray of uint8, shape (Y, X), optional
        Drawn as an outline at least one pixel wide.
    scheme : LabelScheme, optional
        Colours of the mask.
    """
    from qtpy.QtCore import Qt
    from qtpy.QtGui import QPainter

    level, width = window
    image = gray_image(picture, level - width / 2, level + width / 2)
    tall, wide = (n * s for n, s in zip(picture.shape, spacing_yx, strict=True))
    scale = side / max(tall, wide)
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    small = image.scaled(
        *size,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_RGB32)
    if mask is not None and scheme is not None and mask.any():
        # Outlined after shrinking: a line one voxel wide would fade away.
        rows = np.minimum(
            (np.arange(size[1]) + 0.5) * mask.shape[0] / size[1], mask.shape[0] - 1
        ).astype(int)
        columns = np.minimum(
            (np.arange(size[0]) + 0.5) * mask.shape[1] / size[0], mask.shape[1] - 1
        ).astype(int)
        painter = QPainter(small)
        painter.drawImage(0, 0, outline_image(mask[np.ix_(rows, columns)], scheme))
        painter.end()
    return small
