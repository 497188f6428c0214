"""What every test stands on: nothing of the user's is touched, nothing leaks."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

ROOT = Path(__file__).resolve().parents[1]

# Before anything is imported that reads them, and for every child process too.
_HOME = Path(tempfile.mkdtemp(prefix="medlab-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(
    OMP_NUM_THREADS="1",
    XDG_CONFIG_HOME=str(_HOME / "config"),
    XDG_DATA_HOME=str(_HOME / "data"),
    XDG_CACHE_HOME=str(_HOME / "cache"),
    NAPARI_CONFIG=str(_HOME / "napari.yaml"),
    MEDLAB_CONFIG=str(_HOME / "settings.json"),
    MEDLAB_PROJECT=str(_HOME / "project"),
)

# Machine code is compiled once for all test runs, not once for each.
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(ROOT / "tests" / "__pycache__" / "compiled")
)

QT_FIXTURES = {"qtbot", "qapp"}


def has_display() -> bool:
    """Whether a window can be shown."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses Qt; without a display it is skipped, and says so."""
    no_display = pytest.mark.skip(
        reason="needs a display (installer/bootstrap.py test brings one)"
    )
    for item in items:
        if QT_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("gui")
        if item.get_closest_marker("gui") and not has_display():
            item.add_marker(no_display)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings and default project in a folder of this test alone; returns it."""
    from medlab_gui.core.settings import load_settings

    folder = tmp_path / "medlab"
    monkeypatch.setenv("MEDLAB_CONFIG", str(folder / "settings.json"))
    monkeypatch.setenv("MEDLAB_PROJECT", str(folder / "project"))
    monkeypatch.setenv("MEDLAB_WEIGHTS", str(folder / "weights"))
    for name in ("MEDLAB_AUTHOR", "MEDLAB_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    # Files of tests are always new; tests/io/test_growing.py has what is waited for.
    monkeypatch.setattr("medlab_gui.io.growing.SETTLE_S", 0.0)
    # Nor lie they for days before they are opened again (tests/commands has the tick).
    monkeypatch.setattr("medlab_gui.io.file_stamps._SLOWEST_TICK_S", 0.0)
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


_PATIENCE_MS = 60_000


@pytest.fixture
def qtbot(qtbot: QtBot) -> QtBot:
    """The hand of pytest-qt, which waits a minute: a busy machine is no failure."""
    for name in ("waitUntil", "waitSignal", "waitSignals", "waitExposed", "waitActive"):
        waits = functools.partial(getattr(qtbot, name), timeout=_PATIENCE_MS)
        setattr(qtbot, name, waits)
    return qtbot


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real scans, or the test is skipped."""
    folder = Path(os.environ.get("MEDLAB_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"the real scans are not in {folder} (MEDLAB_SHARED names them)")
    return folder


def _settle() -> None:
    """Let Qt delete what was closed, and Python what it held."""
    from qtpy.QtCore import QCoreApplication, QEvent
    from qtpy.QtWidgets import QApplication

    for _ in range(3):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()


@pytest.fixture(autouse=True)
def _nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a window test that leaves a window or a thread of ours behind."""
    if not request.node.get_closest_marker("gui"):
        yield
        return
    request.getfixturevalue("qapp")
    from qtpy.QtWidgets import QApplication

    threads = set(threading.enumerate())
    # Held, not their ids: an id is given again to the next widget.
    widgets = list(QApplication.topLevelWidgets())
    yield
    _settle()
    for thread in set(threading.enumerate()) - threads:
        if thread.name.startswith("medlab"):
            thread.join(60)
    left = [
        thread.name
        for thread in set(threading.enumerate()) - threads
        if thread.name.startswith("medlab") or not thread.daemon
    ]
    assert not left, f"threads left running: {left}"
    alive = [
        f"{type(widget).__name__} {widget.objectName()!r}"
        for widget in QApplication.topLevelWidgets()
        if widget not in widgets
        # napari keeps a few hidden widgets; ours must be gone, hidden or not.
        and (widget.isVisible() or type(widget).__module__.startswith("medlab_gui"))
    ]
    assert not alive, f"windows left behind: {alive}"
