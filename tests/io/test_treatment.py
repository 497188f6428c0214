"""Ways out of geometry problems: what each does, and that nothing happens unasked."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.records import Severity
from medlab_gui.core.slices import SliceStack
from medlab_gui.imaging.regrid import labels_to_stack
from medlab_gui.io import (
    open_stream,
    read_checked,
    read_one,
    read_volume,
    scan,
    write_image,
)
from medlab_gui.io.treatment import offered_remedies, treat, treat_all
from tests.io.dicom_checks import applied, assert_is_phantom, codes, one, problem
from tests.synthetic import (
    phantom_values,
    plain_grid,
    tilted_grid,
    write_series,
)


def linear_values(grid):
    """A linear function of the place, which linear interpolation keeps exactly."""
    mm = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return np.rint(10 * (mm @ [0.7, 1.9, 3.1])).astype(np.int16)


def test_unasked_nothing_changes(tmp_path):
    write_series(tmp_path, tilted_grid())
    series = one(tmp_path)
    assert series.applied == ()
    assert series.derivation is None
    assert_is_phantom(read_volume(series))
    assert treat(series, []) == [series]


def test_kept_as_measured_is_written_down(tmp_path):
    write_series(tmp_path, tilted_grid())
    series = one(tmp_path)
    (kept,) = treat(series, ["keep-as-measured"])
    assert kept.uid == series.uid
    assert kept.grid == series.grid
    assert codes(kept) == codes(series)
    assert applied(kept) == ["keep-as-measured"]
    assert "gantry-tilt" in kept.applied[0].effect


def test_a_tilted_scan_is_straightened(tmp_path):
    tilted = tilted_grid()
    write_series(tmp_path, tilted, linear_values(tilted))
    series = one(tmp_path)
    (straight,) = treat(series, ["straighten"])
    grid = straight.grid
    assert straight.uid != series.uid
    assert straight.original_uid == series.original_uid
    assert codes(straight) == (codes(series) - {"gantry-tilt"}) | {"resampled"}
    steps = grid.affine[:3, :3] / grid.spacing
    assert np.allclose(steps.T @ steps, np.eye(3), atol=1e-9)
    assert grid.spacing == pytest.approx((3.0, 1.5, 1.25))
    # Nothing is lost: every voxel of the scan lies within the new field of view.
    corners = tilted.to_mm(
        [[k, j, i] for k in (0, 11) for j in (0, 19) for i in (0, 23)]
    )
    index = grid.to_index(corners)
    assert np.all(index > -0.01)
    assert np.all(index < np.array(grid.shape) - 0.99)
    volume = read_volume(straight)
    assert volume.data.dtype == np.int16
    outside = volume.data == volume.data.min()
    expected = linear_values(grid).astype(int)
    assert np.abs(volume.data - expected)[~outside].max() <= 1
    assert (~outside).sum() >= 12 * 19 * 24
    assert straight.name == "phantom, resampled"


def test_straight_and_streamed_are_the_same(tmp_path):
    write_series(tmp_path, tilted_grid())
    (straight,) = treat(one(tmp_path), ["straighten"])
    stream = open_stream(straight)
    streamed = stream.wait()
    assert np.array_equal(streamed.data, read_volume(straight).data)
    assert streamed.grid == straight.grid
    assert stream.display == read_checked(straight)[0].display


@pytest.mark.parametrize("padded", [False, True])
def test_what_was_never_measured_within_a_slice_is_marked(tmp_path, padded):
    """By the geometry alone: where the grid's voxel lies outside the tilted stack."""
    tilted = tilted_grid()
    values = phantom_values(tilted)
    if padded:
        values[:, :, :3] = -2000

    def edit(ds, _k):
        if padded:
            ds.PixelRepresentation = 1
            ds.add_new("PixelPaddingValue", "SS", -976)

    write_series(tmp_path, tilted, values, edit=edit)
    (straight,) = treat(one(tmp_path), ["straighten"])
    read, volume = read_checked(straight)
    low, high = read.display.padding
    assert low == high == (values[values > -2000].min() - 1)
    filled = volume.data == low
    mm = straight.grid.to_mm(np.moveaxis(np.indices(straight.shape), 0, -1))
    index = tilted.to_index(mm)
    first = np.array([-0.01, -1e-3, 3 - 1e-3 if padded else -1e-3])
    last = np.array(tilted.shape) - 1 + [0.01, 1e-3, 1e-3]
    outside = np.any((index < first) | (index > last), axis=-1)
    assert np.array_equal(filled, outside)
    assert 0.1 < filled.mean() < 0.5
    # Nothing else: the values of voxels that were measured are the scan's.
    assert volume.data[~filled].min() >= values[values > -2000].min()


def test_a_scan_that_uses_every_value_of_its_type_is_marked_all_the_same(tmp_path):
    grid = tilted_grid()
    pixels = np.random.default_rng(2).integers(0, 256, grid.shape).astype(np.uint8)
    pixels[0, 0, :2] = 0, 255
    write_image(tmp_path / "t.nii", pixels, grid)
    (straight,) = treat(one(tmp_path), ["straighten"])
    read, volume = read_checked(straight)
    assert volume.data.dtype == np.int16
    assert read.display.padding == (-1, -1)
    assert volume.data[volume.data != -1].min() >= 0


def test_where_nothing_is_filled_nothing_is_marked(tmp_path):
    fine = plain_grid((34, 20, 24), (1.0, 1.5, 1.25))
    kept = [0, 3, 6, 9, 13, 16, 20, 23, 26, 29, 33]
    write_series(
        tmp_path, fine, slices=kept,
        edit=lambda ds, _: setattr(ds, "SliceThickness", 3),
    )  # fmt: skip
    (even,) = treat(one(tmp_path), ["even-grid"])
    read, _ = read_checked(even)
    assert read.display.padding is None


def test_missing_slices_are_left_empty_and_told(tmp_path):
    grid = plain_grid()
    present = [0, 1, 2, 3, 6, 7, 8, 10, 11]
    write_series(tmp_path, grid, slices=present)
    (even,) = treat(one(tmp_path), ["even-grid"])
    assert even.grid.same_as(read_grid(grid, even))
    assert codes(even) == {"resampled", "not-measured"}
    assert problem(even, "not-measured").severity is Severity.WARNING
    assert even.applied[0].details["not_measured"] == [4, 5, 9]
    data = read_volume(even).data
    assert np.array_equal(data[present], phantom_values(grid)[present])
    read, _ = read_checked(even)
    assert read.display.padding == (data[present].min() - 1,) * 2
    assert np.all(data[[4, 5, 9]] == data[present].min() - 1)


def read_grid(grid, series):
    """The grid as it was written, in the frame of reference of the files."""
    from dataclasses import replace

    return replace(grid, frame_of_reference=series.grid.frame_of_reference)


def test_uneven_slices_are_interpolated_linearly(tmp_path):
    fine = plain_grid((34, 20, 24), (1.0, 1.5, 1.25))
    write_series(
        tmp_path,
        fine,
        linear_values(fine),
        slices=[0, 3, 6, 9, 13, 16, 20, 23, 26, 29, 33],
        edit=lambda ds, _: setattr(ds, "SliceThickness", 3),
    )
    series = one(tmp_path)
    assert codes(series) == {"uneven-spacing"}
    (even,) = treat(series, ["even-grid"])
    assert codes(even) == {"resampled"}
    assert even.shape[0] == 12
    assert even.grid.spacing[0] == pytest.approx(3.0)
    expected = linear_values(even.grid).astype(int)
    assert np.abs(read_volume(even).data - expected).max() <= 1


def test_tilted_and_incomplete_takes_both(tmp_path):
    tilted = tilted_grid()
    present = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    write_series(tmp_path, tilted, linear_values(tilted), slices=present)
    series = one(tmp_path)
    with pytest.raises(GeometryError, match="even-grid as well"):
        treat(series, ["straighten"])
    (slanted,) = treat(series, ["even-grid"])
    assert "gantry-tilt" in codes(slanted)
    assert slanted.grid.same_as(read_grid(tilted, slanted), tol=0.01)
    assert np.array_equal(
        read_volume(slanted).data[present], linear_values(tilted)[present]
    )
    (both,) = treat(series, ["straighten", "even-grid"])
    assert applied(both) == ["straighten", "even-grid"]
    assert codes(both) == {"resampled", "not-measured"}
    data = read_volume(both).data
    assert np.all(data[5] == data.min())
    measured = data != data.min()
    assert np.abs(data - linear_values(both.grid).astype(int))[measured].max() <= 1


def test_shifted_slices_are_put_where_they_were_taken(tmp_path):
    grid = plain_grid()

    def edit(ds, k):
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x + (2.5 if k in (3, 4) else 0), y, z]

    shifted = linear_values(grid)
    for k in (3, 4):  # the pixels show what lies 2.5 mm, two columns, further on
        moved = np.array(grid.affine)
        moved[0, 3] += 2.5
        shifted[k] = linear_values(type(grid)(grid.shape, moved))[k]
    write_series(tmp_path, grid, shifted, edit=edit)
    series = one(tmp_path)
    assert codes(series) == {"shifted-slices"}
    (straight,) = treat(series, ["straighten"])
    assert straight.shape == (12, 20, 26)
    data = read_volume(straight).data
    measured = data != data.min()
    expected = linear_values(straight.grid)
    assert np.array_equal(data[measured], expected[measured])


def test_the_longest_regular_part(tmp_path):
    write_series(tmp_path, plain_grid(), slices=[0, 1, 2, 3, 6, 7, 8, 9, 10])
    (part,) = treat(one(tmp_path), ["longest-part"])
    assert part.n_slices == 5
    assert part.shape == (5, 20, 24)
    assert codes(part) == set()
    assert "slices 5 to 9 of 9" in part.applied[0].effect
    assert_is_phantom(read_volume(part))
    assert part.grid.to_mm((0, 0, 0))[2] == pytest.approx(
        plain_grid().to_mm((6, 0, 0))[2]
    )


def test_no_regular_part_is_said(tmp_path):
    write_series(tmp_path, plain_grid(), slices=[0, 1, 3, 7])
    with pytest.raises(InputError, match="no regular part"):
        treat(one(tmp_path), ["longest-part"])


def test_a_sheared_file_that_is_no_dicom(tmp_path):
    grid = tilted_grid()
    write_image(tmp_path / "t.nii", linear_values(grid), grid)
    series = one(tmp_path)
    assert "straighten" in offered_remedies(series)
    (straight,) = treat(series, ["straighten"])
    volume = read_volume(straight)
    measured = volume.data != volume.data.min()
    expected = linear_values(straight.grid).astype(int)
    assert np.abs(volume.data - expected)[measured].max() <= 1


def test_a_mask_goes_back_through_what_was_written_down(tmp_path):
    tilted = tilted_grid()
    write_series(tmp_path, tilted)
    (straight,) = treat(one(tmp_path), ["straighten"])
    labels = (read_volume(straight).data > -200).astype(np.uint8)
    stack = SliceStack.from_dict(straight.applied[0].details["source"])
    back = labels_to_stack(labels, straight.grid, stack)
    truth = phantom_values(tilted) > -200
    both = np.logical_and(back, truth).sum()
    assert 2 * both / (back.sum() + truth.sum()) > 0.95


def test_what_makes_no_sense_is_refused(tmp_path):
    write_series(tmp_path / "a", tilted_grid())
    write_series(tmp_path / "b", plain_grid())
    found = scan(tmp_path).series
    with pytest.raises(InputError, match=r"no remedy 'heal'.*inspect"):
        treat_all(found, ["heal"])
    with pytest.raises(InputError, match="contradict"):
        treat_all(found, ["keep-as-measured", "straighten"])
    with pytest.raises(InputError, match="needs the figures"):
        treat_all(found, ["given-spacing"])
    with pytest.raises(InputError, match=r"0\.001 to 1000 mm"):
        treat_all(found, [], (0.0, 1.0, 1.0))
    with pytest.raises(InputError, match=r"0\.001 to 1000 mm"):
        treat_all(found, [], (float("nan"), 1.0, 1.0))
    with pytest.raises(InputError, match=r"even-grid is a way.*keep-as-measured"):
        treat_all(found, ["even-grid"])
    # Where one series has the problem, the others are left alone.
    done = treat_all(found, ["straighten"])
    assert sorted(len(s.applied) for s in done) == [0, 1]


def test_the_sheared_ct_of_niivue(shared, tmp_path):
    """Against SimpleITK, which resamples a sheared file after an affine transform."""
    sitk = pytest.importorskip("SimpleITK")
    series, volume = read_one(shared / "data" / "niivue" / "shear.nii.gz")
    (straight,) = treat(series, ["straighten"])
    resampled = read_volume(straight).data
    # Index space: SimpleITK cannot hold the shear, so it is given as a transform.
    image = sitk.GetImageFromArray(volume.data.astype(np.float32))
    relation = np.linalg.inv(volume.grid.affine) @ straight.grid.affine
    turn = sitk.AffineTransform(3)
    turn.SetMatrix(relation[:3, :3][::-1, ::-1].ravel())
    turn.SetTranslation(relation[:3, 3][::-1])
    size = [int(n) for n in straight.grid.shape[::-1]]
    twin = sitk.GetArrayFromImage(
        sitk.Resample(image, size, turn, sitk.sitkLinear, (0, 0, 0), (1, 1, 1),
                      (1, 0, 0, 0, 1, 0, 0, 0, 1), float(volume.data.min()))
    )  # fmt: skip
    measured = resampled > volume.data.min()
    close = np.abs(resampled - twin) <= 1
    assert close[measured].mean() > 0.995
