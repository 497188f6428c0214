"""The window on one patient's series, two of which are compared."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QApplication

from tests.gui.conftest import kept_window, open_series, reset_view, wait_for
from tests.gui.pair.phantoms import make_project


@pytest.fixture(scope="module")
def pair_window(qapp, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair") / "project"
    uids = make_project(folder)
    with kept_window(folder) as window:
        yield window, uids


@pytest.fixture
def compare(pair_window):
    """Open the CT with another series beside it, with nothing written over."""
    window, uids = pair_window

    def open_it(second="PET", **how):
        reset_view(window, bare=True)
        open_series(window, uids["CT"])
        window.bench.go_to(10)
        window.bench.pair.open(uids[second], **how)
        # Its layer is made in steps.
        wait_for(
            lambda: (
                window.bench.pair.second is not None
                and window.pair.layer.layer is not None
            )
        )
        settle(window)
        return window

    yield open_it
    window.notifier.bar.hide()
    window.bench.close_series()
    wait_for(lambda: not window.bench.jobs.active)


def settle(window):
    """Wait for what painting asks for, too: a resampled slice is made on a thread."""
    for _turn in range(3):
        wait_for(lambda: not window.bench.jobs.active)
        QApplication.processEvents()
        for pane in (window.pair.pane, *window.views.panes.values()):
            if pane.isVisible():
                pane.update()
        QApplication.processEvents()  # asks the window to paint
        wait_for(lambda: not window.paint_turns.waits)
    wait_for(lambda: not window.bench.jobs.active)
    QApplication.processEvents()
