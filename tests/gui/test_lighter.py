"""napari and vispy do the same for less work."""

from __future__ import annotations

import ctypes
import os
from unittest.mock import patch

import numpy as np
import pytest
from napari.layers import Labels

from medlab_gui.gui.lighter import outline

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("shape", [(64, 48), (33, 20), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_outlines_are_naparis(shape, dtype, thickness):
    from napari.layers.labels._labels_utils import get_contours

    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 4, [n // 6 + 1 for n in shape]).astype(dtype)
    labels = np.kron(coarse, np.ones((6, 6), dtype))[: shape[0], : shape[1]]
    labels[rng.random(shape) < 0.02] = 3
    ours = outline(labels, thickness, 0)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, get_contours(labels, thickness, 0))


def test_napari_outlines_with_ours(window):
    from napari.layers.labels import labels as module

    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 5:35] = 2
    assert module.get_contours.__module__ == "medlab_gui.gui.lighter"
    np.testing.assert_array_equal(
        module.get_contours(labels, 2, 0), outline(labels, 2, 0)
    )


def test_other_labels_in_the_same_colours_make_no_program_anew(window):
    """A program that is made anew is compiled in the middle of the next frame."""
    from medlab_gui.gui.napari_private import make_visual

    layer = Labels(np.zeros((3, 20, 20), np.uint8), name="colours")
    visual = make_visual(window.viewer, layer)
    before = visual.node.cmap
    layer.data = np.ones((4, 10, 10), np.uint8)
    assert visual.node.cmap is before
    layer.data = np.ones((4, 10, 10), np.uint16)
    assert visual.node.cmap is not before


def test_a_step_slices_each_layer_once(window):
    dims = window.viewer.dims
    layer = window.viewer.add_image(np.arange(60.0).reshape(5, 3, 4), name="step")
    with patch.object(type(layer), "_slice_dims", autospec=True) as slice_dims:
        dims.set_current_step(0, 4 if dims.current_step[0] != 4 else 3)
    assert sum(call.args[0] is layer for call in slice_dims.mock_calls) == 1
    dims.set_current_step(0, 2)
    np.testing.assert_array_equal(layer._slice.image.view, layer.data[2])


def test_a_frame_makes_no_call_through_pyopengl(window, qtbot):
    """Only for what vispy's own functions lack, which no frame without points needs."""
    from OpenGL import GL
    from vispy.gloo import gl

    assert gl.glDrawArrays is gl.gl2.glDrawArrays
    assert gl.glDrawArrays is not GL.glDrawArrays
    assert gl.glVertexAttribDivisor is GL.glVertexAttribDivisor
    if os.name == "posix":
        assert isinstance(gl.gl2._lib, ctypes.PyDLL)


def test_points_are_still_drawn(window):
    """They need the functions that only PyOpenGL has."""
    viewer = window.viewer
    viewer.add_image(np.zeros((30, 30)))
    viewer.add_points([[15.0, 15.0]], size=20, face_color="red")
    viewer.reset_view()
    shot = viewer.screenshot(flash=False)
    assert (shot[..., 0].astype(int) - shot[..., 1] > 200).sum() > 100


def test_a_canvas_that_takes_another_size_is_drawn_once_and_afterwards(window, qtbot):
    canvas, drawn = window.canvas, []

    def draw(_event):
        drawn.append(canvas.width())

    events = window.viewer.window._qt_viewer.canvas._scene_canvas.events
    size = canvas.size()
    qtbot.wait(50)  # what is still to be drawn of the size that it has
    events.draw.connect(draw)
    canvas.resize(size.width() - 40, size.height())
    assert not drawn
    qtbot.waitUntil(lambda: bool(drawn))
    assert drawn[0] == size.width() - 40
    picture = canvas.grabFramebuffer()
    assert picture.width() == round(canvas.width() * canvas.devicePixelRatioF())
    events.draw.disconnect(draw)
    canvas.resize(size)
