from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QDialog, QMenu, QMessageBox, QWidget

from medlab_gui.gui.app import closed_by_interrupt

pytestmark = pytest.mark.gui


POSIX = pytest.mark.skipif(
    sys.platform == "win32", reason="os.kill would end the tests"
)


@pytest.fixture
def ctrl_c(qapp):
    """Press Ctrl+C in the terminal when this is called on."""
    goes = threading.Event()

    def press() -> None:
        goes.wait()
        os.kill(os.getpid(), signal.SIGINT)

    presses = threading.Thread(target=press, daemon=True)
    presses.start()
    yield goes.set
    if goes.is_set():
        presses.join()


def run(loop: QEventLoop) -> None:
    """Run a loop, not for ever: where a test fails nothing wakes it."""
    last = QTimer()
    last.setSingleShot(True)
    last.timeout.connect(loop.quit)
    last.start(60_000)
    loop.exec()
    last.stop()


@POSIX
def test_an_idle_window_hears_ctrl_c(ctrl_c):
    """No timer, no mouse: nothing but the signal wakes it."""
    loop = QEventLoop()
    closed: list[bool] = []

    def close() -> None:
        closed.append(True)
        loop.quit()

    before = signal.getsignal(signal.SIGINT)
    QTimer.singleShot(0, ctrl_c)
    with closed_by_interrupt(close):
        run(loop)
    assert closed
    assert signal.getsignal(signal.SIGINT) is before


@POSIX
@pytest.mark.parametrize("kind", [QDialog, QMessageBox, QMenu])
def test_who_waits_for_an_answer_has_it_before_the_window_goes(qtbot, ctrl_c, kind):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    loop = QEventLoop()
    happened: list[str] = []

    def ask() -> None:
        asked = kind(window)
        if kind is QMessageBox:
            buttons = QMessageBox.StandardButton
            asked.setStandardButtons(buttons.Yes | buttons.No)
        QTimer.singleShot(0, ctrl_c)
        asked.exec()
        asked.deleteLater()
        happened.append("answered")

    def close() -> None:
        happened.append("closed")
        loop.quit()

    QTimer.singleShot(0, ask)
    with closed_by_interrupt(close):
        run(loop)
    assert happened == ["answered", "closed"]
