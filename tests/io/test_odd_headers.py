"""Headers that say nonsense: never believed, and never passed over without a word."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from medlab_gui.core.records import Severity
from medlab_gui.io import read_volume, scan
from tests.io.dicom_checks import assert_is_phantom, codes, one, problem
from tests.synthetic import edit_file, phantom_values, plain_grid, write_enhanced
from tests.synthetic import write_series as write

GRID = plain_grid((5, 20, 24))


def put(ds, name, value):
    """Put text, or bytes, into an element as it stands, sound or not."""
    tag = Tag(tag_for_keyword(name))
    value = value.encode() if isinstance(value, str) else value
    value += b" " * (len(value) % 2)
    # Nothing of pydicom looks at what is raw.
    ds._dict[tag] = RawDataElement(
        tag, dictionary_VR(tag)[:2], len(value), value, 0, False, True, True
    )


def written(folder, name, value, only=range(9)):
    def edit(ds, k):
        if k in only:
            put(ds, name, value)

    write(folder, GRID, edit=edit)
    return one(folder)


@pytest.mark.parametrize("only", [range(9), [2]])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RescaleIntercept", "nan"),
        ("RescaleIntercept", "-1024,0"),
        ("RescaleIntercept", "-1024\\0"),
        ("RescaleIntercept", ""),
        ("RescaleSlope", "inf"),
        ("RescaleSlope", "1,0"),
        ("RescaleSlope", "1\\2"),
    ],
)
def test_a_rescale_that_is_no_number(tmp_path, name, value, only):
    series = written(tmp_path, name, value, only)
    found = problem(series, "bad-rescale")
    assert found.severity is Severity.UNSAFE
    assert len(found.files) == min(len(only), GRID.shape[0])
    assert series.units is None  # whatever they are, not Hounsfield units


def test_some_files_without_a_rescale(tmp_path):
    def edit(ds, k):
        if k > 2:
            del ds.RescaleSlope, ds.RescaleIntercept

    write(tmp_path, GRID, edit=edit)
    found = problem(one(tmp_path), "no-rescale")
    assert found.severity is Severity.UNSAFE
    assert "3 of 5 do" in found.message


@pytest.mark.parametrize("of", ["shared", "each"])
@pytest.mark.parametrize(
    ("slope", "intercept", "severity"),
    [("0", "-1024", Severity.WARNING), ("1", "nan", Severity.UNSAFE)],
)
def test_a_rescale_of_an_enhanced_file(tmp_path, of, slope, intercept, severity):
    def edit(ds):
        (shared,) = ds.SharedFunctionalGroupsSequence
        (values,) = shared.PixelValueTransformationSequence
        put(values, "RescaleSlope", slope)
        put(values, "RescaleIntercept", intercept)
        if of == "each":
            del shared.PixelValueTransformationSequence
            for group in ds.PerFrameFunctionalGroupsSequence:
                group.PixelValueTransformationSequence = [values]

    edit_file(write_enhanced(tmp_path / "x.dcm", GRID), edit)
    assert problem(one(tmp_path), "bad-rescale").severity is severity


@pytest.mark.parametrize("n", [0, 3, None])
def test_fewer_frames_than_are_described(tmp_path, n):
    def edit(ds):
        ds.NumberOfFrames = n
        if n is None:
            del ds.NumberOfFrames

    series = one(edit_file(write_enhanced(tmp_path / "x.dcm", GRID), edit))
    assert problem(series, "frames-left-over").severity is Severity.UNSAFE
    assert series.n_slices == (n or 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BitsAllocated", 8), ("Rows", 10), ("Columns", 12)],
)
def test_more_pixels_than_the_header_speaks_of(tmp_path, name, value):
    def edit(ds, k):
        setattr(ds, name, value)
        if name == "BitsAllocated":
            ds.BitsStored, ds.HighBit = 8, 7

    write(tmp_path, GRID, edit=edit)
    series = one(tmp_path)
    assert problem(series, "pixels-left-over").severity is Severity.UNSAFE
    assert series.grid is not None


@pytest.mark.parametrize(("n", "told"), [(1, False), (16, False), (100, True)])
def test_filling_after_the_pixels_is_none(tmp_path, n, told):
    def edit(ds, k):
        ds.PixelData += b"\1" * n

    write(tmp_path, GRID, edit=edit)
    series = one(tmp_path)
    assert ("pixels-left-over" in codes(series)) == told
    assert_is_phantom(read_volume(series))


def claim(path, true, claimed):
    """Name another transfer syntax than that which the file is written in."""
    content = path.read_bytes()
    one, other = (u.encode() + b"\0" * (len(u) % 2) for u in (true, claimed))
    at = content.index(one, 132)
    (length,) = struct.unpack("<L", content[140:144])
    length += len(other) - len(one)
    path.write_bytes(
        content[:140]
        + struct.pack("<L", length)
        + content[144 : at - 2]
        + struct.pack("<H", len(other))
        + other
        + content[at + len(one) :]
    )


@pytest.mark.parametrize(
    ("true", "claimed"),
    [
        (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
    ],
)
def test_value_representations_against_the_transfer_syntax(tmp_path, true, claimed):
    for path in write(tmp_path, GRID, syntax=true):
        claim(path, true, claimed)
    assert_is_phantom(read_volume(one(tmp_path)))


def test_bytes_that_should_be_zero_beside_the_kind_of_the_pixels(tmp_path):
    """With anything in them, the picture was shifted by two pixels."""
    mark = b"\xe0\x7f\x10\x00OW\x00\x00"
    for path in write(tmp_path, GRID):
        content = path.read_bytes()
        assert content.count(mark) == 1
        path.write_bytes(content.replace(mark, mark[:-1] + b"\x20"))
    series = one(tmp_path)
    assert "truncated" not in codes(series)
    assert_is_phantom(read_volume(series))


def test_pixels_that_are_not_compressed_although_the_header_says_so(tmp_path):
    for path in write(tmp_path, GRID):
        claim(path, ExplicitVRLittleEndian, JPEGLosslessSV1)
    series = one(tmp_path)
    told = problem(series, "not-compressed")
    assert told.severity is Severity.WARNING
    assert "they are not" in told.message
    assert "truncated" not in codes(series)
    assert_is_phantom(read_volume(series))


@pytest.mark.parametrize(
    ("directions", "told"),
    [
        ("1.05\\0\\0\\0\\1.05\\0", "5.0 %"),
        ("1\\0\\0\\0.009\\1\\0", "0.5 degrees"),
        ("1\\0\\0\\0\\0.999\\0", ""),
    ],
)
def test_directions_that_are_roughly_right(tmp_path, directions, told):
    series = written(tmp_path, "ImageOrientationPatient", directions)
    assert ("rough-orientation" in codes(series)) == bool(told)
    if told:
        assert told in problem(series, "rough-orientation").message
    assert series.grid.same_as(GRID, tol=1e-3)
    assert_is_phantom(read_volume(series))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ImageOrientationPatient", "1\\0\\0\\0\\1", "no-position"),
        ("ImageOrientationPatient", "1\\0\\0\\0\\nan\\0", "no-position"),
        ("PixelSpacing", "1,5\\1,25", "no-spacing"),
        ("PixelSpacing", "1.5", "no-spacing"),
    ],
)
def test_what_cannot_be_read_is_not_called_missing(tmp_path, name, value, code):
    assert "makes no sense" in problem(written(tmp_path, name, value), code).message


def test_a_position_beyond_all_bounds_is_none(tmp_path):
    def edit(ds, k):
        if k == 2:
            put(ds, "ImagePositionPatient", "1e300\\0\\0")

    write(tmp_path, GRID, edit=edit)
    placed, lost = sorted(scan(tmp_path).series, key=lambda s: -s.n_slices)
    assert lost.n_slices == 1
    assert "no-position" in codes(lost)
    told = "".join(p.message for p in placed.problems)
    assert len(told) < 2000


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_one_sample_is_grey_whatever_it_is_called(tmp_path, syntax):
    def edit(ds):
        if syntax == RLELossless:
            ds.compress(RLELossless, generate_instance_uid=False)
        ds.PhotometricInterpretation = "GRAY"

    for path in write(tmp_path, GRID):
        edit_file(path, edit)
    series = one(tmp_path)
    assert "GRAY" in problem(series, "bad-bits").message
    assert series.units == "HU"
    assert np.array_equal(read_volume(series).data, phantom_values(GRID))


@pytest.mark.parametrize("lost", ["PixelRepresentation", "BitsAllocated"])
def test_what_pixels_are_is_not_assumed_in_silence(tmp_path, lost):
    def edit(ds, k):
        ds["PixelData"].VR = "OW"  # or pydicom has to know the bits
        delattr(ds, lost)

    write(tmp_path, GRID, edit=edit)
    assert problem(one(tmp_path), "bad-bits").severity is Severity.WARNING


def test_low_values_bright_on_some_slices(tmp_path):
    def edit(ds, k):
        ds.PhotometricInterpretation = f"MONOCHROME{1 + k % 2}"

    write(tmp_path, GRID, edit=edit)
    assert "3" in problem(one(tmp_path), "inverted-differs").message


def test_a_dose_is_scaled(tmp_path):
    def edit(ds, k):
        ds.Modality, ds.DoseGridScaling = "RTDOSE", "0.001"
        del ds.RescaleSlope, ds.RescaleIntercept

    paths = write(tmp_path, GRID, edit=edit)
    stored = np.rint(read_volume(one(tmp_path)).data * 1000).astype(int)
    assert np.array_equal(stored, phantom_values(GRID) + 1024)
    assert pydicom.dcmread(paths[0]).pixel_array.max() == stored[0].max()
