"""Moving, deleting and undoing measurements with a real mouse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Kind
from medlab_gui.gui.view_state import Mode
from tests.gui.hand import CTRL, LEFT, NONE, SHIFT
from tests.gui.measure_rod import kept, measure, pixel

__all__ = ["measure"]
pytestmark = pytest.mark.gui


def test_it_is_shown_on_its_slice_only(window, hand, measure):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.wheel(1)
    assert window.measurements.looks() == []
    assert not window.measurements.isVisible()
    hand.wheel(-1)
    assert len(window.measurements.looks()) == 1
    assert window.measurements.isVisible()


def test_turning_the_wheel_while_drawing_draws_nothing(window, hand, measure):
    hand.key("D")
    QTest.mousePress(hand.canvas, LEFT, NONE, hand.at(30, 20))
    QTest.mouseMove(hand.canvas, hand.at(30, 50))
    hand.wheel(1)
    QTest.mouseMove(hand.canvas, hand.at(30, 60))
    QTest.mouseRelease(hand.canvas, LEFT, NONE, hand.at(30, 60))
    assert measure.items == ()
    assert window.measurements.looks() == []


def test_an_end_is_moved_by_its_handle(window, hand, measure):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.key("Escape")
    hand.key("Escape")
    assert measure.tool is None
    hand.drag((30, 50), (30, 80))
    (one,) = measure.items
    assert one.length_mm == pytest.approx(42.0, abs=3 * pixel(window))
    assert one.version == 2
    assert kept(window)[0].points == one.points


def test_a_shape_is_moved_by_its_line_and_by_its_text(window, hand, measure):
    hand.key("L")
    hand.drag((20, 20), (40, 50))
    hand.key("Escape")
    hand.key("Escape")
    (before,) = measure.items
    middle = np.mean(before.points, axis=0)
    edge = 30 - 10 * math.sin(math.pi / 4), 35 + 15 * math.cos(math.pi / 4)
    hand.drag(edge, (edge[0] + 20, edge[1] + 10))
    (after,) = measure.items
    moved = np.mean(after.points, axis=0) - middle
    assert moved == pytest.approx((7.0, 14.0, 0.0), abs=3 * pixel(window))
    assert after.area_mm2 == pytest.approx(before.area_mm2)
    # The text belongs to it too.
    ((_id, look),) = window.measurements.looks()
    box = window.measurements._painter.text_box(look, window.measurements._room())
    at = box.center().toPoint()
    QTest.mousePress(hand.canvas, LEFT, NONE, at)
    for n in range(1, 5):
        QTest.mouseMove(hand.canvas, at + (hand.at(30, 50) - hand.at(40, 50)) * n / 4)
    QTest.mouseRelease(
        hand.canvas, LEFT, NONE, at + (hand.at(30, 50) - hand.at(40, 50))
    )
    (last,) = measure.items
    shift = np.mean(last.points, axis=0) - np.mean(after.points, axis=0)
    assert shift == pytest.approx((0.0, -7.0, 0.0), abs=3 * pixel(window))


def test_with_a_tool_in_hand_a_text_is_drawn_over(window, hand, measure):
    """It is larger than what it tells of, and covers what is measured next."""
    hand.key("L")
    hand.drag((20, 10), (30, 20))
    (first,) = measure.items
    ((_id, _look, box),) = window.measurements._placed()
    hand.key("B")
    at = box.center().toPoint()
    to = at + (hand.at(60, 60) - hand.at(50, 50))
    QTest.mousePress(hand.canvas, LEFT, NONE, at)
    QTest.mouseMove(hand.canvas, to)
    QTest.mouseRelease(hand.canvas, LEFT, NONE, to)
    assert measure.items[0].points == first.points
    assert [one.kind for one in measure.items] == [Kind.ELLIPSE, Kind.RECTANGLE]


def test_no_text_lies_on_another(window, hand, measure):
    hand.key("L")
    for i in (20, 32, 44):  # each has room for its text on the next one's only
        hand.drag((20, i), (28, i + 8))
    assert len(measure.items) == 3
    placed = window.measurements._placed()
    boxes = [box for _id, _look, box in placed]
    for n, one in enumerate(boxes):
        assert window.measurements._room().contains(one)
        assert not any(one.intersects(other) for other in boxes[n + 1 :])
    # and each is taken hold of by its own
    for id_, _look, box in placed:
        middle = box.center()
        assert window.measurements._text_at(middle.x(), middle.y()) == id_


def test_corners_and_axes_move_alone(window, hand, measure):
    hand.key("B")
    hand.drag((20, 20), (40, 50))
    hand.drag((40, 50), (50, 70))
    (box,) = measure.items
    assert box.area_mm2 == pytest.approx(21 * 35, rel=0.03)
    hand.key("L")
    hand.drag((55, 10), (75, 40))
    hand.drag((65, 40), (70, 60))
    ellipse = measure.items[1]
    assert ellipse.area_mm2 == pytest.approx(math.pi * 7 * 17.5, rel=0.03)
    assert len(measure.items) == 2


def test_a_click_selects_and_delete_deletes(window, hand, measure):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.drag((60, 20), (60, 50))
    hand.key("Escape")
    hand.key("Escape")
    assert measure.selected is None
    hand.click(30, 35)
    first, second = measure.items
    assert measure.selected.id == first.id
    assert first.version == 1
    hand.key("Delete")
    assert measure.items == (second,)
    assert [m.id for m in kept(window)] == [second.id]
    assert {m.id for m in kept(window, deleted=True)} == {first.id, second.id}
    hand.key("Delete")
    assert measure.items == (second,)


def test_undo_and_redo_by_keys(window, hand, measure):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.wheel(1)
    hand.drag((60, 20), (60, 50))
    hand.key("Z", CTRL)
    assert len(measure.items) == 1
    hand.key("Z", CTRL)
    assert measure.items == ()
    assert window.bench.session.k == 6
    hand.key("Z", CTRL)
    hand.key("Z", CTRL | SHIFT)
    hand.key("Y", CTRL)
    assert len(measure.items) == 2
    assert window.bench.session.k == 7
    assert len(kept(window)) == 2


def test_undoing_measurements_does_not_reach_the_mask(window, hand, measure):
    window.bench.mode = Mode.ANNOTATE
    hand.drag((30, 20), (30, 50))
    painted = window.bench.session.mask.copy()
    assert painted.any()
    hand.key("D")
    assert window.bench.mode is Mode.REVIEW
    hand.drag((60, 20), (60, 50))
    for _ in range(3):
        hand.key("Z", CTRL)
    assert measure.items == ()
    assert np.array_equal(window.bench.session.mask, painted)
    window.bench.mode = Mode.ANNOTATE
    hand.key("Z", CTRL)
    assert not window.bench.session.mask.any()


def test_escape_ends_one_thing_after_the_other(window, hand, measure):
    hand.key("D")
    QTest.mousePress(hand.canvas, LEFT, NONE, hand.at(30, 20))
    QTest.mouseMove(hand.canvas, hand.at(30, 50))
    hand.key("Escape")
    QTest.mouseRelease(hand.canvas, LEFT, NONE, hand.at(30, 50))
    assert measure.items == ()
    assert measure.tool is Kind.DISTANCE
    hand.drag((30, 20), (30, 50))
    assert measure.selected is not None
    hand.key("Escape")
    assert measure.selected is None
    hand.key("Escape")
    assert measure.tool is None
    center = window.viewer.scene.camera.center
    hand.drag((70, 20), (70, 50))
    assert len(measure.items) == 1
    assert window.viewer.scene.camera.center != center


def test_annotating_paints_and_does_not_measure(window, hand, measure):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    hand.key("A")
    assert measure.tool is None
    hand.drag((30, 20), (30, 50))
    assert len(measure.items) == 1
    assert measure.items[0].version == 1
    assert window.bench.session.mask[6].any()


def test_the_space_bar_still_moves_the_picture(window, hand, measure):
    hand.key("D")
    QTest.keyPress(hand.canvas, Qt.Key.Key_Space)
    center = window.viewer.scene.camera.center
    hand.drag((30, 20), (50, 50))
    QTest.keyRelease(hand.canvas, Qt.Key.Key_Space)
    assert measure.items == ()
    assert window.viewer.scene.camera.center != center


def test_every_tool_key_and_the_clipboard(window, hand, measure):
    for key, kind in zip("DGLBH", Kind, strict=False):
        hand.key(key)
        assert measure.tool is not None
        assert measure.tool.value.startswith(
            {"D": "d", "G": "a", "L": "e", "B": "r", "H": "f"}[key]
        )
        assert kind in Kind
    hand.key("H")
    assert measure.tool is None
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    window.menus.app.commands.execute_command("medlab.measure.copy").result()
    assert QApplication.clipboard().text() == "\n".join(measure.lines(measure.items[0]))
    window.menus.app.commands.execute_command("medlab.measure.visible").result()
    assert window.measurements.looks() == []
    assert not window.measurements.isVisible()
