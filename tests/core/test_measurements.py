from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.measurements import (
    Kind,
    Measurement,
    Plane,
    Values,
    as_points,
    check_on_grid,
    short_value,
)

GRID = Grid.from_spacing((9, 60, 80), (5.0, 0.7, 0.7), (-20, -30, 40))


def drawn(kind: Kind, indices, plane: Plane = Plane.AXIAL, grid: Grid = GRID):
    """What was drawn at indices (k, j, i)."""
    k = round(float(indices[0][plane.axis]))
    return Measurement("m", "1.2", kind, plane, k, as_points(grid.to_mm(indices)))


def test_a_distance_counts_every_direction_in_millimetres():
    along = drawn(Kind.DISTANCE, [(3, 10, 10), (3, 10, 40)])
    assert along.length_mm == pytest.approx(21.0)
    slanted = drawn(Kind.DISTANCE, [(3, 10, 10), (3, 40, 50)])
    assert slanted.length_mm == pytest.approx(0.7 * 50)
    coronal = drawn(Kind.DISTANCE, [(0, 7, 10), (6, 7, 10)], Plane.CORONAL)
    assert coronal.length_mm == pytest.approx(30.0)
    corner = drawn(Kind.DISTANCE, [(1, 0, 4), (4, 28, 4)], Plane.SAGITTAL)
    assert corner.length_mm == pytest.approx(math.hypot(3 * 5, 28 * 0.7))
    assert along.angle_deg is None
    assert along.area_mm2 is None


@pytest.mark.parametrize("degrees", [0.001, 30, 45, 90, 120, 179.999])
def test_an_angle_is_that_of_millimetres_not_of_pixels(degrees: float):
    grid = Grid.from_spacing((9, 60, 80), (5.0, 0.5, 1.5))
    a = math.radians(degrees)
    end = (4, 20 + 10 * math.sin(a) / 0.5, 20 + 10 * math.cos(a) / 1.5)
    angle = drawn(Kind.ANGLE, [(4, 20, 30), (4, 20, 20), end], grid=grid)
    assert angle.angle_deg == pytest.approx(degrees, abs=1e-9)
    tall = drawn(
        Kind.ANGLE, [(0, 3, 5), (2, 3, 5), (2, 3, 9)], Plane.CORONAL, grid=grid
    )
    assert tall.angle_deg == pytest.approx(90)


def test_areas():
    box = drawn(Kind.RECTANGLE, [(2, 10, 10), (2, 10, 30), (2, 20, 30), (2, 20, 10)])
    assert box.area_mm2 == pytest.approx(14 * 7)
    ends = [(2, 20, 10), (2, 20, 30), (2, 15, 20), (2, 25, 20)]
    assert drawn(Kind.ELLIPSE, ends).area_mm2 == pytest.approx(math.pi * 7 * 3.5)
    triangle = [(0, 8, 5), (4, 8, 5), (4, 8, 35)]
    coronal = drawn(Kind.FREEHAND, triangle, Plane.CORONAL)
    assert coronal.area_mm2 == pytest.approx(20 * 21 / 2)
    assert box.length_mm is None


@st.composite
def frames(draw):
    """Grids that lie anyhow, sheared ones too."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    turn, _r = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    shear = np.eye(3)
    shear[1, 0] = draw(st.floats(-0.4, 0.4))
    affine[:3, :3] = turn @ shear * rng.uniform(0.3, 6, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return Grid((12, 30, 40), affine)


@settings(max_examples=60, deadline=None)
@given(frames(), st.sampled_from(list(Plane)), st.integers(0, 2**32 - 1))
def test_figures_are_those_of_space_on_any_grid(grid: Grid, plane: Plane, seed: int):
    rng = np.random.default_rng(seed)
    flat = rng.uniform(0, 10, (7, 2))
    index = np.zeros((7, 3))
    index[:, plane.axis] = 5
    index[:, list(plane.axes)] = flat
    mm = grid.to_mm(index)
    one = drawn(Kind.DISTANCE, index[:2], plane, grid)
    assert one.length_mm == pytest.approx(math.dist(mm[0], mm[1]))
    check_on_grid(one, grid)
    first, second = (grid.affine[:3, a] for a in plane.axes)
    scale = np.linalg.norm(np.cross(first, second))
    corner = index[0]
    step, other = np.eye(3)[list(plane.axes)]
    box = [corner, corner + 3 * step, corner + 3 * step + 2 * other, corner + 2 * other]
    assert drawn(Kind.RECTANGLE, box, plane, grid).area_mm2 == pytest.approx(6 * scale)
    middle = corner + 4
    middle[plane.axis] = 5
    ends = [middle - 3 * step, middle + 3 * step, middle - other, middle + other]
    ellipse = drawn(Kind.ELLIPSE, ends, plane, grid)
    assert ellipse.area_mm2 == pytest.approx(math.pi * 3 * scale)


def test_moving_keeps_the_figures():
    box = drawn(Kind.RECTANGLE, [(2, 10, 10), (2, 10, 30), (2, 20, 30), (2, 20, 10)])
    moved = box.moved((3.5, -2, 0))
    assert moved.area_mm2 == pytest.approx(box.area_mm2)
    assert np.allclose(np.subtract(moved.points, box.points), (3.5, -2, 0))
    assert moved.id == box.id


@pytest.mark.parametrize(
    ("kind", "points", "why"),
    [
        (Kind.DISTANCE, [(0, 0, 0)], "has 2 points, not 1"),
        (Kind.ANGLE, [(0, 0, 0), (0, 0, 0), (1, 0, 0)], "two arms"),
        (Kind.RECTANGLE, [(0, 0, 0)] * 4, "encloses nothing"),
        (Kind.ELLIPSE, [(0, 0, 0), (5, 0, 0), (1, 0, 0), (2, 0, 0)], "nothing"),
        (Kind.FREEHAND, [(0, 0, 0), (1, 0, 0)], "3 to 2000 points"),
        (Kind.FREEHAND, [(0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 4)], "one plane"),
        (Kind.DISTANCE, [(0, 0, math.nan), (1, 0, 0)], "finite"),
        (Kind.DISTANCE, [(0, 0), (1, 0)], "three finite"),
        (Kind.DISTANCE, [("a", 0, 0), (1, 0, 0)], "three numbers"),
    ],
)
def test_what_measures_nothing_is_refused(kind: Kind, points, why: str):
    with pytest.raises(GeometryError, match=why):
        Measurement("m", "1.2", kind, Plane.AXIAL, 0, points)


def test_slices_count_from_zero():
    with pytest.raises(GeometryError, match="counted from 0"):
        Measurement("m", "1.2", Kind.DISTANCE, Plane.AXIAL, -1, ((0, 0, 0), (1, 0, 0)))


def test_it_must_lie_on_its_slice():
    on = drawn(Kind.DISTANCE, [(3, 10, 10), (3, 10, 40)])
    check_on_grid(on, GRID)
    check_on_grid(on.moved((0, 0, 0.01)), GRID)
    with pytest.raises(GeometryError, match=r"2\.00 mm off the axial slice 4"):
        check_on_grid(on.moved((0, 0, 2)), GRID)
    with pytest.raises(GeometryError, match="slices 1 to 9"):
        check_on_grid(replace(on, slice_index=9), GRID)


def test_what_a_person_reads():
    assert Values(length_mm=12.345).lines() == ["12.3 mm"]
    assert Values(angle_deg=45.0).lines() == ["45.0°"]
    assert Values().lines() == []
    region = Values(
        area_mm2=98.0, n_pixels=200, mean=41.26, sd=12.0, low=-3, high=80, units="HU"
    )
    assert region.lines() == ["98.0 mm²", "41.3 ± 12 HU", "-3 to 80, 200 px"]
    large = replace(region, area_mm2=1234.5, units=None, sd=None, is_cut=True)
    assert large.lines() == [
        "12.35 cm²",
        "41.3 a.u.",
        "-3 to 80, 200 px",
        "cut off by the picture's edge",
    ]
    assert Values(area_mm2=0.2, n_pixels=0).lines() == ["0.2 mm²", "no pixel inside"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1362.44, "1362.4"), (-1024.0, "-1024"), (19.25, "19.2"), (0.00175, "0.00175")],
)
def test_a_value_is_written_as_it_is_read(value, shown):
    assert short_value(value) == shown
