"""How values are stored and how they ask to be shown."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medlab_gui.core.display import Display
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan
from tests.synthetic import edit_file, plain_grid, write_enhanced, write_series

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
