from __future__ import annotations

import math

import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.measurements import Kind, Measurement, Plane, as_points
from medlab_gui.imaging.measurements import measure, region_box, region_mask

GRID = Grid.from_spacing((7, 40, 50), (5.0, 0.7, 0.9), (10, -20, 30))
DATA = np.random.default_rng(1).normal(40, 25, GRID.shape).astype(np.int16)


def drawn(kind: Kind, flat, plane: Plane = Plane.AXIAL, k: int = 3, grid: Grid = GRID):
    """What was drawn at (row, column) of a slice."""
    index = np.zeros((len(flat), 3))
    index[:, plane.axis] = k
    index[:, list(plane.axes)] = flat
    return Measurement("m", "1.2", kind, plane, k, as_points(grid.to_mm(index)))


REGIONS = {
    Kind.RECTANGLE: [(1.2, 5.5), (1.2, 20.4), (4.9, 20.4), (4.9, 5.5)],
    Kind.ELLIPSE: [(3.1, 3.0), (3.1, 21.0), (0.4, 12.0), (5.8, 12.0)],
    Kind.FREEHAND: [(0.3, 2.2), (5.7, 8.1), (1.4, 13.3), (5.6, 19.2), (0.6, 17.1)],
}


def whole(measurement: Measurement, grid: Grid = GRID) -> np.ndarray:
    """Mask of the whole volume."""
    mask = np.zeros(grid.shape, bool)
    plane = np.moveaxis(mask, measurement.plane.axis, 0)[measurement.slice_index]
    plane[region_box(measurement, grid)] = region_mask(measurement, grid)
    return mask


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("kind", list(REGIONS))
def test_figures_are_those_of_simpleitk(kind: Kind, plane: Plane):
    import SimpleITK as sitk

    measurement = drawn(kind, REGIONS[kind], plane)
    mask = whole(measurement)
    assert mask.sum() > 20
    values = measure(measurement, DATA, GRID, "HU")
    theirs = sitk.LabelStatisticsImageFilter()
    theirs.Execute(
        sitk.GetImageFromArray(DATA), sitk.GetImageFromArray(mask.astype(np.uint8))
    )
    assert values.n_pixels == theirs.GetCount(1)
    assert values.mean == pytest.approx(theirs.GetMean(1))
    assert values.sd == pytest.approx(theirs.GetSigma(1))
    assert values.low == theirs.GetMinimum(1)
    assert values.high == theirs.GetMaximum(1)
    assert values.units == "HU"
    assert not values.is_cut


@pytest.mark.parametrize("plane", list(Plane))
def test_masks_agree_with_scikit_image(plane: Plane):
    from skimage.draw import ellipse, polygon2mask

    shape = tuple(GRID.shape[a] for a in plane.axes)
    for kind in (Kind.RECTANGLE, Kind.FREEHAND):
        mask = whole(drawn(kind, REGIONS[kind], plane))
        ours = np.moveaxis(mask, plane.axis, 0)[3]
        assert np.array_equal(ours, polygon2mask(shape, REGIONS[kind]))
    ours = np.moveaxis(
        whole(drawn(Kind.ELLIPSE, REGIONS[Kind.ELLIPSE], plane)), plane.axis, 0
    )
    theirs = np.zeros(shape, bool)
    theirs[ellipse(3.1, 12.0, 2.7, 9.0, shape=shape)] = True
    assert np.array_equal(ours[3], theirs)


def test_a_region_on_pixel_borders_has_the_area_of_its_pixels():
    box = [(4.5, 9.5), (4.5, 19.5), (14.5, 19.5), (14.5, 9.5)]
    values = measure(drawn(Kind.RECTANGLE, box), DATA, GRID)
    assert values.n_pixels == 100
    assert values.area_mm2 == pytest.approx(100 * 0.7 * 0.9)
    assert values.mean == pytest.approx(DATA[3, 5:15, 10:20].mean())
    assert values.sd == pytest.approx(DATA[3, 5:15, 10:20].std(ddof=1))


def test_a_circle_in_millimetres_on_pixels_that_are_not_square():
    ends = [
        (20, 25 - 9 / 0.9),
        (20, 25 + 9 / 0.9),
        (20 - 9 / 0.7, 25),
        (20 + 9 / 0.7, 25),
    ]
    values = measure(drawn(Kind.ELLIPSE, ends), DATA, GRID)
    assert values.area_mm2 == pytest.approx(math.pi * 81)
    assert values.n_pixels * 0.7 * 0.9 == pytest.approx(math.pi * 81, rel=0.01)


def test_only_the_part_in_the_picture_is_counted_and_that_is_said():
    over = measure(
        drawn(Kind.RECTANGLE, [(-5, -5), (-5, 3), (3, 3), (3, -5)]), DATA, GRID
    )
    assert over.is_cut
    assert over.n_pixels == 16
    assert over.mean == pytest.approx(DATA[3, :4, :4].mean())
    assert over.area_mm2 == pytest.approx(64 * 0.7 * 0.9)
    # A region along the outer border of the pixels is whole.
    edge = [(-0.5, -0.5), (-0.5, 49.5), (39.5, 49.5), (39.5, -0.5)]
    everything = measure(drawn(Kind.RECTANGLE, edge), DATA, GRID)
    assert not everything.is_cut
    assert everything.n_pixels == 2000
    for far in ([(60, 60), (60, 70), (70, 70)], [(-60, 5), (-50, 5), (-50, 9)]):
        beyond = measure(drawn(Kind.FREEHAND, far), DATA, GRID)
        assert (beyond.n_pixels, beyond.mean, beyond.sd, beyond.low) == (
            0,
            None,
            None,
            None,
        )
        assert beyond.is_cut


def test_a_region_between_centres_is_empty_and_one_pixel_has_no_spread():
    between = measure(
        drawn(Kind.RECTANGLE, [(5.2, 5.2), (5.2, 5.8), (5.8, 5.8), (5.8, 5.2)]),
        DATA,
        GRID,
    )
    assert (between.n_pixels, between.mean) == (0, None)
    one = measure(
        drawn(Kind.RECTANGLE, [(4.8, 4.8), (4.8, 5.2), (5.2, 5.2), (5.2, 4.8)]),
        DATA,
        GRID,
    )
    assert (one.n_pixels, one.sd) == (1, None)
    assert one.mean == one.low == one.high == DATA[3, 5, 5]


def test_what_only_fills_the_picture_is_left_out_and_counted():
    data = DATA.astype(np.int16)
    data[3, 5:7, 10:20] = -2000
    box = drawn(Kind.RECTANGLE, [(4.5, 9.5), (4.5, 19.5), (14.5, 19.5), (14.5, 9.5)])
    values = measure(box, data, GRID, "HU", (-2000, -1990))
    part = data[3, 7:15, 10:20].astype(float)
    assert (values.n_pixels, values.n_filled) == (80, 20)
    assert values.mean == pytest.approx(part.mean())
    assert values.low == part.min()
    assert values.lines()[-1] == "20 px not measured"
    data[3] = -2000
    nothing = measure(box, data, GRID, "HU", (-2000, -1990))
    assert (nothing.n_pixels, nothing.mean) == (0, None)
    assert nothing.lines()[1:] == ["100 px not measured"]
    assert measure(box, data, GRID, "HU").mean == -2000


def test_voxels_without_a_value_are_left_out():
    data = DATA.astype(np.float32)
    data[3, 5, 10], data[3, 6, 11] = np.nan, np.inf
    box = [(4.5, 9.5), (4.5, 19.5), (14.5, 19.5), (14.5, 9.5)]
    values = measure(drawn(Kind.RECTANGLE, box), data, GRID)
    part = data[3, 5:15, 10:20]
    assert values.n_pixels == 98
    assert values.mean == pytest.approx(
        float(part[np.isfinite(part)].astype(float).mean())
    )


def test_the_same_region_on_a_turned_and_sheared_grid_has_the_same_pixels():
    turn, _r = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    affine = GRID.affine.copy()
    affine[:3, 0] += [0.0, 1.5, 0.0]  # a tilted gantry
    affine[:3, :3] = turn @ affine[:3, :3]
    other = Grid(GRID.shape, affine)
    for plane in Plane:
        for kind, flat in REGIONS.items():
            one = measure(drawn(kind, flat, plane), DATA, GRID)
            same = measure(drawn(kind, flat, plane, grid=other), DATA, other)
            assert (one.n_pixels, one.mean, one.sd) == (
                same.n_pixels,
                same.mean,
                same.sd,
            )


def test_large_values_keep_their_spread():
    data = (DATA.astype(np.float64) * 1e-3 + 1e9).astype(np.float64)
    box = [(4.5, 9.5), (4.5, 19.5), (14.5, 19.5), (14.5, 9.5)]
    values = measure(drawn(Kind.RECTANGLE, box), data, GRID)
    assert values.sd == pytest.approx(DATA[3, 5:15, 10:20].std(ddof=1) * 1e-3, rel=1e-4)


def test_a_distance_needs_no_pixels_but_its_slice():
    values = measure(drawn(Kind.DISTANCE, [(3, 3), (3, 13)]), DATA, GRID)
    assert values.length_mm == pytest.approx(9.0)
    assert values.n_pixels is None
    lost = drawn(Kind.DISTANCE, [(3, 3), (3, 13)]).moved((0, 0, 3))
    with pytest.raises(GeometryError, match="off the axial slice"):
        measure(lost, DATA, GRID)
