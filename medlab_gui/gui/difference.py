"""What preprocessing changed, in colours that colour-blind eyes tell apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["difference_colors", "difference_image", "nice_limit"]

_DARKER = np.array([86.0, 180.0, 233.0])  # Okabe and Ito's sky blue
_BRIGHTER = np.array([230.0, 159.0, 0.0])  # and their orange
_SAME = np.array([24.0, 24.0, 24.0])


def difference_colors() -> NDArray[np.uint8]:
    """Return the colours from darker by the limit (0) to brighter by it (255).

    Returns
    -------
    ndarray of uint8, shape (256, 3)
        RGB. Blue is darker than the original, orange brighter, and what is the same
        is nearly black: how much it is shows as lightness, which way as a pair of
        colours that every kind of colour vision tells apart.
    """
    share = np.linspace(-1, 1, 256)[:, None]
    end = np.where(share < 0, _DARKER, _BRIGHTER)
    # The root lifts small differences, which are the many, out of the dark.
    strength = np.sqrt(np.abs(share))
    colors: NDArray[np.uint8] = np.rint(_SAME + (end - _SAME) * strength).astype(
        np.uint8
    )
    return colors


def _table() -> NDArray[np.uint32]:
    red, green, blue = difference_colors().astype(np.uint32).T
    table: NDArray[np.uint32] = np.uint32(0xFF000000) | red << 16 | green << 8 | blue
    return table


def nice_limit(difference: NDArray[Any]) -> float:
    """Return the difference at the ends of the scale: 1, 2 or 5 times a power of ten.

    All but a fiftieth of the pixels lie within it, or nearly so. A round number stays
    where it is while a slider moves, so that the colours can be compared.

    Parameters
    ----------
    difference : ndarray, shape (Y, X)
        Signed.

    Returns
    -------
    float
        Above 0.
    """
    # One pixel of four in each direction is plenty for a rounded limit.
    size = np.abs(np.asarray(difference)[::4, ::4].ravel())
    size = size[np.isfinite(size)]
    if size.size == 0:
        return 1.0
    rank = min(size.size - 1, int(0.98 * size.size))
    most = float(np.partition(size, rank)[rank]) or float(size.max())
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= most * 0.999)


def difference_image(difference: NDArray[Any], limit: float) -> QImage:
    """Return signed differences in colour.

    Parameters
    ----------
    difference : ndarray, shape (Y, X)
        Processed less original.
    limit : float
        What the full colour stands for; beyond it is drawn as the full colour.

    Returns
    -------
    QImage
        Of format ``RGB32``, one pixel for each voxel; owns its memory.
    """
    values = np.asarray(difference, dtype=np.float32)
    index = np.clip(values * np.float32(127.5 / limit) + 127.5, 0, 255)
    rgb = np.ascontiguousarray(
        _table()[np.nan_to_num(index, nan=127.5).astype(np.uint8)]
    )
    height, width = rgb.shape
    return QImage(
        rgb.tobytes(), width, height, 4 * width, QImage.Format.Format_RGB32
    ).copy()
