"""What must hold of any grid: turned, flipped, permuted, sheared, of any size."""

from __future__ import annotations

import itertools
import json

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid, Reorientation
from medlab_gui.core.slices import SliceStack
from medlab_gui.io import mask_on_grid
from tests.synthetic import oblique_grid

SHEAR = st.floats(-0.5, 0.5)


@st.composite
def grids(draw, *, sheared: bool = True) -> Grid:
    """Any lattice that a scanner or a program could hand us."""
    shape = draw(st.tuples(*[st.integers(1, 6)] * 3))
    spacing = draw(st.tuples(*[st.floats(0.2, 8)] * 3))
    degrees = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    affine = np.array(oblique_grid(shape, spacing, degrees).affine)
    if sheared:
        lean = draw(st.tuples(SHEAR, SHEAR))
        affine[:3, 0] += affine[:3, 1] * lean[0] + affine[:3, 2] * lean[1]
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from((1, -1))] * 3))
    affine[:3, :3] = affine[:3, list(order)] * signs
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Grid(tuple(shape[n] for n in order), affine)


INDICES = st.lists(st.tuples(*[st.floats(-100, 1000)] * 3), min_size=1, max_size=5)
WAYS = st.tuples(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))


@settings(max_examples=200, deadline=None)
@given(grid=grids(), index=INDICES)
def test_index_to_mm_and_back(grid, index):
    assert np.allclose(grid.to_index(grid.to_mm(index)), index, atol=1e-6)
    mm = grid.to_mm(index)
    assert np.allclose(grid.to_mm(grid.to_index(mm)), mm, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(grid=grids(), axis=st.integers(0, 2), n=st.integers(-5, 5))
def test_a_step_is_the_spacing_long(grid, axis, n):
    index = np.zeros(3)
    index[axis] = n
    length = np.linalg.norm(grid.to_mm(index) - grid.to_mm((0, 0, 0)))
    assert np.isclose(length, abs(n) * grid.spacing[axis])


@settings(max_examples=200, deadline=None)
@given(grid=grids(), way=WAYS)
def test_any_permutation_and_flip_leads_back(grid, way):
    axes, flips = way
    how = Reorientation(grid, tuple(axes), flips)
    data = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    turned = how.apply(data)
    assert np.array_equal(how.restore(turned), data)
    for index in itertools.product(*({0, n - 1} for n in how.grid.shape)):
        source = np.rint(grid.to_index(how.grid.to_mm(index))).astype(int)
        assert turned[index] == data[tuple(source)]
    assert sorted(how.grid.spacing) == sorted(grid.spacing)
    again = Reorientation.from_dict(json.loads(json.dumps(how.to_dict())))
    assert again.grid == how.grid


@settings(max_examples=200, deadline=None)
@given(grid=grids(), way=WAYS)
def test_the_working_grid_is_the_same_whatever_the_order(grid, way):
    """One volume stored in two ways is one picture with one place for each voxel."""
    # At 45 degrees two directions are as near as one another, and either is right.
    cosines = np.sort(np.abs(grid.affine[:3, :3] / grid.spacing).ravel())
    assume(np.diff(cosines).min() > 1e-6)
    axes, flips = way
    other = Reorientation(grid, tuple(axes), flips)
    data = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    one, two = grid.canonical(), other.grid.canonical()
    assert np.array_equal(two.apply(other.apply(data)), one.apply(data))
    assert two.grid.same_as(one.grid, 1e-6)
    assert one.grid.axis_letters == ("S", "P", "L")
    assert two.grid.axis_letters == ("S", "P", "L")


@settings(max_examples=150, deadline=None)
@given(grid=grids(), way=WAYS, seed=st.integers(0, 99))
def test_a_mask_in_any_order_comes_back_to_the_scan(grid, way, seed):
    axes, flips = way
    other = Reorientation(grid, tuple(axes), flips)
    mask = np.random.default_rng(seed).integers(0, 9, grid.shape).astype(np.uint8)
    assert np.array_equal(mask_on_grid(other.apply(mask), other.grid, grid), mask)


@settings(max_examples=100, deadline=None)
@given(grid=grids(), axis=st.integers(0, 2), share=st.floats(0.1, 0.9))
def test_a_mask_that_lies_elsewhere_is_refused(grid, axis, share):
    affine = np.array(grid.affine)
    affine[:3, 3] += affine[:3, axis] * share
    # Where slices nearly fall in with others, a small shift may land on voxels.
    elsewhere = Grid(grid.shape, affine)
    mask = np.zeros(grid.shape, np.uint8)
    try:
        mask_on_grid(mask, elsewhere, grid)
    except GeometryError as error:
        assert "does not lie on the voxels" in error.message  # noqa: PT017
    else:
        off = np.linalg.norm(affine[:3, 3] - grid.affine[:3, 3])
        assert off <= 0.05 * min(grid.spacing)


@settings(max_examples=100, deadline=None)
@given(grid=grids(sheared=False))
def test_a_grid_as_a_stack_of_slices(grid):
    stack = SliceStack.from_grid(grid)
    assert stack.shape == grid.shape
    for k in range(grid.shape[0]):
        assert np.allclose(stack.origins[k], grid.to_mm((k, 0, 0)))
    assert np.allclose(np.diff(stack.along), grid.spacing[0])
    assert np.allclose(stack.in_plane(grid.affine[:3, 1:3].T), np.eye(2), atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(grid=grids())
def test_a_grid_as_plain_data(grid):
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid
