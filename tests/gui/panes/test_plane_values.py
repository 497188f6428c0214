"""A thick slab is computed on a thread, and a picture is taken once."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Kind, Plane, as_points
from medlab_gui.gui.measure_overlay import MeasureOverlay
from medlab_gui.gui.panes import gathered, plane_values
from medlab_gui.gui.panes.gathered import Gathered
from medlab_gui.gui.panes.slab import Projection, Slab
from tests.gui.conftest import wait_for
from tests.gui.moving import move
from tests.gui.panes.seen import VALUES

pytestmark = pytest.mark.gui

MEAN = Slab(Projection.MEAN, 5.0)


class Taker:
    """Stands before the taking of pictures, and notes who took them."""

    def __init__(self, monkeypatch) -> None:
        self.may_take = threading.Event()
        self.may_take.set()
        self.threads: list[threading.Thread] = []
        self.gathering: list[threading.Thread] = []
        self.of_slabs: list[threading.Thread] = []
        project, take_slice = plane_values.project, Gathered.take

        def take_slab(*what):
            self.threads.append(threading.current_thread())
            self.of_slabs.append(threading.current_thread())
            self.may_take.wait(30)
            return project(*what)

        def take(source, index, state):
            self.threads.append(threading.current_thread())
            if not source.is_at_hand(index, state):
                self.gathering.append(threading.current_thread())
                self.may_take.wait(30)
            return take_slice(source, index, state)

        monkeypatch.setattr(plane_values, "project", take_slab)
        monkeypatch.setattr(Gathered, "take", take)


@pytest.fixture
def taker(monkeypatch):
    taker = Taker(monkeypatch)
    yield taker
    taker.may_take.set()


def mean_of(pane, index):
    spacing = pane.grid.spacing[pane.plane.axis]
    reach = MEAN.reach(spacing)
    assert reach
    axis = pane.plane.axis
    last = min(index + reach, VALUES.shape[axis] - 1)
    part = VALUES.take(range(max(0, index - reach), last + 1), axis=axis)
    return part.mean(axis=axis, dtype=np.float32)


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.SAGITTAL])
def test_a_thick_slab_is_computed_on_a_thread_and_the_last_picture_stands(
    opened, taker, monkeypatch, plane
):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    linked, pane = window.bench.linked, window.views.panes[plane]
    QApplication.processEvents()
    first = pane.slice_index
    monkeypatch.setattr(plane_values, "_INSTANT_VOXELS", 0)
    plain = pane.picture().copy()
    linked.set_slab(plane, MEAN)
    assert pane.picture() != plain, "nothing stands under another slab's name"
    assert pane.values is None
    wait_for(lambda: pane._values.of(first, MEAN, pane._geometry.spacing) is not None)
    before, words = pane.picture().copy(), pane.corner_lines()
    taker.may_take.clear()
    linked.step(plane, 1)
    assert pane.picture() == before, "no black picture in between"
    assert pane.corner_lines() == words, "under its own number"
    under = []
    hand = window.views.hands[plane]
    hand.hovered.connect(lambda index: under.append(index[plane.axis]))
    move(pane, pane.rect().center(), Qt.KeyboardModifier.NoModifier)
    assert under == [first], "the values are those of what is in sight"
    linked.step(plane, 1)
    assert pane.picture() == before
    taker.may_take.set()
    wait_for(lambda: pane.picture() != before and not window.bench.jobs.active)
    wait_for(lambda: pane.corner_lines() != words)
    wait_for(lambda: str(first + 3) in pane.corner_lines()[0][1])
    assert np.array_equal(pane.values, mean_of(pane, first + 2))
    assert taker.of_slabs
    assert threading.current_thread() not in taker.of_slabs
    linked.set_slab(plane, Slab())


@pytest.fixture
def of_large(opened, taker, monkeypatch):
    """Return the sagittal view of a scan that counts as large, two slices a time."""
    lines = VALUES.shape[0] * VALUES.shape[1]
    monkeypatch.setattr(gathered, "_INSTANT_LINES", lines - 1)
    monkeypatch.setattr(gathered, "_SLICES", 2)
    monkeypatch.setattr(plane_values, "_PATIENCE_S", 0)
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane = window.views.panes[Plane.SAGITTAL]
    wait_for(lambda: pane.values is not None and pane.shown_index == pane.slice_index)
    window.bench.linked.step(Plane.SAGITTAL, 2 - pane.slice_index)
    pane.picture()
    wait_for(lambda: pane.shown_index == 2 and not window.bench.jobs.active)
    pane.picture()
    taker.gathering.clear()
    return window, pane


def test_a_sagittal_slice_of_a_large_scan_is_gathered_on_a_thread(
    of_large, taker, monkeypatch
):
    """It takes a value of each line, from all over the memory."""
    window, pane = of_large
    linked, words = window.bench.linked, pane.corner_lines()
    before = pane.picture().copy()
    taker.may_take.clear()
    linked.step(Plane.SAGITTAL, 2)
    assert pane.picture() == before, "the slice before stands"
    assert pane.corner_lines() == words, "under its own number"
    line = np.array([[2, 5, 4], [4, 9, 4]], float)
    ends = as_points(pane.grid.to_mm(line))
    window.bench.measure.add(Kind.DISTANCE, Plane.SAGITTAL, 4, ends)
    overlay = pane.findChild(MeasureOverlay)
    assert overlay.looks() == [], "nothing is drawn on a slice that it is not of"
    taker.may_take.set()
    wait_for(lambda: pane.picture() != before and not window.bench.jobs.active)
    assert np.array_equal(pane.values, VALUES[:, :, 4])
    assert len(overlay.looks()) == 1
    assert taker.gathering
    assert threading.current_thread() not in taker.gathering
    # Where it takes less than a moment, nothing older is shown in between.
    monkeypatch.setattr(plane_values, "_PATIENCE_S", 30)
    linked.step(Plane.SAGITTAL, -4)
    pane.picture()
    assert np.array_equal(pane.values, VALUES[:, :, 0])
    # With a tool in hand it is waited for longer.
    wait_for(lambda: not window.bench.jobs.active)
    monkeypatch.setattr(plane_values, "_PATIENCE_S", 0)
    monkeypatch.setattr(plane_values, "_TOOL_PATIENCE_S", 30)
    monkeypatch.setattr(window.bench.measure, "_tool", Kind.DISTANCE)
    assert pane._values.of(2, Slab(), 1.0).index == 2
    assert threading.current_thread() not in taker.gathering


def test_neighbours_of_a_gathered_slice_are_there_at_once(of_large, taker):
    window, pane = of_large
    for index in (3, 2, 3):
        window.bench.linked.step(Plane.SAGITTAL, index - pane.slice_index)
        pane.picture()
        assert np.array_equal(pane.values, VALUES[:, :, index])
    assert taker.gathering == []


def test_what_lies_over_a_large_scan_is_gathered_on_a_thread(
    of_large, taker, monkeypatch
):
    window, pane = of_large
    bench, session = window.bench, window.bench.session
    bench.view.entropy_visible = bench.view.prediction_visible = True
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, session.mask.shape, np.uint8)
    doubt = rng.random(session.mask.shape).astype(np.float16)
    before = pane.picture().copy()
    session.set_prediction(labels, doubt, "p")
    wait_for(lambda: pane.picture() != before and not bench.jobs.active)
    over = pane._values.last.over
    assert np.array_equal(over.mask, session.mask[:, :, 2])
    assert np.array_equal(over.prediction, labels[:, :, 2])
    assert np.array_equal(over.entropy, doubt[:, :, 2])
    # An edit is seen, although what was gathered before is kept.
    assert session.accept_prediction()
    wait_for(
        lambda: (
            pane.picture() is not None
            and np.array_equal(pane._values.last.over.mask, labels[:, :, 2])
        )
    )
    assert len(taker.gathering) == 3, "what did not change is kept"
    assert threading.current_thread() not in taker.gathering
    # The whole looks as it does where all is taken at once.
    wait_for(lambda: not bench.jobs.active)
    seen = pane.picture().copy()
    monkeypatch.setattr(gathered, "_INSTANT_LINES", 10**9)
    pane._values.forget()
    assert pane.picture() == seen
    session.undo()


def test_no_prediction_is_held_that_another_has_replaced(of_large):
    """On Windows the file of one that is mapped could not be removed."""
    window, pane = of_large
    session = window.bench.session
    window.bench.view.prediction_visible = True
    labels = np.ones(session.mask.shape, np.uint8)
    session.set_prediction(labels, labels.astype(np.float16), "p")
    pane.picture()
    wait_for(lambda: not window.bench.jobs.active)
    pane.picture()
    held = weakref.ref(labels)
    labels = None
    pane.hide()
    again = np.zeros(session.mask.shape, np.uint8)
    session.set_prediction(again, again.astype(np.float16), "q")
    gc.collect()
    assert held() is None
    pane.show()


def test_nothing_is_measured_in_a_slice_that_is_not_in_sight(
    opened, taker, monkeypatch
):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane = window.views.panes[Plane.CORONAL]
    first, spacing = pane.slice_index, pane._geometry.spacing
    monkeypatch.setattr(plane_values, "_INSTANT_VOXELS", 0)
    wait_for(lambda: pane._values.of(first, MEAN, spacing) is not None)
    taker.may_take.clear()
    assert pane._values.of(first + 1, MEAN, spacing).index == first
    monkeypatch.setattr(window.bench.measure, "_tool", Kind.DISTANCE)
    assert pane._values.of(first + 1, MEAN, spacing) is None
    assert pane._values.of(first, MEAN, spacing) is not None
    taker.may_take.set()
    wait_for(lambda: pane._values.of(first + 1, MEAN, spacing) is not None)


def test_another_window_takes_no_picture_again(opened, taker):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane = window.views.panes[Plane.SAGITTAL]
    before = pane.picture().copy()
    taker.threads.clear()
    window.bench.view.level += 20
    assert pane.picture() != before
    assert taker.threads == []


def test_the_box_takes_what_the_picture_shows(opened, taker):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane = window.views.panes[Plane.CORONAL]
    pane.picture()
    held = Qt.KeyboardModifier.ControlModifier
    left = Qt.MouseButton.LeftButton
    middle = QPoint(pane.width() // 2, pane.height() // 2)
    taker.threads.clear()
    QTest.mousePress(pane, left, held, middle)
    QTest.mouseRelease(pane, left, held, middle + QPoint(40, 40))
    pane.picture()
    assert taker.threads == []


def test_what_was_computed_for_another_series_is_left_out(opened, taker, monkeypatch):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    values = plane_values.PlaneValues(window.bench, Plane.SAGITTAL)
    monkeypatch.setattr(plane_values, "_INSTANT_VOXELS", 0)
    taker.may_take.clear()
    spacing = window.bench.session.volume.grid.spacing[2]
    assert values.of(1, MEAN, spacing) is None
    opened()
    values.forget()
    taker.may_take.set()
    wait_for(lambda: not values._is_busy)
    assert values.last is None


def test_a_slab_that_cannot_be_computed_is_told_once(opened, monkeypatch):
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    values = plane_values.PlaneValues(window.bench, Plane.SAGITTAL)
    monkeypatch.setattr(plane_values, "_INSTANT_VOXELS", 0)
    spacing = window.bench.session.volume.grid.spacing[2]
    said, asked = [], 1

    def submit(_title, _work, *, on_end, **_options):
        said.append("no memory")
        if len(said) < 9:
            on_end()

    monkeypatch.setattr(window.bench, "submit", submit)
    values.changed.connect(lambda: values.of(asked, MEAN, spacing))  # as a pane does
    assert values.of(1, MEAN, spacing) is None
    assert said == ["no memory"]
    asked = 2
    assert values.of(asked, MEAN, spacing) is None
    assert len(said) == 2, "another one is tried"
