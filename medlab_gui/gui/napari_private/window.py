"""napari's window: its settings, its looks, its widgets and its mouse."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari import Viewer
    from qtpy.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

__all__ = [
    "apply_style",
    "canvas_widget",
    "clear_key_bindings",
    "delay_layer_controls",
    "isolate_settings",
    "main_window",
    "napari_docks",
    "napari_menus",
    "put_below_canvas",
    "register_theme",
    "rehearse_brush",
    "rehearse_press",
    "retire_sliders",
    "take_over_status_bar",
    "unthrottle_mouse",
    "viewer_widget",
]


def isolate_settings() -> None:
    """Keep napari's settings in memory: the user's own napari keeps its file.

    napari's settings can be placed once per process; a second call does nothing.
    """
    _give_icons_a_place()
    from napari import settings as module
    from napari.utils.colormap_backend import ColormapBackend

    if module._SETTINGS is None:
        module.get_settings(None)
    settings = module.get_settings()
    settings.application.confirm_close_window = False
    settings.application.save_window_geometry = False
    settings.application.save_window_state = False
    settings.application.first_time = False
    # napari computes its own status in a thread of its own; ours is in gui/status.py.
    settings.appearance.update_status_based_on_layer = False
    # Of masks (uint8) the colours are looked up in a table: numba, the default, is no
    # faster at it, and takes a second and a half before the first picture.
    settings.experimental.colormap_backend = ColormapBackend.pure_python


def _give_icons_a_place() -> None:
    """Let napari write its icons: it does so when imported, and ends where it cannot.

    So it is where somebody's home is full, read-only or on a share that is away.
    """
    from pathlib import Path

    from napari.utils import _platformdirs

    from medlab_gui.core.cache import cache_folder, made_folder

    try:
        made_folder(Path(_platformdirs.user_cache_dir()))
    except OSError:
        folder = str(cache_folder("icons"))
        _platformdirs.user_cache_dir = lambda: folder


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
    """Apply napari's style of the current theme and our own sheet after it.

    And take away the box that napari puts behind what it draws over the picture: behind
    the brush's circle it hides a square of the very place that is to be painted.
    """
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
    viewer.canvas.overlays._brush_circle.box = False


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


class _Ellipses:
    """The two ellipses of napari's brush circle, made one by one before it.

    Where napari asks for others by now, it makes its own.
    """

    def __init__(self) -> None:
        from napari._vispy.overlays import brush_circle

        self._module: Any = brush_circle
        self._theirs = brush_circle.Ellipse
        self._made: list[tuple[dict[str, Any], Any]] = []

    def make(self, color: str) -> None:
        asked = {
            "center": (0, 0),
            "color": (0, 0, 0, 0.0),
            "border_color": color,
            "border_method": "agg",
        }
        self._made.append((asked, self._theirs(**asked)))

    def __enter__(self) -> None:
        self._module.Ellipse = self._take

    def __exit__(self, *_error: object) -> None:
        self._module.Ellipse = self._theirs

    def _take(self, **asked: Any) -> Any:
        for n, (given, ellipse) in enumerate(self._made):
            if given == asked:
                del self._made[n]
                return ellipse
        return self._theirs(**asked)


def rehearse_brush(
    viewer: Viewer, is_wanted: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Draw the circle under the mouse before it is needed; yield after each piece.

    Parameters
    ----------
    viewer : Viewer
        napari.
    is_wanted : callable
        Asked before anything is drawn.
    """
    from qtpy.QtGui import QCursor

    circle = viewer.canvas.overlays._brush_circle
    qt_viewer: Any = viewer.window._qt_viewer
    ellipses = _Ellipses()
    for color in ("white", "black"):
        ellipses.make(color)
        yield
    if not is_wanted():
        return
    viewer.mouse_over_canvas = True
    circle.size = 20
    with ellipses:
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

    napari passes one on every 5 ms at most, and later; vispy drops what comes within
    10 ms of another: where the button is released sooner, the end of a stroke is lost.
    Qt joins movements that come too fast anyway.
    """
    from qtpy.QtCore import QObject

    canvas = viewer.window._qt_viewer.canvas
    moved = canvas.events.mouse_move
    for callback in list(moved.callbacks):
        if isinstance(callback, QObject):
            moved.disconnect(callback)
            moved.connect(canvas._on_mouse_move)
    native = canvas.native
    pass_on = native._vispy_mouse_move

    def pass_on_drags(**movement: Any) -> Any:
        if movement.get("buttons"):
            native._last_time = -math.inf
        return pass_on(**movement)

    native._vispy_mouse_move = pass_on_drags
