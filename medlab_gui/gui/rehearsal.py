"""Draw all that a study will need once, while nobody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.gui import napari_private as private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medlab_gui.gui.layers import Stage

__all__ = ["rehearse"]


def rehearse(stage: Stage) -> Iterator[None]:
    """Draw the layers and the brush behind the welcome page; yield after each.

    The first time that something is drawn, its shaders are compiled. Where a study
    is open nothing of it is touched.

    Parameters
    ----------
    stage : Stage
        With its layers made.
    """
    viewer, bench = stage.viewer, stage.bench
    private.rehearse_press(viewer)
    yield
    for visible in (True, False):
        for layer in (stage.image, stage.entropy, stage.prediction, stage.mask):
            if bench.session is None and layer is not None:
                layer.visible = visible
                yield
    if bench.session is None:
        yield from private.rehearse_brush(viewer, lambda: bench.session is None)
