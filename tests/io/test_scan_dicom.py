"""DICOM series: order, geometry, problems, values, against what was written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydicom.uid import (
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from medlab_gui.core.errors import DamagedFileError, GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan
from tests.synthetic import (
    cut_short,
    oblique_grid,
    oriented_grids,
    phantom_values,
    plain_grid,
    tilted_grid,
    write_enhanced,
    write_series,
)


def codes(series):
    return {p.code for p in series.problems}


def problem(series, code):
    (found,) = [p for p in series.problems if p.code == code]
    assert not found.message[0].islower()
    assert found.message.rstrip().endswith(".")
    return found


def assert_is_phantom(volume):
    """Every voxel must be what belongs to its place in the patient."""
    expected = phantom_values(volume.grid).astype(int)
    # Positions were rounded to micrometres; a value may round the other way.
    assert np.abs(volume.data.astype(int) - expected).max() <= 1
    assert np.mean(volume.data != expected) < 0.01


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
    assert series.patient_name == "Müller^Käthe"
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
    assert found.severity is Severity.UNSAFE
    assert "15.0 degrees" in found.message
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


def test_truncated_slice_is_named(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    cut_short(paths[4], 100)
    (series,) = scan(tmp_path).series
    found = problem(series, "truncated")
    assert found.severity is Severity.NOT_A_VOLUME
    assert found.files == (paths[4].name,)
    with pytest.raises(DamagedFileError, match=paths[4].name):
        read_volume(series)


def test_file_that_shrinks_after_the_scan(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    (series,) = scan(tmp_path).series
    cut_short(paths[4], 100)
    with pytest.raises(DamagedFileError, match=paths[4].name):
        read_volume(series)
    paths[4].unlink()
    with pytest.raises(DamagedFileError, match=paths[4].name):
        read_volume(series)


def test_header_cut_in_two(tmp_path):
    (path,) = write_series(tmp_path, plain_grid(), slices=[0])
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DamagedFileError, match=path.name):
        scan(path)


def test_sparse_header(tmp_path):
    """What abdomen-ct-17 lacks, and more, must not matter."""

    def edit(ds, k):
        for name in (
            "SeriesNumber",
            "PatientID",
            "PatientName",
            "StudyDate",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SeriesDescription",
            "SliceThickness",
            "InstanceNumber",
            "FrameOfReferenceUID",
        ):
            delattr(ds, name)
        ds.WindowWidth = 0

    write_series(tmp_path, plain_grid(), edit=edit)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_suffix(""))
    series, volume = read_one(tmp_path)
    assert series.problems == ()
    assert series.window is None
    assert series.patient_name == ""
    assert series.uid.startswith("2.25.")
    assert series.uid == scan(tmp_path).series[0].uid
    assert volume.grid.same_as(plain_grid())
    assert_is_phantom(volume)


def test_patient_key_is_the_same_for_the_same_patient(tmp_path):
    def edit(ds, k):
        ds.PatientName = "Someone^Else"

    write_series(tmp_path / "a", plain_grid())
    write_series(tmp_path / "b", plain_grid(), edit=edit)
    first, second = scan(tmp_path).series
    assert first.patient_key == second.patient_key


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian])
def test_implicit_little_endian(tmp_path, syntax):
    write_series(tmp_path, plain_grid(), syntax=syntax)
    series, volume = read_one(tmp_path)
    assert series.transfer_syntax == "Implicit VR Little Endian"
    assert_is_phantom(volume)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed(tmp_path, syntax):
    import pydicom

    # The JPEG 2000 encoder wants at least 32 rows.
    paths = write_series(tmp_path, plain_grid((4, 40, 48)))
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(path)
    series, volume = read_one(tmp_path)
    assert series.transfer_syntax == syntax.name
    assert series.problems == ()
    assert_is_phantom(volume)
    cut_short(paths[2], 60)
    with pytest.raises(DamagedFileError, match=paths[2].name):
        read_one(tmp_path)


def test_slope_and_intercept_differ_between_slices(tmp_path):
    grid = plain_grid()
    data = phantom_values(grid)

    def edit(ds, k):
        ds.RescaleSlope = 0.5 if k % 2 else 2
        ds.RescaleIntercept = 10 * k

    write_series(tmp_path, grid, data, edit=edit)
    _, volume = read_one(tmp_path)
    stored = data.astype(float) + 1024
    slopes = np.array([0.5 if k % 2 else 2 for k in range(12)])
    expected = stored * slopes[:, None, None] + 10 * np.arange(12)[:, None, None]
    assert volume.data.dtype == np.float32
    assert np.array_equal(volume.data, expected)


def test_values_beyond_int16_become_float32(tmp_path):
    grid = plain_grid()

    def edit(ds, k):
        stored = np.full(grid.shape[1:], 100 + k, "<u2")
        if k == 7:
            stored[3, 4] = 65000
        ds.PixelData = stored.tobytes()
        ds.RescaleIntercept = 0

    write_series(tmp_path, grid, edit=edit)
    _, volume = read_one(tmp_path)
    assert volume.data.dtype == np.float32
    assert volume.data[7, 3, 4] == 65000
    assert volume.data[0, 0, 0] == 100
    assert volume.data[11, 5, 5] == 111


def test_signed_twelve_bits_are_extended(tmp_path):
    grid = plain_grid()

    def edit(ds, k):
        ds.PixelRepresentation = 1
        ds.BitsStored, ds.HighBit = 12, 11
        ds.RescaleIntercept = 0
        stored = np.full(grid.shape[1:], 0x0FFF, "<u2")  # -1 in twelve bits
        stored[0, 0] = 0x07FF
        ds.PixelData = stored.tobytes()

    write_series(tmp_path, grid, edit=edit)
    _, volume = read_one(tmp_path)
    assert volume.data[0, 0, 0] == 2047
    assert volume.data[3, 5, 5] == -1


def test_colour_is_refused(tmp_path):
    grid = plain_grid()

    def edit(ds, k):
        ds.SamplesPerPixel = 3
        ds.PhotometricInterpretation = "RGB"
        ds.PlanarConfiguration = 0
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        ds.PixelData = bytes(3 * 20 * 24)

    write_series(tmp_path, grid, edit=edit)
    (series,) = scan(tmp_path).series
    assert "colour" in codes(series)
    with pytest.raises(InputError, match="in colour"):
        read_volume(series)


def test_bare_dicom_without_preamble(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    for path in paths:
        path.write_bytes(path.read_bytes()[132:])
    _, volume = read_one(tmp_path)
    assert_is_phantom(volume)


def test_progress_and_cancelling(tmp_path):
    from medlab_gui.core.jobs import Cancelled, JobContext

    write_series(tmp_path, plain_grid())
    seen = []
    context = JobContext(seen.append)
    (series,) = scan(tmp_path, progress=context.progress).series
    assert [(p.done, p.total) for p in seen] == [(n, 12) for n in range(1, 13)]
    seen.clear()
    read_volume(series, progress=context.progress)
    assert len(seen) == 12
    context.cancel()
    with pytest.raises(Cancelled):
        read_volume(series, progress=context.progress)


def test_two_patients_in_one_folder(tmp_path):
    write_series(tmp_path, plain_grid((3, 20, 24)))

    def edit(ds, k):
        ds.PatientID = "P-2"
        ds.SOPInstanceUID = generate_uid()

    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name("x" + path.name))
    write_series(tmp_path, plain_grid((4, 20, 24)), edit=edit)
    found = scan(tmp_path).series
    assert sorted(s.n_slices for s in found) == [3, 4]
    assert len({s.patient_key for s in found}) == 2
