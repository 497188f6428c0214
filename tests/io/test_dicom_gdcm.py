"""What only GDCM decodes: its values must be stored ones, rescaled by us alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from medlab_gui.core.errors import DamagedFileError
from medlab_gui.io import read_one
from tests.io.test_suv import FACTOR, pet
from tests.synthetic import edit_file, plain_grid, write_enhanced, write_series

SHAPE = (3, 40, 48)


def _stored(k):
    return np.random.default_rng(k).integers(0, 4000, SHAPE[1:]).astype(np.uint16)


def _lossless_jpeg(folder, plane):
    """Return a picture as lossless JPEG, as GDCM writes it."""
    path = folder / "encoded.dcm"
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.SetCompressor("JPEG")
    writer.UseCompressionOn()
    writer.Execute(sitk.GetImageFromArray(plane))
    ds = pydicom.dcmread(path)
    path.unlink()
    assert ds.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    return next(generate_frames(ds.PixelData, number_of_frames=1))


def _pack(ds, pictures, syntax=JPEGLosslessSV1):
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = 0
    ds.PixelData = encapsulate(pictures)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax


RESCALES = [(2.0, -5.0), (3.0, 1.0), (0.5, 0.0)]


def test_each_frame_has_its_own_rescale(tmp_path):
    path = write_enhanced(tmp_path / "scan" / "many.dcm", plain_grid(SHAPE))
    pictures = [_lossless_jpeg(tmp_path, _stored(k)) for k in range(3)]

    def edit(ds):
        _pack(ds, pictures)
        for group in ds.SharedFunctionalGroupsSequence:
            if "PixelValueTransformationSequence" in group:
                del group.PixelValueTransformationSequence
        for k, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
            values = Dataset()
            values.RescaleSlope, values.RescaleIntercept = RESCALES[k]
            values.RescaleType = "HU"
            group.PixelValueTransformationSequence = [values]

    edit_file(path, edit)
    series, volume = read_one(tmp_path / "scan")
    order = [frame.index for frame in series.frames]
    for place, k in enumerate(order):
        slope, intercept = RESCALES[k]
        assert np.array_equal(volume.data[place], _stored(k) * slope + intercept)


def test_pet_becomes_suv(tmp_path):
    """The factor of the SUV is not lost where GDCM decodes."""
    paths = write_series(tmp_path / "scan", plain_grid(SHAPE))
    header = pet()
    for k, path in enumerate(sorted(paths)):

        def edit(ds, k=k):
            ds.update(header)
            ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
            ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
            ds.RescaleSlope, ds.RescaleIntercept = 0.25, 0
            _pack(ds, [_lossless_jpeg(tmp_path, _stored(k))])

        edit_file(path, edit)
    series, volume = read_one(tmp_path / "scan")
    assert series.units == "SUV"
    by_file = {path.name: k for k, path in enumerate(sorted(paths))}
    for place, frame in enumerate(series.frames):
        wanted = _stored(by_file[frame.path.name]) * 0.25 * FACTOR
        np.testing.assert_allclose(volume.data[place], wanted, rtol=1e-4)


@pytest.mark.parametrize("how", ["claims to be plain", "lacks the end mark"])
def test_sloppy_files(tmp_path, how):
    (path,) = write_series(tmp_path / "scan", plain_grid(SHAPE), slices=[0])
    picture = _lossless_jpeg(tmp_path, _stored(0))

    def edit(ds):
        ds.RescaleSlope, ds.RescaleIntercept = 2, -7
        _pack(ds, [picture])

    edit_file(path, edit)
    content = path.read_bytes()
    if how == "lacks the end mark":
        path.write_bytes(content[:-8])
    else:
        plain = str(ExplicitVRLittleEndian).encode().ljust(len(JPEGLosslessSV1), b"\0")
        mended = content.replace(str(JPEGLosslessSV1).encode(), plain, 1)
        assert mended != content
        path.write_bytes(mended)
    _, volume = read_one(tmp_path / "scan")
    assert np.array_equal(volume.data[0], _stored(0) * 2.0 - 7)


def test_a_picture_that_does_not_decode(tmp_path):
    (path,) = write_series(tmp_path / "scan", plain_grid(SHAPE), slices=[0])
    edit_file(path, lambda ds: _pack(ds, [b"no picture at all" * 100]))
    with pytest.raises(DamagedFileError, match=path.name):
        read_one(tmp_path / "scan")


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_zeros_in_place_of_the_end(tmp_path, syntax, share):
    """As a broken transfer leaves them: decoders take zeros for pixels."""

    def edit(ds, k):
        ds.PixelData = _stored(k).tobytes()

    grid = plain_grid(SHAPE)
    paths = write_series(tmp_path, grid, np.zeros(SHAPE), edit=edit)
    for k, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        if syntax == JPEGLosslessSV1:
            coded = _lossless_jpeg(tmp_path, _stored(k))
        else:
            ds.compress(syntax, generate_instance_uid=False)
            coded = next(generate_frames(ds.PixelData, number_of_frames=1))
        if k == 1:
            n_lost = int(share * len(coded))
            coded = coded[:-n_lost] + bytes(n_lost)
        _pack(ds, [coded], syntax)
        ds.save_as(path)
    with pytest.raises(DamagedFileError, match=paths[1].name):
        read_one(tmp_path)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLSNearLossless])
def test_jpeg_ls_without_its_own_decoder(tmp_path, syntax):
    """For Python 3.14 there is none; GDCM decodes it then."""
    paths = write_series(
        tmp_path / "scan",
        plain_grid(SHAPE),
        np.zeros(SHAPE),
        edit=lambda ds, k: setattr(ds, "PixelData", _stored(k).tobytes()),
    )
    wanted = []
    for k, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        near = {"jls_error": 2} if syntax == JPEGLSNearLossless else {}
        ds.compress(syntax, generate_instance_uid=False, **near)
        ds.save_as(path)
        wanted.append(np.abs(ds.pixel_array.astype(int) - _stored(k)).max())
    assert max(wanted) == (2 if syntax == JPEGLSNearLossless else 0)
    code = (
        "import sys, pathlib; sys.modules['jpeg_ls'] = None; "
        "import numpy as np; from medlab_gui.io import read_one; "
        "series, volume = read_one(pathlib.Path(sys.argv[1])); "
        "np.save(sys.argv[2], volume.data); print(*(p.code for p in series.problems)); "
        "from medlab_gui.commands.machine_checks import check_codecs; "
        "print(check_codecs().state)"
    )
    runs = {}
    for name, text in {
        "without": code,
        "with": code.replace("sys.modules['jpeg_ls'] = None; ", ""),
    }.items():
        ran = subprocess.run(
            [sys.executable, "-c", text, tmp_path / "scan", tmp_path / f"{name}.npy"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        runs[name] = np.load(tmp_path / f"{name}.npy"), ran.stdout
    assert np.array_equal(runs["with"][0], runs["without"][0])
    assert runs["with"][1] == runs["without"][1]
    assert runs["without"][1].endswith("ok\n")
