"""Values of DICOM series, and files that are broken or sparse."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan
from tests.io.dicom_checks import assert_is_phantom, codes, problem
from tests.synthetic import (
    cut_short,
    phantom_values,
    plain_grid,
    write_series,
)


def test_truncated_slice_is_named(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    cut_short(paths[4], 100)
    (series,) = scan(tmp_path).series
    found = problem(series, "truncated")
    assert found.severity is Severity.NOT_A_VOLUME
    assert found.files == (paths[4].name,)
    assert "move it away to open the rest" in found.message
    with pytest.raises(DamagedFileError, match=paths[4].name):
        read_volume(series)
    alone = problem(scan(paths[4]).series[0], "truncated")
    assert "the rest" not in alone.message


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


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_other_encodings(tmp_path, syntax):
    def edit(ds, k):
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
            ds["PixelData"].VR = "OW"

    write_series(tmp_path, plain_grid(), syntax=syntax, edit=edit)
    series, volume = read_one(tmp_path)
    assert series.transfer_syntax == syntax.name
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


def test_colour_is_shown_as_grey_and_never_as_hounsfield_units(tmp_path):
    grid = plain_grid()
    colours = np.random.default_rng(3).integers(0, 256, (*grid.shape, 3), np.uint8)

    def edit(ds, k):
        ds.SamplesPerPixel = 3
        ds.PhotometricInterpretation = "RGB"
        ds.PlanarConfiguration = 0
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        ds.PixelData = colours[k].tobytes()

    write_series(tmp_path, grid, edit=edit)
    (series,) = scan(tmp_path).series
    assert "colour" in codes(series)
    assert series.units is None
    data = read_volume(series).data
    for k, plane in enumerate(data):
        # Pillow reckons with whole numbers, so it may be off by one.
        grey = np.array(Image.fromarray(colours[k]).convert("L"), np.int16)
        assert np.abs(plane - grey).max() <= 1


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
