"""Resampling, against fields whose value is known at every point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.slices import SliceStack
from medlab_gui.imaging.regrid import (
    free_value,
    labels_to_stack,
    regrid,
    slice_sources,
)
from tests.synthetic import oblique_grid, plain_grid, tilted_grid

FIELD = np.array([0.7, -1.9, 3.1])


def at(grid: Grid) -> np.ndarray:
    return grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def field(mm: np.ndarray) -> np.ndarray:
    """A linear function of the place, which linear interpolation must keep exactly."""
    return (mm @ FIELD + 5).astype(np.float32)


def sphere(mm: np.ndarray, center, radius: float) -> np.ndarray:
    """A ball of 1 with a border of 1 mm, so that its sum is its volume."""
    return np.clip(radius + 0.5 - np.linalg.norm(mm - center, axis=-1), 0, 1)


def stack_mm(stack: SliceStack) -> np.ndarray:
    j, i = np.meshgrid(*map(np.arange, stack.size), indexing="ij")
    plane = j[..., None] * stack.column_step + i[..., None] * stack.row_step
    return stack.origins[:, None, None, :] + plane


def uneven_stack(places, grid: Grid, sideways=None) -> SliceStack:
    """Slices of a grid at other places along k (in slices), shifted sideways in mm."""
    index = np.zeros((len(places), 3))
    index[:, 0] = places
    origins = grid.to_mm(index)
    if sideways is not None:
        origins = origins + np.asarray(sideways)
    return SliceStack(grid.shape[1:], origins, grid.affine[:3, 1], grid.affine[:3, 2])


def straight_grid(stack: SliceStack, n: int, margin: int) -> Grid:
    """A grid along the stack's normal with room on all sides."""
    affine = np.eye(4)
    length = stack.along[-1] - stack.along[0]
    affine[:3, 0] = stack.normal * length / (n - 1)
    affine[:3, 1], affine[:3, 2] = stack.column_step, stack.row_step
    affine[:3, 3] = stack.origins[0] - margin * (stack.column_step + stack.row_step)
    return Grid((n, stack.size[0] + 2 * margin, stack.size[1] + 2 * margin), affine)


def test_a_tilted_scan_is_straightened_to_the_true_field():
    stack = SliceStack.from_grid(tilted_grid(20))
    grid = straight_grid(stack, 12, 10)
    data = regrid(field(stack_mm(stack)), stack, grid, [True] * 11, fill=np.nan)
    measured = ~np.isnan(data)
    assert np.allclose(data[measured], field(at(grid))[measured], atol=1e-3)
    # Each slice keeps all but the pixel that lies half outside.
    per_slice = measured.sum(axis=(1, 2))
    assert per_slice[0] == 20 * 24
    assert np.all(per_slice >= 19 * 24)


def test_straightening_keeps_a_sphere_where_and_as_large_as_it_was():
    tilted = tilted_grid(20)
    center = at(tilted)[6, 10, 12] + [0.3, -0.4, 0.2]
    # Slices thin enough that the sum over voxels is the volume to a percent.
    affine = np.array(tilted.affine)
    affine[:3, 0] /= 3
    stack = SliceStack.from_grid(Grid((36, 20, 24), affine))
    before = sphere(stack_mm(stack), center, 9.0).astype(np.float32)
    grid = straight_grid(stack, 36, 12)
    after = regrid(before, stack, grid, [True] * 35)
    voxel = grid.voxel_volume_mm3
    volume = after.sum() * voxel
    assert volume == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.01)
    mass = after[..., None] * at(grid)
    assert np.allclose(mass.sum(axis=(0, 1, 2)) / after.sum(), center, atol=0.05)
    # Read from straight axes, it is as wide as it is deep.
    for axis, step in enumerate(grid.spacing):
        other = tuple(a for a in range(3) if a != axis)
        extent = (after.max(axis=other) > 0.5).sum() * step
        assert extent == pytest.approx(18, abs=2 * step)


def test_missing_slices_are_not_made_up():
    grid = plain_grid((7, 5, 6))
    stack = uneven_stack([0, 1, 2, 5, 6], grid)
    data = np.round(field(stack_mm(stack))).astype(np.int16)
    bridged = [True, True, False, True]
    sources = slice_sources(stack, grid, bridged)
    assert [s.slices for s in sources] == [(0,), (1,), (2,), (), (), (3,), (4,)]
    result = regrid(data, stack, grid, bridged)
    assert np.array_equal(result[[0, 1, 2, 5, 6]], data)
    assert np.all(result[3:5] == data.min())
    assert result.dtype == np.int16


def test_uneven_slices_are_interpolated_between_neighbours_only():
    grid = oblique_grid((9, 5, 6))
    stack = uneven_stack([0, 1, 2.5, 4, 5.5, 7, 8], grid)
    result = regrid(field(stack_mm(stack)), stack, grid, [True] * 6)
    assert np.allclose(result, field(at(grid)), atol=1e-3)


def test_nothing_is_extrapolated():
    stack = SliceStack.from_grid(plain_grid((4, 5, 6)))
    affine = np.array(plain_grid((4, 5, 6)).affine)
    affine[:3, 3] += affine[:3, :3] @ [-1.0, 0.5, -0.25]
    grid = Grid((6, 5, 6), affine)
    data = field(stack_mm(stack))
    result = regrid(data, stack, grid, [True] * 3, fill=np.nan)
    assert np.isnan(result[0]).all()
    assert np.isnan(result[5]).all()
    inner = result[1:5]
    assert np.isnan(inner[:, -1]).all()  # half a pixel beyond the last row
    assert np.isnan(inner[:, :, 0]).all()  # a quarter before the first column
    assert np.allclose(inner[:, :-1, 1:], field(at(grid))[1:5, :-1, 1:], atol=1e-3)


def test_values_stay_in_the_range_of_the_scan():
    rng = np.random.default_rng(3)
    stack = uneven_stack([0, 1.3, 2, 3.4], oblique_grid((4, 8, 9)), rng.normal(size=3))
    data = rng.integers(-1024, 3000, stack.shape).astype(np.int16)
    result = regrid(data, stack, straight_grid(stack, 7, 3), [True] * 3)
    assert data.min() <= result.min() <= result.max() <= data.max()


@example(degrees=(0.0, 0.0, 0.0), gaps=[0.5, 0.734375, 0.625], slant=(0.0, 0.0), n=4)
@example(degrees=(0.0, 63.0, 1.0), gaps=[1.0, 1.0], slant=(0.0, 0.0002), n=2)
@settings(max_examples=60, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    gaps=st.lists(st.floats(0.5, 1.4), min_size=2, max_size=6),
    slant=st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    n=st.integers(2, 9),
)
def test_a_linear_field_survives_any_stack(degrees, gaps, slant, n):
    """Turned, slanted and uneven: whatever is measured has its true value."""
    base = oblique_grid((2, 6, 7), degrees=degrees)
    places = np.concatenate([[0], np.cumsum(gaps)])
    heights = places * base.spacing[0]
    sideways = np.outer(heights * slant[0], base.affine[:3, 1]) / base.spacing[1]
    sideways += np.outer(heights * slant[1], base.affine[:3, 2]) / base.spacing[2]
    stack = uneven_stack(places, base, sideways)
    grid = straight_grid(stack, n, 20)
    data = field(stack_mm(stack))
    result = regrid(data, stack, grid, [True] * (len(places) - 1), fill=np.nan)
    measured = ~np.isnan(result)
    assert measured.any()
    # A slice within a hundredth of the distance of a measured one is that one.
    mm = at(grid)
    for k, source in enumerate(slice_sources(stack, grid, [True] * (len(places) - 1))):
        if len(source.slices) == 1:
            off = stack.along[source.slices[0]] - mm[k, 0, 0] @ stack.normal
            assert abs(off) <= 0.01 * grid.spacing[0] + 1e-9
            mm[k] += off * stack.normal
    # A shift of less than a thousandth of a pixel is none, along rows and columns.
    pixel_mm = base.spacing[1] + base.spacing[2]
    off_most = 1.1e-3 * pixel_mm * float(np.linalg.norm(FIELD)) + 1e-3
    assert np.allclose(result[measured], field(mm)[measured], atol=off_most)


@settings(max_examples=60, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    rows=st.lists(st.integers(-9, 9), min_size=3, max_size=6),
)
def test_whole_pixel_shifts_lose_nothing_there_and_back(degrees, rows):
    """Shears by whole pixels are exact, so scan and mask come back bit for bit."""
    base = oblique_grid((len(rows), 6, 7), degrees=degrees)
    sideways = np.outer(rows, base.affine[:3, 1])
    stack = uneven_stack(np.arange(len(rows)), base, sideways)
    grid = straight_grid(stack, len(rows), 20)
    labels = np.random.default_rng(len(rows)).integers(0, 5, stack.shape)
    labels = labels.astype(np.uint8)
    moved = regrid(labels, stack, grid, [True] * (len(rows) - 1), fill=0)
    assert moved.sum() == labels.sum()
    assert np.array_equal(labels_to_stack(moved, grid, stack), labels)


@pytest.mark.parametrize(
    ("values", "padding", "dtype", "value"),
    [
        (np.array([-1000, 40], np.int16), None, np.int16, -1001),
        (np.array([-2000, -990, 40], np.int16), (-2000, -1999), np.int16, -991),
        (np.array([0, 255], np.uint8), None, np.int16, -1),
        (np.array([7, 255], np.uint8), None, np.uint8, 6),
        (np.array([-32768, 32767], np.int16), None, np.float32, -32769),
        (np.array([0.25, 3.5], np.float32), None, np.float32, -1),
        (np.array([-3.5, 3.5], np.float32), None, np.float32, -5),
        (np.array([9, 9], np.int16), (9, 9), np.int16, 8),
    ],
)
def test_a_value_that_nothing_measured_has(values, padding, dtype, value):
    found = free_value(values.reshape(1, 1, -1), padding)
    assert found == (np.dtype(dtype), value)


def test_a_value_below_the_largest_numbers():
    lowest = np.float32(-1e30)
    dtype, value = free_value(np.array([[[lowest, 0]]], np.float32))
    assert dtype == np.float32
    assert np.float32(value) < lowest


def test_filling_values_of_the_file_are_not_measured_either():
    """Interpolated with tissue they would make a rim of values that nobody measured."""
    stack = SliceStack.from_grid(tilted_grid(20))
    grid = straight_grid(stack, 12, 10)
    data = field(stack_mm(stack))
    clean = regrid(data, stack, grid, [True] * 11, fill=np.nan)
    outside = np.zeros(stack.shape, np.bool_)
    outside[:, 3:6, 4:9] = True
    data[outside] = -2000
    padded = regrid(data, stack, grid, [True] * 11, fill=np.nan, padding=(-2000, -2000))
    measured = ~np.isnan(padded)
    assert np.array_equal(padded[measured], clean[measured])
    lost = (~np.isnan(clean) & ~measured).sum(axis=(1, 2))
    # The rectangle of each slice, and one more row where the shift is no whole pixel.
    assert set(lost.tolist()) <= {3 * 5, 4 * 5}
    assert lost.min() == 15


def test_labels_go_back_to_the_nearest_pixel():
    stack = SliceStack.from_grid(tilted_grid(15))
    grid = straight_grid(stack, 12, 8)
    center = at(tilted_grid(15))[6, 10, 12]
    labels = (np.linalg.norm(at(grid) - center, axis=-1) < 8).astype(np.uint8)
    back = labels_to_stack(labels, grid, stack)
    distance = np.linalg.norm(stack_mm(stack) - center, axis=-1)
    half = np.linalg.norm(grid.spacing) / 2
    assert np.all(back[distance < 8 - half] == 1)
    assert np.all(back[distance > 8 + half] == 0)


def test_what_does_not_fit_is_refused():
    stack = SliceStack.from_grid(plain_grid((4, 5, 6)))
    with pytest.raises(GeometryError, match="does not fit"):
        regrid(np.zeros((4, 5, 7)), stack, plain_grid((4, 5, 6)), [True] * 3)
    with pytest.raises(GeometryError, match="rows and columns"):
        slice_sources(stack, oblique_grid((4, 5, 6)), [True] * 3)
    with pytest.raises(GeometryError, match="rows and columns"):
        labels_to_stack(np.zeros((4, 5, 6), np.uint8), oblique_grid((4, 5, 6)), stack)
    with pytest.raises(GeometryError, match="right angles"):
        SliceStack((2, 2), np.zeros((1, 3)), np.array([1.0, 0, 0]), np.ones(3))
    with pytest.raises(GeometryError, match="order"):
        uneven_stack([0, 0, 1], plain_grid((4, 5, 6)))


def test_progress_is_told_slice_by_slice():
    stack = SliceStack.from_grid(plain_grid((4, 5, 6)))
    told = []
    regrid(
        np.zeros((4, 5, 6), np.int16),
        stack,
        plain_grid((4, 5, 6)),
        [True] * 3,
        progress=lambda *a: told.append(a[:2]),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_stack_as_plain_data():
    import json

    stack = uneven_stack([0, 1, 2.5], oblique_grid())
    again = SliceStack.from_dict(json.loads(json.dumps(stack.to_dict())))
    assert again.size == stack.size
    assert np.array_equal(again.origins, stack.origins)
    assert np.array_equal(again.column_step, stack.column_step)
    assert np.array_equal(again.row_step, stack.row_step)
