"""NIfTI headers that contradict themselves or the file, against nibabel and ITK."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from nibabel.nifti1 import header_dtype

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan

DATA = (np.arange(4 * 5 * 6, dtype="<i2") * 7 - 200).reshape(4, 5, 6)


def nifti(folder, *, data=None, packed=False, **fields):
    header = np.zeros((), header_dtype.newbyteorder("<"))
    sound = {
        "sizeof_hdr": 348,
        "dim": [3, 6, 5, 4, 1, 1, 1, 1],
        "pixdim": [1, 1.25, 1.5, 3, 1, 1, 1, 1],
        "datatype": 4,
        "bitpix": 16,
        "vox_offset": 352,
        "scl_slope": 1,
        "xyzt_units": 2,
        "sform_code": 1,
        "srow_x": [-1.25, 0, 0, 10],
        "srow_y": [0, -1.5, 0, 20],
        "srow_z": [0, 0, 3, 30],
        "magic": b"n+1",
    }
    for name, value in {**sound, **fields}.items():
        header[name] = value
    content = header.tobytes() + bytes(4) + (DATA.tobytes() if data is None else data)
    path = folder / ("x.nii.gz" if packed else "x.nii")
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def told(path, code):
    (series,) = scan(path).series
    (found,) = [p for p in series.problems if p.code == code]
    return series, found


def codes(path):
    (series,) = scan(path).series
    return {p.code for p in series.problems}


def test_nothing_is_told_of_a_sound_one(tmp_path):
    assert codes(nifti(tmp_path)) == set()
    assert codes(nifti(tmp_path, scl_slope=np.nan, scl_inter=np.nan)) == set()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("begin", [0, -5, np.nan])
def test_voxels_that_begin_within_the_header(tmp_path, begin, packed):
    """Nibabel takes the header for the first voxels."""
    path = nifti(tmp_path, vox_offset=begin, packed=packed)
    _, found = told(path, "voxels-begin")
    assert found.severity is Severity.WARNING
    assert np.array_equal(read_one(path)[1].data, DATA)


def test_voxels_that_begin_within_the_header_and_nothing_tells_where(tmp_path):
    path = nifti(tmp_path, vox_offset=0, data=DATA.tobytes() + bytes(8))
    with pytest.raises(DamagedFileError, match="within its header"):
        scan(path)


@pytest.mark.parametrize(("slope", "intercept"), [(0, 5), (np.inf, 0), (np.nan, 5)])
def test_a_scale_that_cannot_be(tmp_path, slope, intercept):
    path = nifti(tmp_path, scl_slope=slope, scl_inter=intercept)
    _, found = told(path, "bad-rescale")
    assert "as stored" in found.message
    assert np.array_equal(read_one(path)[1].data, DATA)


def test_values_beyond_all_bounds(tmp_path):
    _, found = told(nifti(tmp_path, scl_slope=1e37), "values-cut-off")
    assert found.severity is Severity.UNSAFE
    huge = (DATA * 1e300).astype("<f8").tobytes()
    told(nifti(tmp_path, data=huge, datatype=64, bitpix=64), "values-cut-off")


@pytest.mark.parametrize(("n", "told_so"), [(16, False), (200, True)])
def test_more_voxels_than_the_header_names(tmp_path, n, told_so):
    path = nifti(tmp_path, data=DATA.tobytes() + bytes(n))
    assert ("pixels-left-over" in codes(path)) == told_so


def test_two_sizes_of_a_voxel(tmp_path):
    """ITK uses the one, nibabel the other."""
    path = nifti(tmp_path, pixdim=[1, 9, 9, 9, 1, 1, 1, 1])
    assert sitk.ReadImage(str(path)).GetSpacing() == (9, 9, 9)
    series, found = told(path, "sform-qform-differ")
    assert "9 x 9 x 9" in found.message
    assert series.grid.spacing == pytest.approx((3, 1.5, 1.25))


@pytest.mark.parametrize("unit", [5, 255])
def test_a_unit_that_nobody_knows(tmp_path, unit):
    _, found = told(nifti(tmp_path, xyzt_units=unit), "units")
    assert found.severity is Severity.UNSAFE


def test_a_distance_below_0(tmp_path):
    """ITK turns the axis round, nibabel does not."""
    fields = {"sform_code": 0, "qform_code": 1}
    path = nifti(tmp_path, pixdim=[1, 1.25, 1.5, -3, 1, 1, 1, 1], **fields)
    assert sitk.ReadImage(str(path)).GetDirection()[8] == -1
    _, found = told(path, "negative-spacing")
    assert found.severity is Severity.WARNING


def test_a_quaternion_that_is_rounded(tmp_path):
    """Nibabel refuses it; without it, nobody knew how the scan lies."""
    fields = {"sform_code": 0, "qform_code": 1, "qoffset_x": 7}
    path = nifti(tmp_path, quatern_b=0.70715, quatern_c=0.70715, **fields)
    series = scan(path).series[0]
    assert not series.problems
    image = sitk.ReadImage(str(path))
    end = image.TransformIndexToPhysicalPoint((5, 4, 3))
    assert series.grid.to_mm((3, 4, 5)) == pytest.approx(end, abs=1e-3)
