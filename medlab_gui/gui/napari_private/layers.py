"""Layers: how napari measures and slices them, and what was painted on one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari import Viewer
    from napari.layers import Labels, Layer
    from numpy.typing import NDArray


__all__ = [
    "Stroke",
    "end_stroke",
    "hand_overlays",
    "insert_layer",
    "make_visual",
    "measure_again",
    "one_update",
    "polygon_corners",
    "polygon_finish",
    "polygon_n_points",
    "polygon_remove_point",
    "set_label_colors",
    "set_polygon_corners",
    "silence_history",
    "silence_thumbnail",
    "stroke_of",
    "unfreeze_brush",
]


@dataclass(frozen=True, eq=False)
class Stroke:
    """What one movement of the hand changed in a mask.

    Parameters
    ----------
    where : tuple of slice
        Box ``(k, j, i)`` in the mask.
    before, after : ndarray of uint8
        Values in that box.
    """

    where: tuple[slice, ...]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


@contextmanager
def one_update(viewer: Viewer, k: int | None = None) -> Iterator[None]:
    """Let napari look at all its layers once, after several of them have changed.

    napari measures its layers and slices all of them again for every array and every
    scale that is set: a quarter of a second for our four.

    Parameters
    ----------
    viewer : Viewer
        napari.
    k : int, optional
        Slice to show afterwards.
    """
    changed, update = viewer._on_layers_change, viewer._update_layers
    with ExitStack() as stack:
        for layer in viewer.layers:
            for emitter in (layer.events.data, layer.events.scale):
                stack.enter_context(emitter.blocker(changed))
        stack.enter_context(viewer.dims.events.point.blocker(update))
        yield
        changed()
        if k is not None:
            viewer.dims.set_current_step(0, k)
    update()


def make_visual(viewer: Viewer, layer: Layer) -> Any:
    """Return what draws a layer, before the layer is one of the viewer's.

    It takes half of the time in which napari takes a layer in.
    """
    from napari._vispy import create_vispy_layer
    from napari._vispy.layers.labels import VispyLabelsLayer

    canvas = viewer.window._qt_viewer.canvas
    visual = create_vispy_layer(layer, font_info=canvas.font_info())
    if isinstance(visual, VispyLabelsLayer):
        # Other labels alone need no other colours: it looks at their type itself.
        layer.events.data.disconnect(visual._on_colormap_change)
    return visual


def insert_layer(viewer: Viewer, place: int, layer: Layer, visual: Any) -> None:
    """Put a layer among the viewer's, drawn by what `make_visual` has made for it."""
    from napari._qt import qt_viewer as module

    makes = module.create_vispy_layer
    module.create_vispy_layer = lambda *_args, **_options: visual
    try:
        viewer.layers.insert(place, layer)
    finally:
        module.create_vispy_layer = makes


def measure_again(layer: Layer) -> None:
    """Have a layer find out anew how large it is.

    napari keeps the extent of a hidden layer when its array changes.
    """
    layer._clear_extent()


def silence_history(layer: Labels) -> None:
    """Keep a labels layer from remembering edits: the session's journal does."""
    layer._history_limit = 0
    layer._reset_history()


def hand_overlays(layer: Labels) -> Iterator[Any]:
    """Go through what napari draws on a labels layer while a hand paints.

    It makes each when it is ``visible`` first, which takes as long as the layer itself.
    """
    for name in ("polygon", "brush_stroke"):
        yield layer._overlays[name]


def silence_thumbnail(layer: Layer) -> None:
    """Keep a layer from making a thumbnail of every slice; the list shows none."""
    layer._update_thumbnail = lambda: None


def set_label_colors(
    layer: Labels, colors: dict[int | None, tuple[float, ...]]
) -> None:
    """Give a labels layer other colours."""
    from napari.utils.colormaps import DirectLabelColormap

    layer.colormap = DirectLabelColormap(color_dict=colors)


def stroke_of(layer: Labels, item: list[Any]) -> Stroke | None:
    """Return what one ``paint`` event changed.

    Parameters
    ----------
    layer : Labels
        The layer.
    item : list
        The event's value: atoms in the order in which they were painted, each either
        a bounding box with the old values under a mask, or napari's older triple of
        indices, old values and new values.

    Returns
    -------
    Stroke or None
        The union of the boxes with the values before and after; None where no voxel
        has another value than before.
    """
    boxes = [_box(layer, atom) for atom in item]
    if not boxes:
        return None
    low = np.min([[s.start for s in box] for box in boxes], axis=0)
    high = np.max([[s.stop for s in box] for box in boxes], axis=0)
    where = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    # Both are rebuilt from the atoms: outside `block_history` napari tells of an edit
    # before it makes it.
    before = np.array(layer.data[where])
    for atom, box in zip(reversed(item), reversed(boxes), strict=True):
        _put(before, atom, box, low, old=True)
    after = before.copy()
    for atom, box in zip(item, boxes, strict=True):
        _put(after, atom, box, low, old=False)
    if np.array_equal(before, after):
        return None
    return Stroke(where, before, after)


def end_stroke(layer: Labels) -> None:
    """End what is being painted on a layer, as letting go of the button does.

    What was painted is told by the layer's ``paint`` event; movements and the release
    that still come do nothing. Without a stroke under way nothing happens.
    """
    for drag in layer._mouse_drag_gen.values():
        layer._persisted_mouse_event.pop(drag, None)
        drag.close()
    layer._mouse_drag_gen.clear()
    layer._block_history = False
    painted, layer._staged_history = layer._staged_history, []
    if painted:
        layer._append_to_undo_history(painted)


def unfreeze_brush(layer: Labels) -> None:
    """Let a brush paint again whose size was being changed.

    napari freezes it while Alt is held, and until the mouse moves without: who lets Alt
    go and presses at once would paint nothing.
    """
    if str(layer.cursor) == "circle_frozen":
        layer.cursor = "circle"


def _put(
    array: NDArray[np.uint8],
    atom: Any,
    box: tuple[slice, ...],
    low: NDArray[Any],
    *,
    old: bool,
) -> None:
    """Write an atom's old or new values into an array that begins at ``low``."""
    if not hasattr(atom, "slice_key"):
        indices, old_values, new_values = atom
        moved = (np.asarray(i) - a for i, a in zip(indices, low, strict=True))
        array[tuple(moved)] = old_values if old else new_values
        return
    inner = tuple(
        slice(s.start - int(a), s.stop - int(a)) for s, a in zip(box, low, strict=True)
    )
    values = atom.old_values if old else atom.new_value
    if atom.mask is None:
        array[inner] = values
    else:
        array[inner][atom.mask] = values


def _box(layer: Labels, atom: Any) -> tuple[slice, ...]:
    if hasattr(atom, "slice_key"):
        return tuple(
            slice(*s.indices(n)[:2])
            for s, n in zip(atom.slice_key, layer.data.shape, strict=True)
        )
    return tuple(
        slice(int(np.min(i)), int(np.max(i)) + 1)
        for i in (np.asarray(a) for a in atom[0])
    )


def _polygon(layer: Labels) -> Any:
    return layer._overlays["polygon"]


def polygon_corners(layer: Labels) -> list[Any]:
    """Return the corners set so far, and the place that follows the mouse."""
    return list(_polygon(layer).points)


def set_polygon_corners(layer: Labels, corners: list[Any]) -> None:
    """Go on with a polygon (`polygon_corners`), or with none."""
    polygon = _polygon(layer)
    if polygon.points != corners:
        polygon.points = corners


def polygon_n_points(layer: Labels) -> int:
    """Return the number of corners set so far."""
    # The last one only follows the mouse.
    return max(0, len(_polygon(layer).points) - 1)


def polygon_finish(layer: Labels) -> None:
    """Paint the polygon; with fewer than three corners nothing is painted."""
    polygon = _polygon(layer)
    polygon.points = polygon.points[:-1]
    # So that napari tells of the edit when it is made, not before: an edit that cannot
    # be written down is then taken back for good.
    with layer.block_history():
        polygon.add_polygon_to_labels(layer)


def polygon_remove_point(layer: Labels) -> None:
    """Take back the last corner."""
    polygon = _polygon(layer)
    points = polygon.points
    polygon.points = points[:-2] + points[-1:] if len(points) > 2 else []
