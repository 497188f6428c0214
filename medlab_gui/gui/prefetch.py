"""Load what the first series and the first stroke will need, while nobody waits."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from medlab_gui.gui.layer_making import load_for_layers
from medlab_gui.imaging.compiled import warm_up

if TYPE_CHECKING:
    from medlab_gui.core.jobs import JobContext

__all__ = ["prefetch"]

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
    """Import modules, and load our compiled filters.

    Parameters
    ----------
    ctx : JobContext
        Cancellation; this runs on a thread.
    """
    for module in _MODULES:
        ctx.check()
        importlib.import_module(module)
    load_for_layers()
    ctx.check()
    warm_up()
