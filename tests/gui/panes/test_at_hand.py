"""The window reads no picture across slices from a file itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPointF
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes import at_hand
from medlab_gui.gui.panes.gathered import Gathered
from medlab_gui.gui.panes.slab import Projection, Slab
from tests.gui.conftest import wait_for
from tests.gui.panes.seen import LIGHT_PANES, VALUES, shown

pytestmark = pytest.mark.gui


class Reader:
    """Stands before the reading of files, and notes who read and who took pictures."""

    def __init__(self, monkeypatch) -> None:
        self.may_read = threading.Event()
        self.read: list[tuple[threading.Thread, tuple[int, ...]]] = []
        self.taken: list[int] = []
        monkeypatch.setattr(at_hand, "_INSTANT_BYTES", 0)
        read_through, take_slice = at_hand.read_through, Gathered.take

        def read(array, ctx):
            self.may_read.wait(30)
            self.read.append((threading.current_thread(), array.shape))
            read_through(array, ctx)

        def take(source, index, state):
            self.taken.append(source.axis)
            return take_slice(source, index, state)

        monkeypatch.setattr(at_hand, "read_through", read)
        monkeypatch.setattr(Gathered, "take", take)


@pytest.fixture
def reader(monkeypatch):
    reader = Reader(monkeypatch)
    yield reader
    reader.may_read.set()


def test_pictures_across_slices_wait_for_a_thread_that_reads_them(
    opened, unique_window, reader
):
    window, uids = unique_window
    opened()  # another series, for views that are there
    reader.may_read.set()
    wait_for(lambda: not window.bench.jobs.active)
    reader.may_read.clear()
    reader.read.clear()
    reader.taken.clear()
    window.bench.open_series(uids["oblique"])
    wait_for(
        lambda: (
            window.stage.is_ready
            and window.bench.session.series_uid == uids["oblique"]
            and any(job.lane == at_hand.LANE for job in window.bench.jobs.active)
        )
    )
    window.bench.view.level, window.bench.view.width = 127.5, 255.0
    for pane in window.views.panes.values():
        pane.repaint()
    assert not reader.taken
    waiting = {p: window.views.panes[p].picture().copy() for p in LIGHT_PANES}
    reader.may_read.set()
    wait_for(lambda: not window.bench.jobs.active)
    wait_for(lambda: {1, 2} <= set(reader.taken))
    threads = {thread for thread, _shape in reader.read}
    assert threads
    assert threading.current_thread() not in threads
    assert len(reader.read) == 1, "both pictures need the same, once"
    for plane in LIGHT_PANES:
        pane = window.views.panes[plane]
        assert pane.picture() != waiting[plane]
        index = pane.slice_index
        assert np.array_equal(shown(pane), np.take(VALUES, index, plane.axis))


def test_what_was_shown_stays_until_another_prediction_was_read(
    opened, reader, tmp_path
):
    reader.may_read.set()
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane = window.views.panes[Plane.SAGITTAL]
    before = pane.picture().copy()
    reader.may_read.clear()
    session = window.bench.session
    np.save(tmp_path / "labels.npy", np.ones(VALUES.shape, np.uint8))
    session.prediction = np.load(tmp_path / "labels.npy", mmap_mode="r")
    window.bench.view.prediction_visible = True
    session.prediction_changed.emit()
    QApplication.processEvents()
    assert not pane.is_at_hand
    assert pane.picture() == before, "neither black nor half of it"
    window.bench.linked.step(Plane.SAGITTAL, 1)
    assert pane.picture() != before, "but never under another slice's number"
    reader.may_read.set()
    wait_for(lambda: pane.is_at_hand)
    session.prediction = None


@pytest.mark.parametrize("what", ["size", "place", "slab", "window"])
def test_what_was_shown_does_not_stay_where_what_lies_over_it_has_moved(
    opened, reader, tmp_path, what
):
    """Crosshair, figures and badges were those of another picture meanwhile."""
    reader.may_read.set()
    window = opened()
    wait_for(lambda: not window.bench.jobs.active)
    pane, bench = window.views.panes[Plane.SAGITTAL], window.bench
    before = pane.picture().copy()
    reader.may_read.clear()
    session = bench.session
    np.save(tmp_path / "labels.npy", np.ones(VALUES.shape, np.uint8))
    session.prediction = np.load(tmp_path / "labels.npy", mmap_mode="r")
    bench.view.prediction_visible = True
    assert pane.picture() == before
    if what == "size":
        pane.resize(pane.width() - 20, pane.height() - 30)
    elif what == "place":
        pane.move_by(QPointF(20, 10))
    elif what == "slab":
        bench.linked.set_slab(Plane.SAGITTAL, Slab(Projection.MIP, 10.0))
    else:
        bench.view.level += 50
    there = pane.picture().copy()
    size = round(pane.width() * pane.devicePixelRatioF())
    assert there.width() == size
    assert there != before
    reader.may_read.set()
    wait_for(lambda: pane.is_at_hand)
    session.prediction = None


def test_nothing_is_read_through_while_only_slices_are_shown(opened, reader):
    from medlab_gui.gui.panes.linked_state import PaneLayout

    reader.may_read.set()
    window = opened(layout=PaneLayout.ONE)
    wait_for(lambda: not window.bench.jobs.active)
    assert not reader.read
