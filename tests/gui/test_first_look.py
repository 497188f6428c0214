"""The first slice is drawn before the others are read."""

from __future__ import annotations

import pytest

from medlab_gui.gui import stream_opening
from tests.gui.incoming_bench import bench, idle, is_stored
from tests.synthetic import plain_grid, write_series

__all__ = ["bench"]
pytestmark = pytest.mark.gui

LONG_S = 120


def test_other_slices_wait_until_the_first_one_is_drawn(
    qtbot, bench, tmp_path, monkeypatch
):
    monkeypatch.setattr(stream_opening, "_LOOK_S", LONG_S)
    write_series(tmp_path / "scan", plain_grid((40, 20, 24)))
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    qtbot.wait(100)
    # Each thread has read one at most.
    assert bench.session.n_read <= len(bench.session.stream._threads)
    bench.incoming.opening.read_on()
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)


def test_they_are_read_where_nothing_is_drawn(qtbot, bench, tmp_path, monkeypatch):
    monkeypatch.setattr(stream_opening, "_LOOK_S", 0.05)
    write_series(tmp_path / "scan", plain_grid())
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: is_stored(bench))
    idle(qtbot, bench)


def test_cancelling_does_not_wait_for_it(qtbot, bench, tmp_path, monkeypatch):
    monkeypatch.setattr(stream_opening, "_LOOK_S", LONG_S)
    write_series(tmp_path / "scan", plain_grid((40, 20, 24)))
    bench.incoming.open((tmp_path / "scan",))
    qtbot.waitUntil(lambda: bench.session is not None)
    bench.incoming.cancel()
    idle(qtbot, bench)
    assert not bench.store.series_list()


def test_drawing_it_lets_the_others_come(qtbot, window, tmp_path, monkeypatch):
    monkeypatch.setattr(stream_opening, "_LOOK_S", LONG_S)
    write_series(tmp_path / "scan", plain_grid())
    before = window.bench.session.series_uid
    window.import_paths((tmp_path / "scan",))
    qtbot.waitUntil(
        lambda: is_stored(window.bench) and window.bench.session.series_uid != before
    )
