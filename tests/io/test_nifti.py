"""NIfTI against nibabel: geometry, scaling, and everything a header can get wrong."""

from __future__ import annotations

import gzip
import os

import nibabel
import numpy as np
import pytest

from medlab_gui.core.errors import (
    DamagedFileError,
    GeometryError,
    InputError,
    NotAnImageError,
)
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan
from tests.synthetic import oblique_grid, phantom_values, plain_grid

RAS = np.array([[0, 0, -1.25, 9], [0, 1.5, 0, -4], [3, 0, 0, 2], [0, 0, 0, 1.0]])


def save(path, data, affine, change=None, cls=nibabel.Nifti1Image):
    image = cls(data, affine)
    if change is not None:
        change(image.header)
    nibabel.save(image, path)
    return path


def only(path):
    (series,) = scan(path).series
    return series


def codes(path):
    return {p.code: p for p in only(path).problems}


def counting(shape=(4, 5, 6)):
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


@pytest.mark.parametrize("cls", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_every_voxel_is_where_nibabel_puts_it(tmp_path, cls, ending):
    data = counting()
    path = save(tmp_path / f"x{ending}", data, RAS, cls=cls)
    series, volume = read_one(path)
    assert volume.data.dtype == np.int16
    assert series.shape == (6, 5, 4)
    for i, j, k in np.ndindex(data.shape):
        assert volume.data[k, j, i] == data[i, j, k]
        ras = RAS @ (i, j, k, 1)
        lps = volume.grid.to_mm((k, j, i))
        assert np.allclose(lps, (-ras[0], -ras[1], ras[2]), atol=1e-4)
    assert series.description == "x"
    assert series.patient_name == ""
    assert series.transfer_syntax == ""
    assert series.uid.startswith("2.25.")


def test_uid_is_of_the_content_alone(tmp_path):
    first = save(tmp_path / "a.nii", counting(), RAS)
    second = save(tmp_path / "b.nii", counting(), RAS)
    third = save(tmp_path / "c.nii", counting() + np.int16(1), RAS)
    assert only(first).uid == only(second).uid != only(third).uid
    assert only(first).patient_key == only(second).patient_key


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "kept"),
    [
        (np.uint8, 1, 0, np.uint8),
        (np.int32, 1, 0, np.int16),
        (np.uint16, 1, -1024, np.int16),
        (np.int16, 0.25, 3, np.float32),
        (np.float64, 1, 0, np.int16),
    ],
)
def test_scaling(tmp_path, dtype, slope, intercept, kept):
    stored = counting().astype(dtype)
    path = save(
        tmp_path / "x.nii", stored, RAS, lambda h: h.set_slope_inter(slope, intercept)
    )
    # nibabel divides by the slope when it saves, so ask it what was written.
    truth = np.asarray(nibabel.load(path).dataobj).T
    _, volume = read_one(path)
    assert volume.data.dtype == kept
    assert np.allclose(volume.data, truth)


def test_values_beyond_int16_become_float32(tmp_path):
    data = counting().astype(np.int32)
    data[0, 0, 0] = 70000
    _, volume = read_one(save(tmp_path / "x.nii", data, RAS))
    assert volume.data.dtype == np.float32
    assert volume.data[0, 0, 0] == 70000


def test_sform_wins_over_qform_and_contradiction_is_told(tmp_path):
    flipped = RAS.copy()
    flipped[0] *= -1

    def change(header):
        header.set_sform(RAS, code=1)
        header.set_qform(flipped, code=1)

    path = save(tmp_path / "x.nii", counting(), None, change)
    assert codes(path)["sform-qform-differ"].severity is Severity.UNSAFE
    expected = np.diag([-1, -1, 1, 1]) @ RAS
    assert np.allclose(only(path).grid.affine[:, [2, 1, 0, 3]], expected, atol=1e-4)


def test_small_contradiction_is_a_warning(tmp_path):
    moved = RAS.copy()
    moved[0, 3] += 3

    def change(header):
        header.set_sform(RAS, code=2)
        header.set_qform(moved, code=1)

    path = save(tmp_path / "x.nii", counting(), None, change)
    assert codes(path)["sform-qform-differ"].severity is Severity.WARNING


def test_qform_alone(tmp_path):
    def change(header):
        header.set_sform(None, code=0)
        header.set_qform(RAS, code=1)

    path = save(tmp_path / "x.nii", counting(), None, change)
    assert codes(path) == {}
    expected = np.diag([-1, -1, 1, 1]) @ RAS
    assert np.allclose(only(path).grid.affine[:, [2, 1, 0, 3]], expected, atol=1e-4)


def test_no_orientation_at_all(tmp_path):
    def change(header):
        header.set_sform(None, code=0)
        header.set_qform(None, code=0)
        header["pixdim"][1:4] = (1.5, 2.5, 3.5)

    path = save(tmp_path / "x.nii", counting(), None, change)
    problem = codes(path)["no-orientation"]
    assert problem.severity is Severity.UNSAFE
    assert "LEFT AND RIGHT" in problem.message
    assert only(path).grid.spacing == pytest.approx((3.5, 2.5, 1.5))
    assert only(path).grid.orientation == "RAS"


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001)])
def test_lengths_in_other_units(tmp_path, unit, factor):
    path = save(
        tmp_path / "x.nii", counting(), RAS / factor, lambda h: h.set_xyzt_units(unit)
    )
    assert "units" in codes(path)
    assert only(path).grid.spacing == pytest.approx((1.25, 1.5, 3.0), rel=1e-4)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_zero_or_no_spacing(tmp_path, value):
    path = save(tmp_path / "x.nii", counting(), RAS)
    raw = bytearray(path.read_bytes())
    raw[280:284] = raw[300:304] = raw[316:320] = np.float32(value).tobytes()
    raw[304:308] = np.float32(value).tobytes()
    raw[288:292] = np.float32(value).tobytes()
    path.write_bytes(raw)
    series = only(path)
    assert series.grid is None
    assert codes(path)["absurd-spacing"].severity is Severity.NOT_A_VOLUME
    with pytest.raises(GeometryError, match="cannot be opened"):
        read_one(path)


def test_four_dimensions_give_a_series_for_each_volume(tmp_path):
    data = counting((4, 5, 6, 3))
    for ending in (".nii", ".nii.gz"):
        path = save(tmp_path / f"x{ending}", data, RAS)
        found = scan(path).series
        assert [s.name for s in found] == [f"x, volume {n}" for n in (1, 2, 3)]
        assert len({s.uid for s in found}) == 3
        for n, series in enumerate(found):
            (problem,) = (p for p in series.problems if p.code == "several-volumes")
            assert problem.severity is Severity.NOTE
            assert f"3 volumes; this one is number {n + 1}" in problem.message
            assert np.array_equal(read_volume(series).data, data[..., n].T)
        with pytest.raises(InputError, match="There are 3 series"):
            read_one(path)
        assert np.array_equal(read_one(path, found[2].uid)[1].data, data[..., 2].T)
    one = save(tmp_path / "one.nii", data[..., :1], RAS)
    assert codes(one) == {}


@pytest.mark.parametrize(
    ("slope", "intercept", "factor", "shift"),
    [
        (0, 0, 1, 0),
        (np.nan, np.nan, 1, 0),
        (np.nan, 5, 1, 0),
        (2, 0, 2, 0),
        (-3, 7, -3, 7),
    ],
)
def test_slope_as_it_stands_in_the_file(tmp_path, slope, intercept, factor, shift):
    path = save(tmp_path / "x.nii", counting(), RAS)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([slope, intercept], np.float32).tobytes()
    path.write_bytes(raw)
    _, volume = read_one(path)
    assert np.array_equal(volume.data, counting().T * factor + shift)
    assert np.array_equal(volume.data, np.asarray(nibabel.load(path).dataobj).T)


def test_big_endian(tmp_path):
    big = nibabel.Nifti1Image(counting(), RAS, nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "x.nii.gz")
    assert nibabel.load(tmp_path / "x.nii.gz").header.endianness == ">"
    series, volume = read_one(tmp_path / "x.nii.gz")
    assert np.array_equal(volume.data, counting().T)
    assert volume.data.dtype == np.int16
    assert volume.data.dtype.isnative
    assert series.grid.spacing == pytest.approx((1.25, 1.5, 3.0), rel=1e-4)


def test_two_dimensions(tmp_path):
    data = counting((4, 5))
    path = save(tmp_path / "x.nii", data, RAS)
    assert "single-slice" in codes(path)
    assert np.array_equal(read_one(path)[1].data, data.T[np.newaxis])


def test_not_numbers(tmp_path):
    data = counting().astype(np.float32) / 3
    data[1, 2, 3] = np.nan
    data[2, 2, 2] = np.inf
    path = save(tmp_path / "x.nii", data, RAS)
    problem = codes(path)["not-numbers"]
    assert problem.message.startswith("2 voxels")
    _, volume = read_one(path)
    assert volume.data[3, 2, 1] == volume.data[2, 2, 2] == 0
    assert np.isfinite(volume.data).all()


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_shorter_than_its_header_says(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 999, (14, 15, 16))
    path = save(tmp_path / f"x{ending}", noise.astype(np.int16), RAS)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 2 // 3])
    assert codes(path)["truncated"].severity is Severity.NOT_A_VOLUME
    with pytest.raises(DamagedFileError, match="14x15x16"):
        read_one(path)
    path.write_bytes(raw[:100])
    with pytest.raises(NotAnImageError if ending == ".nii" else DamagedFileError):
        scan(path)


def test_impossible_header(tmp_path):
    path = save(tmp_path / "x.nii", counting(), RAS)
    raw = bytearray(path.read_bytes())
    raw[42:44] = np.int16(-5).tobytes()  # dim[1]
    path.write_bytes(raw)
    with pytest.raises(DamagedFileError, match=r"x\.nii is damaged"):
        scan(path)
    raw[70:72] = np.int16(777).tobytes()  # a datatype that there is not
    path.write_bytes(raw)
    with pytest.raises(DamagedFileError, match=r"x\.nii is damaged"):
        scan(path)


def test_colour_is_refused(tmp_path):
    colour = np.zeros((4, 5, 6), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = save(tmp_path / "x.nii", colour, RAS)
    assert codes(path)["colour"].severity is Severity.NOT_A_VOLUME


def test_sheared_grid_is_kept(tmp_path):
    sheared = RAS.copy()
    sheared[1, 2] = 0.4
    path = save(tmp_path / "x.nii", counting(), sheared)
    assert codes(path)["gantry-tilt"].severity is Severity.WARNING
    expected = np.diag([-1, -1, 1, 1]) @ sheared
    assert np.allclose(only(path).grid.affine[:, [2, 1, 0, 3]], expected, atol=1e-4)


def test_ct_is_known_by_its_values(tmp_path):
    grid = oblique_grid()
    affine = np.diag([-1, -1, 1, 1]) @ grid.affine[:, [2, 1, 0, 3]]
    inside = phantom_values(grid) > -400
    ct = np.where(inside, 40, -1000).astype(np.int16)
    path = save(tmp_path / "ct.nii.gz", ct.T, affine)
    series = only(path)
    assert (series.modality, series.units) == ("CT", "HU")
    assert codes(path)["modality-guessed"].severity is Severity.NOTE
    assert series.grid.same_as(grid, tol=1e-3)
    mask = save(tmp_path / "mask.nii.gz", inside.astype(np.uint8).T, affine)
    assert (only(mask).modality, only(mask).units) == ("OT", None)
    mr = save(tmp_path / "mr.nii.gz", (inside * 300).astype(np.int16).T, affine)
    assert only(mr).modality == "OT"


def test_gzip_that_is_something_else(tmp_path):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(b"a letter" * 100))
    with pytest.raises(NotAnImageError, match=r"x\.nii\.gz is not the image"):
        scan(path)
    path.write_bytes(gzip.compress(os.urandom(5000))[:40])
    with pytest.raises(DamagedFileError, match="gzip"):
        scan(path)


def test_plain_grid_is_ras_of_lps():
    assert plain_grid().orientation == "LPS"


def noise():
    # Larger than what nibabel reads to see what a file is.
    drawn = np.random.default_rng(0).integers(0, 999, (14, 15, 16))
    return drawn.astype(np.int16)


def test_whole_although_bytes_follow(tmp_path):
    path = save(tmp_path / "x.nii.gz", noise(), RAS)
    sound = path.read_bytes()
    path.write_bytes(sound + b"no part of it" * 9)
    truth = np.asarray(nibabel.load(path).dataobj).T
    problem = codes(path)["trailing-bytes"]
    assert (problem.severity, problem.files) == (Severity.WARNING, ("x.nii.gz",))
    series, volume = read_one(path)
    assert np.array_equal(volume.data, truth)
    assert [p.code for p in series.problems].count("trailing-bytes") == 1
    path.write_bytes(sound + bytes(512))  # as tapes and some archives fill up
    assert "trailing-bytes" not in codes(path)
    assert np.array_equal(read_one(path)[1].data, truth)


@pytest.mark.parametrize("n_lost", [1, 4, 8])
def test_whole_although_the_checksum_is_lost(tmp_path, n_lost):
    path = save(tmp_path / "x.nii.gz", noise(), RAS)
    path.write_bytes(path.read_bytes()[:-n_lost])
    truth = np.asarray(nibabel.load(path).dataobj).T
    assert codes(path)["no-checksum"].severity is Severity.WARNING
    assert np.array_equal(read_one(path)[1].data, truth)


def test_wrong_checksum_is_no_lack_of_voxels(tmp_path):
    path = save(tmp_path / "x.nii.gz", counting(), RAS)
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 0xFF  # the first byte of the checksum
    path.write_bytes(raw)
    assert codes(path)["truncated"].severity is Severity.NOT_A_VOLUME
    with pytest.raises(DamagedFileError, match="checksum does not match"):
        read_one(path)


@pytest.mark.parametrize(("of", "as_"), [(".nii.gz", ".nii"), (".nii", ".nii.gz")])
def test_packed_or_not_whatever_its_name_says(tmp_path, of, as_):
    # Browsers unpack what they fetch and keep its name.
    sound = save(tmp_path / f"sound{of}", counting(), RAS)
    misnamed = tmp_path / f"x{as_}"
    misnamed.write_bytes(sound.read_bytes())
    _, expected = read_one(sound)
    series, volume = read_one(misnamed)
    assert np.array_equal(volume.data, expected.data)
    assert series.grid.same_as(expected.grid)
    assert series.description == "x"


def test_qform_where_the_sform_spans_nothing(tmp_path):
    def change(header):
        header.set_sform(np.diag([0, 0, 0, 1.0]), code=1)
        header.set_qform(RAS, code=1)

    path = save(tmp_path / "x.nii", counting(), None, change)
    assert codes(path)["sform-unusable"].severity is Severity.WARNING
    expected = np.diag([-1, -1, 1, 1]) @ RAS
    assert np.allclose(only(path).grid.affine[:, [2, 1, 0, 3]], expected, atol=1e-4)


def test_a_header_that_ends_early(tmp_path):
    path = save(tmp_path / "x.nii", noise(), RAS, cls=nibabel.Nifti2Image)
    path.write_bytes(path.read_bytes()[:530])  # of 540
    with pytest.raises(DamagedFileError, match=r"x\.nii is damaged"):
        scan(path)
