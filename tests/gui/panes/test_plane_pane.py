"""A coronal and a sagittal view, voxel by voxel, by real mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.slab import Projection, Slab
from medlab_gui.gui.view_state import Mode
from tests.gui.conftest import wait_for
from tests.gui.hand import CTRL, MIDDLE, NONE, RIGHT, Hand, wheel
from tests.gui.moving import move
from tests.gui.panes.seen import LIGHT_PANES, VALUES, at, shown
from tests.gui.panes.unique_voxels import SHAPE, grids

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("name", ["plain", "oblique"])
@pytest.mark.parametrize("plane", LIGHT_PANES)
def test_every_slice_shows_its_own_voxels(opened, name, plane):
    pane = opened(name).views.panes[plane]
    wheel(pane, -20)
    for index in range(SHAPE[plane.axis]):
        assert pane.slice_index == index
        assert np.array_equal(shown(pane), np.take(VALUES, index, plane.axis))
        wheel(pane, 1)
    assert pane.slice_index == SHAPE[plane.axis] - 1, "the end holds"


@pytest.mark.parametrize("plane", LIGHT_PANES)
def test_a_tilted_stack_shows_its_voxels_where_they_are(opened, plane):
    pane = opened("tilted").views.panes[plane]
    image = pane.grab().toImage()
    expected = np.take(VALUES, pane.slice_index, plane.axis)
    rows, columns = plane.axes
    steps = grids()["tilted"].affine[:3, [rows, columns]]
    # the screen's axes in the patient: right is P or L, down is I
    right = np.array([0, 1, 0] if plane is Plane.SAGITTAL else [1, 0, 0])
    xy = np.stack([right @ steps, np.array([0, 0, -1.0]) @ steps])
    if plane is Plane.CORONAL:
        xy[1] = [-4.0, 0.0]
    middle = (np.array(expected.shape) - 1) / 2
    for r in range(expected.shape[0]):
        for c in range(expected.shape[1]):
            x, y = pane.camera.zoom * (xy @ (np.array([r, c]) - middle))
            point = QPointF(pane.width() / 2 + x, pane.height() / 2 + y).toPoint()
            assert image.pixelColor(point).red() == expected[r, c], (r, c)


def test_letters_name_the_true_directions(opened):
    letters = {
        name: {
            plane: opened(name).views.panes[plane]._geometry.edge_letters
            for plane in LIGHT_PANES
        }
        for name in ("plain", "oblique", "tilted")
    }
    assert letters["plain"][Plane.CORONAL] == ("R", "L", "S", "I")
    assert letters["plain"][Plane.SAGITTAL] == ("A", "P", "S", "I")
    assert letters["oblique"][Plane.CORONAL] == ("RI", "LS", "SR", "IL")
    assert letters["oblique"][Plane.SAGITTAL] == ("A", "P", "SR", "IL")
    assert letters["tilted"][Plane.SAGITTAL] == ("A", "P", "S", "I")


def test_corner_text_says_slice_and_side_and_can_be_hidden(opened):
    window = opened()
    pane = window.views.panes[Plane.CORONAL]
    top, bottom = pane.corner_lines()
    assert top == ["Coronal", "Slice 4 / 7", "A 15.5 mm"]
    assert bottom == [f"{pane.camera.zoom:.1f} px/mm"]
    assert opened("oblique").views.panes[Plane.CORONAL].corner_lines()[0][0] == (
        "Coronal, oblique"
    )
    corner = (0, 0, 60, 20)
    hidden = pane.grab().toImage().copy(*corner)
    QTest.keyClick(pane, Qt.Key.Key_I)
    assert window.bench.view.corner_text
    assert pane.grab().toImage().copy(*corner) != hidden


def test_the_mask_has_its_colours_and_its_outline(opened):
    window = opened()
    session, view = window.bench.session, window.bench.view
    view.mask_opacity = 1.0
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:4, 3, 2:5] = 1
    mask[4, 3, 5] = 2
    session.apply("fill", (slice(None),) * 3, mask)
    pane = window.views.panes[Plane.CORONAL]
    liver = session.scheme.classes[0].color
    spleen = session.scheme.classes[1].color
    wait_for(lambda: pane.grab().toImage().pixelColor(at(pane, (2, 3))).red() != 0)

    def color(flat):
        return pane.grab().toImage().pixelColor(at(pane, flat)).getRgb()[:3]

    wait_for(lambda: color((2, 3)) == liver)
    assert color((4, 5)) == spleen
    assert color((0, 0)) == (VALUES[0, 3, 0],) * 3
    view.outline = True
    assert color((2, 3)) == (VALUES[2, 3, 3],) * 3
    edge = at(pane, (3.5, 3)) + QPoint(0, 1)
    assert pane.grab().toImage().pixelColor(edge).getRgb()[:3] == liver
    view.mask_visible = False
    assert np.array_equal(shown(pane), VALUES[:, 3])


def test_a_brush_stroke_on_the_canvas_reaches_the_panes(opened):
    window = opened()
    view, hand = window.bench.view, Hand(window)
    view.mode, view.brush_mm, view.mask_opacity = Mode.ANNOTATE, 1.0, 1.0
    pane = window.views.panes[Plane.SAGITTAL]
    hand.click(3, 3)
    assert window.bench.session.mask[2, 3, 3] == 1
    liver = window.bench.session.scheme.classes[0].color

    def color():
        return pane.grab().toImage().pixelColor(at(pane, (2, 3))).getRgb()[:3]

    wait_for(lambda: color() == liver)
    window.bench.undo()
    wait_for(lambda: color() == (VALUES[2, 3, 3],) * 3)


@pytest.mark.parametrize(
    ("projection", "best"), [(Projection.MIP, np.max), (Projection.MINIP, np.min)]
)
def test_a_slab_of_each_pane(opened, projection, best):
    window = opened()
    state = window.bench.linked
    state.set_slab(Plane.CORONAL, Slab(projection, 3.0))
    state.set_slab(Plane.AXIAL, Slab(projection, 10.0))
    pane = window.views.panes[Plane.CORONAL]
    assert np.array_equal(shown(pane), best(VALUES[:, 2:5], axis=1))
    assert pane.badge() == f"slab 3 mm {'MIP' if best is np.max else 'MinIP'}, 3 slices"
    hand = Hand(window)
    QApplication.processEvents()
    image = window.canvas.grabFramebuffer()
    expected = best(VALUES[1:4], axis=0)
    for j in range(SHAPE[1]):
        for i in range(SHAPE[2]):
            found = image.pixelColor(hand.at(j, i)).red()
            assert abs(found - expected[j, i]) <= 2, (j, i)


def test_the_status_bar_reads_the_voxel_under_the_mouse(opened):
    window = opened()
    pane = window.views.panes[Plane.CORONAL]
    move(pane, at(pane, (4, 1)), NONE)
    text = window.status.voxel.text()
    assert text.startswith(f"{VALUES[4, 3, 1]} HU")
    assert "column 2, row 4, slice 5" in text
    assert "A 15.5" in text


def test_zoom_move_and_window_in_a_pane(opened):
    window = opened()
    pane, view = window.views.panes[Plane.CORONAL], window.bench.view
    zoom, place = pane.camera.zoom, at(pane, (1, 1))
    under = pane.index_at(place.x(), place.y())
    wheel(pane, 2, CTRL, place)
    assert pane.camera.zoom == pytest.approx(zoom * 1.44)
    assert np.allclose(pane.index_at(place.x(), place.y()), under)
    QTest.mousePress(pane, MIDDLE, NONE, place)
    QTest.mouseMove(pane, place + QPoint(20, 10))
    QTest.mouseRelease(pane, MIDDLE, NONE, place + QPoint(20, 10))
    assert np.allclose(pane.index_at(place.x() + 20, place.y() + 10), under)
    level, width = view.level, view.width
    QTest.mousePress(pane, RIGHT, NONE, place)
    QTest.mouseMove(pane, place + QPoint(30, 15))
    QTest.mouseRelease(pane, RIGHT, NONE, place + QPoint(30, 15))
    assert view.width > width
    assert view.level > level
    window.fit()
    assert pane.camera.zoom == pytest.approx(zoom)
