from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from medlab_gui.gui.panes.slab import Projection, Slab, project


@pytest.mark.parametrize(
    ("mm", "spacing", "reach"),
    [(10, 1.0, 5), (10, 3.0, 1), (10, 5.0, 1), (10, 12.0, 0), (5, 2.5, 1), (3, 0.5, 3)],
)
def test_a_slab_holds_the_slices_within_half_its_thickness(mm, spacing, reach):
    assert Slab(Projection.MIP, mm).reach(spacing) == reach
    assert Slab(Projection.NONE, mm).reach(spacing) == 0


def test_the_badge_says_what_is_shown():
    assert Slab(Projection.MIP, 10).badge(2.5) == "slab 10 mm MIP, 5 slices"
    assert Slab(Projection.NONE, 10).badge(2.5) == ""


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("projection", "best"),
    [
        (Projection.MIP, np.max),
        (Projection.MINIP, np.min),
        (Projection.MEAN, np.mean),
    ],
)
def test_projections_against_numpy(axis, projection, best):
    data = np.random.default_rng(1).integers(-1000, 2000, (6, 7, 8)).astype(np.int16)
    for index, reach in ((3, 2), (0, 2), (data.shape[axis] - 1, 1)):
        part = np.moveaxis(data, axis, 0)[max(0, index - reach) : index + reach + 1]
        found = project(data, axis, index, reach, projection)
        assert np.allclose(found, best(part.astype(float), axis=0), atol=1e-3)
    alone = np.moveaxis(data, axis, 0)[2]
    assert np.array_equal(project(data, axis, 2, 0, projection), alone)
    assert np.array_equal(project(data, axis, 2, 3, Projection.NONE), alone)


def test_a_slice_of_a_turned_scan_copies_no_more_than_itself():
    """`np.take` would copy the whole scan first; a scan that is read is such a view."""
    stored = np.random.default_rng(0).integers(0, 9, (90, 80, 70)).astype(np.float32)
    turned = stored.transpose(2, 0, 1)[::-1]
    for axis in range(3):
        tracemalloc.start()
        found = project(turned, axis, 5, 0, Projection.NONE)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.flags.c_contiguous
        assert np.array_equal(found, np.moveaxis(turned, axis, 0)[5])
        assert peak < 3 * found.nbytes


def test_voxels_without_a_value_do_not_hide_others():
    data = np.zeros((3, 1, 1), np.float32)
    data[:, 0, 0] = [np.nan, 5, -2]
    assert project(data, 0, 1, 1, Projection.MIP)[0, 0] == 5
    assert project(data, 0, 1, 1, Projection.MINIP)[0, 0] == -2
