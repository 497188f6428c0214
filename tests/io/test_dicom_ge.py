"""GE's private transfer syntax, against SimpleITK's GDCM."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.pixels.utils import get_expected_length

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.io import read_one, read_volume, scan
from tests.io.dicom_checks import assert_is_phantom, codes, problem
from tests.synthetic import plain_grid, write_series

GE = "1.2.840.113619.5.2"
GRID = plain_grid((5, 6, 7))


def rewritten(folder, change=lambda ds: None, *, swap=True):
    files = write_series(folder, GRID)
    for file in files:
        ds = pydicom.dcmread(file)
        change(ds)
        assert get_expected_length(ds) <= len(ds.PixelData)
        if swap:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes()
        ds.file_meta.TransferSyntaxUID = GE
        ds.save_as(file, implicit_vr=True, little_endian=True)
    return files


def signed(ds):
    words = np.frombuffer(ds.PixelData, "<u2") + np.float64(ds.RescaleIntercept)
    ds.PixelData = words.astype("<i2").tobytes()
    ds.PixelRepresentation, ds.RescaleIntercept = 1, 0


@pytest.mark.parametrize(
    "change", [lambda ds: None, signed], ids=["unsigned", "signed"]
)
def test_values_are_those_of_gdcm(tmp_path, change):
    files = rewritten(tmp_path, change)
    (series,) = scan(tmp_path).series
    assert codes(series) == set()
    volume = read_volume(series)
    assert_is_phantom(volume)
    for k, file in enumerate(files):
        theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))[0]
        assert np.array_equal(volume.data[k], theirs)
    assert series.transfer_syntax == "GE private (big endian pixels)"


def test_an_incomplete_file_is_told(tmp_path):
    (file, *_) = rewritten(tmp_path)
    file.write_bytes(file.read_bytes()[:-10])
    (series,) = scan(tmp_path).series
    assert "1 file is incomplete" in problem(series, "truncated").message


def test_bytes_of_eight_bits_are_refused(tmp_path):
    def bytes_only(ds):
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        ds.PixelData = ds.PixelData[:42]

    rewritten(tmp_path, bytes_only)
    with pytest.raises(InputError, match=r"GE private.*cannot decode"):
        read_one(tmp_path)


def test_pixels_that_are_little_endian_after_all_are_refused(tmp_path):
    rewritten(tmp_path, swap=False)
    with pytest.raises(DamagedFileError, match="not in the byte order that it names"):
        read_one(tmp_path)
