"""The window on series of unique voxels, of which each can be told from all others."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.slab import Slab
from tests.gui.conftest import kept_window, open_series, reset_view, wait_for
from tests.gui.panes.unique_voxels import SHAPE, make_project


@pytest.fixture(scope="module")
def unique_window(qapp, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unique") / "project"
    uids = make_project(folder)
    with kept_window(folder) as window:
        yield window, uids
        window.bench.linked.layout = PaneLayout.ONE


@pytest.fixture
def opened(unique_window):
    """Open one of the series by name, in three views with nothing written on them."""
    window, uids = unique_window

    def open_it(name="plain", layout=PaneLayout.ROW):
        reset_view(window, bare=True)
        for plane in Plane:
            window.bench.linked.set_slab(plane, Slab())
        window.bench.linked.layout = layout
        open_series(window, uids[name])
        # black at 0, white at 255: grey values are voxel values
        window.bench.view.level, window.bench.view.width = 127.5, 255.0
        window.bench.linked.place((2, 3, 3))
        window.canvas.setFocus()
        session = window.bench.session
        session.apply("fill", (slice(None),) * 3, np.zeros(SHAPE, np.uint8))
        QApplication.processEvents()
        return window

    yield open_it
    window.bench.close_series()
    wait_for(lambda: not window.bench.jobs.active)
