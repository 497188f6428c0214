"""What a napari layer shows, changed as seldom as can be: each change redraws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.gui import napari_private as private

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from medlab_gui.gui.panes.axial_slab import SlabArray

__all__ = ["blank", "nothing", "set_changed", "show"]


def nothing(dtype: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Return one voxel."""
    return np.zeros((1, 1, 1), dtype)


def blank(layer: Image | Labels) -> np.ndarray[Any, np.dtype[Any]]:
    """Return one voxel for a layer; the one that it has where it shows nothing."""
    data: np.ndarray[Any, np.dtype[Any]] = layer.data
    return data if data.size == 1 else nothing(data.dtype)


def set_changed(layer: Image | Labels, **values: Any) -> None:
    """Set what differs: napari redraws for each one that is set."""
    for name, value in values.items():
        if getattr(layer, name) != value:
            setattr(layer, name, value)


def show(
    layer: Image | Labels,
    data: np.ndarray[Any, Any] | SlabArray,
    scale: tuple[float, ...],
) -> None:
    """Let a layer show another array; each change costs, so only what differs."""
    if layer.data is not data:
        resized = layer.data.shape != data.shape
        layer.data = data
        if resized:
            private.measure_again(layer)
    if not np.array_equal(layer.scale, scale):
        layer.scale = scale
