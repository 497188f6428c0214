"""The picture of the second series: its voxels, its words, its keys, by real mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

from medlab_gui.gui.pair.pair_state import Link
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, RIGHT, wheel
from tests.gui.pair.by_hand import (
    CT_Z,
    drag,
    gray,
    place,
    point_at,
)
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS
from tests.gui.panes.written import Written

pytestmark = pytest.mark.gui


def test_the_balls_are_where_they_are_in_the_patient(compare):
    window = compare("PET")
    pane = window.pair.pane
    window.bench.pair.set_window(5.0, 10.0)
    for ball, other in (BALLS, BALLS[::-1]):
        window.bench.go_to(CT_Z.index(ball[2]))
        assert gray(pane, place(window, ball)) > 120
        assert gray(pane, place(window, other)) < 30
        assert gray(pane, place(window, (0, 0))) < 30


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
