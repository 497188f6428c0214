"""The button pressed first owns the mouse, over the picture and while measuring."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from medlab_gui.core.measurements import Kind
from tests.gui.buttons import Buttons
from tests.gui.conftest import open_series
from tests.gui.hand import CTRL, MIDDLE, RIGHT
from tests.gui.measure_rod import add_rod, kept, measure, pixel

__all__ = ["measure"]
pytestmark = pytest.mark.gui


@pytest.fixture
def buttons(hand) -> Buttons:
    return Buttons(hand)


def looks(window):
    view = window.bench.view
    camera = window.viewer.scene.camera
    return view.level, view.width, camera.zoom, *camera.center


@pytest.mark.parametrize("other", [RIGHT, MIDDLE])
def test_a_second_button_does_not_disturb_a_distance(
    window, hand, measure, buttons, other
):
    hand.key("D")
    before = looks(window)
    buttons.press(30, 20)
    buttons.to(30, 30)
    buttons.press(30, 30, other)
    buttons.to(30, 50)
    buttons.release(30, 80)
    buttons.release(30, 80, other)
    (one,) = measure.items
    assert one.length_mm == pytest.approx(42.0, abs=3 * pixel(window))
    assert kept(window)[0].points == one.points
    assert looks(window) == before
    assert not measure.drawing


@pytest.mark.parametrize("other", [RIGHT, MIDDLE])
def test_a_second_button_does_not_disturb_a_handle(
    window, hand, measure, buttons, other
):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    before = looks(window)
    buttons.press(30, 50)
    buttons.to(30, 60)
    buttons.press(30, 60, other)
    buttons.release(30, 70, other)
    buttons.to(30, 75)
    buttons.release(30, 80)
    (one,) = measure.items
    assert one.length_mm == pytest.approx(42.0, abs=3 * pixel(window))
    assert looks(window) == before


def test_the_left_button_does_not_disturb_the_window(window, hand, measure, buttons):
    hand.key("D")
    width = window.bench.view.width
    buttons.press(30, 20, RIGHT)
    buttons.to(30, 30)
    buttons.press(30, 30)
    buttons.to(30, 50)
    buttons.release(30, 50)
    wider = window.bench.view.width
    assert wider > width
    buttons.to(30, 70)
    assert window.bench.view.width > wider, "its drag goes on"
    buttons.release(30, 70, RIGHT)
    assert measure.items == ()
    assert window.measurements.looks() == []


@pytest.mark.parametrize("kind", [Kind.DISTANCE, Kind.FREEHAND])
def test_a_release_that_another_window_got_ends_the_measurement(
    window, measure, buttons, kind
):
    measure.tool = kind
    buttons.press(20, 20)
    for place in ((20, 40), (40, 40), (40, 20)):
        buttons.to(*place)
    buttons.down = Qt.MouseButton.NoButton
    buttons.to(70, 70)
    (one,) = measure.items
    last = np.array(one.points[-1][:2])
    assert np.allclose(last, (-30 + 20 * 0.7, -40 + 40 * 0.7), atol=2 * pixel(window))
    assert not measure.drawing
    buttons.to(10, 10)
    assert len(window.measurements.looks()) == 1


def test_the_box_and_its_release_are_not_disturbed(window, buttons):
    before = looks(window)
    buttons.press(30, 30, held=CTRL)
    buttons.to(60, 60, CTRL)
    buttons.press(60, 60, RIGHT)
    found = looks(window)
    assert found != before
    buttons.to(60, 60)
    buttons.release(60, 60, RIGHT)
    assert looks(window) == found
    buttons.down = Qt.MouseButton.NoButton
    buttons.to(10, 10)
    assert window.box._start is None
    assert looks(window) == found


@pytest.mark.parametrize("act", ["wheel", "key", "escape", "undo", "hidden", "series"])
def test_what_comes_in_between_leaves_no_half_of_it(
    window, hand, measure, buttons, act
):
    bench = window.bench
    box = (slice(3, 4), slice(0, 9), slice(0, 9))
    bench.session.apply("test", box, np.ones((1, 9, 9), np.uint8))
    hand.key("D")
    buttons.press(30, 20)
    buttons.to(30, 50)
    assert len(window.measurements.looks()) == 1
    {
        "wheel": lambda: hand.wheel(1),
        "key": lambda: hand.key("L"),
        "escape": lambda: hand.key("Escape"),
        "undo": lambda: hand.key("Z", CTRL),
        "hidden": lambda: setattr(measure, "visible", False),
        "series": lambda: open_series(window, add_rod(window)),
    }[act]()
    assert window.measurements.looks() == []
    buttons.to(30, 70)
    buttons.release(30, 70)
    assert window.measurements.looks() == []
    assert bench.measure.items == ()
    assert not measure.drawing
    assert act == "series" or bench.session.mask[3, :9, :9].all(), "no mask was undone"
    measure.visible, measure.tool = True, Kind.DISTANCE
    hand.drag((30, 20), (30, 80))
    assert len(bench.measure.items) == 1, "the next one is drawn as ever"
