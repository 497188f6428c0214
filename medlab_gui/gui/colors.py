"""Colours of classes and of uncertainty, for napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    from medlab_gui.core.labels import LabelScheme

__all__ = ["scheme_colors", "uncertainty_colors"]


def scheme_colors(
    scheme: LabelScheme, hidden: frozenset[int] = frozenset()
) -> dict[int | None, tuple[float, ...]]:
    """Return colours of a scheme for napari: RGBA in [0, 1] by value.

    Parameters
    ----------
    scheme : LabelScheme
        Gives the colours.
    hidden : frozenset of int
        Values that are see-through.
    """
    colors: dict[int | None, tuple[float, ...]] = {
        None: (0.6, 0.6, 0.6, 1.0),
        0: (0.0, 0.0, 0.0, 0.0),
        IGNORE: (0.5, 0.5, 0.5, 1.0),
    }
    for c in scheme.classes:
        shown = float(c.value not in hidden)
        colors[c.value] = (*(v / 255 for v in c.color), shown)
    return colors


def uncertainty_colors() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return magma as 256 RGBA rows; what is certain is see-through."""
    from napari.utils.colormaps import ensure_colormap

    values = np.linspace(0, 1, 256)
    colors = np.array(ensure_colormap("magma").map(values), dtype=np.float64)
    colors[:, 3] = np.clip(values / 0.35, 0, 1)
    return colors
