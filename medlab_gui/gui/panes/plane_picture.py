"""A slice with mask, prediction and uncertainty as a picture of the screen's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QImage, QPainter, QTransform

from medlab_gui.gui.colors import scheme_colors, uncertainty_colors
from medlab_gui.gui.pictures import argb_image, gray_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QColor, QFont

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.gui.shading import Shading

__all__ = [
    "Overlay",
    "Sampler",
    "doubt_palette",
    "draw_picture",
    "label_palette",
    "slice_image",
    "word_picture",
]

_LINE_PX = 2


def slice_image(
    picture: NDArray[Any], level: float, width: float, shading: Shading
) -> QImage:
    """Return a slice in grey, ready to be drawn fast; no value (NaN) is black.

    Parameters
    ----------
    picture : ndarray, shape (rows, columns)
        Grey values.
    level, width : float
        Window in the units of ``picture``.
    shading : Shading
        Function of the window, and whether low values are bright.
    """
    picture, low, high = shading.brightness(picture, level, width)
    if picture.dtype.kind == "f":
        picture = np.nan_to_num(picture, nan=low)
    image = gray_image(picture, low, high)
    if shading.inverted:
        image.invertPixels()
    # Qt draws a scaled picture fastest from the format of the screen.
    return image.convertToFormat(QImage.Format.Format_RGB32)


def word_picture(
    size: tuple[int, int], word: str, font: QFont, color: QColor
) -> QImage:
    """Return a black picture with a word in the middle, of a size in device pixels."""
    picture = QImage(*size, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.black)
    painter = QPainter(picture)
    painter.setPen(color)
    painter.setFont(font)
    painter.drawText(picture.rect(), Qt.AlignmentFlag.AlignCenter, word)
    painter.end()
    return picture


def _premultiplied(rgba: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return Qt's premultiplied ARGB of colours in [0, 1], shape (n, 4)."""
    alpha = rgba[:, 3:]
    values = np.round(np.hstack([rgba[:, :3] * alpha, alpha]) * 255).astype(np.uint32)
    red, green, blue, opacity = values.T
    return np.asarray(opacity << 24 | red << 16 | green << 8 | blue, dtype=np.uint32)


def label_palette(
    scheme: LabelScheme, opacity: float, hidden: frozenset[int] = frozenset()
) -> NDArray[np.uint32]:
    """Return the colour of every label value as premultiplied ARGB, shape (256,)."""
    colors = scheme_colors(scheme, hidden)
    rgba = np.array([colors.get(v, colors[None]) for v in range(256)])
    rgba[:, 3] *= opacity
    return _premultiplied(rgba)


def doubt_palette(opacity: float) -> NDArray[np.uint32]:
    """Return the colours of uncertainty 0 to 1 in 256 steps, as `label_palette`."""
    rgba = uncertainty_colors().copy()
    rgba[:, 3] *= opacity
    return _premultiplied(rgba)


@dataclass(frozen=True, eq=False)
class Overlay:
    """Something in colour over the slice; every voxel keeps its own colour.

    Parameters
    ----------
    values : ndarray of uint8, shape (rows, columns)
        Indices of the palette.
    palette : ndarray of uint32, shape (256,)
        Premultiplied ARGB.
    is_outline : bool
        Show the inner border of each region only.
    """

    values: NDArray[np.uint8]
    palette: NDArray[np.uint32]
    is_outline: bool = False


class Sampler:
    """Which pixel of a slice lies under each pixel of the screen.

    Parameters
    ----------
    transform : QTransform
        From ``(column, row)``, whole numbers at the centres of pixels, to device
        pixels.
    size : tuple of int
        Width and height in device pixels.
    shape : tuple of int
        Rows and columns of the slice.
    """

    def __init__(
        self, transform: QTransform, size: tuple[int, int], shape: tuple[int, int]
    ) -> None:
        back, _invertible = transform.inverted()
        width, height = size
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        self._is_straight = abs(back.m12()) < 1e-12 and abs(back.m21()) < 1e-12
        self.left = self.top = 0
        if self._is_straight:
            columns, rows = x * back.m11() + back.dx(), y * back.m22() + back.dy()
            self.left, self._columns = _inside(columns, shape[1])
            self.top, self._rows = _inside(rows, shape[0])
            self._outside: NDArray[np.bool_] | None = None
            return
        xx, yy = x[np.newaxis], y[:, np.newaxis]
        columns = np.floor(xx * back.m11() + yy * back.m21() + back.dx() + 0.5)
        rows = np.floor(xx * back.m12() + yy * back.m22() + back.dy() + 0.5)
        self._outside = (
            (columns < 0) | (columns >= shape[1]) | (rows < 0) | (rows >= shape[0])
        )
        self._columns = np.clip(columns, 0, shape[1] - 1).astype(np.intp)
        self._rows = np.clip(rows, 0, shape[0] - 1).astype(np.intp)

    def __call__(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the values at the screen's pixels, from (`top`, `left`) on."""
        if self._outside is None:
            # Rows first: what is taken second is contiguous then.
            return np.asarray(np.take(values[self._rows], self._columns, axis=1))
        found = values[self._rows, self._columns]
        found[self._outside] = 0
        return np.asarray(found)


def _inside(
    positions: NDArray[np.floating[Any]], n: int
) -> tuple[int, NDArray[np.intp]]:
    """Return the first pixel that lies on the slice, and the indices from there on."""
    nearest = np.floor(positions + 0.5)
    (found,) = np.nonzero((nearest >= 0) & (nearest < n))
    if not len(found):
        return 0, np.zeros(0, np.intp)
    return int(found[0]), nearest[found[0] : found[-1] + 1].astype(np.intp)


def _border(labels: NDArray[np.uint8], line: int) -> NDArray[np.bool_]:
    """Tell which pixels are at most ``line`` away from another label."""
    border = np.zeros(labels.shape, dtype=np.bool_)
    for shift in range(1, line + 1):
        down = labels[shift:] != labels[:-shift]
        border[shift:] |= down
        border[:-shift] |= down
        across = labels[:, shift:] != labels[:, :-shift]
        border[:, shift:] |= across
        border[:, :-shift] |= across
    return border


def _overlay_image(overlay: Overlay, sampler: Sampler, line: int) -> QImage | None:
    values = sampler(overlay.values)
    if not values.any():
        return None
    colors = overlay.palette[values]
    if overlay.is_outline:
        colors[~_border(values, line)] = 0
    return argb_image(colors)


def draw_picture(
    image: QImage,
    overlays: tuple[Overlay, ...],
    transform: QTransform,
    size: tuple[int, int],
    *,
    smooth: bool,
    ratio: float = 1.0,
    tint: QImage | None = None,
) -> QImage:
    """Return the pane's picture on black.

    Parameters
    ----------
    image : QImage
        The slice, one pixel for each voxel.
    overlays : tuple of Overlay
        The lowest first; drawn voxel by voxel, never blended between neighbours.
    transform : QTransform
        As `Sampler` takes it.
    size : tuple of int
        Width and height in device pixels.
    smooth : bool
        Whether grey values between voxels are interpolated (linear) or not.
    ratio : float
        Device pixels for a logical one: how thick lines are.
    tint : QImage, optional
        Colours of another series over the grey, below all else; as many pixels.

    Returns
    -------
    QImage
        Of format ``RGB32``.
    """
    picture = QImage(*size, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.black)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.setTransform(transform)
    painter.drawImage(QPointF(-0.5, -0.5), image)  # its first pixel begins at 0
    if tint is not None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QPointF(-0.5, -0.5), tint)
    painter.resetTransform()
    if overlays:
        sampler = Sampler(transform, size, (image.height(), image.width()))
        line = max(1, round(_LINE_PX * ratio))
        for overlay in overlays:
            drawn = _overlay_image(overlay, sampler, line)
            if drawn is not None:
                painter.drawImage(sampler.left, sampler.top, drawn)
    painter.end()
    return picture
