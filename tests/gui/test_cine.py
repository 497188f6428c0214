from __future__ import annotations

import pytest
from qtpy.QtTest import QTest

from medlab_gui.core.settings import load_settings
from medlab_gui.gui.view_state import Mode
from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, MIDDLE, RIGHT
from tests.gui.test_key_profiles import entries

pytestmark = pytest.mark.gui


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(window, monkeypatch):
    """The cine on a clock of ours; its own timer stands still."""
    clock, cine = Clock(), window.bench.cine
    monkeypatch.setattr(cine, "_clock", clock)
    monkeypatch.setattr(cine._timer, "start", lambda *_ms: None, raising=False)
    yield clock
    cine.stop()
    cine.fps, cine.swings = 12, False


def advance(window, clock, seconds: float, *, drawn: bool = True) -> int:
    clock.now += seconds
    window.bench.cine._was_drawn = drawn
    window.bench.cine._tick()
    return window.bench.session.k


def test_the_slice_follows_the_clock_and_begins_again(window, clock):
    cine = window.bench.cine
    cine.fps = 10
    cine.start()
    assert [advance(window, clock, 0.1) for _n in range(9)] == [
        *range(9, 16),
        *range(2),
    ]
    assert cine.true_fps == pytest.approx(10)
    assert advance(window, clock, 0.05) == 1, "too early"


def test_it_swings(window, clock):
    cine = window.bench.cine
    cine.fps, cine.swings = 10, True
    window.bench.go_to(13)
    cine.start()
    assert [advance(window, clock, 0.1) for _n in range(5)] == [14, 15, 14, 13, 12]
    window.bench.cine.stop()
    window.bench.go_to(1)
    cine.start()
    assert [advance(window, clock, 0.1) for _n in range(20)][-1] in range(16)


def test_slow_drawing_leaves_slices_out_and_queues_none(window, clock):
    cine = window.bench.cine
    cine.fps = 20
    cine.start()
    assert advance(window, clock, 0.05) == 9
    assert advance(window, clock, 0.1, drawn=False) == 9, "still being drawn"
    assert advance(window, clock, 0.1) == 13, "four slices are due, one is drawn"
    assert cine.true_fps == pytest.approx(1 / 0.2)
    assert advance(window, clock, 1.0, drawn=False) != 13, "hidden, it goes on"


def test_its_key_plays_and_stops_for_real(window, hand):
    cine, seen = window.bench.cine, []
    cine.fps = 30
    window.bench.slice_changed.connect(seen.append)
    hand.key("K")
    assert cine.is_playing
    wait_for(lambda: len(seen) >= 5)
    hand.key("K")
    assert not cine.is_playing
    n = len(seen)
    QTest.qWait(150)
    window.bench.slice_changed.disconnect(seen.append)
    assert len(seen) == n
    assert window.viewer.dims.current_step[0] == window.bench.session.k
    cine.fps = 12


@pytest.mark.parametrize(
    "act",
    [
        lambda w, h: h.key("Up"),
        lambda w, h: h.wheel(-1),
        lambda w, h: w.bench.go_to(3),
        lambda w, h: h.key("A"),
        lambda w, h: h.click(40, 40),
        lambda w, h: w.bench.undo(),
        lambda w, h: w.bench.close_series(),
    ],
    ids=["key", "wheel", "elsewhere", "mode", "click", "undo", "close"],
)
def test_it_stops_for(window, hand, clock, act):
    cine = window.bench.cine
    cine.start()
    act(window, hand)
    assert not cine.is_playing


def test_it_goes_on_while_one_looks(window, hand, clock):
    cine = window.bench.cine
    cine.start()
    hand.drag((40, 40), (45, 50), RIGHT)
    hand.drag((40, 40), (45, 50), MIDDLE)
    hand.key("2")
    assert cine.is_playing


def test_nothing_is_accepted_while_slices_go_by(window, clock):
    bench, said = window.bench, []
    bench.noticed.connect(said.append)
    bench.cine.start()
    bench.accept_and_next()
    bench.noticed.disconnect(said.append)
    assert not bench.cine.is_playing
    assert not any(bench.session.confirmed)
    assert "stopped" in said[-1].text


def test_bar_menu_and_settings_follow(window, hand, clock):
    cine, bar = window.bench.cine, window.slice_bar.parentWidget()
    QTest.mouseClick(bar.play, LEFT)
    assert cine.is_playing
    assert "Stop" in bar.play.toolTip()
    assert "(K)" in bar.play.toolTip()
    window.refresh_facts()
    (entry,) = entries(window.menus.menu("medlab/view"), "medlab.view.cine")
    assert entry.isChecked()
    hand.key(".")
    assert bar.fps.value() == cine.fps == 15
    hand.key(",")
    bar.fps.setValue(40)
    bar.swing.click()
    assert (load_settings().cine_fps, load_settings().cine_swings) == (40, True)
    for _n in range(4):
        advance(window, clock, 0.1)
    bar._show_rate()
    assert bar.rate.text() == "shows 10 /s"
    QTest.mouseClick(bar.play, LEFT)
    assert not cine.is_playing
    assert bar.rate.text() == ""
    assert window.bench.mode is Mode.REVIEW


def test_it_plays_the_view_that_has_the_keys(window, clock):
    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.panes.linked_state import PaneLayout

    bench, cine = window.bench, window.bench.cine
    bench.linked.layout = PaneLayout.ROW
    window.views.panes[Plane.SAGITTAL].setFocus()
    wait_for(lambda: window.views.active is Plane.SAGITTAL)
    bench.linked.show_slice(Plane.SAGITTAL, 40)
    k, cine.fps = bench.session.k, 10
    cine.start()
    seen = []
    for _n in range(4):
        advance(window, clock, 0.1)
        seen.append(bench.linked.slice_of(Plane.SAGITTAL))
    assert seen == [41, 42, 43, 44]
    assert bench.session.k == k
    assert bench.linked.slice_of(Plane.CORONAL) != 44
    advance(window, clock, 0.1, drawn=False)
    window.canvas.update()
    assert not cine._was_drawn, "another view's picture is not the one that plays"
    bench.linked.step(Plane.CORONAL, 1)
    assert not cine.is_playing, "a hand that goes elsewhere stops it"
    cine.start()
    bench.linked.layout = PaneLayout.ONE
    assert not cine.is_playing, "nor is what cannot be seen played"
    window.canvas.setFocus()
