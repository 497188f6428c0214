"""Measuring on the second series of a pair, by real mouse; a ball's size is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtTest import QTest

from medlab_gui.commands.command import Context
from medlab_gui.commands.measurements import MeasurementsParams, run_list
from medlab_gui.core.measurements import Kind
from medlab_gui.gui.docks.measurements import MeasurementsDock
from medlab_gui.gui.pair.pair_state import Link
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.store.project import ProjectStore
from tests.gui.buttons import Buttons
from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, NONE, RIGHT
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS, RADIUS, grids

pytestmark = pytest.mark.gui

PET = grids()["PET"]
BALL = BALLS[0]


@pytest.fixture
def measuring(compare):
    """Open the PET beside the CT at the slice through the first ball."""

    def open_it(second="PET"):
        window = compare(second)
        measure = window.bench.measure
        wait_for(lambda: measure.is_ready(window.bench.pair.second.uid))
        index = grids()["CT"].to_index(BALL)
        window.bench.go_to(round(float(index[0])))
        settle(window)
        return window

    return open_it


def drag(widget, start, stop):
    QTest.mousePress(widget, LEFT, NONE, start)
    for n in range(1, 9):
        QTest.mouseMove(widget, start + (stop - start) * n / 8)
    QTest.mouseRelease(widget, LEFT, NONE, stop)


def ids(found):
    return [m.id for m in found]


def at(window, mm):
    """Where a place of the patient is in the pane of the second series."""
    return window.pair.pane.pixel_of(PET.to_index(mm)).toPoint()


def test_a_length_and_a_region_on_the_second_series(measuring):
    window = measuring()
    bench, pane, measure = window.bench, window.pair.pane, window.bench.measure
    uid = bench.pair.second.uid
    x, y, z = BALL
    pixel = 1 / pane.camera.zoom
    measure.tool = Kind.RECTANGLE
    drag(pane, at(window, (x - 3.9, y - 3.9, z)), at(window, (x + 3.9, y + 3.9, z)))
    (region,) = measure.second_items
    assert measure.items == ()
    assert region.series_uid == uid
    assert region.slice_index == pane.slice_index
    values = measure.values(region)
    assert values.units == "SUV"
    assert values.mean == pytest.approx(9.0)  # of the PET, not of the CT
    assert values.area_mm2 == pytest.approx(7.8**2, rel=0.2)
    measure.tool = Kind.DISTANCE
    top = y - 25
    drag(pane, at(window, (x - 20, top, z)), at(window, (x + 20, top, z)))
    length = measure.second_items[1]
    assert length.length_mm == pytest.approx(40, abs=2 * pixel)
    begin = (x - 20, top, PET.to_mm((pane.slice_index, 0, 0))[2])
    assert np.allclose(length.points[0], begin, atol=pixel)
    # It is drawn where it lies, and only on its slice.
    (drawn,) = [look for name, look in window.pair.hand.measuring.looks()
                if name == region.id]  # fmt: skip
    middle = drawn.points.mean(axis=0)
    assert np.hypot(*(middle - [at(window, BALL).x(), at(window, BALL).y()])) < 3
    assert not any(m in measure.on_slice(region.plane, region.slice_index)
                   for m in measure.second_items)  # fmt: skip
    # Undo is about what was drawn last; what is kept has the project.
    bench.undo()
    assert ids(measure.second_items) == [region.id]
    bench.redo()
    assert len(measure.second_items) == 2
    settle(window)
    with ProjectStore.open(bench.project_place) as store:
        assert [m.id for m in store.measurements(uid)] == [region.id, length.id]
    rows = run_list(MeasurementsParams(uid), Context(bench.project_place))
    assert rows["measurements"][0]["mean"] == pytest.approx(9.0)
    measure.select(region.id)
    measure.remove_selected()
    assert ids(measure.second_items) == [length.id]
    # On the first series it goes on as ever.
    measure.tool = Kind.DISTANCE
    canvas = window.canvas
    drag(canvas, canvas.rect().center(), canvas.rect().center() * 1.2)
    assert len(measure.items) == 1
    bench.undo()
    assert measure.items == ()
    assert ids(measure.second_items) == [length.id]
    measure.select(length.id)
    measure.remove_selected()
    measure.tool = None


def test_the_list_has_both_and_leads_to_the_slice(measuring):
    window = measuring()
    bench, pane, measure = window.bench, window.pair.pane, window.bench.measure
    k, there = bench.session.k, pane.slice_index
    measure.tool = Kind.ELLIPSE
    x, y, z = BALL
    r = RADIUS / math.sqrt(2) - 3
    drag(pane, at(window, (x - r, y - r, z)), at(window, (x + r, y + r, z)))
    measure.tool = None
    (one,) = measure.second_items
    window.show_dock("measurements")
    dock = window.main.findChild(MeasurementsDock)
    wait_for(lambda: dock.table.topLevelItemCount() == 2)
    heading, row = (dock.table.topLevelItem(n) for n in range(2))
    assert heading.text(0) == "PET"
    assert row.text(1) == str(there + 1)
    assert "SUV" in row.text(2)
    for link in (Link.POSITION, Link.NUMBER, Link.FREE):
        bench.pair.link = link
        bench.go_to(k + 6)
        bench.pair.step(3)
        assert pane.slice_index != there
        dock._on_clicked(row, 0)
        assert pane.slice_index == there
        assert measure.selected.id == one.id
    measure.remove_selected()
    settle(window)
    assert dock.table.topLevelItemCount() == 0


def test_where_one_cannot_measure_it_is_said(measuring, monkeypatch):
    window = measuring("MR oblique")
    bench, pane, told = window.bench, window.pair.pane, []
    assert bench.pair.is_resampled
    monkeypatch.setattr(type(bench), "warn", lambda _b, text, *_a: told.append(text))
    monkeypatch.setattr(type(bench), "inform", lambda _b, text, *_a: told.append(text))
    drag(pane, pane.rect().center(), pane.rect().center() * 1.2)
    assert told == []  # no tool, nothing to say
    bench.measure.tool = Kind.DISTANCE
    drag(pane, pane.rect().center(), pane.rect().center() * 1.2)
    assert len(told) == 1
    assert "shown resampled into the plane of the first" in told[0]
    assert bench.measure.second_items == ()
    bench.pair.close()
    bench.linked.layout = PaneLayout.QUAD
    settle(window)
    volume = window.views.volume
    QTest.mousePress(volume, LEFT, NONE, volume.rect().center())
    QTest.mouseRelease(volume, LEFT, NONE, volume.rect().center())
    assert "Nothing is measured in 3D" in told[1]
    bench.measure.tool = None
    bench.linked.layout = PaneLayout.ONE


def test_a_second_button_does_not_disturb_what_the_first_one_does(measuring):
    window = measuring()
    bench, pane = window.bench, window.pair.pane
    x, y, z = BALL
    buttons = Buttons(
        SimpleNamespace(canvas=pane, at=lambda dx, dy: at(window, (x + dx, y + dy, z)))
    )
    bench.measure.tool = Kind.DISTANCE
    before = bench.pair.level, bench.pair.width
    buttons.press(-20, -25)
    buttons.press(-20, -25, RIGHT)
    buttons.to(0, -25)
    buttons.release(20, -25)
    buttons.release(20, -25, RIGHT)
    assert (bench.pair.level, bench.pair.width) == before
    (one,) = bench.measure.second_items
    assert one.length_mm == pytest.approx(40, abs=3 / pane.camera.zoom)
