"""Fails when napari moves what we lean on."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from medlab_gui.gui import napari_private as private
from medlab_gui.gui.rehearsal import rehearse

pytestmark = pytest.mark.gui


@pytest.fixture
def strokes(window):
    """The mask's layer, and every stroke that its paint events tell of."""
    layer = window.stage.mask
    found = []

    def listen(event):
        found.append(private.stroke_of(layer, event.value))

    layer.events.paint.connect(listen)
    yield layer, found
    layer.events.paint.disconnect(listen)


def test_parts_of_the_window(window):
    assert private.main_window(window.viewer).menuBar() is not None
    assert private.canvas_widget(window.viewer).isVisible()
    assert not window.viewer.window._qt_viewer.dims.isVisible()
    assert all(not d.isVisible() for d in private.napari_docks(window.viewer))
    assert len(private.napari_menus(window.viewer)) == 6


def test_layer_controls_are_made_when_they_are_looked_at(window, qtbot):
    controls = window.viewer.window._qt_viewer.controls
    _list, dock = private.napari_docks(window.viewer)
    assert not controls.widgets
    dock.show()
    qtbot.waitUntil(lambda: len(controls.widgets) == len(window.viewer.layers))
    assert controls.currentWidget() is controls.widgets[window.stage.mask]
    added = window.viewer.add_image(np.zeros((3, 4, 5)))
    assert added in controls.widgets
    window.viewer.layers.remove(added)
    assert added not in controls.widgets
    dock.hide()


def test_a_layer_is_drawn_by_what_was_made_for_it_before(window):
    from napari._qt import qt_viewer
    from napari._vispy import create_vispy_layer
    from napari.layers import Image

    viewer = window.viewer
    canvas = viewer.window._qt_viewer.canvas
    layer = Image(np.arange(480.0).reshape(40, 3, 4), name="made before")
    visual = private.make_visual(viewer, layer)
    private.insert_layer(viewer, 1, layer, visual)
    assert viewer.layers[1] is layer
    assert canvas.layer_to_visual[layer] is visual
    assert qt_viewer.create_vispy_layer is create_vispy_layer
    layer.data = layer.data + 1
    k = int(viewer.dims.current_step[0])
    np.testing.assert_array_equal(visual.node._data, layer.data[k])
    viewer.layers.remove(layer)


def test_a_rehearsal_leaves_no_circle_behind(window):
    circle = window.viewer.canvas.overlays._brush_circle
    seen = [circle.visible for _step in private.rehearse_brush(window.viewer)]
    assert seen == [False, False, True, True]
    (drawn,) = window.viewer.window._qt_viewer.canvas._viewer_overlay_to_visual[circle]
    assert not circle.visible
    assert drawn._white_circle.visible
    assert drawn._black_circle.visible


def test_the_circle_is_made_of_what_was_made_before_it():
    from napari._vispy.overlays import brush_circle

    from medlab_gui.gui.napari_private.window import _Ellipses

    theirs, ellipses = brush_circle.Ellipse, _Ellipses()
    ellipses.make("white")
    (asked, made) = ellipses._made[0]
    with ellipses:
        assert brush_circle.Ellipse(**asked | {"border_color": "red"}) is not made
        assert brush_circle.Ellipse(**asked) is made
        assert brush_circle.Ellipse(**asked) is not made
    assert brush_circle.Ellipse is theirs


def test_a_rehearsal_draws_nothing_once_a_study_is_open(window):
    circle = window.viewer.canvas.overlays._brush_circle
    steps = private.rehearse_brush(window.viewer, lambda: False)
    assert [circle.visible for _step in steps] == [False, False]
    assert not circle.visible


def test_a_stroke_of_several_stamps_is_one_box_with_both_states(window, strokes):
    layer, found = strokes
    before = layer.data.copy()
    layer.brush_size = 7
    with layer.block_history():
        for i in range(20, 60, 4):
            layer.paint((8, 30, i), 1)
        layer.paint((8, 30, 40), 2)
    (stroke,) = found
    rebuilt = before.copy()
    assert np.array_equal(rebuilt[stroke.where], stroke.before)
    rebuilt[stroke.where] = stroke.after
    assert np.array_equal(rebuilt, layer.data)
    assert layer.data[8, 30, 40] == 2


@pytest.mark.parametrize("blocked", [True, False])
def test_fill_and_polygon(window, strokes, blocked):
    """Outside of `block_history` napari tells of an edit before it makes it."""
    import contextlib

    layer, found = strokes
    before = layer.data.copy()
    points = np.array([[8, 20, 20], [8, 20, 50], [8, 50, 50], [8, 50, 20]])
    with layer.block_history() if blocked else contextlib.nullcontext():
        layer.paint_polygon(points, 1)
    with layer.block_history() if blocked else contextlib.nullcontext():
        layer.fill((8, 30, 30), 2)
    assert len(found) == 2
    rebuilt = before
    for stroke in found:
        assert np.array_equal(rebuilt[stroke.where], stroke.before)
        rebuilt[stroke.where] = stroke.after
    assert np.array_equal(rebuilt, layer.data)
    assert window.bench.session.n_unsaved == 2


def test_painting_what_is_there_is_no_stroke(window, strokes):
    layer, found = strokes
    layer.paint((8, 30, 30), 0)
    assert [s for s in found if s is not None] == []
    assert window.bench.session.n_unsaved == 0


def test_napari_remembers_no_edits(window):
    layer = window.stage.mask
    layer.paint((8, 30, 30), 1)
    assert len(layer._undo_history) == 0
    layer.undo()
    assert layer.data[8, 30, 30] == 1


def test_movements_are_not_delayed(window):
    from qtpy.QtCore import QObject

    canvas = window.viewer.window._qt_viewer.canvas
    callbacks = list(canvas.events.mouse_move.callbacks)
    assert not any(isinstance(c, QObject) for c in callbacks)
    assert any("_on_mouse_move" in str(c) for c in callbacks)


def test_the_users_napari_settings_are_left_alone(window):
    from napari.settings import get_settings

    assert get_settings().config_path is None


def test_a_rehearsal_changes_nothing_while_a_study_is_open(window):
    before = [layer.visible for layer in window.viewer.layers]
    for _step in rehearse(window.stage):
        assert [layer.visible for layer in window.viewer.layers] == before


def test_the_program_starts_where_nothing_can_be_kept(tmp_path):
    """napari writes icons while it is imported; a home may be full or read-only."""
    taken = tmp_path / "cache"
    taken.write_text("a file where the folder would be")
    script = "from medlab_gui.gui.napari_private import isolate_settings as it; it()"
    places = {"XDG_CACHE_HOME": str(taken), "LOCALAPPDATA": str(taken)}
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
