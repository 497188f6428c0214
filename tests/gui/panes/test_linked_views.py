"""The linked views in the real window, by real mouse and keys, voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Kind, Plane
from medlab_gui.gui.panes.axial_shear import axial_geometry
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.slab import Projection, Slab
from medlab_gui.gui.view_state import Mode
from medlab_gui.imaging.rendering import Rendering
from tests.gui.conftest import kept_window, open_series, reset_view, wait_for
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, RIGHT, SHIFT, Hand
from tests.gui.panes.moving import move
from tests.gui.panes.unique_voxels import SHAPE, grids, make_project, values

pytestmark = pytest.mark.gui

VALUES = values()
LIGHT_PANES = (Plane.CORONAL, Plane.SAGITTAL)


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


def at(pane, flat):
    """Where a pixel of an untouched, unsheared pane is, reckoned from spacing alone."""
    spacing = pane.grid.spacing
    rows, columns = pane.plane.axes
    n_rows, n_columns = SHAPE[rows], SHAPE[columns]
    zoom = 0.98 * min(
        pane.width() / (n_columns * spacing[columns]),
        pane.height() / (n_rows * spacing[rows]),
    )
    x = pane.width() / 2 + zoom * spacing[columns] * (flat[1] - (n_columns - 1) / 2)
    # coronal and sagittal: the head, where k is largest, is up
    y = pane.height() / 2 - zoom * spacing[rows] * (flat[0] - (n_rows - 1) / 2)
    return QPoint(round(x), round(y))


def shown(pane):
    """The grey value at the middle of every pixel of a light pane, as in the array."""
    image = pane.grab().toImage()
    rows, columns = pane.plane.axes
    return np.array(
        [
            [image.pixelColor(at(pane, (r, c))).red() for c in range(SHAPE[columns])]
            for r in range(SHAPE[rows])
        ]
    )


def wheel(widget, notches, held=NONE, point=None):
    point = QPoint(60, 60) if point is None else point
    event = QWheelEvent(
        QPointF(point),
        QPointF(widget.mapToGlobal(point)),
        QPoint(0, 0),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(widget, event)


# ---- what is seen ----------------------------------------------------------------


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


def test_the_canvas_beside_the_panes_shows_its_voxels(opened):
    window = opened()
    hand = Hand(window)
    for k in range(SHAPE[0]):
        window.bench.go_to(k)
        QApplication.processEvents()
        image = window.canvas.grabFramebuffer()
        found = [
            [image.pixelColor(hand.at(j, i)).red() for i in range(SHAPE[2])]
            for j in range(SHAPE[1])
        ]
        assert np.abs(np.array(found) - VALUES[k]).max() <= 2


def test_a_slanted_axial_picture_is_drawn_edited_and_read_where_it_is(opened):
    """Rows 1.5 mm long that lean by 0.3 rad to the left: reckoned by hand."""
    window = opened("slanted")
    view, camera = window.bench.view, window.viewer.scene.camera
    canvas, k = window.canvas, window.bench.session.k

    def place(j, i):
        y, x = camera.center[-2:]
        right, down = i + 1.5 * np.sin(0.3) * j, 1.5 * np.cos(0.3) * j
        return QPoint(
            round(canvas.width() / 2 + (right - x) * camera.zoom),
            round(canvas.height() / 2 + (down - y) * camera.zoom),
        )

    QApplication.processEvents()
    image = canvas.grabFramebuffer()
    for j in range(SHAPE[1]):
        for i in range(SHAPE[2]):
            assert canvas.rect().contains(place(j, i)), "all of it fits"
            found = image.pixelColor(place(j, i)).red()
            assert abs(found - VALUES[k, j, i]) <= 2, (j, i)
    letters = axial_geometry(window.bench.session.volume.grid).edge_letters
    assert letters == ("R", "L", "A", "P")
    move(canvas, place(6, 1), NONE)
    assert window.status.voxel.text().startswith(f"{VALUES[k, 6, 1]} HU")
    QTest.mouseClick(canvas, LEFT, NONE, place(5, 4))
    np.testing.assert_allclose(window.bench.linked.index, (k, 5, 4), atol=0.05)
    view.mode, view.brush_mm = Mode.ANNOTATE, 1.0
    QTest.mouseClick(canvas, LEFT, NONE, place(6, 0))
    assert window.bench.session.mask[k, 6, 0] == 1
    window.bench.undo()
    view.mode = Mode.REVIEW
    # and the next series is straight again
    opened("plain")
    assert np.array_equal(window.stage.image.affine.affine_matrix, np.eye(4))


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


def test_the_comparison_names_the_true_directions_too(opened):
    from medlab_gui.gui.compare_view import CompareLayout
    from medlab_gui.gui.preprocess_bench import PreprocessBench

    window = opened("oblique", PaneLayout.ONE)
    bench = window.main.findChild(PreprocessBench)
    bench.compare(CompareLayout.SIDE)
    try:
        wait_for(lambda: bench.preview is not None)
        assert bench.preview.geometry.edge_letters == ("RI", "LS", "A", "P")
        wait_for(lambda: not window.bench.jobs.active)
    finally:
        bench.compare(None)


def test_the_comparison_draws_slanted_pixels_where_the_canvas_does(opened):
    """Every corner of the slice, against napari's own scene; and back by the mouse."""
    from medlab_gui.gui.compare_view import CompareLayout
    from medlab_gui.gui.preprocess_bench import PreprocessBench

    window = opened("slanted", PaneLayout.ONE)
    picture = window.views._picture
    _n, rows, columns = window.bench.session.volume.grid.shape
    corners = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
    there = picture.to_canvas(corners)
    bench = window.main.findChild(PreprocessBench)
    bench.compare(CompareLayout.DIFFERENCE)
    try:
        wait_for(lambda: bench.panel.pictures.preview is not None)
        wait_for(lambda: not window.bench.jobs.active)
        pictures = bench.panel.pictures
        room = pictures._rooms()[0]
        drawn = [pictures._transform(room).map(QPointF(i, j)) for j, i in corners]
        found = np.array([(p.x(), p.y()) for p in drawn])
        # The rooms differ in size, so the shapes are compared: sides as they lie.
        sides, true_sides = found - found[0], there - there[0]
        scale = np.linalg.norm(sides[3]) / np.linalg.norm(true_sides[3])
        assert np.allclose(sides, true_sides * scale, atol=0.5)
        across, down = true_sides[1:3]
        angle = across @ down / np.linalg.norm(across) / np.linalg.norm(down)
        assert abs(angle) == pytest.approx(np.sin(0.3), abs=0.01)
        for (j, i), point in zip(corners, drawn, strict=True):
            assert pictures.voxel_at(point) == (j, i)
        # What is under the mouse stays there when the wheel zooms, and is dragged.
        spot = drawn[3]
        pictures._zoom_at(spot, 2.0)
        assert pictures.voxel_at(spot) == corners[3]
        before = pictures._flat_at(spot, room)
        start, stop = QPoint(200, 200), QPoint(230, 220)
        QTest.mousePress(pictures, LEFT, NONE, start)
        move(pictures, start, NONE, LEFT)
        move(pictures, stop, NONE, LEFT)
        QTest.mouseRelease(pictures, LEFT, NONE, stop)
        moved = pictures._flat_at(spot + QPointF(stop - start), room)
        assert (moved - before).manhattanLength() < 0.05
    finally:
        bench.compare(None)
        window.bench.camera.fit()


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


def test_a_slice_that_was_never_measured_says_so_everywhere(opened):
    """The second from the head was missing: it is the fourth from the feet."""
    window = opened("holed")
    bench, bar = window.bench, window.slice_bar
    hand = Hand(window)

    def orange():
        """Cells of the bar with orange in their middle row."""
        image, cell = bar.grab().toImage(), bar.width() / SHAPE[0]
        found = set()
        for x in range(bar.width()):
            for y in range(6, bar.height() - 6):
                color = image.pixelColor(x, y)
                if color.red() - color.blue() > 60:
                    found.add(int(x / cell))
        return found

    said = {}
    for k in range(SHAPE[0]):
        bench.go_to(k)
        said[k] = window.views.badge()
        move(window.canvas, hand.at(2, 2), NONE)
        assert window.status.voxel.text() == (
            "not measured" if k == 3 else window.status.voxel.text()
        )
        assert window.status.voxel.text()
    assert [k for k, text in said.items() if text] == [3]
    assert said[3] == "not measured: filled"
    bench.go_to(0)
    assert orange() == {3}
    bench.linked.set_slab(Plane.AXIAL, Slab(Projection.MIP, 10.0))
    bench.go_to(2)
    assert window.views.badge().endswith("1 of 3 slices not measured: filled")
    bench.linked.set_slab(Plane.AXIAL, Slab())
    for plane in LIGHT_PANES:
        assert window.views.panes[plane].badge() == ""
    assert opened("plain").views.badge() == ""
    assert orange() == set()


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


def test_a_slab_is_not_painted_on(opened):
    window = opened()
    window.bench.linked.set_slab(Plane.AXIAL, Slab(Projection.MIP, 10.0))
    window.bench.view.mode = Mode.ANNOTATE
    Hand(window).drag((2, 2), (4, 4))
    assert not window.bench.session.mask.any()
    assert "slab" in window.stage.why_not_editable
    window.bench.linked.set_slab(Plane.AXIAL, Slab())
    assert window.stage.why_not_editable == ""
    Hand(window).drag((2, 2), (4, 4))
    assert window.bench.session.mask.any()


# ---- the crosshair ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "oblique"])
def test_the_same_voxel_from_every_pane_is_the_same_mm(opened, name):
    window = opened(name)
    state = window.bench.linked
    target = (3, 5, 1)
    found = {}
    for plane in (*LIGHT_PANES, Plane.AXIAL):
        state.place((2, 3, 3))
        start = [2.0, 3.0, 3.0]
        start[plane.axis] = target[plane.axis]
        state.place(start)
        flat = [target[a] for a in plane.axes]
        if plane is Plane.AXIAL:
            QTest.mouseClick(window.canvas, LEFT, NONE, Hand(window).at(*flat))
        else:
            pane = window.views.panes[plane]
            QTest.mouseClick(pane, LEFT, NONE, at(pane, flat))
        found[plane] = state.mm
        assert [state.slice_of(p) for p in Plane] == list(target)
        assert window.bench.session.k == 3
        QApplication.processEvents()
    expected = grids()[name].to_mm(target)
    for mm in found.values():
        # a pixel of the screen is a fraction of a millimetre here
        assert np.allclose(mm, expected, atol=0.1)


def test_dragging_and_shift_move_the_crosshair(opened):
    window = opened()
    pane, state = window.views.panes[Plane.SAGITTAL], window.bench.linked
    QTest.mousePress(pane, LEFT, NONE, at(pane, (0, 0)))
    QTest.mouseMove(pane, at(pane, (4, 6)))
    assert [state.slice_of(p) for p in Plane] == [4, 6, 3]
    QTest.mouseRelease(pane, LEFT, NONE, at(pane, (4, 6)))
    QTest.mouseMove(pane, at(pane, (1, 1)))
    assert [state.slice_of(p) for p in Plane] == [4, 6, 3]
    move(pane, at(pane, (1, 2)), SHIFT)
    assert [state.slice_of(p) for p in Plane] == [1, 2, 3]
    window.bench.view.mode = Mode.ANNOTATE
    move(window.canvas, Hand(window).at(5, 4), SHIFT)
    assert [state.slice_of(p) for p in Plane] == [1, 5, 4]
    assert not window.bench.session.mask.any()


def test_the_lines_of_the_crosshair_meet_at_its_voxel(opened):
    window = opened()
    window.bench.view.crosshair = True
    window.bench.linked.place((1, 5, 4))
    for plane in LIGHT_PANES:
        pane = window.views.panes[plane]
        flat = [(1, 5, 4)[a] for a in plane.axes]
        offset = pane.crosshair_at() - QPointF(at(pane, flat))
        assert abs(offset.x()) <= 1
        assert abs(offset.y()) <= 1
    offset = window.views.crosshair_at() - QPointF(Hand(window).at(5, 4))
    assert abs(offset.x()) <= 1
    assert abs(offset.y()) <= 1


def test_wheel_and_keys_scroll_the_pane_under_the_hand(opened):
    window = opened()
    state = window.bench.linked
    coronal = window.views.panes[Plane.CORONAL]
    wheel(coronal, 2)
    assert state.slice_of(Plane.CORONAL) == 5
    wheel(window.canvas, 1)
    assert [state.slice_of(p) for p in Plane] == [3, 5, 3]
    QTest.mouseClick(coronal, LEFT, NONE, at(coronal, (3, 3)))
    QTest.keyClick(coronal, Qt.Key.Key_Down)
    assert [state.slice_of(p) for p in Plane] == [3, 4, 3]
    QTest.keyClick(coronal, Qt.Key.Key_Home)
    assert [state.slice_of(p) for p in Plane] == [3, 0, 3]
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Up)
    assert [state.slice_of(p) for p in Plane] == [4, 0, 3]


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


# ---- layouts ----------------------------------------------------------------------


def test_layouts_by_keys_and_double_click(opened):
    window = opened(layout=PaneLayout.ONE)
    area = window.views.area
    assert area.shown == ("axial",)
    QTest.keyClick(window.canvas, Qt.Key.Key_V)
    assert set(area.shown) == {"axial", "coronal", "sagittal"}
    pane = window.views.panes[Plane.SAGITTAL]
    QTest.mouseDClick(pane, LEFT, NONE, QPoint(40, 40))
    assert area.shown == ("sagittal",)
    assert pane.size() == area.size()
    QTest.mouseDClick(pane, LEFT, NONE, QPoint(40, 40))
    assert set(area.shown) == {"axial", "coronal", "sagittal"}
    QTest.mouseDClick(window.canvas, LEFT, NONE, Hand(window).at(3, 3))
    assert area.shown == ("axial",)
    assert window.canvas.size() == area.size()
    QTest.mouseDClick(window.canvas, LEFT, NONE, Hand(window).at(3, 3))
    assert len(area.shown) == 3


def test_nothing_open_shows_the_welcome_page_alone(opened):
    window = opened()
    assert len(window.views.area.shown) == 3
    window.bench.close_series()
    wait_for(lambda: not window.bench.jobs.active)
    assert window.views.area.shown == ("axial",)
    assert window.welcome.isVisible()


def test_the_layout_is_remembered(opened):
    window = opened(layout=PaneLayout.LARGE)
    window._save_geometry()  # as closing does
    window.bench.linked.layout = PaneLayout.ONE
    window._restore_geometry()  # as the next start does
    assert window.bench.linked.layout is PaneLayout.LARGE
    window.bench.linked.restore("no such layout")
    assert window.bench.linked.layout is PaneLayout.LARGE
    window.bench.linked.layout = PaneLayout.ONE
    window._save_geometry()


# ---- measuring -----------------------------------------------------------------------


@pytest.mark.parametrize("plane", LIGHT_PANES)
def test_a_distance_is_measured_in_every_pane_in_mm(opened, plane):
    window = opened()
    measure, pane = window.bench.measure, window.views.panes[plane]
    wait_for(lambda: measure.list is not None)
    before = len(measure.items)
    measure.tool = Kind.DISTANCE
    begin, end = at(pane, (1, 1)), at(pane, (3, 4))
    QTest.mousePress(pane, LEFT, NONE, begin)
    for n in range(1, 6):
        QTest.mouseMove(pane, begin + (end - begin) * n / 5)
    QTest.mouseRelease(pane, LEFT, NONE, end)
    measure.tool = None
    assert len(measure.items) == before + 1
    made = measure.items[-1]
    assert made.plane is plane
    spacing = window.bench.session.volume.grid.spacing
    steps = np.array([2, 3]) * [spacing[a] for a in plane.axes]
    length = np.linalg.norm(np.subtract(*made.points))
    assert length == pytest.approx(np.linalg.norm(steps), abs=0.15)
    assert window.bench.linked.slice_of(plane) == 3, "the crosshair stays"
    window.bench.linked.step(plane, 2)
    measure.show(made)
    assert window.bench.linked.slice_of(plane) == 3


# ---- 3D ----------------------------------------------------------------------------


def test_the_3d_view_is_made_when_it_is_asked_for_and_turns(unique_window, opened):
    window = opened()
    assert "volume" not in window.views.area.shown
    window.bench.linked.layout = PaneLayout.QUAD
    pane = window.views.volume
    assert set(window.views.area.shown) == {"axial", "coronal", "sagittal", "volume"}
    wait_for(lambda: pane.picture is not None and pane.is_fine)
    before = pane.picture.copy()
    yaw = pane.view_point.yaw
    QTest.mousePress(pane, LEFT, NONE, QPoint(50, 50))
    QTest.mouseMove(pane, QPoint(90, 50))
    QTest.mouseRelease(pane, LEFT, NONE, QPoint(90, 50))
    turned = (yaw - pane.view_point.yaw) % 360
    assert turned == pytest.approx(40 * 180 / min(pane.width(), pane.height()))
    wait_for(lambda: pane.is_fine)
    assert pane.picture != before
    window.bench.linked.rendering = Rendering.VOLUME
    wait_for(lambda: pane.is_fine)
    QTest.mouseDClick(pane, LEFT, NONE, QPoint(40, 40))
    assert window.views.area.shown == ("volume",)
    QTest.keyClick(pane, Qt.Key.Key_V)
    assert window.bench.linked.layout is PaneLayout.ONE
    assert window.views.area.shown == ("axial",)
    window.bench.linked.rendering = Rendering.MIP


def test_the_3d_view_marks_the_crosshair_where_the_voxel_is(opened):
    window = opened(layout=PaneLayout.QUAD)
    pane = window.views.volume
    wait_for(lambda: pane.picture is not None and pane.is_fine)
    grid = window.bench.session.volume.grid
    middle = (np.array(SHAPE) - 1) / 2
    at_middle = pane.place_of(grid.to_mm(middle))
    assert at_middle.x() == pytest.approx(pane.width() / 2)
    assert at_middle.y() == pytest.approx(pane.height() / 2)
    # from the front: left of the patient is right, the head is up
    left_and_up = pane.place_of(grid.to_mm(middle + np.array([1, 0, 2])))
    assert left_and_up.x() > at_middle.x() + 3
    assert left_and_up.y() < at_middle.y() - 3
    assert pane.place_of(grid.to_mm(middle + np.array([0, 2, 0]))).x() == at_middle.x()


def test_the_3d_view_has_a_window_of_its_own(opened):
    window = opened(layout=PaneLayout.QUAD)
    pane, view = window.views.volume, window.bench.view
    wait_for(lambda: pane.picture is not None and pane.is_fine)
    # from fat to the brightest of the body, seen from the front
    peaks = window.bench.session.volume.data.max(axis=1)
    white = min(max(np.percentile(peaks[peaks > -300], 97), 500.0), 2500.0)
    first = ((white - 100) / 2, white + 100)
    assert pane.window_shown == pytest.approx(first)
    before, slices = pane.picture.copy(), (view.level, view.width)
    QTest.mousePress(pane, RIGHT, NONE, QPoint(50, 50))
    event_at = QPoint(90, 70)
    move(pane, event_at, NONE, RIGHT)
    QTest.mouseRelease(pane, RIGHT, NONE, event_at)
    wait_for(lambda: pane.is_fine)
    level, width = pane.window_shown
    step = 2 * first[1] / pane.width()
    assert width == pytest.approx(first[1] + 40 * step)
    assert level == pytest.approx(first[0] + 20 * step)
    assert pane.picture != before
    assert (view.level, view.width) == slices
    window.own_window()
    assert pane.window_shown == pytest.approx(first)
    wait_for(lambda: pane.is_fine)


def test_presets_go_to_the_3d_view_while_it_has_the_keys(opened):
    window = opened(layout=PaneLayout.QUAD)
    pane, view, linked = window.views.volume, window.bench.view, window.bench.linked
    wait_for(lambda: pane.picture is not None and pane.is_fine)
    first, slices = pane.window_shown, (view.level, view.width)
    window.main.activateWindow()
    pane.setFocus()
    QTest.keyClick(pane, Qt.Key.Key_5)
    assert pane.window_shown == (400.0, 2000.0), "bone"
    assert (view.level, view.width) == slices
    linked.rendering = Rendering.VOLUME
    assert pane.window_shown == (200.0, 600.0), "a volume has a window of its own"
    linked.rendering = Rendering.MIP
    assert pane.window_shown == (400.0, 2000.0)
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_4)
    assert (view.level, view.width) == (-600.0, 1500.0), "lung"
    assert pane.window_shown == (400.0, 2000.0)
    pane.setFocus()
    QTest.keyClick(pane, Qt.Key.Key_0)
    assert pane.window_shown == first
    wait_for(lambda: pane.is_fine)
