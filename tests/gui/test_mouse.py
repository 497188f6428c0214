from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest

from medlab_gui.gui.mouse import picture_point
from medlab_gui.gui.view_state import Mode, Tool
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, RIGHT, SHIFT
from tests.gui.moving import move

pytestmark = pytest.mark.gui


def test_a_point_of_the_canvas_is_where_napari_says(window, hand):
    for j, i in ((0, 0), (48, 48), (95, 10)):
        pixel = hand.at(j, i)
        point = picture_point(window.viewer, window.canvas, pixel.x(), pixel.y())
        assert point.x() == pytest.approx(i * 1.0, abs=0.3)
        assert point.y() == pytest.approx(j * 1.2, abs=0.3)


def test_one_notch_is_one_slice_and_the_ends_hold(window, hand):
    assert window.bench.session.k == 8
    hand.wheel(1)
    assert window.bench.session.k == 9
    assert window.viewer.dims.current_step[0] == 9
    hand.wheel(-3)
    assert window.bench.session.k == 6
    hand.wheel(50)
    assert window.bench.session.k == 15
    zoom = window.viewer.scene.camera.zoom
    hand.wheel(-1)
    assert window.viewer.scene.camera.zoom == zoom


def test_half_notches_of_a_fine_wheel_add_up(window, hand, monkeypatch):
    monkeypatch.setattr("medlab_gui.gui.wheel._NOTCH", 240)
    hand.wheel(1)
    assert window.bench.session.k == 8
    hand.wheel(1)
    assert window.bench.session.k == 9


def test_ctrl_wheel_zooms_at_the_mouse(window, hand):
    camera = window.viewer.scene.camera
    before, place = camera.zoom, hand.at(20, 70)
    hand.wheel(2, 20, 70, CTRL)
    assert camera.zoom == pytest.approx(before * 1.2**2)
    assert window.bench.session.k == 8
    moved = hand.at(20, 70) - place
    assert abs(moved.x()) <= 1
    assert abs(moved.y()) <= 1


def test_shift_wheel_sizes_the_brush(window, hand):
    before = window.bench.view.brush_mm
    hand.wheel(1, held=SHIFT)
    assert window.bench.view.brush_mm > before
    hand.wheel(-80, held=SHIFT)
    assert window.stage.mask.brush_size == 1
    assert window.bench.session.k == 8


def test_the_middle_button_moves_the_picture(window, hand):
    before, grabbed = hand.at(48, 48), hand.at(40, 40)
    hand.drag((40, 40), (50, 60), MIDDLE)
    moved = hand.at(48, 48) - before
    expected = hand.at(50, 60) - grabbed
    # `at` moves with the picture: the way is the same before and after.
    assert (moved.x(), moved.y()) != (0, 0)
    assert abs(expected.x() - 2 * moved.x()) <= 3
    assert abs(expected.y() - 2 * moved.y()) <= 3


def test_the_right_button_changes_the_window_in_review(window, hand):
    view = window.bench.view
    level, width = view.level, view.width
    hand.drag((40, 40), (40, 70), RIGHT)
    assert view.width > width
    assert view.level == pytest.approx(level, abs=3)
    low, high = window.stage.image.contrast_limits
    assert high - low == pytest.approx(view.width - 1), "DICOM LINEAR"
    hand.drag((40, 40), (70, 40), RIGHT)
    assert view.level > level + 10


def test_the_brush_paints_where_the_mouse_goes(window, hand):
    window.bench.view.mode = Mode.ANNOTATE
    window.bench.view.brush_mm = 6.0
    hand.drag((30, 30), (30, 50))
    mask = window.bench.session.mask
    painted = np.argwhere(mask)
    assert set(painted[:, 0]) == {8}
    assert mask[8, 30, 30] == 1
    assert mask[8, 30, 50] == 1
    assert painted[:, 1].min() >= 26
    assert painted[:, 1].max() <= 34
    assert window.bench.session.n_unsaved == 1


def test_a_stroke_of_a_moment_is_painted_to_its_end(window, hand):
    """No movement is dropped because it follows another one at once."""
    window.bench.view.mode = Mode.ANNOTATE
    window.bench.view.brush_mm = 6.0
    corners = [hand.at(*corner) for corner in ((20, 20), (20, 60), (50, 60))]
    move(window.canvas, corners[0], NONE)
    QTest.mousePress(window.canvas, LEFT, NONE, corners[0])
    for corner in corners[1:]:
        move(window.canvas, corner, NONE, LEFT)
    QTest.mouseRelease(window.canvas, LEFT, NONE, corners[-1])
    mask = window.bench.session.mask[8]
    assert mask[20, 20:60].all()
    assert mask[20:51, 60].all()
    assert not mask[40, 40], "no straight way from one end to the other"


def test_the_right_button_erases_in_annotate(window, hand):
    view = window.bench.view
    view.mode = Mode.ANNOTATE
    view.tool = Tool.FILL
    hand.click(50, 50)
    mask = window.bench.session.mask
    assert mask[8].all()
    assert not mask[7].any()
    hand.drag((30, 30), (30, 60), RIGHT)
    assert mask[8, 30, 45] == 0
    assert mask[8, 80, 80] == 1
    assert view.tool is Tool.FILL
    assert str(window.stage.mask.mode) == "fill"
    assert window.bench.session.n_unsaved == 2


def test_left_dragging_in_review_paints_nothing(window, hand):
    hand.drag((30, 30), (30, 60))
    assert not window.bench.session.mask.any()


def test_a_double_click_does_not_zoom(window, hand):
    zoom = window.viewer.scene.camera.zoom
    QTest.mouseDClick(window.canvas, LEFT, NONE, hand.at(40, 40))
    QTest.qWait(20)
    assert window.viewer.scene.camera.zoom == zoom


def test_a_polygon_closes_by_double_click_as_one_edit(window, hand):
    view = window.bench.view
    view.mode, view.tool = Mode.ANNOTATE, Tool.POLYGON
    for j, i in ((20, 20), (20, 60), (60, 60)):
        hand.click(j, i)
        QTest.qWait(20)
    QTest.mousePress(window.canvas, LEFT, NONE, hand.at(60, 20))
    QTest.mouseRelease(window.canvas, LEFT, NONE, hand.at(60, 20))
    QTest.mouseDClick(window.canvas, LEFT, NONE, hand.at(60, 20))
    session = window.bench.session
    assert session.mask[8, 40, 40] == 1
    assert session.mask[8, 10, 40] == 0
    assert int(session.mask.sum()) == pytest.approx(41 * 41, rel=0.06)
    assert session.n_unsaved == 1
    window.bench.undo()
    assert not session.mask.any()


def drag_with(window, hand, held, start, stop) -> None:
    QTest.mousePress(window.canvas, LEFT, held, hand.at(*start))
    begin, end = hand.at(*start), hand.at(*stop)
    for n in range(1, 9):
        point = QPointF(begin + (end - begin) * n / 8)
        glob = QPointF(window.canvas.mapToGlobal(point.toPoint()))
        event = QMouseEvent(
            QEvent.Type.MouseMove, point, glob, Qt.MouseButton.NoButton, LEFT, held
        )
        QCoreApplication.sendEvent(window.canvas, event)
        QTest.qWait(5)
    QTest.mouseRelease(window.canvas, LEFT, held, end)


def test_ctrl_turns_a_tool_into_its_opposite(window, hand):
    view, session = window.bench.view, window.bench.session
    view.mode, view.brush_mm = Mode.ANNOTATE, 6.0
    hand.drag((30, 30), (30, 60))
    assert session.mask[8, 30, 45] == 1
    drag_with(window, hand, CTRL, (20, 45), (40, 45))
    assert session.mask[8, 30, 45] == 0
    assert session.mask[8, 30, 32] == 1
    assert view.tool is Tool.BRUSH
    assert str(window.stage.mask.mode) == "paint"
    assert session.n_unsaved == 2
    view.tool = Tool.ERASER
    drag_with(window, hand, CTRL, (60, 30), (60, 60))
    assert session.mask[8, 60, 45] == 1
    view.tool = Tool.FILL
    QTest.mouseClick(window.canvas, LEFT, CTRL, hand.at(60, 45))
    assert not session.mask[8, 55:].any()
    assert session.mask[8, 30, 32] == 1
    assert window.stage.mask.selected_label == view.value
    for _n in range(4):
        window.bench.undo()
    assert not session.mask.any()


def test_a_polygon_can_be_cut_out(window, hand):
    view, session = window.bench.view, window.bench.session
    view.mode, view.tool = Mode.ANNOTATE, Tool.FILL
    hand.click(50, 50)
    view.tool = Tool.POLYGON
    for j, i in ((20, 20), (20, 60), (60, 60), (60, 20)):
        hand.slow_click(j, i)
    hand.key("Return", SHIFT)
    assert session.mask[8, 40, 40] == 0
    assert session.mask[8, 10, 10] == 1
    assert window.stage.mask.selected_label == 1
    window.bench.undo()
    assert session.mask[8].all()


def test_alt_and_moving_sizes_the_brush(window, hand):
    view = window.bench.view
    view.mode = Mode.ANNOTATE
    before = view.brush_mm
    alt = Qt.KeyboardModifier.AltModifier
    for i in range(40, 60, 2):
        move(window.canvas, hand.at(40, i), alt)
        QTest.qWait(5)
    assert view.brush_mm > before
    assert not window.bench.session.mask.any()


def test_the_right_button_can_be_for_the_window_while_annotating_too(window, hand):
    view, session = window.bench.view, window.bench.session
    view.mode, view.tool = Mode.ANNOTATE, Tool.FILL
    hand.click(50, 50)
    window.menus.run("medlab.annotate.right_erases")
    width = view.width
    hand.drag((30, 30), (30, 60), RIGHT)
    assert session.mask[8].all()
    assert view.width > width
    window.menus.run("medlab.annotate.right_erases")
    hand.drag((30, 30), (30, 60), RIGHT)
    assert session.mask[8, 30, 45] == 0
