from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from medlab_gui.core.measurements import Kind, Plane
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.view_state import Mode
from medlab_gui.gui.window_box import window_of
from tests.gui.conftest import wait_for
from tests.gui.hand import CTRL, LEFT


def test_the_window_is_that_of_the_percentiles_without_what_only_fills():
    values = np.concatenate([np.arange(1001), [np.nan, np.inf], np.full(50, -2000)])
    assert window_of(values, (-2000.0, -2000.0)) == (500.0, 980.0)
    assert window_of(np.full(100, 7)) is None
    assert window_of([1, 2, 3]) is None
    assert window_of(np.full((10, 10), np.nan)) is None


def test_one_clip_of_metal_does_not_widen_it():
    values = np.full(1000, 40.0) + np.arange(1000) % 50
    values[3] = 3000
    level, width = window_of(values)
    assert width < 50
    assert 60 < level < 70


def test_large_boxes_are_sampled():
    rng = np.random.default_rng(0)
    level, width = window_of(rng.normal(100, 10, (1000, 1000)))
    assert level == pytest.approx(100, abs=1)
    assert width == pytest.approx(46.5, abs=1)


def press_and_move(widget, begin: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, LEFT, CTRL, begin)
    for n in range(1, 5):
        QTest.mouseMove(widget, begin + (end - begin) * n / 4)


@pytest.mark.gui
def test_ctrl_and_dragging_gives_the_window_of_the_box(window, hand):
    view, session = window.bench.view, window.bench.session
    index = window.bench.linked.index.copy()
    begin, end = hand.at(34.6, 24.6), hand.at(50.4, 40.4)
    press_and_move(window.canvas, begin, end)
    assert view.width < 200, "it follows while dragging"
    QTest.mouseRelease(window.canvas, LEFT, CTRL, end)
    inside = session.volume.data[session.k, 35:51, 25:41]
    low, high = np.percentile(inside, (1, 99))
    assert view.level == pytest.approx((low + high) / 2, abs=2)
    assert view.width == pytest.approx(high - low, abs=4)
    assert window.stage.image.contrast_limits[1] < 250
    assert not session.mask.any()
    assert np.array_equal(window.bench.linked.index, index)


@pytest.mark.gui
def test_esc_takes_it_back_and_is_not_passed_on(window, hand):
    view = window.bench.view
    window.bench.measure.tool = Kind.DISTANCE
    press_and_move(window.canvas, hand.at(34, 24), hand.at(50, 40))
    assert view.width != 400
    hand.key("Escape")
    assert (view.level, view.width) == (40, 400)
    assert window.bench.measure.tool is Kind.DISTANCE
    QTest.mouseRelease(window.canvas, LEFT, CTRL, hand.at(50, 40))
    assert (view.level, view.width) == (40, 400)
    window.bench.measure.tool = None


@pytest.mark.gui
def test_too_small_a_box_is_said_and_changes_nothing(window, hand):
    said, view = [], window.bench.view
    window.bench.noticed.connect(said.append)
    press_and_move(window.canvas, hand.at(40, 40), hand.at(41, 41))
    QTest.mouseRelease(window.canvas, LEFT, CTRL, hand.at(41, 41))
    window.bench.noticed.disconnect(said.append)
    assert "9 voxels" in said[-1].text
    assert (view.level, view.width) == (40, 400)


@pytest.mark.gui
def test_another_slice_ends_it(window, hand):
    view = window.bench.view
    press_and_move(window.canvas, hand.at(34, 24), hand.at(50, 40))
    window.bench.step(1)
    QTest.mouseMove(window.canvas, hand.at(60, 60))
    assert (view.level, view.width) == (40, 400)
    QTest.mouseRelease(window.canvas, LEFT, CTRL, hand.at(60, 60))
    assert (view.level, view.width) == (40, 400)


@pytest.mark.gui
def test_in_annotate_there_is_no_box(window, hand):
    window.bench.mode = Mode.ANNOTATE
    press_and_move(window.canvas, hand.at(34, 24), hand.at(50, 40))
    QTest.mouseRelease(window.canvas, LEFT, CTRL, hand.at(50, 40))
    assert window.bench.view.width == 400


@pytest.mark.gui
def test_it_works_on_the_other_views(window):
    window.bench.linked.layout = PaneLayout.ROW
    pane = window.views.panes[Plane.CORONAL]
    wait_for(lambda: pane.values is not None)
    view, session = window.bench.view, window.bench.session
    j = pane.slice_index
    begin, end = (
        QPoint(*(round(v) for v in pane.to_canvas([[k, i]])[0]))
        for k, i in ((4.6, 24.6), (10.4, 40.4))
    )
    press_and_move(pane, begin, end)
    QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, CTRL, end)
    inside = session.volume.data[5:11, j, 25:41]
    low, high = np.percentile(inside, (1, 99))
    assert view.level == pytest.approx((low + high) / 2, abs=8)
    assert view.width == pytest.approx(high - low, abs=16)
    window.bench.linked.layout = PaneLayout.ONE
