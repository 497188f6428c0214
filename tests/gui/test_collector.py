"""Garbage is collected on the Qt thread, whoever makes it."""

from __future__ import annotations

import gc
import threading

import pytest

from medlab_gui.gui.collector import Collector

pytestmark = pytest.mark.gui


class _Cycle:
    """Refers to itself, and notes on which thread it goes."""

    def __init__(self, gone: list[int]) -> None:
        self.me, self._gone = self, gone

    def __del__(self) -> None:
        self._gone.append(threading.get_ident())


def _make_much(kept: list[list[int]]) -> None:
    """Allocate what makes Python collect all generations, if it may."""
    for _n in range(200_000):
        kept.append([])


@pytest.fixture
def collector(qapp):
    collector = Collector()
    collector.begin()
    yield collector
    collector.stop()


def test_a_cycle_goes_on_the_qt_thread_though_another_one_allocates(collector, qtbot):
    gone: list[int] = []
    _Cycle(gone)
    kept: list[list[int]] = []
    worker = threading.Thread(target=_make_much, args=(kept,))
    worker.start()
    worker.join()
    assert not gone
    qtbot.waitUntil(lambda: bool(gone))
    assert gone == [threading.get_ident()]


def test_without_it_python_would_collect_on_the_other_thread(qapp):
    was_on = gc.isenabled()  # not so where a window is open already
    gone: list[int] = []
    worker = threading.Thread(target=_make_much, args=([],))
    try:
        gc.enable()
        gc.collect(0)  # else it may just be due, here
        _Cycle(gone)
        worker.start()
        worker.join()
    finally:
        if not was_on:
            gc.disable()
    assert gone == [worker.ident]


def test_an_open_window_has_taken_over_and_the_last_one_hands_back(window, qapp):
    assert not gc.isenabled()
    second = Collector()
    second.stop()
    assert not gc.isenabled()


def test_nothing_is_collected_before_it_is_due(collector, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", asked.append)
    monkeypatch.setattr(gc, "get_count", lambda: (700, 10, 10))
    collector.collect_what_is_due()
    assert asked == []
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 5, 0))
    collector.collect_what_is_due()
    assert asked == [1]  # a threshold of 0 means never


def test_it_begins_when_what_stays_is_there(window, monkeypatch, qtbot):
    """The compiled loops bring hundreds of thousands of objects, on a thread."""
    begun: list[bool] = []
    loading = [True, True, False]
    monkeypatch.setattr(window._collector, "begin", lambda: begun.append(True))
    monkeypatch.setattr("medlab_gui.gui.warming.is_loading", lambda: loading.pop(0))
    window.bench.close_series()
    window.warming.settle()
    assert not begun
    qtbot.waitUntil(lambda: bool(begun))
    assert not loading
