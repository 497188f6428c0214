"""The one file that touches napari's private parts.

napari 0.9 offers no public way to reach its canvas widget, to put its menus elsewhere,
to switch its key bindings off, or to keep a labels layer from hoarding undo steps.
``tests/gui/test_napari_private.py`` fails when napari moves one of these.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari import Viewer
    from napari.layers import Labels, Layer
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

__all__ = [
    "Stroke",
    "apply_style",
    "canvas_widget",
    "clear_key_bindings",
    "delay_layer_controls",
    "isolate_settings",
    "main_window",
    "measure_again",
    "napari_docks",
    "napari_menus",
    "one_update",
    "polygon_cancel",
    "polygon_finish",
    "polygon_n_points",
    "polygon_remove_point",
    "polygon_start",
    "put_below_canvas",
    "register_theme",
    "rehearse_brush",
    "rehearse_press",
    "retire_sliders",
    "set_label_colors",
    "silence_history",
    "silence_thumbnail",
    "stroke_of",
    "take_over_status_bar",
    "unthrottle_mouse",
    "viewer_widget",
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


def isolate_settings() -> None:
    """Keep napari's settings in memory: the user's own napari keeps its file.

    napari's settings can be placed once per process; a second call does nothing.
    """
    from napari import settings as module

    if module._SETTINGS is None:
        module.get_settings(None)
    settings = module.get_settings()
    settings.application.confirm_close_window = False
    settings.application.save_window_geometry = False
    settings.application.save_window_state = False
    settings.application.first_time = False
    # napari computes its own status in a thread of its own; ours is in gui/status.py.
    settings.appearance.update_status_based_on_layer = False


def clear_key_bindings() -> None:
    """Take every shortcut from napari's menus: our own tables are the only keys.

    Keys that reach the canvas never get to napari either, see `gui.keys`.
    """
    from napari._app_model import get_app_model
    from napari._qt._qapp_model.qactions import init_qactions

    init_qactions()
    get_app_model().keybindings._keymap.clear()


def register_theme(name: str, colors: dict[str, str], font_size: int) -> None:
    """Make our theme known to napari and choose it."""
    from napari.settings import get_settings
    from napari.utils.theme import Theme, available_themes, register_theme

    if name not in available_themes():
        theme = Theme(
            id=name,
            label="MedLab",
            syntax_style="native",
            font_size=f"{font_size}pt",
            **colors,
        )
        register_theme(name, theme, "medlab")
    settings = get_settings()
    settings.appearance.theme = name
    settings.appearance.font_size = font_size


def apply_style(viewer: Viewer, extra: Path) -> None:
    """Apply napari's style of the current theme and our own sheet after it."""
    from napari._qt.qt_resources import get_stylesheet
    from napari.settings import get_settings

    appearance = get_settings().appearance
    sheet = get_stylesheet(
        appearance.theme,
        extra=[str(extra)],
        extra_variables={"font_size": f"{appearance.font_size}pt"},
    )
    viewer.window._qt_window.setStyleSheet(sheet)
    viewer.window._qt_viewer.setStyleSheet(sheet)


def main_window(viewer: Viewer) -> QMainWindow:
    """Return the window itself."""
    window: QMainWindow = viewer.window._qt_window
    return window


def canvas_widget(viewer: Viewer) -> QWidget:
    """Return the widget that shows the picture."""
    widget: QWidget = viewer.window._qt_viewer.canvas.native
    return widget


def put_below_canvas(viewer: Viewer, area: QWidget, slider: QWidget) -> None:
    """Put a widget where napari's picture was, and a slider below it.

    Parameters
    ----------
    viewer : Viewer
        napari.
    area : QWidget
        Holds the canvas already.
    slider : QWidget
        Comes below.
    """
    layout: Any = viewer.window._qt_viewer.dims.parentWidget().layout()
    layout.insertWidget(0, area, 1)
    layout.addWidget(slider)


def viewer_widget(viewer: Viewer) -> QWidget:
    """Return the widget that holds the picture and takes drops."""
    widget: QWidget = viewer.window._qt_viewer
    return widget


def retire_sliders(viewer: Viewer) -> None:
    """Hide napari's own sliders and spare them every slice; `gui.slice_bar` is ours."""
    sliders: Any = viewer.window._qt_viewer.dims
    sliders.hide()
    for emitter in viewer.dims.events.emitters.values():
        emitter.disconnect(sliders)


def delay_layer_controls(viewer: Viewer) -> None:
    """Make napari's layer controls when they are first looked at.

    They are tucked away, and cost napari a twentieth of a second for each layer and
    some time at each change of it.
    """
    qt_viewer = viewer.window._qt_viewer
    controls: Any = qt_viewer.controls
    layers = viewer.layers
    listening = (
        (layers.events.inserted, controls._add),
        (layers.events.removed, controls._remove),
        (layers.selection.events.changed, controls._populate),
    )
    for emitter, listener in listening:
        emitter.disconnect(listener)

    def make(is_shown: bool) -> None:
        if not is_shown:
            return
        qt_viewer.dockLayerControls.visibilityChanged.disconnect(make)
        for layer in layers:
            controls._add(SimpleNamespace(value=layer))
        for emitter, listener in listening:
            emitter.connect(listener)
        controls._populate()

    qt_viewer.dockLayerControls.visibilityChanged.connect(make)


def rehearse_brush(viewer: Viewer) -> Iterator[None]:
    """Draw the circle under the mouse before it is needed; yield after each piece."""
    from qtpy.QtGui import QCursor

    circle = viewer.canvas.overlays._brush_circle
    qt_viewer: Any = viewer.window._qt_viewer
    viewer.mouse_over_canvas = True
    circle.size = 20
    circle.visible = True
    try:
        (drawn,) = qt_viewer.canvas._viewer_overlay_to_visual[circle]
        drawn._black_circle.visible = False
        yield
        drawn._white_circle.visible = False
        drawn._black_circle.visible = True
        yield
        drawn._white_circle.visible = True
    finally:
        circle.visible = False
        canvas = canvas_widget(viewer)
        place = canvas.mapFromGlobal(QCursor.pos())
        circle.position = (place.x(), place.y())  # where a mouse at rest shows it
        viewer.mouse_over_canvas = canvas.underMouse()


def rehearse_press(viewer: Viewer) -> None:
    """Look for what lies under the mouse, as vispy does at every press."""
    viewer.window._qt_viewer.canvas._scene_canvas.visual_at((0, 0))


def napari_docks(viewer: Viewer) -> tuple[QDockWidget, ...]:
    """Return napari's layer list and layer controls."""
    qt_viewer = viewer.window._qt_viewer
    return qt_viewer.dockLayerList, qt_viewer.dockLayerControls


def napari_menus(viewer: Viewer) -> tuple[QMenu, ...]:
    """Return napari's own menus (they stay alive with the window)."""
    window = viewer.window
    return (
        window.file_menu,
        window.view_menu,
        window.layers_menu,
        window.plugins_menu,
        window.window_menu,
        window.help_menu,
    )


def take_over_status_bar(viewer: Viewer) -> None:
    """Stop napari from writing into the status bar and the title."""
    window = viewer.window
    viewer.events.status.disconnect(window._status_changed)
    viewer.events.help.disconnect(window._help_changed)
    viewer.window._qt_viewer.show_welcome_screen = False
    window._main_menu_shortcut.setKey("")


def unthrottle_mouse(viewer: Viewer) -> None:
    """Let every movement of the mouse reach the tools at once.

    napari passes one on every 5 ms at most, and later: where the button is released
    sooner, the end of a stroke is lost. Qt joins movements that come too fast anyway.
    """
    from qtpy.QtCore import QObject

    canvas = viewer.window._qt_viewer.canvas
    moved = canvas.events.mouse_move
    for callback in list(moved.callbacks):
        if isinstance(callback, QObject):
            moved.disconnect(callback)
            moved.connect(canvas._on_mouse_move)


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


def measure_again(layer: Layer) -> None:
    """Have a layer find out anew how large it is.

    napari keeps the extent of a hidden layer when its array changes.
    """
    layer._clear_extent()


def silence_history(layer: Labels) -> None:
    """Keep a labels layer from remembering edits: the session's journal does."""
    layer._history_limit = 0
    layer._reset_history()


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


def polygon_start(layer: Labels) -> None:
    """Forget a half-drawn polygon and let a double click close one anywhere."""
    polygon = _polygon(layer)
    polygon.points = []
    polygon.use_double_click_completion_radius = False


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


def polygon_cancel(layer: Labels) -> None:
    """Forget the polygon."""
    _polygon(layer).points = []


def polygon_remove_point(layer: Labels) -> None:
    """Take back the last corner."""
    polygon = _polygon(layer)
    points = polygon.points
    polygon.points = points[:-2] + points[-1:] if len(points) > 2 else []
