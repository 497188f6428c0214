"""Ways out that part what lies in one heap, and give what files do not say."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Severity
from medlab_gui.io import (
    read_volume,
    scan,
    write_image,
)
from medlab_gui.io.treatment import treat
from tests.io.dicom_checks import applied, assert_is_phantom, codes, one, problem
from tests.synthetic import (
    edit_file,
    oblique_grid,
    phantom_values,
    plain_grid,
    write_series,
)


def doubled(folder, *, same: bool):
    """Slice 4 twice under different names, with the same or with other pixels."""
    write_series(folder, plain_grid(), series_uid="1.2.3")
    data = phantom_values(plain_grid())
    if not same:
        data = data + 7

    def edit(ds, k):
        ds.InstanceNumber = 100 + k

    write_series(folder / "again", plain_grid(), data, slices=[4, 5], edit=edit,
                 series_uid="1.2.3")  # fmt: skip
    return one(folder)


def test_exact_copies_are_dropped_after_comparing(tmp_path):
    series = doubled(tmp_path, same=True)
    found = problem(series, "duplicate-slices")
    assert found.severity is Severity.UNSAFE
    assert len(found.files) == 2
    (done,) = treat(series, ["drop-copies"])
    assert codes(done) == set()
    assert done.uid == series.uid
    assert "2 exact copies" in done.applied[0].effect
    assert_is_phantom(read_volume(done))


def test_differing_duplicates_are_not_dropped_as_copies(tmp_path):
    series = doubled(tmp_path, same=False)
    with pytest.raises(InputError, match=r"2 slices are no copy.*first-of-each"):
        treat(series, ["drop-copies"])
    (first,) = treat(series, ["first-of-each"])
    (last,) = treat(series, ["last-of-each"])
    assert codes(first) == set()
    assert codes(last) == {"shuffled-order"}  # their numbers are 104 and 105
    assert first.uid == series.uid != last.uid
    truth = phantom_values(plain_grid())
    assert np.array_equal(read_volume(first).data, truth)
    truth[4:6] += 7
    assert np.array_equal(read_volume(last).data, truth)


def test_frames_of_reference_become_series(tmp_path):
    def edit(ds, k):
        ds.FrameOfReferenceUID = f"1.2.{int(k >= 7)}"

    write_series(tmp_path, plain_grid(), edit=edit)
    parts = treat(one(tmp_path), ["split-frames"])
    assert [p.n_slices for p in parts] == [7, 5]
    assert [p.grid.frame_of_reference for p in parts] == ["1.2.0", "1.2.1"]
    assert len({p.uid for p in parts}) == 2
    assert [p.name for p in parts] == [
        "phantom, frame of reference 1 of 2",
        "phantom, frame of reference 2 of 2",
    ]
    for part in parts:
        assert codes(part) == set()
        assert_is_phantom(read_volume(part))


def test_acquisitions_become_series(tmp_path):
    def edit(ds, k):
        ds.AcquisitionNumber = 1 + k // 6
        ds.ImagePositionPatient = [0, 0, (k % 6) * 3 + (1 if k >= 6 else 0)]

    write_series(tmp_path, plain_grid(), edit=edit)
    parts = treat(one(tmp_path), ["split-acquisitions"])
    assert [p.shape[0] for p in parts] == [6, 6]
    assert [p.grid.spacing[0] for p in parts] == pytest.approx([3.0, 3.0])


def test_spacing_given_where_positions_are_missing(tmp_path):
    files = write_series(tmp_path, oblique_grid())
    for file in files:
        edit_file(file, lambda ds: ds.__delattr__("ImagePositionPatient"))
    series = one(tmp_path)
    assert series.grid is None
    (done,) = treat(series, [], (4.0, 1.5, 1.25))
    assert applied(done) == ["given-spacing"]
    assert done.grid.spacing == pytest.approx((4.0, 1.5, 1.25))
    # Directions are in the files, so the letters are right.
    assert done.grid.orientation == oblique_grid().orientation
    assert codes(done) == {"spacing-given"}
    # Slices stand in the order of their numbers.
    assert np.array_equal(read_volume(done).data, phantom_values(oblique_grid()))


def test_directions_that_are_missing_too_are_unsafe(tmp_path):
    files = write_series(tmp_path, plain_grid())
    for file in files:

        def edit(ds):
            del ds.ImagePositionPatient, ds.ImageOrientationPatient, ds.PixelSpacing

        edit_file(file, edit)
    (done,) = treat(one(tmp_path), ["given-spacing"], (3.0, 1.5, 1.25))
    assert problem(done, "direction-assumed").severity is Severity.UNSAFE
    assert done.grid.axis_letters == ("S", "P", "L")


def test_spacing_given_in_place_of_absurd_or_contradicted_figures(tmp_path):
    def edit(ds, _):
        ds.SpacingBetweenSlices = 7.0

    write_series(tmp_path / "dicom", plain_grid(), edit=edit)
    (done,) = treat(one(tmp_path / "dicom"), [], (7.0, 1.5, 1.25))
    assert done.grid.spacing == pytest.approx((7.0, 1.5, 1.25))
    assert codes(done) == {"spacing-given"}
    grid = plain_grid(spacing=(3.0, 0.001, 0.001))
    write_image(tmp_path / "tiny.nrrd", phantom_values(grid), grid)
    (series,) = scan(tmp_path / "tiny.nrrd").series
    assert "absurd-spacing" in codes(series)
    (done,) = treat(series, [], (3.0, 1.5, 1.25))
    assert done.grid.spacing == pytest.approx((3.0, 1.5, 1.25))
    assert np.array_equal(read_volume(done).data, read_volume(series).data)


def test_slices_that_all_say_the_same_place(tmp_path):
    """As some anonymisers leave them: a person knows the distance."""
    files = write_series(tmp_path, plain_grid())
    for file in files:
        edit_file(file, lambda ds: setattr(ds, "ImagePositionPatient", [1, 2, 3]))
    (done,) = treat(one(tmp_path), [], (3.0, 1.5, 1.25))
    assert done.grid.spacing == pytest.approx((3.0, 1.5, 1.25))
    assert np.array_equal(read_volume(done).data, phantom_values(plain_grid()))


def test_pictures_get_the_spacing_that_they_lack(tmp_path):
    from PIL import Image

    for k in range(4):
        plane = np.full((6, 5), 10 * k, np.uint8)
        Image.fromarray(plane).save(tmp_path / f"slice{k}.png")
    series = one(tmp_path)
    assert "no-spacing" in codes(series)
    (done,) = treat(series, [], (5.0, 0.7, 0.8))
    assert done.grid.spacing == pytest.approx((5.0, 0.7, 0.8))
    assert "no-spacing" not in codes(done)
    assert np.array_equal(read_volume(done).data[:, 0, 0], [0, 10, 20, 30])
