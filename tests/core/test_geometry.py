"""Grid and Reorientation, over every order of axes, oblique and sheared."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid, Reorientation
from tests.synthetic import oblique_grid, oriented_grids, plain_grid, tilted_grid

ALL = [*oriented_grids(), plain_grid(), oblique_grid(), tilted_grid()]


def test_affine_by_hand():
    grid = Grid.from_spacing((3, 4, 5), (3.0, 2.0, 1.5), (10, 20, 30))
    assert np.allclose(grid.to_mm((0, 0, 0)), (10, 20, 30))
    assert np.allclose(grid.to_mm((1, 0, 0)), (10, 20, 33))
    assert np.allclose(grid.to_mm((0, 1, 0)), (10, 22, 30))
    assert np.allclose(grid.to_mm((0, 0, 1)), (11.5, 20, 30))
    assert grid.spacing == (3.0, 2.0, 1.5)
    assert grid.voxel_volume_mm3 == pytest.approx(9)
    assert grid.axis_letters == ("S", "P", "L")
    assert grid.orientation == "LPS"
    assert not grid.is_oblique


@pytest.mark.parametrize("grid", ALL)
def test_to_index_undoes_to_mm(grid):
    index = np.random.default_rng(0).uniform(-5, 30, (7, 3))
    assert np.allclose(grid.to_index(grid.to_mm(index)), index)
    assert grid.to_mm(index).shape == (7, 3)
    assert grid.to_mm(index[0]).shape == (3,)


@pytest.mark.parametrize("grid", ALL)
def test_canonical_leads_every_voxel_to_the_same_place(grid):
    data = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    how = grid.canonical()
    assert how.grid.axis_letters == ("S", "P", "L")
    turned = how.apply(data)
    assert turned.shape == how.grid.shape
    assert np.shares_memory(turned, data)
    # By physical place, not by trusting the permutation.
    for index in itertools.product(*(range(0, n, 2) for n in how.grid.shape)):
        source = np.rint(grid.to_index(how.grid.to_mm(index))).astype(int)
        assert turned[index] == data[tuple(source)]
    assert np.array_equal(how.restore(turned), data)
    assert how.grid.spacing == tuple(grid.spacing[a] for a in how.axes)
    assert how.grid.voxel_volume_mm3 == pytest.approx(grid.voxel_volume_mm3)
    assert how.grid.canonical().is_identity


def test_all_48_orders_are_different_and_have_the_letters_of_their_axes():
    names = {grid.orientation for grid in oriented_grids()}
    assert len(names) == 48
    for name in names:
        assert {frozenset(p) & set(name) != set() for p in ("LR", "AP", "IS")} == {True}


def test_axes_whose_nearest_directions_leave_none_have_letters_all_the_same():
    affine = np.eye(4)
    affine[:3, :3] = [[-2.36, 0.34, 4.7], [-0.25, -0.14, 0], [0.82, 0.93, -1.71]]
    grid = Grid((2, 3, 4), affine)
    assert grid.axis_letters == ("A", "S", "L")
    assert grid.canonical().grid.axis_letters == ("S", "P", "L")


def test_letters_of_a_grid_at_45_degrees_are_of_different_pairs():
    a = np.sqrt(0.5)
    affine = np.array([[0, a, a, 0], [0, a, -a, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    grid = Grid((2, 2, 2), affine)
    assert {letter for letter in grid.axis_letters if letter in "LR"}
    assert {letter for letter in grid.axis_letters if letter in "AP"}
    assert grid.is_oblique


def test_restore_is_given_arrays_of_its_grid_only():
    how = oblique_grid((2, 3, 4)).canonical()
    with pytest.raises(GeometryError, match="does not fit"):
        how.apply(np.zeros((2, 3, 5)))
    with pytest.raises(GeometryError, match="does not fit"):
        how.restore(np.zeros((4, 4, 4)))


@pytest.mark.parametrize("grid", ALL)
def test_reorientation_as_plain_data(grid):
    import json

    how = grid.canonical()
    again = Reorientation.from_dict(json.loads(json.dumps(how.to_dict())))
    assert again.axes == how.axes
    assert again.flips == how.flips
    assert again.source == how.source
    assert again.grid == how.grid


def test_same_as_compares_both_sides():
    grid = Grid((3, 4, 5), plain_grid().affine, "1.2.3")
    assert grid.same_as(grid)
    assert grid == Grid((3, 4, 5), grid.affine, "1.2.3")
    assert hash(grid) == hash(Grid((3, 4, 5), grid.affine, "1.2.3"))
    assert not grid.same_as(Grid((3, 4, 5), grid.affine, "1.2.4"))
    assert grid.same_as(Grid((3, 4, 5), grid.affine))
    assert grid != Grid((3, 4, 5), grid.affine)
    assert not grid.same_as(Grid((3, 4, 6), grid.affine))
    assert grid != "grid"


def test_same_as_measures_at_the_far_corner():
    grid = plain_grid((100, 4, 5))
    affine = np.array(grid.affine)
    affine[2, 0] += 2e-5  # 2 micrometres over the whole grid
    assert not grid.same_as(Grid(grid.shape, affine))
    assert grid.same_as(Grid(grid.shape, affine), tol=0.01)
    affine = np.array(grid.affine)
    affine[0, 3] += 5e-4
    assert grid.same_as(Grid(grid.shape, affine))


@pytest.mark.parametrize("shape", [(0, 1, 1), (2, 2), (1, 2, -3)])
def test_wrong_shapes(shape):
    with pytest.raises(GeometryError, match="three positive sizes"):
        Grid(shape, np.eye(4))


@pytest.mark.parametrize(
    ("affine", "said"),
    [
        (np.eye(3), "4x4 affine"),
        (np.full((4, 4), np.nan), "must be finite"),
        (np.diag([1, 1, 1, 2.0]), "last row"),
        (np.diag([1, 0, 1, 1.0]), "do not span"),
        (np.diag([1.1e300, 2, 3, 1.0]), r"cannot measure 1\.1e\+300 x 2 x 3 mm"),
        (np.diag([1, 1e-185, 1, 1.0]), "cannot measure"),
        (np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "span"),
    ],
)
def test_wrong_affines(affine, said):
    with pytest.raises(GeometryError, match=said):
        Grid((2, 2, 2), affine)


def test_affine_cannot_be_changed_from_outside():
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 3] = 7
    assert grid.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 2


@settings(max_examples=60, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 8)] * 3),
)
def test_any_turn_goes_there_and_back(degrees, spacing):
    grid = oblique_grid((2, 3, 4), spacing, degrees)
    data = np.arange(24).reshape(2, 3, 4)
    how = grid.canonical()
    assert np.array_equal(how.restore(how.apply(data)), data)
    first = np.array(np.unravel_index(how.apply(data)[0, 0, 0], grid.shape))
    assert np.allclose(how.grid.to_mm((0, 0, 0)), grid.to_mm(first), atol=1e-9)


def test_grids_that_are_equal_have_one_hash():
    """A zero with a sign comes from axes that are turned round."""
    affine = np.diag([3.0, 2.0, 1.0, 1.0])
    signed = affine.copy()
    signed[0, 1] = -0.0
    one, other = Grid((2, 3, 4), affine), Grid((2, 3, 4), signed)
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("grid", [*oriented_grids(), oblique_grid(), tilted_grid(15)])
def test_layers_lie_apart_by_what_is_at_right_angles_to_them(grid):
    for axis in range(3):
        one, other = (grid.affine[:3, a] for a in range(3) if a != axis)
        normal = np.cross(one, other) / np.linalg.norm(np.cross(one, other))
        known = abs(normal @ grid.affine[:3, axis])
        assert grid.heights[axis] == pytest.approx(known, rel=1e-12)
    if grid == tilted_grid(15):
        dz = grid.spacing[0]
        assert grid.heights[0] == pytest.approx(dz * np.cos(np.radians(15)))
        assert grid.heights[2] == pytest.approx(grid.spacing[2])
