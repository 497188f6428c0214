"""What keys and menus do with the tools that draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.gui import napari_private as private

if TYPE_CHECKING:
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = [
    "cancel_polygon",
    "finish_polygon",
    "next_class",
    "remove_polygon_point",
    "resize_brush",
]

_GROWTH = 1.15
_MOST_MM = 200.0


def resize_brush(bench: Workbench, stage: Stage, steps: int) -> None:
    """Make the brush a pixel or 15 % larger or smaller."""
    view, pixel = bench.view, stage.pixel_mm
    sizes = (view.brush_mm * _GROWTH**steps, view.brush_mm + pixel * steps)
    wanted = max(sizes) if steps > 0 else min(sizes)
    view.brush_mm = min(_MOST_MM, max(pixel, wanted))


def next_class(bench: Workbench, step: int = 1) -> None:
    """Take the next class of the scheme, or with -1 the one before."""
    if bench.session is not None:
        n = len(bench.session.scheme.classes)
        bench.view.value = (bench.view.value - 1 + step) % n + 1


def remove_polygon_point(stage: Stage) -> None:
    """Take back the last corner."""
    if stage.mask is not None:
        private.polygon_remove_point(stage.mask)


def cancel_polygon(stage: Stage) -> None:
    """Forget the polygon that is being drawn."""
    if stage.mask is not None:
        private.set_polygon_corners(stage.mask, [])


def finish_polygon(stage: Stage, *, cuts: bool = False) -> None:
    """Paint the polygon that is being drawn, or cut it out."""
    mask = stage.mask
    if mask is not None and private.polygon_n_points(mask):
        if stage.why_not_editable:
            stage.bench.inform(stage.why_not_editable)  # the corners stay
            return
        if cuts:
            mask.selected_label = 0
        private.polygon_finish(mask)
        stage.apply_tool()
