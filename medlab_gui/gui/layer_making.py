"""Make napari's layers, on nothing: what they show comes with a series."""

from __future__ import annotations

import importlib
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from medlab_gui.core.i18n import _
from medlab_gui.core.labels import LabelScheme
from medlab_gui.gui import napari_private as private
from medlab_gui.gui.colors import scheme_colors, uncertainty_colors
from medlab_gui.gui.layer_data import nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari import Viewer
    from napari.layers import Image, Labels

__all__ = ["add_hidden", "load_for_layers", "new_entropy", "new_image", "new_labels"]

L = TypeVar("L", bound="Image | Labels")

_LOADING = Lock()
_MODULES = (
    "pandas",
    "napari.components.histogram",
    "skimage.color.colorconv",
    "skimage.exposure",
    "skimage.util",
)


def load_for_layers() -> None:
    """Load what napari loads when the first layer is made: half a second's work.

    May be called on any thread; the second call finds it done.
    """
    with _LOADING:
        _load()


@cache
def _load() -> None:
    for module in _MODULES:
        importlib.import_module(module)
    import pint
    from vispy.visuals.line.dash_atlas import DashAtlas

    # The first use reads the tables of all units.
    _ = pint.application_registry.pixel
    DashAtlas()  # keeps the patterns that it computes for all lines to come


def new_image() -> Image:
    """Return the layer of the scan."""
    from napari.layers import Image

    layer = Image(nothing(np.int16), name=_("Image"), contrast_limits=(0, 1))
    layer.projection_mode = "none"  # what slabs show comes with the array
    layer.interpolation2d = "linear"
    return layer


def new_entropy() -> Image:
    """Return the layer of the model's uncertainty, [0, 1]."""
    from napari.layers import Image
    from napari.utils.colormaps import Colormap

    return Image(
        nothing(np.float16),
        name=_("Uncertainty"),
        contrast_limits=(0, 1),
        colormap=Colormap(uncertainty_colors(), name="uncertainty"),
        blending="translucent_no_depth",
    )


def new_labels(name: str) -> Labels:
    """Return a layer of classes that remembers no edits: the journal does.

    Nothing is ready yet for a hand to paint (`napari_private.hand_overlays`).
    """
    from napari.layers import Labels
    from napari.utils.colormaps import DirectLabelColormap

    colors = scheme_colors(LabelScheme("none", ()))
    layer = Labels(
        nothing(np.uint8), name=name, colormap=DirectLabelColormap(color_dict=colors)
    )
    private.silence_history(layer)
    for overlay in private.hand_overlays(layer):
        overlay.visible = False
    return layer


def add_hidden(
    viewer: Viewer,
    make: Callable[[], L],
    is_wanted: Callable[[], bool] = lambda: True,
    place: Callable[[], int] | None = None,
) -> Generator[None, None, L | None]:
    """Add a layer, hidden and without thumbnails, in steps that take no long time each.

    Parameters
    ----------
    viewer : Viewer
        Where.
    make : callable
        Makes the layer.
    is_wanted : callable
        Asked at the end: somebody in a hurry may have added it meanwhile.
    place : callable, optional
        Returns its place among the viewer's layers; above all others without it.

    Returns
    -------
    layer or None
        None where it was not wanted any more.
    """
    layer = make()
    private.silence_thumbnail(layer)
    layer.visible = False
    yield
    visual = private.make_visual(viewer, layer)
    yield
    if not is_wanted():
        return None
    at = len(viewer.layers) if place is None else place()
    private.insert_layer(viewer, at, layer, visual)
    return layer
