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


@pytest.mark.parametrize("longest_s", [60.0, 0.0])
def test_nothing_comes_right_after_something_long(longest_s, qtbot, monkeypatch):
    """Not even after what itself took longer than anything is put off."""
    monkeypatch.setattr(steps, "_LONGEST_S", longest_s)
    seen, owner = [], QObject()

    two_timers(owner, seen)
    qtbot.waitUntil(lambda: len(seen) == 3)
    assert seen == ["long", "heard", "late"]


def test_nothing_is_put_off_for_ever(qtbot):
    """Whatever comes, it is late: the frames of a slow machine, one after the other."""
    seen, owner = [], QObject()

    def long():
        time.sleep(0.08)
        seen.append("long")
        if "late" not in seen:
            QTimer.singleShot(1, owner, long)

    QTimer.singleShot(1, owner, long)
    in_own_turn(owner, 2, lambda: seen.append("late"))
    qtbot.waitUntil(lambda: "late" in seen)
    assert 1 <= seen.index("late") <= 3
    qtbot.wait(100)
    assert len(seen) <= 5, "nothing goes on after the test"


def test_nothing_is_done_for_what_is_gone(qtbot):
    seen, owner = [], QObject()
    in_own_turn(owner, 1, lambda: seen.append("done"))
    owner.deleteLater()
    qtbot.wait(30)
    assert seen == []
