"""A window that closes before its measurements are on the disk."""

from __future__ import annotations

import threading

import pytest

from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series
from tests.gui.hand import Hand

pytestmark = pytest.mark.gui


def test_a_window_closed_right_after_drawing_loses_nothing(fresh_window):
    window = fresh_window()
    open_series(window, "1.2.0.1")
    place, measure = window.bench.project_place, window.bench.measure
    hand = Hand(window)
    hand.key("D")
    # What saves has to wait, so that closing the window comes first.
    busy, free = threading.Event(), threading.Event()

    def hold(_ctx: object) -> None:
        busy.set()
        free.wait(20)

    window.bench.submit("", hold, lane="measure", newest_wins=False)
    assert busy.wait(20)
    hand.drag((30, 20), (30, 50))
    (one,) = measure.items
    with ProjectStore.open(place) as store:
        assert store.measurements() == ()
    threading.Timer(0.3, free.set).start()
    window.close()
    with ProjectStore.open(place) as store:
        assert [m.points for m in store.measurements()] == [one.points]
