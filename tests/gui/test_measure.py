"""Measuring with a real mouse on the real window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qtpy.QtTest import QTest

from medlab_gui.core.errors import StorageFullError
from medlab_gui.core.measurements import Kind, Plane, as_points
from medlab_gui.core.records import Problem, Severity
from medlab_gui.store.project import ProjectStore
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE
from tests.gui.measure_rod import add_rod, kept, measure, pixel

__all__ = ["measure"]
pytestmark = pytest.mark.gui


def draw_round(hand, points) -> None:
    """Draw a line by hand."""
    QTest.mousePress(hand.canvas, LEFT, NONE, hand.at(*points[0]))
    for point in points:
        QTest.mouseMove(hand.canvas, hand.at(*point))
        QTest.qWait(2)
    QTest.mouseRelease(hand.canvas, LEFT, NONE, hand.at(*points[-1]))


def test_a_dragged_distance_is_the_rods_length(window, hand, measure):
    hand.key("D")
    # From the left border of the first pixel to the right border of the last.
    hand.drag((30, 19.5), (30, 79.5))
    (one,) = measure.items
    assert one.kind is Kind.DISTANCE
    assert one.length_mm == pytest.approx(42.0, abs=2 * pixel(window))
    assert (one.plane, one.slice_index) == (Plane.AXIAL, 6)
    x, y, z = np.array(one.points).T
    assert np.allclose(z, 100 + 6 * 5.0)
    assert np.allclose(y, -40 + 30 * 0.7, atol=pixel(window))
    assert x[0] == pytest.approx(-30 + 19.5 * 0.7, abs=pixel(window))
    assert kept(window)[0].points == one.points
    assert window.measurements.isVisible()
    assert window.bench.session.mask.any() == np.False_


def test_a_slanted_distance_on_pixels_that_are_not_square(window, hand):
    measure = window.bench.measure  # the phantom of 1.2 x 1.0 mm
    hand.key("D")
    hand.drag((20, 20), (70, 60))
    (one,) = measure.items
    known = math.hypot(50 * 1.2, 40 * 1.0)
    assert one.length_mm == pytest.approx(known, abs=2 * pixel(window))


def test_the_length_is_shown_while_dragging(window, hand, measure):
    hand.key("D")
    QTest.mousePress(hand.canvas, LEFT, NONE, hand.at(30, 20))
    QTest.mouseMove(hand.canvas, hand.at(30, 50))
    QTest.mouseMove(hand.canvas, hand.at(30, 60))
    ((id_, look),) = window.measurements.looks()
    assert id_ == ""
    assert float(look.text[0].removesuffix(" mm")) == pytest.approx(28.0, abs=0.5)
    assert measure.items == ()
    QTest.mouseRelease(hand.canvas, LEFT, NONE, hand.at(30, 60))
    assert len(measure.items) == 1


def test_an_angle_by_three_clicks(window, hand, measure):
    hand.key("G")
    for place in ((10, 60), (60, 60), (60, 10)):
        hand.click(*place)
    (one,) = measure.items
    assert one.kind is Kind.ANGLE
    assert one.angle_deg == pytest.approx(90, abs=0.5)
    hand.click(10, 20)
    hand.click(60, 20)
    assert len(measure.items) == 1
    QTest.mouseMove(hand.canvas, hand.at(30, 50))
    assert len(window.measurements.looks()) == 2
    hand.key("Escape")
    assert len(window.measurements.looks()) == 1
    assert measure.tool is Kind.ANGLE


def test_an_angle_by_a_drag_and_a_click(window, hand, measure):
    hand.key("G")
    hand.drag((60, 10), (60, 60))
    assert measure.items == ()
    hand.click(10, 10)
    (one,) = measure.items
    known = math.degrees(math.atan2(50, 50))
    assert one.angle_deg == pytest.approx(known, abs=0.7)


def test_a_rectangle_on_the_rod_has_its_mean_and_spread(window, hand, measure):
    hand.key("B")
    hand.drag((19.5, 19.5), (39.5, 79.5))
    (one,) = measure.items
    values = measure.values(one)
    assert values.area_mm2 == pytest.approx(42.0 * 14.0, rel=0.03)
    # Borders of pixels can only be hit to a pixel of the canvas.
    inside = measure.values(one)
    assert inside.n_pixels == pytest.approx(1200, abs=80)
    hand.key("Escape")
    hand.key("Escape")
    measure.select(one.id)
    hand.key("Delete")
    hand.key("B")
    hand.drag((24.5, 29.5), (34.5, 69.5))
    (exact,) = measure.items
    values = measure.values(exact)
    assert values.n_pixels == 400
    assert values.mean == pytest.approx(120.0)
    assert values.sd == pytest.approx(np.std([100, 140] * 200, ddof=1))
    assert (values.low, values.high, values.units) == (100, 140, "HU")
    assert not values.is_cut


def test_an_ellipse_has_the_area_of_its_half_axes(window, hand, measure):
    hand.key("L")
    hand.drag((24, 30), (36, 70))
    (one,) = measure.items
    known = math.pi * (12 / 2 * 0.7) * (40 / 2 * 0.7)
    assert one.area_mm2 == pytest.approx(known, rel=0.02)
    assert measure.values(one).mean == pytest.approx(120, abs=2)
    # The ends of the longer axis come first, as in DICOM.
    a, b, c, d = np.array(one.points)
    assert np.linalg.norm(b - a) > np.linalg.norm(d - c)


def test_a_line_drawn_by_hand_closes_by_itself(window, hand, measure):
    hand.key("H")
    turns = np.linspace(0, 2 * math.pi, 60)[:-2]
    circle = [(30 + 20 * math.sin(t), 50 + 20 * math.cos(t)) for t in turns]
    draw_round(hand, circle)
    (one,) = measure.items
    assert one.kind is Kind.FREEHAND
    assert one.area_mm2 == pytest.approx(math.pi * 14**2, rel=0.03)
    assert measure.values(one).n_pixels == pytest.approx(math.pi * 400, rel=0.03)


def test_a_click_draws_nothing(window, hand, measure):
    for key in ("D", "B", "L", "H"):
        hand.key(key)
        hand.click(50, 50)
    assert measure.items == ()
    assert not measure.drawing
    assert kept(window, deleted=True) == ()


def test_lines_stay_in_the_picture(window, hand, measure):
    hand.key("B")
    hand.drag((60, 90), (200, 300))
    (one,) = measure.items
    values = measure.values(one)
    assert not values.is_cut
    last = window.bench.session.volume.grid.to_mm((6, 79.5, 99.5))
    assert np.allclose(np.array(one.points).max(axis=0), last)


def test_text_stays_with_what_can_be_seen(window, hand, measure):
    hand.key("D")
    hand.drag((10, 5), (10, 30))
    hand.drag((40, 50), (40, 90))
    hand.wheel(8, 40, 50, CTRL)
    overlay = window.measurements
    (_one, hidden), (_two, cut) = overlay.looks()
    room = overlay._room()
    assert overlay._painter.text_box(hidden, room) is None
    box = overlay._painter.text_box(cut, room)
    assert room.contains(box)
    # Its right end is out of sight: the text is at the left one.
    assert cut.points[1][0] > room.right()
    assert box.right() == pytest.approx(cut.points[0][0], abs=15)
    assert box.center().y() == pytest.approx(cut.points[0][1], abs=3)


@pytest.mark.parametrize("zoomed", [False, True])
def test_drawings_lie_where_napari_draws_the_voxels(window, hand, measure, zoomed):
    hand.key("D")
    hand.drag((30, 20), (60, 80))
    if zoomed:
        hand.wheel(4, 45, 50, CTRL)
        hand.drag((45, 50), (48, 56), MIDDLE)
    ((_id, look),) = window.measurements.looks()
    index = window.bench.session.volume.grid.to_index(measure.items[0].points)
    for (_k, j, i), shown in zip(index, look.points, strict=True):
        place = hand.at(j, i)
        assert shown == pytest.approx((place.x(), place.y()), abs=1.0)
    hand.key("Escape")
    hand.key("Escape")
    hand.key("D")
    hand.drag((40, 45), (40, 55))
    assert measure.items[1].length_mm == pytest.approx(7.0, abs=2 * pixel(window))


def test_it_is_there_again_with_the_series(window, hand, measure):
    uid = window.bench.session.series_uid
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    (one,) = measure.items
    window.bench.close_series()
    assert measure.items == ()
    assert window.measurements.looks() == []
    open_series(window, uid)
    assert [m.points for m in measure.items] == [one.points]
    assert len(window.measurements.looks()) == 1
    assert not measure.can_undo


def test_what_cannot_be_written_is_taken_back_and_said(
    window, hand, measure, monkeypatch
):
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    (first,) = kept(window)

    def full(self, measurement):
        raise StorageFullError("There is no room left on the disk.")

    monkeypatch.setattr(ProjectStore, "put_measurement", full)
    hand.drag((60, 20), (60, 50))
    assert len(measure.items) == 2
    wait_for(lambda: bool(window.notifier.dialogs))
    wait_for(lambda: not window.bench.jobs.active)
    assert "no room left" in window.notifier.dialogs[-1].text()
    assert [m.id for m in measure.items] == [first.id]


def test_a_series_that_is_not_safe_for_measuring_says_so(window, hand):
    why = Problem("no-spacing", Severity.UNSAFE, "The spacing is not known.")
    open_series(window, add_rod(window, (why,)))
    measure = window.bench.measure
    hand.key("D")
    hand.drag((30, 20), (30, 50))
    (one,) = measure.items
    assert measure.lines(one)[-1] == "geometry not safe for measuring"
    assert "not known" in window.notifier.bar.text.text()
    dock = window.docks["measurements"].widget().widget()
    assert dock.caution.text() == "The spacing is not known."


def test_the_pane_draws_and_measures_other_planes_too(window, measure):
    """The model is ready for coronal and sagittal pictures."""
    grid = window.bench.session.volume.grid
    for plane, box in (
        (Plane.CORONAL, [(1, 30, 30), (1, 30, 60), (5, 30, 60), (5, 30, 30)]),
        (Plane.SAGITTAL, [(1, 22, 31), (1, 38, 31), (5, 38, 31), (5, 22, 31)]),
    ):
        k = box[0][plane.axis]
        measure.add(Kind.RECTANGLE, plane, k, as_points(grid.to_mm(box)))
        one = measure.items[-1]
        values = measure.values(one)
        width = 21.0 if plane is Plane.CORONAL else 11.2
        assert values.area_mm2 == pytest.approx(20 * width)
        assert values.n_pixels == 5 * (31 if plane is Plane.CORONAL else 17)
        assert measure.on_slice(plane, k) == (one,)
    assert measure.on_slice(Plane.AXIAL, 30) == ()
    assert len(kept(window)) == 2
