"""A series that another window edits: looked at here until it lets go of it."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtTest import QTest

from medlab_gui.gui import let_go
from medlab_gui.review.session import ReviewSession
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import make_project, queue_item

ONE, TWO = "1.2.0.1", "1.2.1.1"
STROKE = (slice(8, 9), slice(10, 15), slice(10, 20)), np.ones((1, 5, 10), np.uint8)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    make_project(folder, 2)
    return folder


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(let_go, "EVERY_MS", 50)


@pytest.fixture
def theirs(folder):
    """Another window that has the first series open."""
    session = ReviewSession.open(folder, ONE, author="theirs")
    yield session
    session.close()


@pytest.fixture
def told(bench):
    told = []
    bench.noticed.connect(lambda notice: told.append(notice.text))
    return told


def open_it(bench, uid):
    bench.open_series(uid, 5)
    wait_for(lambda: bench.session is not None and bench.session.series_uid == uid)


def test_what_the_other_window_closes_can_be_edited_here(theirs, bench, told):
    """It said "close it there to edit it here", and nothing came of that."""
    open_it(bench, ONE)
    assert bench.session.read_only
    theirs.apply("brush", *STROKE)
    assert not bench.session.mask.any()
    theirs.close()
    wait_for(lambda: bench.session is not None and not bench.session.read_only)
    assert bench.session.k == 5
    assert bench.session.mask.sum() == 50, "what was drawn there"
    wait_for(lambda: any("can be edited now" in text for text in told))


def test_while_it_is_edited_there_it_stays_as_it_is_here(theirs, bench, told):
    open_it(bench, ONE)
    session = bench.session
    QTest.qWait(400)
    assert bench.session is session
    assert session.read_only
    assert told == []


def test_nothing_is_opened_in_the_middle_of_a_measurement(theirs, bench):
    open_it(bench, ONE)
    session, bench.measure.drawing = bench.session, True
    theirs.close()
    QTest.qWait(400)
    assert bench.session is session
    bench.measure.drawing = False
    wait_for(lambda: bench.session is not session and bench.session is not None)
    assert not bench.session.read_only


def test_the_queue_leads_past_what_another_window_edits(theirs, folder, bench, told):
    """Who accepted a slice landed in the other's series, where nothing can be done."""
    with ProjectStore.open(folder) as store:
        store.replace_queue(
            [queue_item(ONE, 3, 0.9), queue_item(ONE, 4, 0.8), queue_item(TWO, 6, 0.1)]
        )
    bench.go_to_next()
    wait_for(lambda: bench.session is not None)
    assert (bench.session.series_uid, bench.session.k) == (TWO, 6)
    bench.go_to_next()
    assert "another window" in told[-1]
    assert (bench.session.series_uid, bench.session.k) == (TWO, 6)
    theirs.close()
    bench.go_to_next()
    wait_for(lambda: bench.session is not None and bench.session.series_uid == ONE)
    assert bench.session.k == 3
    assert not bench.session.read_only


def test_out_of_a_series_of_another_window_the_queue_leads_on(theirs, folder, bench):
    with ProjectStore.open(folder) as store:
        store.replace_queue([queue_item(ONE, 3, 0.9), queue_item(TWO, 6, 0.1)])
    open_it(bench, ONE)
    bench.go_to_next()
    wait_for(lambda: bench.session is not None and bench.session.series_uid == TWO)
