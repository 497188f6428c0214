"""Canvas and comparison look at the same part of the slice, in the real window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt

from medlab_gui.gui.camera_tie import CameraTie
from medlab_gui.gui.docks.preprocess import PreprocessDock
from medlab_gui.gui.slice_camera import SliceCamera
from tests.gui.conftest import wait_for
from tests.gui.docks_phantom import SHAPE
from tests.gui.hand import wheel

DY, DX = 1.2, 1.0


def test_the_camera_tells_only_of_changes_and_stays_in_its_range():
    camera, told = SliceCamera(), []
    camera.changed.connect(lambda: told.append(camera.zoom))
    camera.fit()
    assert told == []
    camera.look_at((0.5, 0.5), 1000)
    camera.look_at((0.5, 0.5), 1000)
    assert told == [40.0]
    camera.fit()
    assert camera.zoom == 1.0
    assert camera.center == (0.5, 0.5)


@pytest.fixture
def dock(window):
    """The preprocessing dock, comparing."""
    window.fit()
    window.show_dock("preprocess")
    dock = window.main.findChild(PreprocessDock)
    dock.side.click()
    wait_for(lambda: not window.bench.jobs.active)
    yield dock
    dock.off.click()
    window.show_dock("queue")


def shown_voxel(window) -> tuple[float, float]:
    """``(j, i)`` in the middle of the canvas, from napari's own camera."""
    y, x = window.viewer.scene.camera.center[-2:]
    return y / DY, x / DX


def test_a_fitting_slice_fits_in_both(window, dock):
    assert window.bench.camera.zoom == pytest.approx(1.0, rel=0.03)
    assert window.bench.camera.center == pytest.approx((0.5, 0.5), abs=0.01)


def test_the_comparison_follows_the_canvas(window, dock):
    pictures = dock.panel.pictures
    zoom = window.viewer.scene.camera.zoom
    window.viewer.scene.camera.center = (0.0, 20 * DY, 70 * DX)
    window.viewer.scene.camera.zoom = 3 * zoom
    assert window.bench.camera.zoom == pytest.approx(3.0, rel=0.03)
    for room in pictures._rooms():
        assert pictures.voxel_at(room.center()) == (20, 70)
    window.fit()
    assert window.bench.camera.zoom == pytest.approx(1.0, rel=0.03)


def test_the_canvas_follows_the_comparison(qtbot, window, dock):
    pictures = dock.panel.pictures
    before = window.viewer.scene.camera.zoom
    wheel(pictures, 4, Qt.KeyboardModifier.ControlModifier)
    start = pictures._rooms()[1].center().toPoint()
    qtbot.mousePress(pictures, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(pictures, start + QPoint(30, -25))
    qtbot.mouseRelease(pictures, Qt.MouseButton.LeftButton, pos=start)
    seen = pictures.voxel_at(pictures._rooms()[0].center())
    tie = window.canvas.findChild(CameraTie)
    wait_for(lambda: not tie._rest.isActive())  # the hand has come to rest
    assert window.viewer.scene.camera.zoom != before
    assert window.viewer.scene.camera.zoom == pytest.approx(
        before * window.bench.camera.zoom, rel=0.03
    )
    assert shown_voxel(window) == pytest.approx((seen[0], seen[1]), abs=1.0)
    # what came from there does not go back: nothing creeps
    camera = window.bench.camera
    assert camera.zoom == pytest.approx(1.2**4, rel=1e-6)
    assert camera.center[1] * SHAPE[2] == pytest.approx(seen[1] + 0.5, abs=0.51)


def test_a_fitting_slice_fits_when_the_canvas_gets_another_size(qtbot, window):
    camera, tie = window.viewer.scene.camera, window.camera_tie
    window.fit()
    before, canvas, full = camera.zoom, window.canvas.size(), window.main.size()
    window.main.resize(full.width() - 300, full.height() - 250)
    try:
        wait_for(lambda: window.canvas.size() != canvas)
        wait_for(lambda: not tie._resized.isActive())
        fitting = tie._fitting(window.bench.session.volume.grid)
        assert camera.zoom == pytest.approx(fitting, rel=0.01)
        assert camera.zoom < 0.95 * before
        camera.zoom = 3 * before
        camera.center = (0.0, 20 * DY, 70 * DX)
        qtbot.wait(200)  # drawn; napari looks at its size when it draws
    finally:
        window.main.resize(full)
    wait_for(lambda: window.canvas.size() == canvas)
    wait_for(lambda: not tie._resized.isActive())
    assert camera.zoom == pytest.approx(3 * before, rel=1e-3)  # as large as it was
    assert shown_voxel(window) == pytest.approx((20, 70))
    assert window.bench.camera.zoom == pytest.approx(3, rel=0.01)
    window.fit()
