"""The linked views in the real window, by real mouse and keys, voxel by voxel."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.core.measurements import Kind, Plane
from medlab_gui.gui.docks.studies import StudiesDock
from medlab_gui.gui.measure_overlay import MeasureOverlay
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.slab import Projection, Slab
from medlab_gui.gui.view_state import Mode
from tests.gui.buttons import Buttons
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import LEFT, NONE, RIGHT, SHIFT, Hand, wheel
from tests.gui.moving import move
from tests.gui.panes.seen import LIGHT_PANES, VALUES, at
from tests.gui.panes.unique_voxels import SHAPE, grids
from tests.gui.panes.written import Written

pytestmark = pytest.mark.gui


# ---- what is seen ----------------------------------------------------------------


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


def test_a_slice_that_was_never_measured_says_so_everywhere(opened):
    """The second from the head was missing: it is the fourth from the feet."""
    window = opened("holed")
    bench, bar = window.bench, window.slice_bar
    hand = Hand(window)

    def orange():
        """Cells of the bar with orange in them; their edges are nobody's."""
        image, cell = bar.grab().toImage(), bar.width() / SHAPE[0]
        found = set()
        for x in range(bar.width()):
            for y in range(6, bar.height() - 6):
                color = image.pixelColor(x, y)
                if color.red() - color.blue() > 60 and 1 <= x % cell <= cell - 1:
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


def test_under_the_mouse_stands_what_a_slab_shows(opened):
    window = opened()
    bench, told = window.bench, window.status.voxel
    pane = window.views.panes[Plane.SAGITTAL]
    bench.linked.place((3, 2, 2))
    data = bench.session.volume.data
    mm = float(bench.session.volume.grid.spacing[2]) * 2.2
    for projection, of in ((Projection.MIP, np.max), (Projection.MINIP, np.min)):
        bench.linked.set_slab(Plane.SAGITTAL, Slab(projection, mm))
        move(pane, at(pane, (2, 1)), NONE)
        seen, inside = of(data[2, 1, 1:4]), data[2, 1, 2]
        assert told.text().startswith(("MIP", "MinIP"))
        assert f" {seen:g} " in told.text()
        assert f"(voxel {inside:g})" in told.text()
    bench.linked.set_slab(Plane.AXIAL, Slab(Projection.MIP, 1000.0))
    move(window.canvas, Hand(window).at(1, 2), NONE)
    assert told.text().startswith(f"MIP {data[:, 1, 2].max():g} ")
    for plane in (Plane.SAGITTAL, Plane.AXIAL):
        bench.linked.set_slab(plane, Slab())
    move(window.canvas, Hand(window).at(1, 3), NONE)
    assert told.text().startswith(f"{data[3, 1, 3]:g} ")


# ---- layouts ----------------------------------------------------------------------


def double_click(widget, at: QPoint) -> None:
    """As widgets get it from the system: the second press is the double click."""
    QTest.mouseClick(widget, LEFT, NONE, at)
    spot = QPointF(at), QPointF(widget.mapToGlobal(at))
    kind = QEvent.Type.MouseButtonDblClick
    QApplication.sendEvent(widget, QMouseEvent(kind, *spot, LEFT, LEFT, NONE))
    QTest.mouseRelease(widget, LEFT, NONE, at)


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


def test_a_double_click_leaves_the_crosshair_where_it_was(opened):
    window = opened()
    state, area = window.bench.linked, window.views.area
    state.place((2, 1, 3))
    place, k = state.index, window.bench.session.k
    pane = window.views.panes[Plane.SAGITTAL]
    double_click(pane, QPoint(5, 5))
    assert area.shown == ("sagittal",)
    assert state.index.tolist() == place.tolist()
    assert window.bench.session.k == k
    double_click(pane, QPoint(60, 90))
    assert len(area.shown) == 3
    assert state.index.tolist() == place.tolist()
    double_click(window.canvas, Hand(window).at(3, 3))
    assert area.shown == ("axial",)
    assert state.index.tolist() == place.tolist()
    double_click(window.canvas, Hand(window).at(1, 2))
    QTest.mouseClick(window.canvas, LEFT, NONE, Hand(window).at(3, 3))
    assert state.index.tolist() == pytest.approx([2, 3, 3], abs=0.6)  # one click does


def test_nothing_open_shows_the_welcome_page_alone(opened):
    window = opened()
    assert len(window.views.area.shown) == 3
    window.bench.close_series()
    wait_for(lambda: not window.bench.jobs.active)
    assert window.welcome.isVisible()
    wait_for(lambda: window.views.area.shown == ("axial",))


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


def test_figures_of_a_region_say_that_they_are_not_of_the_slab(opened):
    window = opened()
    bench, plane = window.bench, Plane.CORONAL
    measure, pane = bench.measure, window.views.panes[plane]
    wait_for(lambda: measure.list is not None)
    measure.tool = Kind.RECTANGLE
    begin, end = at(pane, (0, 1)), at(pane, (3, 4))
    QTest.mousePress(pane, LEFT, NONE, begin)
    for n in range(1, 6):
        QTest.mouseMove(pane, begin + (end - begin) * n / 5)
    QTest.mouseRelease(pane, LEFT, NONE, end)
    measure.tool = None
    overlay = pane.findChild(MeasureOverlay)

    def told():
        """What is written on the rectangle; others may have measured, too."""
        kept = (look for _id, look in overlay.looks() if look.kind is Kind.RECTANGLE)
        return next(kept).text

    wait_for(lambda: bool(told()))
    plain = told()
    assert not any("slab" in line for line in plain)
    bench.linked.set_slab(plane, Slab(Projection.MIP, 1000.0))
    assert told() == (*plain, "of the slice, not the slab")
    bench.linked.set_slab(plane, Slab())
    assert told() == plain


def test_what_a_menu_does_is_done_to_the_picture_that_had_the_keys(opened):
    window = opened(layout=PaneLayout.QUAD)
    linked, coronal = window.bench.linked, window.views.panes[Plane.CORONAL]
    run = window.menus.app.commands.execute_command
    window.main.activateWindow()
    wait_for(window.main.isActiveWindow)
    QTest.mouseClick(coronal, LEFT, NONE, QPoint(40, 40))
    assert window.main.focusWidget() is coronal
    # beside the last menu: the window itself must not take the keys
    bar = window.main.menuBar()
    QTest.mouseClick(bar, LEFT, NONE, QPoint(bar.width() - 3, 3))
    assert window.main.focusWidget() is coronal
    window.show_dock("studies")
    window.main.findChild(StudiesDock).tree.setFocus()
    run("medlab.view.slab_mean").result()
    run("medlab.view.slab_10mm").result()
    try:
        assert linked.slab(Plane.CORONAL) == Slab(Projection.MEAN, 10.0)
        assert not linked.slab(Plane.AXIAL).is_on
    finally:
        linked.set_slab(Plane.CORONAL, Slab())


def test_what_must_be_known_of_a_small_picture_is_clear_of_its_letter(
    opened, monkeypatch
):
    window = opened(layout=PaneLayout.QUAD)
    linked, text = window.bench.linked, window.text
    window.bench.view.letters = window.bench.view.corner_text = True
    linked.set_slab(Plane.AXIAL, Slab(Projection.MIP, 10.0))
    try:
        written = Written()
        with monkeypatch.context() as patch:
            patch.setattr(text, "stamps", written)
            text.setFixedWidth(260)
            text.grab()
    finally:
        text.setMinimumWidth(0)
        text.setMaximumWidth(10_000)
        text.setGeometry(window.canvas.rect())
        linked.set_slab(Plane.AXIAL, Slab())
    letter = written.rooms["A"]
    assert window.views.area.shown[0] == "axial"
    (badge,) = (room for line, room in written.rooms.items() if "MIP" in line)
    assert badge.left() < letter.right(), "it is long enough to meet it"
    assert not badge.intersects(letter)


def test_the_views_stay_where_they_are_while_another_series_opens(
    unique_window, opened
):
    """The canvas got all the room in between, and everything was drawn twice."""
    _window, uids = unique_window
    window = opened("plain", layout=PaneLayout.QUAD)
    sizes = []

    def note():
        sizes.append(window.canvas.size().toTuple())

    before = window.canvas.size().toTuple()
    window.bench.session_changed.connect(note)
    try:
        open_series(window, uids["oblique"])
    finally:
        window.bench.session_changed.disconnect(note)
    assert sizes == [before, before]
    window.bench.close_series()
    wait_for(lambda: window.views.area.shown == ("axial",))
    assert window.canvas.size() == window.views.area.size()


@pytest.mark.parametrize("plane", LIGHT_PANES)
def test_a_second_button_does_not_disturb_what_the_first_one_does(opened, plane):
    window = opened()
    bench, pane = window.bench, window.views.panes[plane]
    measure, view = bench.measure, bench.view
    wait_for(lambda: measure.list is not None)
    buttons = Buttons(SimpleNamespace(canvas=pane, at=lambda r, c: at(pane, (r, c))))
    for one in measure.items:
        measure.select(one.id)
        measure.remove_selected()
    before = view.level, view.width
    for tool in (None, Kind.DISTANCE):  # else it takes hold of the line
        measure.tool = tool
        buttons.press(1, 1)
        buttons.press(1, 2, RIGHT)
        buttons.to(2, 3)
        buttons.release(2, 3, RIGHT)
        buttons.release(3, 4)
    assert (view.level, view.width) == before
    (made,) = measure.items
    spacing = bench.session.volume.grid.spacing
    steps = np.array([2, 3]) * [spacing[a] for a in plane.axes]
    assert made.length_mm == pytest.approx(np.linalg.norm(steps), abs=0.2)
    # A drag of the crosshair whose release another window got is over.
    measure.remove_selected()
    measure.tool = None
    buttons.press(1, 1)
    buttons.down = Qt.MouseButton.NoButton
    buttons.to(3, 4)
    place = [bench.linked.slice_of(p) for p in Plane]
    assert [place[a] for a in plane.axes] == [1, 1]
