"""What a study will need is loaded when nobody waits for something else."""

from __future__ import annotations

import threading
import time

import pytest

from medlab_gui.gui import warming
from medlab_gui.gui.window import MedlabWindow
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import make_project

pytestmark = pytest.mark.gui

_STEPS = 60


@pytest.fixture
def begun(monkeypatch):
    """When the thread that imports has begun; nothing is imported."""
    begun: list[float] = []
    monkeypatch.setattr(
        warming, "prefetch", lambda _ctx: begun.append(time.monotonic())
    )
    return begun


@pytest.fixture
def window(qapp, tmp_path):
    make_project(tmp_path / "project")
    window = MedlabWindow(str(tmp_path / "project"))
    yield window
    window.close()
    window.deleteLater()


def busy(window, lane="disk"):
    """Keep the window's jobs busy until an event is set."""
    over = threading.Event()
    window.bench.submit("", lambda _ctx: over.wait(30), lane=lane, newest_wins=False)
    return over


def live(seconds):
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end)


def test_nothing_is_imported_while_a_project_is_opened_and_drawn(window, begun):
    over = busy(window)
    window.show()
    live(1.0)
    assert not begun
    over.set()
    ended = time.monotonic()
    wait_for(lambda: bool(begun))
    assert begun[0] - ended > 0.1, "what came of it is drawn first"


def test_what_takes_long_is_not_waited_for(window, begun, monkeypatch):
    monkeypatch.setattr(warming, "_PATIENCE_S", 0.5)
    over = busy(window)
    window.show()
    wait_for(lambda: bool(begun))
    over.set()


def test_nothing_is_rehearsed_while_a_study_is_opened(window, begun, monkeypatch):
    made = []
    window.warming._steps = (made.append(n) for n in range(_STEPS))
    window.show()
    wait_for(lambda: bool(begun))
    over = busy(window, "open")
    before = len(made)
    assert before < _STEPS
    live(0.4)
    assert len(made) == before
    over.set()
    wait_for(lambda: len(made) == _STEPS)
