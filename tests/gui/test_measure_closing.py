"""A window that closes before its measurements are on the disk."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series
from tests.gui.hand import Hand

if TYPE_CHECKING:
    from medlab_gui.core.jobs import JobContext

pytestmark = pytest.mark.gui


def test_a_window_closed_right_after_drawing_loses_nothing(fresh_window):
    window = fresh_window()
    open_series(window, "1.2.0.1")
    place, measure = window.bench.project_place, window.bench.measure
    hand = Hand(window)
    hand.key("D")
    # What saves has to wait until the window, as it closes, stops all work.
    busy, pause = threading.Event(), threading.Event()

    def hold(ctx: JobContext) -> None:
        busy.set()
        while not ctx.is_cancelled:
            pause.wait(0.005)

    window.bench.submit("", hold, lane="measure", newest_wins=False)
    assert busy.wait(120)
    hand.drag((30, 20), (30, 50))
    (one,) = measure.items
    with ProjectStore.open(place) as store:
        assert store.measurements() == ()
    window.close()
    with ProjectStore.open(place) as store:
        assert [m.points for m in store.measurements()] == [one.points]
