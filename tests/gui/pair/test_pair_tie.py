"""Both pictures look at the same place, and a hand on one points into the other."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF
from qtpy.QtTest import QTest

from medlab_gui.gui.pair.pair_state import Link
from tests.gui.hand import CTRL, LEFT, MIDDLE, NONE, SHIFT, Hand, wheel
from tests.gui.moving import move
from tests.gui.pair.by_hand import (
    GRIDS,
    drag,
    place,
)
from tests.gui.pair.conftest import settle
from tests.gui.pair.phantoms import BALLS

pytestmark = pytest.mark.gui


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
