"""Slices whose rows lean: drawn, edited, read and compared where they are."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medlab_gui.gui.panes.axial_shear import axial_geometry
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.view_state import Mode
from tests.gui.conftest import wait_for
from tests.gui.hand import LEFT, NONE
from tests.gui.moving import move
from tests.gui.panes.seen import VALUES
from tests.gui.panes.unique_voxels import SHAPE

pytestmark = pytest.mark.gui


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
