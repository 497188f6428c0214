"""Slices of two series at one place, and one resampled into the planes of the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from medlab_gui.core.geometry import Grid
from medlab_gui.imaging.pairing import GridPair, reslice

FRAME = "1.2.3"


def linear_field(grid):
    """Values that grow linearly in the patient: any true linear resampling keeps it."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return (grid.to_mm(index) @ [2.0, -3.0, 5.0]).astype(np.float32)


def field_on_slice(grid, k):
    rows, columns = grid.shape[1:]
    j, i = np.mgrid[:rows, :columns]
    index = np.stack([np.full_like(j, k), j, i], axis=-1)
    return grid.to_mm(index) @ [2.0, -3.0, 5.0]


def turned(shape, spacing, origin, degrees, axis="x"):
    affine = Grid.from_spacing(shape, spacing).affine.copy()
    affine[:3, :3] = (
        Rotation.from_euler(axis, degrees, degrees=True).as_matrix() @ affine[:3, :3]
    )
    affine[:3, 3] = origin
    return Grid(shape, affine, FRAME)


FIRST = Grid.from_spacing((20, 30, 40), (3.0, 1.5, 1.0), (-20, -22, -30), FRAME)


@pytest.mark.parametrize(
    ("one", "other", "shares"),
    [
        ("1.2", "1.2", True),
        ("1.2", "1.3", False),
        (None, None, False),
        ("1.2", None, False),
        ("", "", False),
    ],
)
def test_only_the_same_named_frame_is_shared(one, other, shares):
    first = Grid.from_spacing((2, 2, 2), (1, 1, 1), frame_of_reference=one)
    second = Grid.from_spacing((2, 2, 2), (1, 1, 1), frame_of_reference=other)
    assert GridPair(first, second).shares_frame is shares


def test_slices_match_by_their_position():
    # slices of the second at z = -28.3, -23.3, ...; of the first at -30, -27, ...
    second = Grid.from_spacing((6, 10, 10), (5.0, 4.0, 4.0), (5, 5, -28.3), FRAME)
    pair = GridPair(FIRST, second)
    assert pair.is_parallel
    found = {k: pair.match(k) for k in range(20)}
    for k, match in found.items():
        z = -30 + 3 * k
        distances = np.array([-28.3 + 5 * n - z for n in range(6)])
        n = int(np.argmin(np.abs(distances)))
        assert match.off_mm == pytest.approx(distances[n])
        assert match.index == (n if abs(distances[n]) <= 2.5 else None)
    assert found[0].index == 0
    assert found[1].index == 0
    assert found[2].index == 1
    assert found[12].index is None


def test_a_flipped_second_counts_the_other_way():
    affine = Grid.from_spacing((6, 10, 10), (5.0, 4.0, 4.0)).affine.copy()
    affine[2, 0] = -5.0
    affine[:3, 3] = (5, 5, -3.0)
    match = GridPair(FIRST, Grid((6, 10, 10), affine, FRAME)).match(3)  # z = -21
    assert match.index == 4  # at z = -23
    assert match.off_mm == pytest.approx(2.0)  # it counts towards the feet


def test_turned_within_the_plane_is_parallel_and_tilted_is_not():
    assert GridPair(FIRST, turned((6, 9, 9), (5, 2, 2), (0, 0, 0), 25, "z")).is_parallel
    for axis in "xy":
        tilted = turned((6, 9, 9), (5, 2, 2), (0, 0, 0), 4, axis)
        assert not GridPair(FIRST, tilted).is_parallel
    # directions rounded to six digits, as DICOM files have them
    rounded = turned((6, 9, 9), (5, 2, 2), (0, 0, 0), 2e-5, "x")
    assert GridPair(FIRST, rounded).is_parallel


@pytest.mark.parametrize("degrees", [0, 17, -50])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_reslicing_keeps_a_linear_field_and_makes_nothing_up(degrees, axis):
    second = turned((14, 26, 22), (4.0, 1.7, 2.3), (-25, -20, -28), degrees, axis)
    pair = GridPair(FIRST, second)
    data, n_inside = linear_field(second), 0
    for k in (0, 7, 19):
        found = reslice(data, pair, k)
        assert found.shape == FIRST.shape[1:]
        j, i = np.mgrid[:30, :40]
        mm = FIRST.to_mm(np.stack([np.full_like(j, k), j, i], axis=-1))
        index = second.to_index(mm)
        last = np.array(second.shape) - 1
        inside = np.all((index >= 0) & (index <= last), axis=-1)
        beyond = np.any((index < -0.51) | (index > last + 0.51), axis=-1)
        assert np.isnan(found[beyond]).all()
        np.testing.assert_allclose(
            found[inside], field_on_slice(FIRST, k)[inside], atol=2e-3
        )
        n_inside += inside.sum()
    assert n_inside > 200


def test_reslicing_is_what_simpleitk_makes():
    sitk = pytest.importorskip("SimpleITK")
    second = turned((14, 26, 22), (4.0, 1.7, 2.3), (-25, -20, -28), 12, "y")
    data = np.random.default_rng(1).normal(100, 40, second.shape).astype(np.float32)

    def image(array, grid):
        made = sitk.GetImageFromArray(array)
        made.SetOrigin([float(v) for v in grid.to_mm((0, 0, 0))])
        made.SetSpacing([float(v) for v in grid.spacing[::-1]])
        axes = grid.affine[:3, [2, 1, 0]] / np.array(grid.spacing[::-1])
        made.SetDirection(axes.ravel().tolist())
        return made

    like = image(np.zeros(FIRST.shape, np.float32), FIRST)
    truth = sitk.GetArrayFromImage(
        sitk.Resample(image(data, second), like, sitk.Transform(), sitk.sitkLinear,
                      float("nan"))
    )  # fmt: skip
    pair, compared = GridPair(FIRST, second), 0
    for k in range(20):
        found = reslice(data, pair, k)
        both = np.isfinite(found) & np.isfinite(truth[k])
        np.testing.assert_allclose(found[both], truth[k][both], atol=0.02)
        # the rim of a voxel is a matter of taste for a hair's breadth only
        assert (np.isfinite(found) != np.isfinite(truth[k])).mean() < 0.01
        compared += both.sum()
    assert compared > 2000
    # coronal and sagittal slices of the first
    for axis, n in ((1, 4), (1, 15), (2, 8), (2, 30)):
        found, known = reslice(data, pair, n, axis=axis), np.take(truth, n, axis)
        both = np.isfinite(found) & np.isfinite(known)
        assert both.sum() > 100
        np.testing.assert_allclose(found[both], known[both], atol=0.02)
        assert (np.isfinite(found) != np.isfinite(known)).mean() < 0.02


def test_the_same_grid_gives_the_same_bits():
    data = np.random.default_rng(2).integers(-1000, 3000, FIRST.shape).astype(np.int16)
    pair = GridPair(FIRST, FIRST)
    for k in (0, 9, 19):
        np.testing.assert_array_equal(reslice(data, pair, k), data[k])


def test_one_slice_has_its_thickness():
    second = Grid.from_spacing((1, 30, 40), (6.0, 1.5, 1.0), (-20, -22, -9), FRAME)
    data = np.full((1, 30, 40), 7, np.int16)
    pair = GridPair(FIRST, second)
    whole = [k for k in range(20) if np.isfinite(reslice(data, pair, k)).all()]
    assert whole == [6, 7, 8]  # z = -12, -9, -6


def test_filling_values_and_what_is_not_a_number_are_not_mixed_in():
    data = np.full(FIRST.shape, 50.0, np.float32)
    data[:, :, 20:] = -2000
    data[10, 5, 5] = np.nan
    shifted = FIRST.affine.copy()
    shifted[:3, 3] += (0.5, 0, 0)
    first = Grid(FIRST.shape, shifted, FRAME)
    found = reslice(data, GridPair(first, FIRST), 10, padding=(-2000, -2000))
    good = np.isfinite(found)
    assert set(np.unique(found[good])) == {50.0}
    assert not good[:, 19:].any()  # between 50 and filling
    assert not good[5, 4:6].any()
    assert good[6:, :19].all()


def test_a_cut_out_of_a_larger_array_is_read_right():
    whole = np.arange(24 * 30 * 40, dtype=np.int16).reshape(24, 30, 40)
    part = whole[::-1][2:22]
    found = reslice(part, GridPair(FIRST, FIRST), 3)
    np.testing.assert_array_equal(found, part[3])
