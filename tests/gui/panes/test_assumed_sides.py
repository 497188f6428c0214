"""Letters of a scan whose files do not say how it lies in the patient."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Series, Severity, Study
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.status import voxel_text
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import kept_window, open_series, reset_view, wait_for
from tests.gui.docks_phantom import SCHEME
from tests.gui.panes.written import Written

SURE, ASSUMED = "1.7.0", "1.7.1"
SIDE = re.compile(r"\b([RLAPSI]{1,3})(\??)(?=$| \d+\.\d)")
PLANE = re.compile(r"\b(Axial|Coronal|Sagittal)(\??)$")


def make_project(folder):
    grid = Grid.from_spacing((12, 20, 24), (2.0, 1.5, 1.5))
    problem = Problem("no-orientation", Severity.UNSAFE, "Nobody knows how it lies.")
    with ProjectStore.open(folder, create=True) as store:
        store.set_scheme(SCHEME)
        store.add_study(Study("1.7", "patient", "2024-05-01", "MR"))
        values = np.arange(np.prod(grid.shape), dtype=np.int16).reshape(grid.shape)
        series = Series(
            SURE, "1.7", "MR", None, grid, "sure", "phantom", grid.canonical(), ""
        )
        series = dataclasses.replace(series, blob=store.put_array(values))
        store.add_series(series)
        store.add_series(
            dataclasses.replace(
                series, uid=ASSUMED, description="assumed", problems=(problem,)
            )
        )


@pytest.fixture(scope="module")
def two_series(qapp, tmp_path_factory):
    folder = tmp_path_factory.mktemp("assumed") / "project"
    make_project(folder)
    with kept_window(folder) as window:
        yield window


@pytest.fixture
def opened(two_series):
    def open_it(uid):
        reset_view(two_series)
        two_series.bench.linked.layout = PaneLayout.QUAD
        open_series(two_series, uid)
        return two_series

    yield open_it
    two_series.bench.pair.close()
    two_series.bench.linked.layout = PaneLayout.ONE
    two_series.bench.close_series()
    wait_for(lambda: not two_series.bench.jobs.active)


def texts(widget, holder=None, name="_stamps"):
    """Return all that a picture writes."""
    holder = widget if holder is None else holder
    kept, written = getattr(holder, name), Written()
    setattr(holder, name, written)
    widget.grab()
    setattr(holder, name, kept)
    return list(written.rooms)


def marks_of(lines):
    """Return whether sides and names of planes are marked, where there are any."""
    found = [m for line in lines for m in (*SIDE.finditer(line), *PLANE.finditer(line))]
    return [m[1] for m in found], {m[2] for m in found}


@pytest.mark.parametrize(("uid", "mark"), [(SURE, ""), (ASSUMED, "?")])
def test_every_letter_of_an_assumed_side_is_marked(opened, uid, mark):
    window = opened(uid)
    wait_for(lambda: window.views.volume._drawing.scene is not None)
    pictures = [
        (texts(window.text, name="stamps"), {"R", "L", "A", "P", "S", "Axial"}),
        *(
            (texts(pane), {"S", "I", name})
            for name, pane in zip(
                ("Coronal", "Sagittal"), window.views.panes.values(), strict=True
            )
        ),
        (texts(window.views.volume), {"S", "I"}),
        ([voxel_text(window.bench, (5, 6, 7))], {"L", "P", "S"}),
    ]
    for lines, wanted in pictures:
        letters, found = marks_of(lines)
        assert wanted <= set(letters), lines
        assert found == {mark}, lines


@pytest.mark.parametrize(
    ("first", "second", "mark"),
    [(SURE, ASSUMED, "?"), (ASSUMED, SURE, "")],
)
def test_a_second_series_answers_for_its_own_sides(opened, first, second, mark):
    window = opened(first)
    window.bench.linked.layout = PaneLayout.ONE
    window.bench.pair.open(second)
    wait_for(lambda: window.bench.pair.second is not None)
    wait_for(lambda: not window.bench.jobs.active)
    QApplication.processEvents()
    letters, found = marks_of(texts(window.pair.pane))
    assert {"R", "L", "A", "P", "S"} <= set(letters)
    assert found == {mark}


def test_the_comparison_of_preprocessing_marks_them_too(opened):
    from medlab_gui.gui.compare_view import CompareLayout
    from medlab_gui.gui.preprocess_bench import PreprocessBench

    window = opened(ASSUMED)
    bench = window.main.findChild(PreprocessBench)
    bench.compare(CompareLayout.SIDE)
    try:
        wait_for(lambda: bench.preview is not None)
        assert bench.preview.geometry.edge_letters == ("R?", "L?", "A?", "P?")
        wait_for(lambda: not window.bench.jobs.active)
    finally:
        bench.compare(None)
