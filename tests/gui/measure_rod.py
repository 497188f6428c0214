"""A rod of known length and HU, open in the window, and what is kept of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Series
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series, wait_for

SHAPE = (12, 80, 100)
SPACING = (5.0, 0.7, 0.7)
numbers = itertools.count()


def rod() -> np.ndarray:
    """A rod of 42.0 x 14.0 mm and two discs of known HU in water."""
    data = np.zeros(SHAPE, np.int16)
    data[:, 20:40, 20:80] = 100  # 20 x 60 pixels of 0.7 mm
    data[:, 20:40, 20:80:2] = 140  # every other column: mean 120, known spread
    return data


def add_rod(window, problems: tuple[Problem, ...] = ()) -> str:
    """Put the rod into the window's project."""
    uid = f"9.9.{next(numbers)}"
    grid = Grid.from_spacing(SHAPE, SPACING, (-30, -40, 100))
    with ProjectStore.open(window.bench.project_place) as store:
        store.add_series(
            Series(
                *(uid, "1.2.0", "CT", "HU", grid, "Rod", "phantom", grid.canonical()),
                store.put_array(rod()),
                problems,
            )
        )
    return uid


@pytest.fixture
def measure(window):
    """What is measured on the rod, which is open at slice 7."""
    open_series(window, add_rod(window))
    window.bench.measure.visible = True
    assert window.bench.measure.list is not None
    assert window.bench.session.k == 6
    return window.bench.measure


def kept(window, **how):
    """What the project has of the open series."""
    wait_for(lambda: not window.bench.jobs.active)
    with ProjectStore.open(window.bench.project_place) as store:
        return store.measurements(window.bench.session.series_uid, **how)


def pixel(window) -> float:
    """One pixel of the canvas in mm: as exactly as a mouse can point."""
    return 1.0 / window.viewer.scene.camera.zoom
