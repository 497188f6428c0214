"""What a resampling had to fill looks like nothing that was measured, anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.core.measurements import Kind, Plane, as_points
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.slab import Projection, Slab
from medlab_gui.gui.panes.unmeasured import hatch, hatch_image
from medlab_gui.gui.status import voxel_text
from tests.gui.conftest import open_series, reset_view, wait_for
from tests.synthetic import tilted_grid, write_series

if TYPE_CHECKING:
    from qtpy.QtGui import QColor

pytestmark = pytest.mark.gui


def is_amber(color: QColor) -> bool:
    return color.red() - color.blue() > 30


def test_lines_over_what_is_marked_and_nowhere_else():
    mask = np.zeros((40, 50), np.bool_)
    mask[10:30, 20:45] = True
    overlay, image = hatch(mask), hatch_image(mask)
    assert np.array_equal(overlay.values > 0, mask)
    assert set(np.unique(overlay.values)) == {0, 1, 2}
    assert (image.width(), image.height()) == (50, 40)
    assert image.pixelColor(19, 10).alpha() == 0
    lines = [image.pixelColor(i, 20).alpha() for i in range(20, 45)]
    assert min(lines) > 0
    assert sum(a > 100 for a in lines) == pytest.approx(25 / 4, abs=2)


@pytest.fixture
def straightened(fresh_window, tmp_path):
    """A tilted scan on a straight grid, open in three linked views."""
    write_series(tmp_path / "scan", tilted_grid(20))
    window = fresh_window()
    reset_view(window, bare=True)
    ctx = Context(window.bench.project_place)
    told = import_(ImportParams(str(tmp_path / "scan"), remedy="straighten"), ctx)
    open_series(window, told["series"][0]["uid"])
    window.bench.linked.layout = PaneLayout.ROW
    wait_for(lambda: not window.bench.jobs.active)
    return window


def test_it_is_hatched_in_every_view_and_told_under_the_mouse(straightened):
    window = straightened
    bench, session = window.bench, window.bench.session
    data, filling = session.volume.data, session.series.filling
    assert filling is not None
    filled = data == filling[0]
    assert filled.any(axis=(1, 2)).sum() > 6  # parts of slices, not slices
    assert not filled.all(axis=(1, 2)).any()
    k = 1
    bench.go_to(k)
    places = np.argwhere(filled[k])
    nothing, something = places[len(places) // 2], np.argwhere(~filled[k])[200]
    assert voxel_text(bench, (k, *nothing)) == "not measured"
    assert "HU" in voxel_text(bench, (k, *something))
    # The window that opens knows nothing of the filling.
    picture = window.views._picture
    drawn = window.text.grab().toImage()
    ratio = drawn.width() / window.text.width()

    def amber_share(flats: np.ndarray) -> float:
        at = picture.to_canvas(flats) * ratio
        return float(
            np.mean([drawn.pixelColor(*map(int, p)).alpha() > 100 for p in at])
        )

    assert amber_share(places) == pytest.approx(0.25, abs=0.1)
    assert amber_share(np.argwhere(~filled[k])) == 0
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        pane = window.views.panes[plane]
        if plane is Plane.CORONAL:  # the slices are shifted to the front
            bench.linked.show_slice(plane, 0)
        n = pane.slice_index
        mask = np.take(filled, n, axis=plane.axis)
        shot = pane.picture()
        scale = shot.width() / pane.width()
        found = [
            is_amber(shot.pixelColor(*map(int, p)))
            for p in pane.to_canvas(np.argwhere(mask)) * scale
        ]
        assert np.mean(found) == pytest.approx(0.25, abs=0.12)
        clean = pane.to_canvas(np.argwhere(~mask)) * scale
        assert not any(is_amber(shot.pixelColor(*map(int, p))) for p in clean)


def test_a_region_counts_what_was_measured(straightened):
    bench = straightened.bench
    grid = bench.session.volume.grid
    data = bench.session.volume.data
    wait_for(lambda: bench.measure.list is not None)
    rows, columns = grid.shape[1:]
    low, right = rows - 0.5, columns - 0.5
    corners = [(1, -0.5, -0.5), (1, -0.5, right), (1, low, right), (1, low, -0.5)]
    bench.measure.add(Kind.RECTANGLE, Plane.AXIAL, 1, as_points(grid.to_mm(corners)))
    values = bench.measure.values(bench.measure.items[0])
    filled = data[1] == bench.session.series.filling[0]
    assert values.n_filled == filled.sum() > 0
    assert values.mean == pytest.approx(data[1][~filled].mean())


def test_a_slab_is_hatched_where_a_slice_of_it_was_filled(straightened):
    from medlab_gui.gui.panes.axial_shear import axial_geometry
    from medlab_gui.gui.panes.unmeasured import unmeasured

    session = straightened.bench.session
    geometry = axial_geometry(session.volume.grid)
    filled = session.volume.data[4:7] == session.series.filling[0]
    for projection, expected in (
        (Projection.MIP, filled.all(axis=0)),
        (Projection.MINIP, filled.any(axis=0)),
        (Projection.MEAN, filled.any(axis=0)),
    ):
        found = unmeasured(session, geometry, Slab(projection, 6.0), 5)
        assert np.array_equal(found, expected)
    assert not np.array_equal(filled.all(axis=0), filled.any(axis=0))
