"""Between a change and its drawing the window hears the mouse, the keys and timers."""

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from medlab_gui.gui import paint_turns
from medlab_gui.gui.paint_turns import PaintTurns, once_painted

pytestmark = pytest.mark.gui


class Page(QWidget):
    """Writes down what happens to it."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def paintEvent(self, _event):
        self.seen.append("drawn")


@pytest.fixture
def seen():
    return []


@pytest.fixture
def page(qtbot, seen):
    window = QWidget()
    page = Page(seen)
    QVBoxLayout(window).addWidget(page)
    window.resize(80, 60)
    window.turns = PaintTurns(window)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: bool(seen))
    while seen:  # until the display has no more to say about a new window
        seen.clear()
        for _turn in range(3):
            QGuiApplication.sync()
            qtbot.wait(20)
    return page


def test_a_timer_comes_before_the_drawing(qtbot, page, seen):
    timer = QTimer()
    timer.timeout.connect(lambda: seen.append("timer"))
    timer.setSingleShot(True)

    def change():
        page.update()
        timer.start(0)

    QTimer.singleShot(0, change)
    qtbot.waitUntil(lambda: "drawn" in seen and "timer" in seen)
    assert seen == ["timer", "drawn"]


def test_changes_meanwhile_are_drawn_once(qtbot, page, seen):
    for _ in range(3):
        page.update()
        QApplication.sendPostedEvents(page.window(), 0)
    assert seen == []
    qtbot.waitUntil(lambda: bool(seen))
    qtbot.wait(20)
    assert seen == ["drawn"]


def test_every_change_is_drawn(qtbot, page, seen):
    for n in range(1, 4):
        page.update()
        qtbot.waitUntil(lambda n=n: len(seen) == n)
    assert seen == ["drawn"] * 3


def test_a_window_that_goes_before_it_is_drawn(qtbot):
    window = QWidget()
    PaintTurns(window)
    window.show()
    qtbot.waitExposed(window)
    with qtbot.captureExceptions() as raised:
        window.update()
        QApplication.sendPostedEvents(window, 0)
        window.deleteLater()
        qtbot.wait(20)
    assert raised == []


@pytest.fixture
def unseen(qtbot, seen, monkeypatch):
    monkeypatch.setattr(paint_turns, "_LATEST_MS", 60_000)
    page = Page(seen)
    qtbot.addWidget(page)
    once_painted(page, lambda: seen.append("then"))
    return page


def test_what_is_to_come_after_the_first_drawing_comes_once(qtbot, unseen, seen):
    qtbot.wait(50)
    assert seen == []
    unseen.show()
    qtbot.waitUntil(lambda: "then" in seen)
    assert seen[0] == "drawn"
    unseen.update()
    qtbot.wait(50)
    assert seen.count("then") == 1


def test_who_is_never_drawn_is_not_waited_for(qtbot, seen, monkeypatch):
    monkeypatch.setattr(paint_turns, "_LATEST_MS", 30)
    page = Page(seen)
    qtbot.addWidget(page)
    once_painted(page, lambda: seen.append("then"))
    qtbot.waitUntil(lambda: seen == ["then"])
    page.show()
    qtbot.waitUntil(lambda: "drawn" in seen)
    qtbot.wait(50)
    assert seen.count("then") == 1


def test_nothing_comes_after_a_widget_that_is_gone(qtbot, seen, monkeypatch):
    monkeypatch.setattr(paint_turns, "_LATEST_MS", 30)
    page = Page(seen)
    once_painted(page, lambda: seen.append("then"))
    page.deleteLater()
    qtbot.wait(80)
    assert seen == []
