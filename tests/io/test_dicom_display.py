"""How values are stored and how they ask to be shown."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from medlab_gui.core.display import Display
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan
from medlab_gui.io.dicom_decode import PackedFile
from tests.synthetic import (
    edit_file,
    phantom_values,
    plain_grid,
    write_enhanced,
    write_series,
)

GRID = plain_grid((4, 20, 24))


def codes(series):
    return {p.code: p for p in series.problems}


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("signed", [False, True])
def test_whole_numbers_of_every_size(tmp_path, bits, signed):
    info = np.iinfo(f"{'' if signed else 'u'}int{bits}")
    stored = np.random.default_rng(bits).integers(
        info.min, info.max, GRID.shape, info.dtype, endpoint=True
    )

    def edit(ds, k):
        ds.BitsAllocated = ds.BitsStored = bits
        ds.HighBit = bits - 1
        ds.PixelRepresentation = int(signed)
        ds.RescaleSlope, ds.RescaleIntercept = 1, -5
        ds.PixelData = stored[k].tobytes()

    write_series(tmp_path, GRID, edit=edit, modality="MR")
    _, volume = read_one(tmp_path)
    truth = stored.astype(np.float64) - 5
    fits = truth.min() >= -32768 and truth.max() <= 32767
    assert volume.data.dtype == (np.int16 if fits else np.float32)
    assert np.array_equal(volume.data, truth.astype(volume.data.dtype))


def test_rescale_of_each_frame(tmp_path):
    path = write_enhanced(tmp_path / "e.dcm", GRID)

    def change(ds):
        del ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        for k, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
            item = Dataset()
            item.RescaleSlope, item.RescaleIntercept = k + 1, 10 * k
            item.RescaleType = "US"
            frame.PixelValueTransformationSequence = [item]

    edit_file(path, change)
    stored = pydicom.dcmread(path).pixel_array.astype(np.int64)
    _, volume = read_one(path)
    for k in range(len(stored)):
        assert np.array_equal(volume.data[k], stored[k] * (k + 1) + 10 * k)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("signed", "value", "vr", "limit", "shown"),
    [
        (True, -2000, "SS", None, (-3024, -3024)),
        (True, 63536, "US", None, (-3024, -3024)),  # signed, but written as unsigned
        (False, 0, "US", None, (-1024, -1024)),
        (False, 65535, "US", 65000, (63976, 64511)),
    ],
)
def test_padding_is_told_in_the_units_of_the_volume(
    tmp_path, syntax, signed, value, vr, limit, shown
):
    def edit(ds, k):
        ds.PixelRepresentation = int(signed)
        ds.add_new("PixelPaddingValue", vr, value)
        if limit is not None:
            ds.add_new("PixelPaddingRangeLimit", vr, limit)

    write_series(tmp_path, GRID, edit=edit, syntax=syntax)
    series, volume = read_one(tmp_path)
    assert series.display.padding == shown
    assert codes(series)["padding"].severity is Severity.NOTE
    assert f"{shown[0]:g}" in codes(series)["padding"].message
    assert volume.data.shape == GRID.shape  # values are left as they are


def test_monochrome1_keeps_values_and_asks_to_be_inverted(tmp_path):
    def edit(ds, k):
        ds.PhotometricInterpretation = "MONOCHROME1"

    plain = write_series(tmp_path / "a", GRID)
    write_series(tmp_path / "b", GRID, edit=edit)
    series, volume = read_one(tmp_path / "b")
    assert series.display.inverted
    assert np.array_equal(volume.data, read_one(plain[0].parent)[1].data)
    assert not read_one(tmp_path / "a")[0].display.inverted


@pytest.mark.parametrize("name", ["SIGMOID", "LINEAR_EXACT", "LINEAR", "", "CUBIC"])
def test_window_function_goes_with_the_series(tmp_path, name):
    def edit(ds, k):
        if name:
            ds.VOILUTFunction = name

    write_series(tmp_path, GRID, edit=edit)
    (series,) = scan(tmp_path).series
    wanted = name if name in ("SIGMOID", "LINEAR_EXACT") else "LINEAR"
    assert series.display.function == wanted
    assert series.window == (50, 350)


def test_window_of_an_enhanced_object(tmp_path):
    path = write_enhanced(tmp_path / "e.dcm", GRID)

    def change(ds):
        item = Dataset()
        item.WindowCenter, item.WindowWidth = 60, 300
        item.VOILUTFunction = "SIGMOID"
        ds.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence = [item]

    edit_file(path, change)
    (series,) = scan(path).series
    assert series.window == (60, 300)
    assert series.display.function == "SIGMOID"


def test_each_volume_of_an_enhanced_object_has_its_own_window(tmp_path):
    """Philips writes magnitude and field map into one file, each frame's window."""
    k = list(range(GRID.shape[0]))
    data = phantom_values(GRID)
    path = write_enhanced(tmp_path / "e.dcm", GRID, data, order=k + k)

    def change(ds):
        for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
            voi, kind = Dataset(), Dataset()
            first = n < len(k)
            voi.WindowCenter, voi.WindowWidth = (1000, 1800) if first else (0, 300)
            kind.FrameType = ["ORIGINAL", "PRIMARY", "M" if first else "P", "NONE"]
            kind.ComplexImageComponent = "MAGNITUDE" if first else "PHASE"
            frame.FrameVOILUTSequence = [voi]
            frame.MRImageFrameTypeSequence = [kind]
        ds.Modality = "MR"

    edit_file(path, change)
    found = {s.part: s.window for s in scan(path).series}
    assert found == {"magnitude": (1000, 1800), "phase": (0, 300)}


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_is_shown_as_grey_and_never_as_hounsfield_units(tmp_path, bits):
    rng = np.random.default_rng(2)
    table = rng.integers(0, 2**bits, (3, 256)).astype(f"uint{bits}")
    indices = rng.integers(0, 256, GRID.shape).astype(np.uint8)

    def edit(ds, k):
        ds.PhotometricInterpretation = "PALETTE COLOR"
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        for n, colour in enumerate(("Red", "Green", "Blue")):
            setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
            setattr(ds, f"{colour}PaletteColorLookupTableData", table[n].tobytes())
        ds.PixelData = indices[k].tobytes()

    write_series(tmp_path, GRID, edit=edit)
    series, volume = read_one(tmp_path)
    assert series.units is None
    assert codes(series)["colour"].severity is Severity.WARNING
    colours = apply_color_lut(indices, pydicom.dcmread(series.files[0]))
    if bits == 16:
        colours = colours >> 8
    grey = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(volume.data - grey).max() <= 0.5 + 1e-3


def test_secondary_captures_are_named(tmp_path):
    def edit(ds, k):
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.2"

    write_series(tmp_path, GRID, edit=edit)
    (series,) = scan(tmp_path).series
    assert codes(series)["secondary-capture"].severity is Severity.WARNING


def test_display_goes_to_the_store_and_back():
    one = Display("SIGMOID", True, (-3024.0, -2000.0))
    assert Display.from_dict(one.to_dict()) == one
    assert Display.from_dict(None) == Display()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "stored"), [(16, 12), (16, 8), (32, 20)])
@pytest.mark.parametrize("junk", [False, True])
def test_values_at_the_top_of_their_words(tmp_path, syntax, signed, bits, stored, junk):
    rng = np.random.default_rng(stored)
    low = -(1 << (stored - 1)) if signed else 0
    truth = rng.integers(low, low + (1 << stored), GRID.shape)
    words = (truth % (1 << stored)) << (bits - stored)
    if junk:  # what other programs put into the bits below
        words |= rng.integers(0, 1 << (bits - stored), GRID.shape)

    def edit(ds, k):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, stored, bits - 1
        ds.PixelRepresentation = int(signed)
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        ds.PixelData = words[k].astype(f"{order}u{bits // 8}").tobytes()
        ds["PixelData"].VR = "OW"

    write_series(tmp_path, GRID, edit=edit, modality="MR", syntax=syntax)
    series, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, truth)
    told = codes(series)["high-bit"]
    assert told.severity is Severity.WARNING
    assert len(told.files) == GRID.shape[0]


def test_rle_words_with_their_values_at_the_top(tmp_path):
    truth = np.random.default_rng(1).integers(-2048, 2048, GRID.shape)

    def edit(ds, k):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelRepresentation = 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.PixelData = (truth[k] << 4).astype("<i2").tobytes()

    for path in write_series(tmp_path, GRID, edit=edit, modality="MR"):
        ds = pydicom.dcmread(path)
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.BitsStored = 12
        ds.save_as(path)
    series, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, truth)
    assert "high-bit" in codes(series)


@pytest.mark.parametrize("high", [15, 7, 40])
def test_a_high_bit_that_is_not_true(tmp_path, high):
    """Other programs do not look at it, so nobody notices that it is wrong."""

    def edit(ds, k):
        ds.BitsStored, ds.HighBit = 12, high

    write_series(tmp_path, GRID, edit=edit)
    series, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, phantom_values(GRID))
    assert codes(series)["high-bit"].severity is Severity.NOTE


def test_palette_of_a_big_endian_file(shared):
    folder = shared / "data/pydicom-data/data_store/data"
    little, big = (
        PackedFile(folder / name).plane(0)[0]
        for name in ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm")
    )
    assert little.max() > 200
    assert np.array_equal(little, big)


@pytest.mark.parametrize(
    ("function", "width", "kept"),
    [
        ("LINEAR", 0.5, False),
        ("LINEAR_EXACT", 0.5, True),
        ("SIGMOID", 0.5, True),
        ("SIGMOID", 0, False),
    ],
)
def test_windows_narrower_than_one(tmp_path, function, width, kept):
    def edit(ds, k):
        ds.WindowWidth, ds.VOILUTFunction = width, function

    write_series(tmp_path, GRID, edit=edit)
    (series,) = scan(tmp_path).series
    assert series.window == ((50, width) if kept else None)


def test_filling_values_that_differ_are_not_said_to_be_left_out(tmp_path):
    def edit(ds, k):
        ds.PixelPaddingValue = k

    write_series(tmp_path, GRID, edit=edit)
    (series,) = scan(tmp_path).series
    assert series.display.padding is None
    assert set(codes(series)) == {"padding-differs"}


@pytest.mark.parametrize(
    ("change", "code", "units"),
    [
        ({"RescaleSlope": 0}, "bad-rescale", None),
        ({"RescaleSlope": None}, "bad-rescale", "HU"),
        ({"RescaleType": "US"}, "not-hounsfield", None),
        ({"RescaleType": "HU"}, None, "HU"),
        ({"RescaleSlope": None, "RescaleIntercept": 0}, None, "HU"),
    ],
)
def test_rescales_that_make_no_sense(tmp_path, change, code, units):
    def edit(ds, k):
        for name, value in change.items():
            if value is None:
                delattr(ds, name)
            else:
                setattr(ds, name, value)

    write_series(tmp_path, GRID, edit=edit)
    (series,) = scan(tmp_path).series
    assert [p.code for p in series.problems] == ([code] if code else [])
    assert series.units == units


def _floats(folder, values):
    def edit(ds, k):
        del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
        ds.BitsAllocated = 32
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.FloatPixelData = values[k].astype("<f4").tobytes()

    write_series(folder, GRID, edit=edit, modality="MR")


def test_what_is_no_number_is_told(tmp_path):
    values = np.full(GRID.shape, 7.0)
    values[1, 2, 3], values[2, 0, 0] = np.nan, np.inf
    values[3, 3, 3] = 2.5
    _floats(tmp_path / "some", values)
    series, volume = read_one(tmp_path / "some")
    assert codes(series)["not-numbers"].severity is Severity.WARNING
    assert codes(series)["not-numbers"].message.startswith("2 voxels")
    assert np.isfinite(volume.data).all()
    assert volume.data[3, 3, 3] == 2.5
    _floats(tmp_path / "none", np.full(GRID.shape, np.nan))
    with pytest.raises(InputError, match="number"):
        read_one(tmp_path / "none")


def test_one_value_everywhere_and_rounded_values_are_told(tmp_path):
    def edit(ds, k):
        ds.PixelData = bytes(len(ds.PixelData))

    write_series(tmp_path / "empty", GRID, edit=edit)
    series, _ = read_one(tmp_path / "empty")
    assert "-1024" in codes(series)["empty-picture"].message

    def wide(ds, k):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 32, 32, 31
        stored = np.arange(GRID.shape[1] * GRID.shape[2], dtype="<u4")
        ds.PixelData = (stored + (1 << 25) * (k == 2)).astype("<u4").tobytes()

    write_series(tmp_path / "wide", GRID, edit=wide)
    series, _ = read_one(tmp_path / "wide")
    assert codes(series)["values-rounded"].severity is Severity.NOTE


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("stored", [0, 17])
def test_more_or_fewer_bits_than_there_are(tmp_path, syntax, stored):
    def edit(ds, k):
        ds.BitsStored, ds.HighBit = stored, 15
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes()
            ds["PixelData"].VR = "OW"

    write_series(tmp_path, GRID, edit=edit, syntax=syntax)
    series, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, phantom_values(GRID))
    assert f"{stored} bits of 16" in codes(series)["bad-bits"].message


def test_words_that_nobody_reads_are_refused(tmp_path):
    """GDCM takes words of 24 bits for something else, and says nothing."""

    def edit(ds, k):
        ds.BitsAllocated = ds.BitsStored = 24
        ds.HighBit = 23
        ds.PixelData = bytes(range(240)) * (GRID.shape[1] * GRID.shape[2] * 3 // 240)

    write_series(tmp_path, GRID, edit=edit)
    with pytest.raises(InputError, match="24 bits"):
        read_one(tmp_path)


def test_twelve_bits_packed_into_three_bytes_for_two(tmp_path):
    stored = np.random.default_rng(4).integers(0, 4096, GRID.shape)

    def edit(ds, k):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 12, 12, 11
        ds.RescaleIntercept = 0
        first, second = stored[k].ravel()[::2], stored[k].ravel()[1::2]
        parts = first & 255, first >> 8 | (second & 15) << 4, second >> 4
        ds.PixelData = np.stack(parts, axis=-1).astype(np.uint8).tobytes()
        ds["PixelData"].VR = "OW"

    write_series(tmp_path, GRID, edit=edit, modality="MR")
    _, volume = read_one(tmp_path)
    assert np.array_equal(volume.data, stored)
