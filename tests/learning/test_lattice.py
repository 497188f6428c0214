from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.learning.lattice import Lattice

SHEAR = ((4.0, 1.0, 0.0), (0.0, 0.8, 0.0), (0.1, 0.0, 0.7))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=9, max_size=9),
    st.lists(st.integers(-40, 40), min_size=3, max_size=3),
)
def test_lengths_are_those_of_the_affine(numbers, index):
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(numbers, (3, 3)) + 12 * np.eye(3)
    grid = Grid((2, 3, 4), affine)
    lattice = Lattice.of(grid.steps_mm, 3)
    length = np.linalg.norm(lattice.places(np.array(index)))
    true = np.linalg.norm(grid.to_mm(index) - grid.to_mm((0, 0, 0)))
    assert length == pytest.approx(true, rel=1e-4, abs=1e-9)
    assert lattice.cell == pytest.approx(grid.voxel_volume_mm3, rel=1e-4)


def test_axes_at_right_angles_keep_their_spacing_however_they_are_turned():
    sizes = (2.5, 0.75, 0.8)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    for spacing in (sizes, np.diag(sizes), np.diag(sizes) @ turn):
        lattice = Lattice.of(spacing, 3)
        assert lattice.straight == pytest.approx(sizes, rel=1e-12)
        assert lattice.heights == pytest.approx(sizes, rel=1e-12)
    # Direction cosines with five digits, as many a scanner writes them.
    assert Lattice.of(np.diag(sizes) @ turn.round(5), 3).straight is not None


def test_a_slant_brings_layers_nearer_than_their_steps_are_long():
    lattice = Lattice.of(SHEAR, 3)
    assert lattice.straight is None
    steps = np.array(SHEAR)
    for axis in range(3):
        a, b = np.delete(steps, axis, axis=0)
        normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        assert lattice.heights[axis] == pytest.approx(abs(normal @ steps[axis]))
    flat = lattice.without(0)
    assert flat.cell == pytest.approx(np.linalg.norm(np.cross(steps[1], steps[2])))
    assert np.linalg.norm(flat.places(np.array((3, 4)))) == pytest.approx(
        np.linalg.norm(3 * steps[1] + 4 * steps[2])
    )


@pytest.mark.parametrize(
    "spacing", [(1, 1), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1), SHEAR[:2]]
)
def test_what_is_no_spacing_gets_a_sentence(spacing):
    with pytest.raises(GeometryError, match="3 axes need as many positive spacings"):
        Lattice.of(spacing, 3)
    with pytest.raises(GeometryError, match="parallel"):
        Lattice.of((SHEAR[0], SHEAR[1], SHEAR[1]), 3)
