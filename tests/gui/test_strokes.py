"""A stroke is one edit of the slice it is drawn on, whatever comes in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox

from medlab_gui.gui.view_state import Mode, Tool
from tests.gui.buttons import Buttons
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import CTRL, LEFT, MIDDLE, RIGHT, Hand
from tests.gui.ink import n_strokes, same_on_disk
from tests.gui.moving import move

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.window import MedlabWindow

pytestmark = pytest.mark.gui

ALT = Qt.KeyboardModifier.AltModifier
K = 8  # the slice that is shown first


@pytest.fixture
def brush(window: MedlabWindow) -> MedlabWindow:
    view = window.bench.view
    view.mode, view.tool, view.brush_mm = Mode.ANNOTATE, Tool.BRUSH, 6.0
    return window


@pytest.fixture
def buttons(hand: Hand) -> Buttons:
    return Buttons(hand)


def test_the_brush_hides_nothing_that_it_is_about_to_paint(brush, hand, qtbot):
    """napari's own had a black square in its middle."""
    canvas, circle = brush.canvas, brush.viewer.canvas.overlays._brush_circle
    brush.bench.view.brush_mm = 30.0  # the circle itself is far from its middle
    at, scale = hand.at(40, 40), canvas.devicePixelRatioF()

    def middle():
        whole = canvas.grabFramebuffer()
        box = whole.copy(
            round(at.x() * scale) - 8, round(at.y() * scale) - 8, 16, 16
        ).convertToFormat(QImage.Format.Format_RGB888)
        return [box.pixelColor(x, y).name() for x in range(16) for y in range(16)]

    without = middle()
    brush.bench.view.mask_visible = False  # napari draws its boxes when layers
    brush.bench.view.mask_visible = True  # are shown or hidden
    for n in range(3):
        move(canvas, at - QPoint(n, 0), Qt.KeyboardModifier.NoModifier)
        qtbot.wait(30)
    assert circle.visible
    brush.stage.image.visible = False
    brush.stage.image.visible = True
    qtbot.wait(50)
    assert middle() == without
    assert len(set(without)) > 1


def hold_space(window: MedlabWindow, hand: Hand) -> None:
    QTest.keyPress(window.canvas, Qt.Key.Key_Space)
    QTest.keyRelease(window.canvas, Qt.Key.Key_Space)


ACTS: dict[str, Callable[[MedlabWindow, Hand], object]] = {
    "wheel": lambda _w, hand: hand.wheel(1),
    "a slice far away": lambda w, _h: w.bench.go_to(14),
    "eraser": lambda _w, hand: hand.key("2"),
    "fill": lambda _w, hand: hand.key("3"),
    "review": lambda _w, hand: hand.key("R"),
    "space": hold_space,
    "hidden mask": lambda w, _h: setattr(w.bench.view, "mask_visible", False),
    "accept": lambda _w, hand: hand.key("Return"),
    "whole slice": lambda w, _h: w.bench.session.apply(
        "test", (slice(3, 4), slice(0, 9), slice(0, 9)), np.ones((1, 9, 9), np.uint8)
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_comes_in_the_middle_ends_a_stroke(brush, hand, buttons, name):
    session = brush.bench.session
    buttons.press(30, 30)
    buttons.to(30, 40)
    ACTS[name](brush, hand)
    assert same_on_disk(brush)
    wait_for(lambda: not brush.bench.jobs.active)
    buttons.to(60, 60)
    buttons.release(60, 60)
    assert same_on_disk(brush)
    assert session.mask[K, 30, 30:41].all(), "what was drawn stays"
    assert not session.mask[K, 40:].any(), "the rest would be another act's"
    painted = {K, 3} if name == "whole slice" else {K}
    assert set(np.argwhere(session.mask)[:, 0].tolist()) == painted
    assert n_strokes(brush) == len(painted)
    brush.bench.go_to(K)
    brush.bench.view.mode, brush.bench.view.tool = Mode.ANNOTATE, Tool.BRUSH
    brush.bench.view.mask_visible = True
    hand.drag((70, 30), (70, 50))
    assert session.mask[K, 70, 30:51].all(), "the next stroke is one as ever"
    assert same_on_disk(brush)


def test_undo_in_the_middle_takes_back_what_is_being_drawn(brush, hand, buttons):
    view, session = brush.bench.view, brush.bench.session
    hand.drag((30, 30), (30, 50))
    first = session.mask.copy()
    view.value = 2  # over the first one
    buttons.press(20, 40)
    buttons.to(40, 40)
    brush.bench.undo()
    buttons.to(60, 40)
    buttons.release(60, 40)
    np.testing.assert_array_equal(session.mask, first)
    assert same_on_disk(brush)
    brush.bench.redo()
    assert (session.mask[K, 20:41, 40] == 2).all()
    assert same_on_disk(brush)


def test_a_series_that_is_closed_keeps_the_stroke_being_drawn(
    brush, hand, buttons, shared_window
):
    bench, uid = brush.bench, brush.bench.session.series_uid
    buttons.press(30, 30)
    buttons.to(30, 40)
    open_series(brush, next(shared_window[1]))
    bench.view.mode = Mode.ANNOTATE
    buttons.to(30, 60)
    buttons.release(30, 60)
    assert not bench.session.mask.any(), "nothing is painted on another patient"
    assert same_on_disk(brush)
    open_series(brush, uid)
    assert bench.session.mask[K, 30, 30:41].all()
    assert same_on_disk(brush)


def test_a_second_button_does_not_disturb_the_brush(brush, buttons):
    session = brush.bench.session
    for n, other in enumerate((RIGHT, MIDDLE)):
        brush.bench.go_to(K + n)
        buttons.press(30, 30)
        buttons.to(30, 40)
        buttons.press(30, 40, other)
        buttons.to(30, 60)
        buttons.release(30, 60, other)
        buttons.to(60, 60)
        buttons.release(60, 60)
        assert session.mask[K + n, 30, 30:61].all()
        assert session.mask[K + n, 30:61, 60].all()
        assert n_strokes(brush) == n + 1
        assert same_on_disk(brush)
        assert str(brush.stage.mask.mode) == "paint"


def test_a_second_button_does_not_leave_the_eraser_behind(brush, hand, buttons):
    session = brush.bench.session
    for n, other in enumerate((LEFT, MIDDLE)):
        brush.bench.go_to(K + n)
        hand.drag((30, 20), (30, 70))
        buttons.press(30, 30, RIGHT)
        buttons.to(30, 40)
        buttons.press(30, 40, other)
        buttons.to(30, 60)
        buttons.release(30, 60, RIGHT)
        buttons.release(30, 60, other)
        assert not session.mask[K + n, 30, 30:61].any()
        assert session.mask[K + n, 30, 20]
        assert n_strokes(brush) == 3 * n + 2
        assert same_on_disk(brush)
        hand.drag((60, 30), (60, 60))
        assert session.mask[K + n, 60, 30:61].all(), "the brush paints again"


def test_a_release_that_another_window_got_ends_the_stroke(brush, hand, buttons):
    for k, button in ((K, LEFT), (K + 1, RIGHT)):
        brush.bench.go_to(k)
        mask = brush.bench.session.mask[k]
        hand.drag((20, 20), (20, 60))
        buttons.press(20, 30, button)
        buttons.to(30, 30)
        buttons.down = Qt.MouseButton.NoButton
        buttons.to(70, 70)
        assert same_on_disk(brush)
        assert not mask[40:].any(), "nothing is painted with no button down"
        assert str(brush.stage.mask.mode) == "paint"
        buttons.press(20, 50, button)
        buttons.down = Qt.MouseButton.NoButton
        buttons.press(80, 30)
        buttons.to(80, 50)
        buttons.release(80, 50)
        assert mask[80, 30:51].all()
        assert same_on_disk(brush)


def test_a_dialog_ends_the_stroke_being_drawn(brush, hand, buttons):
    session = brush.bench.session
    hand.drag((20, 20), (20, 60))
    buttons.press(20, 30, RIGHT)
    buttons.to(20, 40)
    box = QMessageBox(brush.main)
    box.setText("Something to be answered.")
    box.open()
    wait_for(box.isVisible)
    assert n_strokes(brush) == 2
    assert not session.mask[K, 20, 30:41].any()
    assert same_on_disk(brush)
    assert str(brush.stage.mask.mode) == "paint"
    box.close()
    box.deleteLater()


def test_a_fill_is_where_the_button_went_down(brush, hand, buttons):
    view, session = brush.bench.view, brush.bench.session
    for start, stop in (
        ((20, 20), (20, 60)),
        ((20, 60), (60, 60)),
        ((60, 60), (60, 20)),
        ((60, 20), (20, 20)),
    ):
        hand.drag(start, stop)
    view.tool = Tool.FILL
    buttons.press(40, 40)
    assert same_on_disk(brush)
    buttons.to(5, 5)
    buttons.release(5, 5)
    assert session.mask[K, 20:61, 20:61].all()
    assert not session.mask[K, 5, 5], "a hand that shakes does not fill outside"
    buttons.press(40, 40, held=CTRL)
    buttons.to(5, 5)
    buttons.release(5, 5)
    assert not session.mask.any()
    assert n_strokes(brush) == 6
    assert same_on_disk(brush)


def test_the_buttons_at_the_side_of_a_mouse_do_not_paint(brush, buttons):
    side = Qt.MouseButton.BackButton
    for tool in (Tool.BRUSH, Tool.FILL):
        brush.bench.view.tool = tool
        buttons.press(30, 30, side)
        buttons.to(30, 50)
        buttons.release(30, 50, side)
    assert not brush.bench.session.mask.any()


def test_a_mask_that_was_hidden_has_the_tool_chosen_since(brush, hand):
    view, session = brush.bench.view, brush.bench.session
    hand.drag((30, 20), (30, 70))
    view.mask_visible = False
    view.tool = Tool.ERASER
    view.mask_visible = True
    hand.drag((30, 30), (30, 50))
    assert not session.mask[K, 30, 30:51].any()


def test_a_stroke_after_sizing_the_brush_needs_no_movement_before(brush, buttons):
    buttons.to(30, 30, ALT)
    buttons.press(30, 30)
    buttons.to(30, 50)
    buttons.release(30, 50)
    assert brush.bench.session.mask[K, 30, 30:51].all()
    assert same_on_disk(brush)


def test_a_stroke_begun_before_all_is_shown_is_drawn(
    brush, hand, buttons, shared_window
):
    bench, uid = brush.bench, next(shared_window[1])
    bench.open_series(uid)
    wait_for(lambda: bench.session is not None and bench.session.series_uid == uid)
    brush.stage.viewer.reset_view(margin=0.02)
    assert not brush.stage.is_ready
    buttons.press(30, 30)
    buttons.to(30, 50)
    buttons.release(30, 50)
    assert brush.stage.is_ready
    assert n_strokes(brush) == 1
    assert set(np.argwhere(bench.session.mask)[:, 0].tolist()) == {K}
    assert same_on_disk(brush)
    wait_for(lambda: not bench.jobs.active)


def test_a_polygon_waits_while_one_looks_elsewhere(brush, hand):
    brush.bench.view.tool = Tool.POLYGON
    session = brush.bench.session
    for j, i in ((20, 20), (20, 60), (60, 60)):
        hand.slow_click(j, i)
    hold_space(brush, hand)
    hand.wheel(2)
    assert session.k == K + 2
    hand.key("Return")  # accepts this slice: there is no polygon on it
    wait_for(lambda: not brush.bench.jobs.active)
    assert session.confirmed[K + 2]
    assert not session.mask.any()
    brush.bench.go_to(K)
    hand.slow_click(60, 20)
    hand.key("Return")
    assert session.mask[K, 40, 40]
    assert set(np.argwhere(session.mask)[:, 0].tolist()) == {K}
    assert int(session.mask.sum()) == pytest.approx(41 * 41, rel=0.06)
    assert n_strokes(brush) == 1
    assert same_on_disk(brush)


def test_another_tool_drops_polygons_on_all_slices(brush, hand):
    view = brush.bench.view
    view.tool = Tool.POLYGON
    for j, i in ((20, 20), (20, 60), (60, 60)):
        hand.slow_click(j, i)
    hand.wheel(1)
    view.tool = Tool.BRUSH
    view.tool = Tool.POLYGON
    hand.wheel(-1)
    hand.key("Return")
    wait_for(lambda: not brush.bench.jobs.active)
    assert not brush.bench.session.mask.any()
    assert brush.bench.session.confirmed[K]
