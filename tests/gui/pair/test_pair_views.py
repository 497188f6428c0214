"""Two series in the real window, by real mouse; balls are at known places in both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import QContextMenuEvent, QFontMetricsF, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.docks.studies import StudiesDock
from medlab_gui.gui.pair.choose_series import SeriesChooser
from medlab_gui.gui.pair.pair_state import Link, OverlayLook
from medlab_gui.gui.pair.plane_tint import tint_image
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.view_state import Mode
from tests.gui.conftest import open_series, wait_for
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, RIGHT, SHIFT, Hand
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS, grids, voxels
from tests.gui.panes.moving import move

pytestmark = pytest.mark.gui

GRIDS = grids()
CT_Z = [-42.0 + 3 * k for k in range(30)]


def place(window, mm):
    """Where a place is in the pane of the second series, tied to an untouched first.

    From spacing and origin of the first alone: the same place of the patient is in the
    middle of both pictures, and a millimetre is as long.
    """
    pane, canvas, grid = window.pair.pane, window.canvas, GRIDS["CT"]
    _dz, dy, dx = grid.spacing
    _z, rows, columns = grid.shape
    zoom = 0.98 * min(canvas.width() / (columns * dx), canvas.height() / (rows * dy))
    middle = grid.affine[:2, 3] + [dx * (columns - 1) / 2, dy * (rows - 1) / 2]
    x, y = (np.array(mm[:2]) - middle) * zoom
    return QPoint(round(pane.width() / 2 + x), round(pane.height() / 2 + y))


def gray(pane, point):
    return pane.grab().toImage().pixelColor(point).lightness()


def wheel(widget, notches, held=NONE, at=None):
    point = at if at is not None else widget.rect().center()
    event = QWheelEvent(
        QPointF(point),
        QPointF(widget.mapToGlobal(point)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(widget, event)


def drag(widget, start, way, button):
    QTest.mousePress(widget, button, NONE, start)
    for n in range(1, 5):
        QTest.mouseMove(widget, start + way * n / 4)
    QTest.mouseRelease(widget, button, NONE, start + way)


def point_at(widget, point):
    """Move the mouse with no button down."""
    move(widget, point, NONE)


# ---- beside -----------------------------------------------------------------------


def test_slices_go_by_position_and_none_is_made_up(compare):
    window = compare("PET")
    pane, pair = window.pair.pane, window.bench.pair
    assert pair.link is Link.POSITION
    assert pane.isVisible()
    seen = set()
    for k, z in enumerate(CT_Z):
        window.bench.go_to(k)
        distances = np.abs(-31.0 + 4 * np.arange(22) - z)
        is_there = distances.min() <= 2
        if is_there:
            assert distances[pane.slice_index] == distances.min()
            assert pane.message() == ""
        else:
            assert pane.slice_index is None
            assert f"{distances.min():.1f} mm away" in pane.message()
            assert pane.grab().toImage().pixelColor(5, 5).lightness() == 0
        seen.add(is_there)
    assert seen == {True, False}


def test_the_balls_are_where_they_are_in_the_patient(compare):
    window = compare("PET")
    pane = window.pair.pane
    window.bench.pair.set_window(5.0, 10.0)
    for ball, other in (BALLS, BALLS[::-1]):
        window.bench.go_to(CT_Z.index(ball[2]))
        assert gray(pane, place(window, ball)) > 120
        assert gray(pane, place(window, other)) < 30
        assert gray(pane, place(window, (0, 0))) < 30


def test_the_wheel_moves_both_when_linked_and_one_when_not(compare):
    window = compare("PET")
    pane, bench = window.pair.pane, window.bench
    before = pane.slice_index
    wheel(pane, 2)
    assert bench.session.k == 12
    assert pane.slice_index == before + 1  # z = -6: its slices are at -11, -7, -3
    Hand(window).wheel(-2)
    assert (bench.session.k, pane.slice_index) == (10, before)
    bench.pair.link = Link.FREE
    here = pane.slice_index
    wheel(pane, 3)
    assert (bench.session.k, pane.slice_index) == (10, here + 3)
    wheel(pane, 100)
    assert pane.slice_index == 21
    bench.step(5)
    assert pane.slice_index == 21


def test_zoom_place_and_window_are_its_own_where_positions_are_not_compared(compare):
    window = compare("Later CT")
    pane, bench = window.pair.pane, window.bench
    assert bench.pair.link is Link.FREE
    camera = window.viewer.scene.camera
    zoom, level, width = camera.zoom, bench.view.level, bench.view.width
    at = QPoint(90, 120)
    under, own = pane.index_at(QPointF(at)), pane.camera.zoom
    wheel(pane, 2, CTRL, at)
    assert pane.camera.zoom == pytest.approx(own * 1.44)
    np.testing.assert_allclose(pane.index_at(QPointF(at)), under, atol=1e-6)
    drag(pane, at, QPoint(40, -24), MIDDLE)
    np.testing.assert_allclose(
        pane.index_at(QPointF(at + QPoint(40, -24))), under, atol=1e-6
    )
    was = bench.pair.level, bench.pair.width
    drag(pane, at, QPoint(60, 0), RIGHT)
    assert bench.pair.width > was[1]
    assert bench.pair.level == was[0]
    drag(pane, at, QPoint(0, 60), RIGHT)
    assert bench.pair.level > was[0]
    assert (camera.zoom, bench.view.level, bench.view.width) == (zoom, level, width)
    assert bench.session.k == 10
    QTest.mouseDClick(pane, LEFT, NONE, at)
    assert pane.camera.fits


@pytest.mark.parametrize("second", ["PET", "MR oblique"])
def test_both_look_at_the_same_place_where_positions_are_compared(compare, second):
    window = compare(second)
    pane, hand = window.pair.pane, Hand(window)
    camera, grid = window.viewer.scene.camera, GRIDS["CT"]

    def middles():
        """The patient's position in the middle of both pictures, across and down."""
        y, x = camera.center[-2:]
        first = grid.affine[:2, 3] + [x, y]
        middle = pane.index_at(QPointF(pane.width() / 2, pane.height() / 2))
        return first, GRIDS[second].to_mm(middle)[:2]

    def together():
        first, its = middles()
        np.testing.assert_allclose(first, its, atol=0.01)
        assert pane.camera.zoom == pytest.approx(camera.zoom)

    together()
    hand.wheel(3, 20, 30, held=CTRL)
    together()
    before, zoom = middles()[0], camera.zoom
    hand.drag((40, 40), (50, 60), MIDDLE)
    together()
    assert np.abs(middles()[0] - before).max() > 5
    at = QPoint(90, 120)
    under = pane.index_at(QPointF(at))
    wheel(pane, 1, CTRL, at)
    together()
    assert camera.zoom == pytest.approx(1.2 * zoom)
    np.testing.assert_allclose(pane.index_at(QPointF(at)), under, atol=1e-6)
    drag(pane, at, QPoint(40, -24), MIDDLE)
    together()
    window.bench.go_to(14)
    settle(window)
    together()
    QTest.mouseDClick(pane, LEFT, NONE, at)
    together()
    assert camera.zoom == pytest.approx(
        0.98 * min(window.canvas.width() / 140, window.canvas.height() / 144), rel=1e-3
    )
    window.bench.pair.link = Link.FREE
    settle(window)
    own = pane.camera.zoom
    hand.wheel(2, held=CTRL)
    assert pane.camera.zoom == own


def test_what_is_under_the_mouse_is_told_in_its_units(compare):
    window = compare("PET")
    window.bench.view.corner_text = True
    pane = window.pair.pane
    point_at(pane, place(window, BALLS[0]))
    assert pane.bottom_lines()[0] == "9 SUV"
    point_at(pane, place(window, (0.0, 0.0)))
    assert pane.bottom_lines()[0] == "0.5 SUV"
    window.bench.go_to(CT_Z.index(21.0))
    point_at(pane, place(window, BALLS[1]))
    assert pane.bottom_lines()[0] == "6 SUV"
    window.bench.go_to(10)  # the mouse rests, another slice comes under it
    assert pane.bottom_lines()[0] == "0.5 SUV"
    # slice of the CT at z = -12, of the PET at -11
    assert pane.corner_lines()[1:] == [
        "Slice 6 / 22",
        "I 11.0 mm",
        "1.0 mm from the first's plane",
    ]


class Written:
    """Takes the place of stamps: remembers which room each text took."""

    def __init__(self):
        self.rooms = {}

    def write(self, _painter, font, at, text, _color=None):
        metrics = QFontMetricsF(font)
        top = at.y() - metrics.ascent()
        size = (metrics.horizontalAdvance(text), metrics.height())
        self.rooms[text] = QRectF(at.x(), top, *size)


@pytest.mark.parametrize("words", [1, 3, 4])
def test_a_long_title_does_not_lie_under_the_letter_of_the_edge(
    compare, monkeypatch, words
):
    window = compare("PET")
    pane, state = window.pair.pane, window.bench.pair
    window.bench.view.corner_text = window.bench.view.letters = True
    title = " ".join(["Perfusion"] * words)
    written = Written()
    with monkeypatch.context() as patch:
        patch.setattr(state, "second", replace(state.second, title=title))
        patch.setattr(pane, "_stamps", written)
        pane.grab()
        lines = pane.corner_lines()
    letter = written.rooms.pop("A")
    assert title in written.rooms, "not cut short either"
    assert written.rooms[title].right() <= pane.width()
    for text, room in written.rooms.items():
        assert not room.intersects(letter), text
    tops = [written.rooms[line].top() for line in lines]
    assert tops == sorted(tops)


def test_letters_and_colours_are_drawn(compare):
    window = compare("PET")
    pane = window.pair.pane
    plain = pane.grab().toImage()
    window.bench.view.letters = True
    assert pane.grab().toImage() != plain


def test_a_click_points_at_the_same_place_in_the_first(compare):
    window = compare("PET")
    pane, linked = window.pair.pane, window.bench.linked
    QTest.mouseClick(pane, LEFT, NONE, place(window, BALLS[0]))
    assert linked.mm == pytest.approx(BALLS[0], abs=0.6)
    assert window.bench.session.k == 10


def test_shift_and_moving_takes_the_crosshair_along_in_both(compare):
    window = compare("PET")
    pane, linked, hand = window.pair.pane, window.bench.linked, Hand(window)
    window.bench.view.crosshair = True
    grid = GRIDS["CT"]
    move(window.canvas, hand.at(30, 40), SHIFT)
    np.testing.assert_allclose(linked.index, (10, 30, 40), atol=0.2)
    there = pane.crosshair_at()
    away = there.toPoint() - place(window, grid.to_mm((10, 30, 40)))
    assert away.manhattanLength() <= 2
    assert window.bench.session.k == 10
    move(pane, place(window, BALLS[0]), SHIFT)
    assert linked.mm[:2] == pytest.approx(BALLS[0][:2], abs=0.6)
    at = window.views.crosshair_at().toPoint()
    _k, row, column = grid.to_index(BALLS[0])
    assert (at - hand.at(row, column)).manhattanLength() <= 2
    before = linked.mm
    move(pane, QPoint(60, 60), NONE)
    assert np.array_equal(linked.mm, before), "not without the key"
    window.bench.pair.link = Link.FREE
    move(window.canvas, hand.at(10, 10), SHIFT)
    assert np.array_equal(linked.mm, before), "no place is common to both"
    assert pane.crosshair_at() is None


def test_what_is_not_parallel_is_resampled_and_says_so(compare):
    window = compare("MR oblique")
    pane, pair = window.pair.pane, window.bench.pair
    assert pair.is_resampled
    assert "resampled" in pane.corner_lines()[1]
    pair.set_window(500.0, 1000.0)
    for ball, other in (BALLS, BALLS[::-1]):
        window.bench.go_to(CT_Z.index(ball[2]))
        settle(window)
        # it lies in the pixels of the CT
        inside, outside = (place(window, p) for p in (ball, other))
        assert gray(pane, inside) > 100
        assert gray(pane, outside) < 60
        point_at(pane, inside)
        value = int(pane.bottom_lines()[0].split()[0])
        assert value == {-12.0: 900, 21.0: 500}[ball[2]]
    pair.link = Link.FREE
    assert not pair.is_resampled
    assert pane.corner_lines()[1].startswith("Slice")


def test_its_windows_are_those_of_its_modality(compare):
    window = compare("Later CT")
    panel, pair = window.pair.panel, window.bench.pair
    names = [a.text() for a in panel.windows.actions()]
    bone = next(n for n, name in enumerate(names) if name.startswith("Bone"))
    panel.windows.actions()[bone].trigger()
    assert (pair.level, pair.width) == (400, 2000)
    panel.windows.actions()[0].trigger()
    assert (pair.level, pair.width) == (40, 400)
    pair.close()
    window = compare("PET")
    assert (pair.level, pair.width) == (5, 10)
    names = [a.text() for a in panel.windows.actions()]
    assert not any("HU" in name for name in names)
    panel.windows.actions()[
        [n.startswith("SUV 0 to 5") for n in names].index(True)
    ].trigger()
    assert (pair.level, pair.width) == (2.5, 5)


# ---- what is not synchronised --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Later CT", "not synchronised: other frame of reference"),
        ("NIfTI", "not synchronised: frame of reference unknown"),
    ],
)
def test_without_a_common_frame_nothing_follows(compare, name, words):
    window = compare(name)
    pane, pair = window.pair.pane, window.bench.pair
    assert pair.link is Link.FREE
    assert pair.badge() == words
    here = pane.slice_index
    Hand(window).wheel(4)
    assert pane.slice_index == here


def choose(box, row):
    """Choose a row of a combo box by mouse."""
    box.showPopup()
    view = box.view()
    wait_for(view.isVisible)
    at = view.visualRect(box.model().index(row, 0)).center()
    QTest.mouseMove(view.viewport(), at)
    QTest.mouseClick(view.viewport(), LEFT, NONE, at)
    wait_for(lambda: not view.isVisible())


def test_by_number_is_a_choice_that_is_shown(compare):
    window = compare("Later CT")
    pane, pair = window.pair.pane, window.bench.pair
    choose(window.pair.panel.link, 1)
    assert pair.link is Link.NUMBER
    assert pair.badge() == "by slice number, not by position"
    for k in (0, 7, 19):
        window.bench.go_to(k)
        assert pane.slice_index == k
    window.bench.go_to(20)  # it has 20 slices
    assert pane.slice_index is None
    assert "no slice here" in pane.message()


def test_link_here_keeps_the_way_in_mm(compare):
    window = compare("Later CT")
    pane, pair, bench = window.pair.pane, window.bench.pair, window.bench
    wheel(pane, -3)
    there = pane.slice_index
    QTest.mouseClick(window.pair.panel.here, LEFT)
    assert pair.link is Link.HAND
    assert pair.badge() == f"linked by hand: slice 11 = slice {there + 1}"
    assert window.pair.panel.link.currentText() == "Linked by hand"
    for way in (-9, -6, 3, 6, 9):  # 3 mm each; its slices are 4.5 mm apart
        bench.go_to(10 + way)
        assert pane.slice_index == there + round(way * 3 / 4.5)
    bench.go_to(29)  # 57 mm further: past its last slice
    assert pane.slice_index is None
    bench.go_to(10)
    assert pane.slice_index == there


def test_an_overlay_without_a_common_frame_is_refused_until_insisted_on(compare):
    window = compare("Later CT")
    pair, bar = window.bench.pair, window.pair.bar
    QTest.mouseClick(bar.over, LEFT)
    assert not pair.overlay
    assert not bar.over.isChecked()
    assert window.pair.layer.layer is None or not window.pair.layer.layer.visible
    notice = window.notifier.bar
    wait_for(notice.isVisible)
    button = next(
        b for b in notice.findChildren(QPushButton) if b.text() == "Overlay anyway"
    )
    QTest.mouseClick(button, LEFT)
    settle(window)
    assert pair.overlay
    assert bar.over.isChecked()
    assert pair.link is Link.POSITION
    assert pair.badge() == "other frame of reference: your choice"
    assert window.pair.layer.legend_lines()[-1] == pair.badge()
    assert window.pair.layer.layer.visible


# ---- over ----------------------------------------------------------------------------


def on_canvas(window, mm):
    """Colour of the picture at a place, as (red, green, blue)."""
    window.viewer.window._qt_viewer.canvas.native.update()
    QApplication.processEvents()
    i, j = (np.array(mm[:2]) - GRIDS["CT"].affine[:2, 3]) / GRIDS["CT"].spacing[:0:-1]
    at = Hand(window).at(j, i)
    picture = window.viewer.screenshot(canvas_only=True, flash=False)
    ratio = picture.shape[1] / window.canvas.width()
    return picture[round(at.y() * ratio), round(at.x() * ratio), :3].astype(int)


def test_the_overlay_lies_on_the_balls_in_colour(compare):
    window = compare("PET", overlay=True)
    layer = window.pair.layer
    window.bench.pair.set_look(opacity=1.0)
    for ball, other in (BALLS, BALLS[::-1]):
        window.bench.go_to(CT_Z.index(ball[2]))
        settle(window)
        assert layer.layer.visible
        red, _green, blue = on_canvas(window, ball)
        assert red > blue + 40  # hot: 6 and 9 of 10 SUV are orange to yellow
        red, _green, blue = on_canvas(window, other)
        assert abs(red - blue) < 25  # the grey of the CT's body shines through
    names = [one.name for one in window.viewer.layers]
    assert names.index("Image") < names.index("Second series") < names.index("Mask")


def test_the_overlay_is_never_of_another_slice(compare):
    window = compare("PET", overlay=True)
    layer, pet, shown = window.pair.layer, voxels("PET"), 0
    grid, ct = GRIDS["PET"], GRIDS["CT"]

    def is_right(k):
        """Whether it is shown, and then what the PET has there."""
        # the voxel of the CT at the middle of the first ball
        index = np.round(ct.to_index((*BALLS[0][:2], CT_Z[k]))).astype(int)
        place = grid.to_index(ct.to_mm(index))
        low = np.floor(place).astype(int)
        if not layer.layer.visible or not 0 <= low[0] < 21:
            return False
        part = pet[low[0] : low[0] + 2, low[1] : low[1] + 2, low[2] : low[2] + 2]
        share = place - low
        for axis_share in share:
            part = part[0] * (1 - axis_share) + part[1] * axis_share
        found = float(layer.layer.data[index[1], index[2]])
        assert found == pytest.approx(float(part), abs=1e-3)
        return True

    for k in [*range(5, 26), 8, 22, 9]:
        Hand(window).wheel(k - window.bench.session.k)
        assert window.bench.session.k == k
        for _turn in range(3):  # while it is made, or when it is there: as it comes
            is_right(k)
            QTest.qWait(3)
        if k % 2:
            settle(window)
            shown += is_right(k)
    assert shown == 12


def test_where_it_was_not_measured_the_overlay_is_clear_and_says_so(compare):
    window = compare("PET", overlay=True)
    window.bench.go_to(0)  # z = -42, the PET begins at -31
    settle(window)
    assert "not measured in this slice" in window.pair.layer.legend_lines()
    red, _green, blue = on_canvas(window, (0, 0))
    assert abs(red - blue) < 5


def test_colours_opacity_and_range_by_mouse_and_keys(compare):
    window = compare("PET", overlay=True)
    bar, pair, layer = window.pair.bar, window.bench.pair, window.pair.layer.layer
    choose(bar.colors, 1)
    assert pair.look.colors == "viridis"
    assert layer.colormap.name == "second_viridis"
    before = layer.opacity
    QTest.keyClick(bar.opacity, Qt.Key.Key_PageUp)
    assert layer.opacity == pytest.approx(before + 0.1)
    for box, text in ((bar.low, "2"), (bar.high, "7.5")):
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)
    assert layer.contrast_limits == [2.0, 7.5]
    bar.high.selectAll()
    QTest.keyClicks(bar.high, "1")
    QTest.keyClick(bar.high, Qt.Key.Key_Return)
    assert (pair.look.low, pair.look.high) == (2.0, 7.5)  # no empty range
    assert bar.high.value() == 7.5
    assert bar.high.suffix() == " SUV"


def test_one_paints_on_the_mask_below_the_overlay(compare):
    window = compare("PET", overlay=True)
    window.bench.view.mode = Mode.ANNOTATE
    Hand(window).drag((40, 30), (40, 50))
    mask = window.bench.session.mask
    assert set(np.argwhere(mask)[:, 0]) == {10}
    assert mask[10, 40, 40] == 1


# ---- choosing and closing -----------------------------------------------------------


def test_a_series_is_chosen_from_the_list_of_studies(compare, pair_window):
    window = compare("PET")
    uids = pair_window[1]
    window.bench.pair.close()
    window.show_dock("studies")
    QApplication.processEvents()
    dock = window.main.findChild(StudiesDock)
    tree = dock.tree
    row = next(r for r in tree.series_items if tree.row_of(r).uid == uids["NIfTI"])
    tree.scrollToItem(row)
    at = tree.visualItemRect(row).center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, at, tree.viewport().mapToGlobal(at)
    )
    QCoreApplication.sendEvent(tree.viewport(), event)
    menu = QApplication.activePopupWidget()
    action = next(a for a in menu.actions() if a.text().startswith("Compare"))
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())
    wait_for(lambda: window.bench.pair.second is not None)
    assert window.bench.pair.second.uid == uids["NIfTI"]
    assert window.pair.panel.isVisible()


def test_the_menu_asks_and_puts_those_of_the_same_frame_first(compare):
    window = compare("PET")
    window.bench.pair.close()
    window.menus.app.commands.execute_command("medlab.view.pair_compare").result()
    dialog = window.main.findChild(SeriesChooser)
    names = [dialog.list.item(n).text().split("\n")[0] for n in range(4)]
    assert set(names[:2]) == {"PET", "MR oblique"}
    assert "go by patient position" in dialog.told.text()
    dialog.list.setCurrentRow(3)
    assert "not synchronised" in dialog.told.text()
    dialog.list.setCurrentRow(names.index("PET"))
    QTest.mouseClick(dialog.over, LEFT)
    wait_for(lambda: window.bench.pair.second is not None)
    assert window.bench.pair.overlay
    settle(window)
    window.refresh_facts()
    assert window.menus.is_enabled("medlab.view.pair_close")


def test_the_open_series_is_not_compared_with_itself(compare, pair_window):
    window = compare("PET")
    window.bench.pair.close()
    window.bench.pair.open(pair_window[1]["CT"])
    settle(window)
    assert window.bench.pair.second is None
    assert window.notifier.bar.isVisible()


@pytest.mark.parametrize("way", ["button", "series", "another", "while loading"])
def test_it_closes_with_button_and_series(compare, pair_window, way):
    window = compare("PET", overlay=True)
    window.bench.pair.beside = True
    pair, views, uids = window.bench.pair, window.pair, pair_window[1]
    if way == "button":
        QTest.mouseClick(views.bar.close_button, LEFT)
    elif way == "series":
        window.bench.close_series()
    elif way == "another":
        open_series(window, uids["MR oblique"])
    else:
        pair.close()
        pair.open(uids["NIfTI"])
        window.bench.close_series()
    settle(window)
    assert pair.second is None
    assert not pair.overlay
    assert not pair.beside
    assert views.panel.isHidden()
    assert views.bar.isHidden()
    assert not views.layer.layer.visible
    assert views.layer.layer.data.shape == (1, 1)
    assert views.pane.message() == ""
    assert views.pane.corner_lines() == []


def test_keys_over_its_pane_are_those_of_the_window(compare):
    window = compare("PET")
    pane, bench = window.pair.pane, window.bench
    QTest.mouseClick(pane, LEFT, NONE, QPoint(40, 60))
    assert window.main.focusWidget() is pane
    QTest.keyClick(pane, Qt.Key.Key_Up)
    assert bench.session.k == 11
    wheel(pane, 3, CTRL)
    QTest.keyClick(pane, Qt.Key.Key_F)
    zoom = window.viewer.scene.camera.zoom
    assert pane.camera.zoom == pytest.approx(zoom)
    assert zoom == pytest.approx(
        0.98 * min(window.canvas.width() / 140, window.canvas.height() / 144), rel=1e-3
    )
    bench.pair.beside = False
    assert window.main.focusWidget() is not pane
    QTest.keyClick(window.canvas, Qt.Key.Key_Down)
    assert bench.session.k == 10


def test_several_views_of_the_first_get_more_room(compare):
    window = compare("PET")
    split, linked = window.pair.split, window.bench.linked
    assert split.sizes()[0] == pytest.approx(split.sizes()[1], abs=8)
    linked.layout = PaneLayout.ROW
    try:
        assert split.sizes()[0] > split.sizes()[1] + 20
        window.bench.view.crosshair = True
        QTest.mouseClick(window.pair.pane, LEFT, NONE, place(window, BALLS[0]))
        at = window.pair.pane.crosshair_at().toPoint()
        away = at - place(window, BALLS[0])
        assert away.manhattanLength() <= 2
    finally:
        linked.layout = PaneLayout.ONE


# ---- opening again ----------------------------------------------------------------


def test_the_second_series_stays_when_the_first_is_opened_again(compare):
    window = compare("PET")
    window.bench.pair.set_window(3.0, 8.0)
    before = window.bench.session
    window.bench.reopen()
    wait_for(lambda: window.bench.session not in (None, before))
    settle(window)
    assert window.bench.pair.second.title == "PET"
    assert (window.bench.pair.level, window.bench.pair.width) == (3.0, 8.0)
    assert window.pair.pane.isVisible()
    assert window.pair.pane.message() == ""


def test_it_goes_where_the_first_cannot_be_opened_again(compare, monkeypatch):
    from medlab_gui.core.errors import StoreError
    from medlab_gui.review.session import ReviewSession

    window = compare("PET")

    def fail(*_args, **_more):
        raise StoreError("The disk is away.")

    monkeypatch.setattr(ReviewSession, "open", fail)
    window.bench.reopen()
    wait_for(lambda: window.bench.pair.second is None)
    for box in list(window.notifier.dialogs):
        box.close()


# ---- over the other views ---------------------------------------------------------


def test_the_overlay_is_in_every_view_of_the_first(compare):
    """Each ball is seen in colour where it is, in coronal and sagittal views too."""
    window = compare("PET", overlay=True)
    linked, pair = window.bench.linked, window.bench.pair
    linked.layout = PaneLayout.ROW
    pair.set_look(low=0.0, high=9.0, opacity=1.0)
    window.bench.view.mask_visible = False
    grid = GRIDS["CT"]
    try:
        for ball, value in zip(BALLS, (9.0, 6.0), strict=True):
            index = grid.to_index(ball)
            linked.place(index)
            settle(window)
            for plane in (Plane.CORONAL, Plane.SAGITTAL):
                pane = window.views.panes[plane]
                wait_for(lambda pane=pane: pane.tint.image(pane.slice_index))
                rows, columns = plane.axes
                x, y = pane.to_canvas([index[rows], index[columns]])[0]
                color = pane.grab().toImage().pixelColor(round(x), round(y))
                # hot: red first, then green, then blue
                share = value / 9.0
                expected = [255 * min(1.0, max(0.0, share * 8 / 3 - n)) for n in (0, 1)]
                assert color.red() == pytest.approx(expected[0], abs=6)
                assert color.green() == pytest.approx(expected[1], abs=6)
                assert pane.tint.lines()[0] == "PET: 0 to 9 SUV"
        pair.overlay = False
        assert pane.tint.image(pane.slice_index) is None
        assert pane.grab().toImage().pixelColor(round(x), round(y)).saturation() == 0
    finally:
        linked.layout = PaneLayout.ONE


def test_what_was_not_measured_is_clear_and_low_values_too():
    picture = np.array([[np.nan, 0.0, 5.0, 10.0, 99.0]], np.float32)
    image = tint_image(picture, OverlayLook("hot", 0.5, 0.0, 10.0))
    alphas = [image.pixelColor(i, 0).alpha() for i in range(5)]
    assert alphas[:2] == [0, 0]
    assert alphas[2:] == [128, 128, 128]
    assert image.pixelColor(3, 0) == image.pixelColor(4, 0)
