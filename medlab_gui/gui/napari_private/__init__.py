"""The one place that touches napari's private parts.

napari 0.9 offers no public way to reach its canvas widget, to put its menus elsewhere,
to switch its key bindings off, or to keep a labels layer from hoarding undo steps.
``tests/gui/test_napari_private.py`` fails when napari moves one of these.
"""

from __future__ import annotations

from medlab_gui.gui.napari_private.layers import (
    Stroke,
    end_stroke,
    hand_overlays,
    measure_again,
    one_update,
    polygon_corners,
    polygon_finish,
    polygon_n_points,
    polygon_remove_point,
    set_label_colors,
    set_polygon_corners,
    silence_history,
    silence_thumbnail,
    stroke_of,
    unfreeze_brush,
)
from medlab_gui.gui.napari_private.window import (
    apply_style,
    canvas_widget,
    clear_key_bindings,
    delay_layer_controls,
    isolate_settings,
    main_window,
    napari_docks,
    napari_menus,
    put_below_canvas,
    register_theme,
    rehearse_brush,
    rehearse_press,
    retire_sliders,
    take_over_status_bar,
    unthrottle_mouse,
    viewer_widget,
)

__all__ = [
    "Stroke",
    "apply_style",
    "canvas_widget",
    "clear_key_bindings",
    "delay_layer_controls",
    "end_stroke",
    "hand_overlays",
    "isolate_settings",
    "main_window",
    "measure_again",
    "napari_docks",
    "napari_menus",
    "one_update",
    "polygon_corners",
    "polygon_finish",
    "polygon_n_points",
    "polygon_remove_point",
    "put_below_canvas",
    "register_theme",
    "rehearse_brush",
    "rehearse_press",
    "retire_sliders",
    "set_label_colors",
    "set_polygon_corners",
    "silence_history",
    "silence_thumbnail",
    "stroke_of",
    "take_over_status_bar",
    "unfreeze_brush",
    "unthrottle_mouse",
    "viewer_widget",
]
