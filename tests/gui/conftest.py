"""The real window on a small project, and a hand that moves the mouse."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.gui.docks_phantom import make_project
from tests.gui.hand import Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from medlab_gui.gui.window import MedlabWindow
    from medlab_gui.gui.workbench import Workbench
    from tests.gui.slow_files import Gate

_SPARE = 8
"""Series of a file of tests besides one for each test: some open a second one."""


@pytest.fixture(autouse=True)
def no_collection_amid_events() -> Iterator[None]:
    """As in the program (`gui.collector`): not in the middle of Qt's events.

    There it takes widgets of earlier tests from under the event filter that Qt is in.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    yield
    if was_enabled:
        gc.enable()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Let the window live until something is true."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        QApplication.processEvents()
        time.sleep(0.002)


def make_window(folder: Path) -> MedlabWindow:
    """Open the window on a project and wait until it is ready."""
    from medlab_gui.gui.window import MedlabWindow

    window = MedlabWindow(str(folder))
    window.main.resize(1300, 760)
    window.show()
    window.bench.open_project(str(folder))
    wait_for(lambda: window.bench.store is not None)
    wait_for(lambda: window.stage.mask is not None)
    wait_for(lambda: not window.bench.jobs.active)
    return window


def open_series(window: MedlabWindow, uid: str) -> None:
    """Open a series and wait for it."""
    window.bench.open_series(uid)
    wait_for(lambda: window.stage.is_ready and window.bench.session.series_uid == uid)
    wait_for(lambda: not window.bench.jobs.active)


def reset_view(window: MedlabWindow, *, bare: bool = False) -> None:
    """Look at series as after the start, or with nothing written over the pictures."""
    from medlab_gui.gui.view_state import ViewState

    for field in dataclasses.fields(ViewState):
        setattr(window.bench.view, field.name, field.default)
    if bare:
        for name in ("letters", "corner_text", "scale_bar", "crosshair", "smooth"):
            setattr(window.bench.view, name, False)


@contextmanager
def kept_window(folder: Path) -> Iterator[MedlabWindow]:
    """Open one window for a file of tests: to make one takes a second or two."""
    from qtpy.QtWidgets import QApplication

    window = make_window(folder)
    # The leak check of every test collects garbage: not through all of napari.
    gc.collect()
    gc.freeze()
    yield window
    gc.unfreeze()
    window.close()
    window.deleteLater()
    QApplication.processEvents()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def shared_window(
    qapp, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MedlabWindow, Iterator[str]]]:
    """One window for a file of tests, and series that no test has opened yet."""
    tests = sum(item.path == request.path for item in request.session.items)
    folder = tmp_path_factory.mktemp("window") / "project"
    uids = make_project(folder, tests + _SPARE)
    with kept_window(folder) as window:
        yield window, iter(uids)


@pytest.fixture
def window(shared_window) -> Iterator[MedlabWindow]:
    """The window as it is after opening a series that no test has touched."""
    window, uids = shared_window
    reset_view(window)
    window.bench.linked.restore("one")
    open_series(window, next(uids))
    yield window
    window.notifier.bar.hide()
    for box in list(window.notifier.dialogs):
        box.close()
    window.bench.close_series()
    wait_for(lambda: not window.bench.jobs.active)


@pytest.fixture
def hand(window) -> Hand:
    """A hand on the picture of that window."""
    return Hand(window)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """What stands before the reading of each slice; no thread waits beyond its test."""
    from tests.gui.slow_files import Gate

    gate = Gate(monkeypatch)
    yield gate
    gate.open()


@pytest.fixture
def fresh_window(qapp, tmp_path: Path) -> Iterator[Callable[..., MedlabWindow]]:
    """Windows of their own, for tests that close them."""
    opened: list[MedlabWindow] = []
    numbers = itertools.count()

    def open_it(folder: Path | None = None) -> MedlabWindow:
        if folder is None:
            folder = tmp_path / f"project{next(numbers)}"
            make_project(folder)
        window = make_window(folder)
        opened.append(window)
        return window

    yield open_it
    for window in opened:
        window.close()
        window.deleteLater()


@pytest.fixture
def bench(folder: Path, qtbot) -> Iterator[Workbench]:
    """A workbench without a window, on the project of the test's ``folder``."""
    from medlab_gui.gui.workbench import Workbench

    bench = Workbench(str(folder))
    bench.open_project()
    qtbot.waitUntil(lambda: bench.store is not None)
    yield bench
    bench.close()


@pytest.fixture
def recipe_bench(tmp_path: Path, qtbot):
    """A workbench with a phantom open."""
    from tests.gui.recipe_window import open_bench

    bench = open_bench(qtbot, tmp_path / "project")
    yield bench
    bench.close()


@pytest.fixture
def recipe_window(qtbot, recipe_bench):
    """The preprocessing dock beside a stand-in for the canvas."""
    from tests.gui.recipe_window import RecipeWindow

    window = RecipeWindow(recipe_bench)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window
