"""Load what the first series and the first stroke will need, while nobody waits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.labels import LabelScheme
from medlab_gui.gui.colors import scheme_colors

if TYPE_CHECKING:
    from medlab_gui.core.jobs import JobContext

__all__ = ["prefetch"]

_MODULES = (
    "medlab_gui.review.session",
    "medlab_gui.imaging.window",
    "scipy.ndimage",
    "skimage.segmentation",
    "skimage.draw",
)


def prefetch(ctx: JobContext) -> None:
    """Import modules, and compile napari's colour mapping where numba is installed.

    Parameters
    ----------
    ctx : JobContext
        Cancellation; this runs on a thread.
    """
    from napari.utils.colormaps import DirectLabelColormap

    for module in _MODULES:
        ctx.check()
        importlib.import_module(module)
    colors = scheme_colors(LabelScheme("none", ()))
    DirectLabelColormap(color_dict=colors).map(np.zeros((2, 2), np.uint8))
