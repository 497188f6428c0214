"""Load what the first series and the first stroke will need, while nobody waits."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.labels import LabelScheme
from medlab_gui.gui.colors import scheme_colors
from medlab_gui.gui.layer_making import load_for_layers
from medlab_gui.imaging.compiled import compile_here, warm_up

if TYPE_CHECKING:
    from medlab_gui.core.jobs import JobContext

__all__ = ["compile_all", "load_for_pictures", "prefetch"]

_MODULES = (
    "medlab_gui.review.session",
    "medlab_gui.gui.panes.volume_pane",
    "medlab_gui.imaging.window",
    "scipy.ndimage",
    "skimage.segmentation",
    "skimage.draw",
    "pydicom",
)


def prefetch(ctx: JobContext) -> None:
    """Import modules, and load napari's compiled colour mapping and our filters.

    Parameters
    ----------
    ctx : JobContext
        Cancellation; this runs on a thread.
    """
    for module in _MODULES:
        ctx.check()
        importlib.import_module(module)
    load_for_pictures()
    ctx.check()
    warm_up()


@cache
def load_for_pictures() -> None:
    """Load what the first picture of a series needs; on any thread."""
    load_for_layers()
    _map_colors()


def compile_all() -> None:
    """Compile what `prefetch` loads into the user's caches; the installer's last step.

    Compiling holds Python's lock for seconds, and so would hold up the first window.
    """
    _map_colors()
    compile_here()


def _map_colors() -> None:
    from napari.utils.colormaps import DirectLabelColormap

    colors = scheme_colors(LabelScheme("none", ()))
    DirectLabelColormap(color_dict=colors).map(np.zeros((2, 2), np.uint8))
