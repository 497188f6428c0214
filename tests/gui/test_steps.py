"""What is done in steps leaves the window time in between."""

from __future__ import annotations

import time

import pytest
from qtpy.QtCore import QObject, QTimer

from medlab_gui.gui import steps
from medlab_gui.gui.steps import in_own_turn, in_steps

pytestmark = pytest.mark.gui


def test_steps_are_done_in_order_and_others_come_in_between(qtbot):
    seen = []

    def work():
        for n in range(3):
            seen.append(n)
            QTimer.singleShot(0, lambda: seen.append("other"))
            yield

    in_steps(work())
    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 6)
    assert seen == [0, "other", 1, "other", 2, "other"]


def two_timers(owner, seen):
    """Ask for something long, and for what is due before that is over."""

    def long():
        time.sleep(0.05)
        seen.append("long")
        QTimer.singleShot(1, lambda: seen.append("heard"))

    QTimer.singleShot(1, long)
    in_own_turn(owner, 2, lambda: seen.append("late"))


def test_nothing_comes_right_after_something_long(qtbot, monkeypatch):
    monkeypatch.setattr(steps, "_LONGEST_S", 60.0)
    seen, owner = [], QObject()

    two_timers(owner, seen)
    qtbot.waitUntil(lambda: len(seen) == 3)
    assert seen == ["long", "heard", "late"]


def test_nothing_is_put_off_for_ever(qtbot, monkeypatch):
    monkeypatch.setattr(steps, "_LONGEST_S", 0.0)
    seen, owner = [], QObject()

    two_timers(owner, seen)
    qtbot.waitUntil(lambda: len(seen) == 3)
    assert seen == ["long", "late", "heard"]


def test_nothing_is_done_for_what_is_gone(qtbot):
    seen, owner = [], QObject()
    in_own_turn(owner, 1, lambda: seen.append("done"))
    owner.deleteLater()
    qtbot.wait(30)
    assert seen == []
