"""Modality LUT: stored values looked up in a table (DICOM PS3.3 C.11.1)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan
from tests.io.dicom_checks import problem
from tests.synthetic import plain_grid, write_series


def _table(first, values, bits=16, units="US"):
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.LUTData = list(values)
    item["LUTData"].VR = "US"
    item.ModalityLUTType = units
    return item


def _edit(item, *, stored, signed, order="<"):
    def edit(ds, k):
        for name in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            if name in ds:
                delattr(ds, name)
        ds.PixelRepresentation = int(signed)
        ds.ModalityLUTSequence = [item]
        pixels = np.asarray(stored).astype(f"{order}{'i' if signed else 'u'}2")
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OW"

    return edit


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("signed", [False, True])
def test_is_applied_as_pydicom_does(tmp_path, signed, syntax):
    grid = plain_grid((3, 6, 8))
    rng = np.random.default_rng(1)
    first = -20 if signed else 10
    # Some lie before the first entry, and some beyond the last.
    stored = rng.integers(-60 if signed else 0, 120, (6, 8))
    values = rng.integers(0, 60000, 64).tolist()
    paths = write_series(
        tmp_path,
        grid,
        syntax=syntax,
        edit=_edit(
            _table(first, values),
            stored=stored,
            signed=signed,
            order=">" if syntax == ExplicitVRBigEndian else "<",
        ),
    )
    series, volume = read_one(tmp_path)
    for k, path in enumerate(sorted(paths)):
        ds = pydicom.dcmread(path)
        wanted = apply_modality_lut(ds.pixel_array, ds)
        assert np.array_equal(volume.data[k], wanted)
    assert volume.data.max() > 32767  # and nothing wrapped round
    told = problem(series, "lookup-table")
    assert told.severity is Severity.NOTE
    assert series.units is None


def test_of_hounsfield_units(tmp_path):
    edit = _edit(
        _table(0, range(500, 1500), units="HU"), stored=np.eye(6, 8), signed=False
    )
    write_series(tmp_path, plain_grid((3, 6, 8)), edit=edit)
    series, volume = read_one(tmp_path)
    assert series.units == "HU"
    assert "no-rescale" not in {p.code for p in series.problems}
    assert np.array_equal(volume.data[0], 500 + np.eye(6, 8))
    assert volume.data.dtype == np.int16


def test_that_is_shorter_than_it_says(tmp_path):
    item = _table(0, range(100))
    item.LUTDescriptor = [200, 0, 16]
    edit = _edit(item, stored=np.full((6, 8), 7), signed=False)
    write_series(tmp_path, plain_grid((3, 6, 8)), edit=edit)
    (series,) = scan(tmp_path).series
    told = problem(series, "lookup-table")
    assert told.severity is Severity.WARNING
    _, volume = read_one(tmp_path)
    assert np.all(volume.data == 7)


def test_real_tables(shared):
    data = shared / "data" / "pydicom-data" / "data_store" / "data"
    (series,) = scan(data / "mlut_18.dcm").series
    from medlab_gui.io.dicom_pixels import SliceFiller

    filler = SliceFiller(series)
    filler.fill(0)
    ds = pydicom.dcmread(data / "mlut_18.dcm")
    assert np.array_equal(filler.data[0], apply_modality_lut(ds.pixel_array, ds))
