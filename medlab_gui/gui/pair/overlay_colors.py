"""Colours of a series that lies over another: clear where it is low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QImage

from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLOR_NAMES", "color_bar", "overlay_colors"]

COLOR_NAMES = {
    "hot": N_("Hot (PET)"),
    "viridis": N_("Colour-blind safe"),
}

_N = 256
_CLEAR = 0.2
"""Share of the range over which it comes in from wholly clear."""


def overlay_colors(name: str) -> NDArray[np.float64]:
    """Return 256 RGBA rows in [0, 1], from low to high.

    Hot goes from black through red and yellow to white; viridis grows evenly in
    lightness from blue to yellow, also for those who see no red or no green.

    Parameters
    ----------
    name : str
        Of `COLOR_NAMES`.
    """
    values = np.linspace(0, 1, _N)
    if name == "hot":
        channels = [np.clip(values * 8 / 3 - n, 0, 1) for n in (0, 1)]
        channels.append(np.clip(values * 4 - 3, 0, 1))
        colors = np.column_stack([*channels, np.ones(_N)])
    else:
        from napari.utils.colormaps import ensure_colormap

        colors = np.array(ensure_colormap(name).map(values), dtype=np.float64)
    colors[:, 3] = np.clip(values / _CLEAR, 0, 1)
    return colors


def color_bar(name: str) -> QImage:
    """Return the colours as a picture one pixel wide, high values at the top."""
    colors = overlay_colors(name)[::-1]
    # as over black: premultiplied and opaque
    rgb = np.round(colors[:, :3] * colors[:, 3:] * 255).astype(np.uint32)
    packed = 0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]
    data = np.ascontiguousarray(packed, dtype=np.uint32).tobytes()
    return QImage(data, 1, _N, 4, QImage.Format.Format_RGB32).copy()
