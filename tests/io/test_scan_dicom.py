"""DICOM series: order, geometry, problems, values, against what was written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydicom.uid import (
    generate_uid,
)

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan
from tests.io.dicom_checks import assert_is_phantom, codes, problem
from tests.synthetic import (
    oblique_grid,
    oriented_grids,
    phantom_values,
    plain_grid,
    tilted_grid,
    write_enhanced,
    write_series,
)


@pytest.mark.parametrize(
    "grid", [plain_grid(), oblique_grid(), tilted_grid()], ids=["axial", "oblique", "t"]
)
def test_geometry_and_values(tmp_path, grid):
    write_series(tmp_path, grid)
    series, volume = read_one(tmp_path)
    assert volume.grid.same_as(grid)
    assert volume.data.dtype == np.int16
    assert_is_phantom(volume)
    assert (series.modality, series.units, series.window) == ("CT", "HU", (50.0, 350.0))
    assert series.n_slices == 12
    assert len(series.files) == 12
    assert series.study_date == "2024-02-29"
    assert series.patient_name == "Müller, Käthe"
    assert "ller" not in series.patient_key
    assert len(series.patient_key) == 12


def test_all_orientations(tmp_path):
    grids = oriented_grids()
    for n, grid in enumerate(grids):
        write_series(tmp_path / str(n), grid)
    found = scan(tmp_path)
    assert len(found.series) == 48
    for series in found.series:
        volume = read_volume(series)
        assert_is_phantom(volume)
        working = volume.reoriented(volume.grid.canonical())
        assert working.grid.axis_letters == ("S", "P", "L")
        assert_is_phantom(working)


def test_inspect_json_has_exactly_the_agreed_keys(tmp_path):
    grid = oblique_grid()
    write_series(tmp_path, grid)
    (tmp_path / "notes.txt").write_text("a letter", encoding="utf-8")
    result = json.loads(json.dumps(scan(tmp_path).to_dict()))
    assert set(result) == {"series", "ignored"}
    (series,) = result["series"]
    assert list(series) == [
        "uid",
        "modality",
        "description",
        "patient_name",
        "n_slices",
        "shape",
        "spacing_mm",
        "affine",
        "orientation",
        "units",
        "transfer_syntax",
        "problems",
        "name",
        "applied",
    ]
    assert series["shape"] == [12, 20, 24]
    assert np.allclose(series["affine"], grid.affine, atol=1e-5)
    assert np.allclose(series["spacing_mm"], grid.spacing, atol=1e-5)
    assert series["orientation"] == "LPS"
    assert series["transfer_syntax"] == "Explicit VR Little Endian"
    assert [i["path"].endswith("notes.txt") for i in result["ignored"]] == [True]


@pytest.mark.parametrize(
    "order", [None, range(11, -1, -1), [*range(1, 12, 2), *range(0, 12, 2)]]
)
def test_enhanced_multi_frame(tmp_path, order):
    grid = oblique_grid()
    write_enhanced(tmp_path / "multi", grid, order=order)
    series, volume = read_one(tmp_path / "multi")
    assert series.problems == ()
    assert series.n_slices == 12
    assert volume.units == "HU"
    assert volume.grid.same_as(grid)
    assert_is_phantom(volume)


def test_enhanced_with_two_volumes_at_one_place(tmp_path):
    grid = plain_grid()
    write_enhanced(tmp_path / "m", grid, order=[*range(12), *range(12)])
    found = scan(tmp_path).series
    assert [s.n_slices for s in found] == [12, 12]
    assert len({s.uid for s in found}) == 2
    assert {s.original_uid for s in found} & {s.uid for s in found}
    for series in found:
        assert problem(series, "several-volumes").severity is Severity.WARNING
        assert_is_phantom(read_volume(series))


def test_echoes_are_told_apart(tmp_path):
    grid = plain_grid()
    uid = generate_uid()
    data = phantom_values(grid)
    for n, echo in enumerate((4.6, 9.2)):

        def edit(ds, k, echo=echo, n=n):
            ds.EchoTime = echo
            ds.InstanceNumber = 2 * k + n

        write_series(
            tmp_path / str(n), grid, data + n, edit=edit, modality="MR", series_uid=uid
        )
    found = scan(tmp_path).series
    assert [s.n_slices for s in found] == [12, 12]
    for series in found:
        note = problem(series, "several-volumes")
        assert note.severity is Severity.NOTE
        n = 0 if "4.6" in note.message else 1
        assert np.array_equal(read_volume(series).data, data + n)
        assert series.units is None


def test_missing_slices(tmp_path):
    grid = plain_grid()
    write_series(tmp_path, grid, slices=[0, 1, 2, 3, 5, 6, 9, 10, 11])
    (series,) = scan(tmp_path).series
    found = problem(series, "missing-slices")
    assert found.severity is Severity.UNSAFE
    assert "3 slices are missing" in found.message
    for k in (4, 7, 8):
        assert f"{grid.to_mm((k, 0, 0))[2]:.1f}" in found.message
    assert series.grid.spacing[0] == pytest.approx(3.0)
    assert series.n_slices == 9
    volume = read_volume(series)
    kept = phantom_values(grid)[[0, 1, 2, 3, 5, 6, 9, 10, 11]]
    assert np.array_equal(volume.data, kept)


def test_uneven_spacing(tmp_path):
    grid = plain_grid()

    def edit(ds, k):
        if k >= 6:
            z = float(ds.ImagePositionPatient[2])
            ds.ImagePositionPatient[2] = z + 1.3

    write_series(tmp_path, grid, edit=edit)
    (series,) = scan(tmp_path).series
    assert problem(series, "uneven-spacing").severity is Severity.UNSAFE
    assert series.grid.spacing[0] == pytest.approx(3.0)
    assert "missing-slices" not in codes(series)


def test_rounded_positions_are_no_problem(tmp_path):
    def edit(ds, k):
        x, y, z = (float(v) for v in ds.ImagePositionPatient)
        ds.ImagePositionPatient = [x, y, round(z, 2)]

    write_series(tmp_path, plain_grid(spacing=(1.6667, 1.5, 1.25)), edit=edit)
    assert codes(scan(tmp_path).series[0]) == set()


def test_copies_are_taken_once(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    (tmp_path / "copy").write_bytes(paths[3].read_bytes())
    series, volume = read_one(tmp_path)
    assert problem(series, "duplicate-slices").severity is Severity.WARNING
    assert series.n_slices == 12
    assert_is_phantom(volume)


def test_another_slice_at_the_same_place_is_unsafe(tmp_path):
    grid = plain_grid()
    uid = generate_uid()
    data = phantom_values(grid)
    write_series(tmp_path / "a", grid, data, series_uid=uid)

    def edit(ds, k):
        ds.InstanceNumber = 99

    (extra,) = write_series(
        tmp_path / "b", grid, data + 5, slices=[4], series_uid=uid, edit=edit
    )
    extra = extra.rename(extra.with_name("extra"))
    series, volume = read_one(tmp_path)
    found = problem(series, "duplicate-slices")
    assert found.severity is Severity.UNSAFE
    assert found.files == (extra.name,)
    assert np.array_equal(volume.data, data)


def test_tilt_is_kept_and_told(tmp_path):
    grid = tilted_grid(15)
    write_series(tmp_path, grid)
    (series,) = scan(tmp_path).series
    found = problem(series, "gantry-tilt")
    # Drawn and measured truly (see the linked views' tests): a warning, not unsafe.
    assert found.severity is Severity.WARNING
    assert "15.0 degrees" in found.message
    for what in ("lengths, angles, areas", "distances between surfaces are true"):
        assert what in found.message
    assert np.allclose(series.grid.affine, grid.affine, atol=1e-5)


def test_tilt_in_the_header_alone_is_doubted(tmp_path):
    def edit(ds, k):
        ds.GantryDetectorTilt = 12

    write_series(tmp_path, plain_grid(), edit=edit)
    (series,) = scan(tmp_path).series
    found = problem(series, "gantry-tilt-not-in-positions")
    assert found.severity is Severity.WARNING


def test_slices_shifted_sideways(tmp_path):
    def edit(ds, k):
        if k == 5:
            ds.ImagePositionPatient[0] = float(ds.ImagePositionPatient[0]) + 9

    write_series(tmp_path, plain_grid(), edit=edit)
    (series,) = scan(tmp_path).series
    assert problem(series, "shifted-slices").severity is Severity.UNSAFE


def test_a_localiser_in_the_series_is_taken_apart(tmp_path):
    uid = generate_uid()
    write_series(tmp_path / "a", plain_grid(), series_uid=uid)
    coronal = Grid(
        (2, 20, 24),
        [[0, 0, 1.25, 0], [9.0, 0, 0, 0], [0, -1.5, 0, 40], [0, 0, 0, 1]],
    )
    write_series(tmp_path / "b", coronal, series_uid=uid)
    main, scout = sorted(scan(tmp_path).series, key=lambda s: -s.n_slices)
    assert (main.uid, main.n_slices) == (uid, 12)
    assert (scout.original_uid, scout.n_slices) == (uid, 2)
    assert scout.uid != uid
    for series in (main, scout):
        assert problem(series, "mixed-orientation").severity is Severity.WARNING
    with pytest.raises(InputError, match="say which one"):
        read_one(tmp_path)
    chosen, volume = read_one(tmp_path, scout.uid)
    assert chosen.uid == scout.uid
    assert volume.data.shape == (2, 20, 24)
    assert read_one(tmp_path, uid)[0].n_slices == 12
    with pytest.raises(InputError, match=r"There is no series 1\.2\.3"):
        read_one(tmp_path, "1.2.3")


def test_mixed_sizes_are_taken_apart(tmp_path):
    uid = generate_uid()
    write_series(tmp_path / "a", plain_grid(), series_uid=uid)
    other = plain_grid((5, 16, 16))
    write_series(tmp_path / "b", other, series_uid=uid)
    found = scan(tmp_path).series
    assert sorted(s.shape for s in found) == [(5, 16, 16), (12, 20, 24)]
    assert all("mixed-size" in codes(s) for s in found)


def test_rounding_of_pixel_spacing_does_not_split_a_series(tmp_path):
    def edit(ds, k):
        ds.PixelSpacing = [1.5, 1.2495 if k % 2 else 1.2496]

    write_series(tmp_path, plain_grid(), edit=edit)
    (series,) = scan(tmp_path).series
    assert series.n_slices == 12
    assert series.problems == ()


def test_mosaic_is_no_slice(tmp_path):
    def edit(ds, k):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]

    write_series(tmp_path, plain_grid(), edit=edit, modality="MR")
    (series,) = scan(tmp_path).series
    assert problem(series, "mosaic").severity is Severity.NOT_A_VOLUME
    assert series.grid is None


def test_frames_of_reference_differ(tmp_path):
    def edit(ds, k):
        ds.FrameOfReferenceUID = f"1.2.3.{k // 6}"

    write_series(tmp_path, plain_grid(), edit=edit)
    (series,) = scan(tmp_path).series
    assert problem(series, "frames-of-reference-differ").severity is Severity.UNSAFE
    assert series.grid.frame_of_reference is None


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("no-position", lambda ds: delattr(ds, "ImagePositionPatient")),
        ("no-position", lambda ds: delattr(ds, "ImageOrientationPatient")),
        ("no-spacing", lambda ds: delattr(ds, "PixelSpacing")),
        ("absurd-spacing", lambda ds: setattr(ds, "PixelSpacing", [0, 0])),
        (
            "bad-orientation",
            lambda ds: setattr(ds, "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ),
        (
            "not-a-volume",
            lambda ds: setattr(ds, "ImagePositionPatient", [0, 0, 0]),
        ),
    ],
)
def test_what_is_no_volume_is_refused_with_the_reason(tmp_path, code, change):
    write_series(tmp_path, plain_grid(), edit=lambda ds, k: change(ds))
    (series,) = scan(tmp_path).series
    found = problem(series, code)
    assert found.severity is Severity.NOT_A_VOLUME
    assert series.grid is None
    assert series.to_dict()["affine"] is None
    with pytest.raises(GeometryError) as error:
        read_volume(series)
    assert found.message in error.value.message


def test_absurd_spacing_is_unsafe(tmp_path):
    write_series(tmp_path, plain_grid(spacing=(3.0, 90.0, 90.0)))
    (series,) = scan(tmp_path).series
    assert problem(series, "absurd-spacing").severity is Severity.UNSAFE


def test_single_slice_takes_its_thickness_and_says_so(tmp_path):
    write_series(tmp_path, plain_grid(), slices=[5])
    series, volume = read_one(tmp_path)
    found = problem(series, "single-slice")
    assert found.severity is Severity.WARNING
    assert "3 mm" in found.message
    assert volume.grid.spacing == pytest.approx((3.0, 1.5, 1.25))


def test_thickness_never_decides_the_spacing(tmp_path):
    def edit(ds, k):
        ds.SliceThickness = 5

    write_series(tmp_path, plain_grid(), edit=edit)
    (series,) = scan(tmp_path).series
    assert series.grid.spacing[0] == pytest.approx(3.0)
    assert problem(series, "overlap").severity is Severity.NOTE


def test_an_unknown_encoding_is_not_called_incomplete(tmp_path):
    """A private one of GE, for which there is no codec here."""
    (path,) = write_series(tmp_path, plain_grid((1, 8, 9)))
    raw = path.read_bytes()
    syntax = b"1.2.840.113619.5.9\0"
    path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1", syntax))
    (series,) = scan(tmp_path).series
    assert codes(series) == {"no-codec", "single-slice"}
