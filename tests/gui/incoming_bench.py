"""A workbench on an empty project, to which files come; and what came of it."""

from __future__ import annotations

import pytest

from medlab_gui.gui.notices import Level
from medlab_gui.gui.workbench import Workbench
from medlab_gui.store.project import ProjectStore


@pytest.fixture
def bench(qtbot, tmp_path):
    """A workbench without a window, on an empty project."""
    folder = tmp_path / "project"
    ProjectStore.open(folder, create=True).close()
    bench = Workbench(str(folder))
    bench.told = []
    bench.noticed.connect(bench.told.append)
    bench.open_project()
    # What opening the project goes on with (strokes that were recovered) is over, too.
    qtbot.waitUntil(lambda: bench.store is not None and not bench.jobs.active)
    yield bench
    bench.close()


def idle(qtbot, bench):
    qtbot.waitUntil(lambda: not bench.jobs.active and bench.incoming.opening is None)


def is_stored(bench):
    return bench.session is not None and not bench.session.is_provisional


def errors(bench):
    return [n.text for n in bench.told if n.level is Level.ERROR]


def nothing_written(bench):
    """Whether the project is as it was, on the disk too."""
    blobs = bench.store.folder / "blobs"
    files = [p for p in blobs.rglob("*") if p.is_file()] if blobs.exists() else []
    return not bench.store.series_list() and not bench.store.studies() and not files
