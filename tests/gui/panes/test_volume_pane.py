"""The 3D view in the real window, by real mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.volume_pane import VolumePane
from medlab_gui.imaging.rendering import Rendering
from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, MIDDLE, NONE, RIGHT
from tests.gui.moving import move
from tests.gui.panes.unique_voxels import SHAPE

pytestmark = pytest.mark.gui


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


def test_a_hand_that_comes_before_the_picture_breaks_nothing(qtbot, opened):
    pane = VolumePane(opened().bench)  # not shown: nothing is made for it
    qtbot.addWidget(pane)
    for button in (LEFT, MIDDLE, RIGHT):
        QTest.mousePress(pane, button, NONE, QPoint(50, 50))
        move(pane, QPoint(60, 50), NONE, button)
        QTest.mouseRelease(pane, button, NONE, QPoint(60, 50))
    assert pane.picture is None
    assert pane.view_point.shift == (0.0, 0.0)
