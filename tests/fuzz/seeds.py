"""The sound files that the fuzzer breaks: small, and one of every kind that is read.

With the real scans (``shared``) they are real headers of every transfer syntax, maker
and character set; what is larger than needed is cut to a few pixels and encoded anew
in its own transfer syntax. Without them they are phantoms. A seed is a folder:
names and bytes of its files.
"""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import tempfile
import zipfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.synthetic import oblique_grid, plain_grid, write_enhanced, write_series

__all__ = ["Folder", "seeds"]

Folder = dict[str, bytes]

_HARD = "dicom2nifti-hard-headers"
_FO = "fo-dicom/Tests/FO-DICOM.Tests/Test Data"
_PY = "pydicom-data/data_store/data"
_DWV = "dwv/tests/data"
_LARGEST = 64_000
"""Larger real files are cut to a few pixels or left out: most of a fuzzer's time would
be spent on decoding pictures."""

_AS_THEY_ARE = (
    # JPEG lossless, JPEG extended, JPEG 2000 lossy: there is no encoder for these here
    f"{_FO}/GH184.dcm",
    f"{_DWV}/nema-nm1_jply.dcm",
    f"{_DWV}/nema-ct1_j2ki.dcm",
    f"{_DWV}/osirix-cerebrix.dcm",
    f"{_FO}/GH227.dcm",
    f"{_FO}/Issue1097_FailToOpenDeflatedFileWithSQ.dcm",
    f"{_FO}/GH1301.dcm",
    f"{_FO}/GH610.dcm",
    f"{_FO}/test_SR.dcm",
    f"{_FO}/1403-OB.dcm",
    f"{_FO}/DICOMDIR",
    f"{_PY}/JLSL_08_07_0_1F.dcm",
    f"{_PY}/JLSL_16_15_1_1F.dcm",
    f"{_PY}/liver_deflate.dcm",
    f"{_PY}/emri_small_RLE.dcm",
    f"{_PY}/emri_small_jpeg_2k_lossless.dcm",
    f"{_PY}/emri_small_jpeg_ls_lossless.dcm",
    f"{_PY}/SC_rgb.dcm",
    f"{_PY}/SC_rgb_expb_2frame.dcm",
    f"{_PY}/SC_ybr_full_uncompressed.dcm",
    f"{_PY}/OBXXXX1A_rle.dcm",
    "dcmqi/data/segmentations/24x38x3/multiframe/mf.dcm",
    "dcmqi/data/segmentations/24x38x3/seg/label.seg",
    "highdicom/data/test_files/dx_image.dcm",
    "highdicom/data/test_files/ct_image.dcm",
    "highdicom/data/test_files/sm_image_jpegls.dcm",
    "dcmqi/data/segmentations/spine_seg.nrrd",
    "itksnap-testdata/Testing/TestData/X300.mha",
    "itksnap-testdata/Testing/TestData/X39.nii.gz",
    "itksnap-testdata/Testing/TestData/fixed_image.nii.gz",
)

_CUT = (
    f"{_PY}/emri_small.dcm",
    f"{_PY}/emri_small_big_endian.dcm",
    f"{_PY}/eCT_Supplemental.dcm",
    f"{_PY}/MR-SIEMENS-DICOM-WithOverlays.dcm",
    f"{_PY}/parametric_map_float.dcm",
    f"{_PY}/parametric_map_double_float.dcm",
    f"{_PY}/mlut_18.dcm",
    f"{_PY}/vlut_04.dcm",
    f"{_PY}/gdcm-US-ALOKA-16_big.dcm",
    f"{_PY}/explicit_VR-UN.dcm",
    f"{_FO}/TestPattern_Palette_16.dcm",
    f"{_FO}/mr_brucker.dcm",
    f"{_HARD}/siemens_multiframe/anatomical/001/IM-0001-0001-0001.dcm",
    f"{_HARD}/hyperfine/anatomical/001/001.dcm",
    "dcm_qa_enh/In/Philips/IM_0027_fMAP.dcm",
    "dcm_qa_ct/In/Philips/S21570/S1000/I10",
    f"{_DWV}/gdcm-CR-MONO1-10-chest.dcm",
    f"{_DWV}/multiframe-test1.dcm",
)

_SERIES = (
    f"{_HARD}/failing/gantrytilting/001",
    f"{_HARD}/failing/sliceincrement/001",
    f"{_HARD}/failing/sliceorientation/001",
    f"{_HARD}/failing/notavolume/001",
    f"{_HARD}/generic/compressed_rle/001",
    f"{_HARD}/generic/compressed_j2k/001",
    f"{_HARD}/hitachi/anatomical/001",
    f"{_HARD}/generic/rgb/001",
    "rt-utils/tests/oriented_data",
    "dcmqi/data/segmentations/24x38x3/image",
)


def seeds(shared: Path | None) -> dict[str, Folder]:
    """Return the seeds by name, in an order that does not change.

    Parameters
    ----------
    shared : Path or None
        The folder of real scans; None for phantoms alone.
    """
    numbers = itertools.count(1)
    # The same bytes in every run, or a seed number would mean nothing.
    with patch("tests.synthetic.generate_uid", lambda: f"2.25.{10**9 + next(numbers)}"):
        found = _phantoms()
    if shared is not None:
        found |= _real(shared / "data")
    for name in ("image.nii", "ct"):
        found |= _packed(name, found[name])
    return found


def _phantoms() -> dict[str, Folder]:
    grid = plain_grid((4, 12, 10))
    found: dict[str, Folder] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, syntax in (
            ("ct", "1.2.840.10008.1.2.1"),
            ("ct-implicit", ImplicitVRLittleEndian),
            ("ct-big-endian", ExplicitVRBigEndian),
            ("ct-deflated", DeflatedExplicitVRLittleEndian),
        ):
            paths = write_series(root / name, grid, syntax=syntax)
            found[name] = {p.name: p.read_bytes() for p in paths}
        path = write_enhanced(root / "enhanced.dcm", oblique_grid((4, 12, 10)))
        found["enhanced"] = {path.name: path.read_bytes()}
        # openjpeg encodes nothing smaller than 32 x 32.
        (path,) = write_series(root / "one", plain_grid((1, 34, 36)))
        single = pydicom.dcmread(path)
        for name, syntax in (
            ("rle", RLELossless),
            ("j2k", JPEG2000Lossless),
            ("jpegls", JPEGLSLossless),
        ):
            found[name] = {f"{name}.dcm": _saved(_encoded(single, syntax))}
        found["jpeg"] = {"jpeg.dcm": _saved(_baseline(single))}
        found |= _volumes(root)
    found["pictures"] = _pictures()
    return found


def _volumes(root: Path) -> dict[str, Folder]:
    """NIfTI of both versions and byte orders, Analyze, NRRD and MetaImage."""
    import nibabel
    import SimpleITK as sitk

    values = np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4)
    affine = np.array(
        [[-2.0, 0, 0, 9], [0, 1.5, 0.3, -8], [0, -0.2, 3, 7], [0, 0, 0, 1]]
    )
    found: dict[str, Folder] = {}
    plain = nibabel.Nifti1Image(values, affine)
    plain.header.set_slope_inter(2.0, -1024.0)
    swapped = nibabel.Nifti1Image(
        values.astype(">f4"), affine, nibabel.Nifti1Header(endianness=">")
    )
    four = nibabel.Nifti1Image(np.stack([values, values + 1], axis=-1), affine)
    for name, image in (
        ("image.nii", plain),
        ("big.nii", swapped),
        ("four.nii", four),
        ("two.nii", nibabel.Nifti2Image(values.astype(np.float64), affine)),
    ):
        image.to_filename(root / name)
        found[name] = {name: (root / name).read_bytes()}
    nibabel.AnalyzeImage(values, affine).to_filename(root / "old.img")
    found["analyze"] = {n: (root / n).read_bytes() for n in ("old.img", "old.hdr")}
    picture = sitk.GetImageFromArray(values)
    picture.SetSpacing((1.5, 2.0, 3.0))
    for name, packed in (
        ("plain.nrrd", False),
        ("packed.nrrd", True),
        ("plain.mha", False),
        ("packed.mha", True),
    ):
        sitk.WriteImage(picture, str(root / name), packed)
        found[name] = {name: (root / name).read_bytes()}
    for stem, name in (("apart.mhd", "apart.raw"), ("apart.nhdr", "apart.raw")):
        folder = root / stem.replace(".", "-")
        folder.mkdir()
        sitk.WriteImage(picture, str(folder / stem))
        found[stem] = {p.name: p.read_bytes() for p in sorted(folder.iterdir())}
        assert name in found[stem] or len(found[stem]) == 2
    return found


def _pictures() -> Folder:
    from PIL import Image

    found: Folder = {}
    values = np.arange(16 * 12, dtype=np.uint8).reshape(16, 12)
    for n in range(3):
        for kind, suffix in (("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif")):
            buffer = io.BytesIO()
            Image.fromarray(values + n).save(buffer, kind)
            found[f"slice{n}.{suffix}"] = buffer.getvalue()
    found["slice0.json"] = (
        b'{"version": "5.0.1", "flags": {}, "shapes": [{"label": "liver", "points": '
        b'[[1.0, 2.0], [8.0, 2.5], [7.0, 9.0]], "shape_type": "polygon"}], '
        b'"imagePath": "slice0.png", "imageData": null, '
        b'"imageHeight": 16, "imageWidth": 12}'
    )
    return found


def _packed(name: str, folder: Folder) -> dict[str, Folder]:
    """Return a folder as gzip (one file), zip and tar."""
    found: dict[str, Folder] = {}
    if len(folder) == 1:
        ((file, data),) = folder.items()
        found[f"{name}.gz"] = {f"{file}.gz": gzip.compress(data, mtime=0)}
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with (
        zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive,
        tarfile.open(fileobj=tarred, mode="w") as ball,
    ):
        for file, data in folder.items():
            archive.writestr(zipfile.ZipInfo(f"scans/{file}"), data)
            entry = tarfile.TarInfo(f"scans/{file}")
            entry.size = len(data)
            ball.addfile(entry, io.BytesIO(data))
    found[f"{name}.zip"] = {"scans.zip": zipped.getvalue()}
    # Packed on its own: tarfile writes the hour into the gzip header.
    packed = gzip.compress(tarred.getvalue(), mtime=0)
    found[f"{name}.tar.gz"] = {"scans.tar.gz": packed}
    return found


def _real(data: Path) -> dict[str, Folder]:
    found: dict[str, Folder] = {}
    letters = sorted((data / _FO / "charset").glob("*.dcm"))
    for path in [data / name for name in _AS_THEY_ARE] + letters:
        if path.is_file() and path.stat().st_size <= _LARGEST:
            found[path.name] = {path.name: path.read_bytes()}
    for name in _CUT:
        if (data / name).is_file():
            found[f"cut-{Path(name).name}"] = {"cut.dcm": _cut(data / name)}
    for name in _SERIES:
        paths = sorted((data / name).glob("*.dcm"))[:4]
        if paths:
            key = "-".join(Path(name).parts[-3:])
            found[key] = {p.name: _cut(p) for p in paths}
    return found


def _cut(path: Path) -> bytes:
    """Return a real file cut to a few pixels and frames, in its transfer syntax."""
    dataset = pydicom.dcmread(path)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if path.stat().st_size <= 12_000:
        return path.read_bytes()
    least = 36 if dataset.file_meta.TransferSyntaxUID == JPEG2000Lossless else 16
    rows, columns = min(dataset.Rows, least + 4), min(dataset.Columns, least)
    keep = min(frames, 4)
    pixels = pydicom.pixels.pixel_array(dataset, raw=True)
    if frames == 1:
        pixels = pixels[np.newaxis]
    pixels = np.ascontiguousarray(pixels[:keep, :rows, :columns])
    syntax = dataset.file_meta.TransferSyntaxUID
    big = not dataset.original_encoding[1]
    dataset.Rows, dataset.Columns = rows, columns
    if frames > 1:
        dataset.NumberOfFrames = keep
        if "PerFrameFunctionalGroupsSequence" in dataset:
            groups = dataset.PerFrameFunctionalGroupsSequence
            dataset.PerFrameFunctionalGroupsSequence = groups[:keep]
    name = next(
        n
        for n in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
        if n in dataset
    )
    raw = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    if syntax.is_compressed and not syntax.is_deflated:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset["PixelData"].VR = "OW"
        dataset.PixelData = raw
        dataset["PixelData"].is_undefined_length = False
        dataset = _encoded(dataset, syntax)
    else:
        setattr(dataset, name, raw)
    _drop_bulk(dataset)
    return _saved(dataset)


def _drop_bulk(dataset: pydicom.Dataset) -> None:
    """Take out private and other long elements that no reader looks at."""
    for element in list(dataset):
        long = element.VR in ("OB", "OW", "UN") and element.tag.group != 0x7FE0
        if (long and len(element.value or b"") > 4096) or (
            element.tag.is_private and element.VR == "SQ"
        ):
            del dataset[element.tag]


def _encoded(dataset: pydicom.Dataset, syntax: str) -> pydicom.Dataset:
    import copy

    dataset = copy.deepcopy(dataset)
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def _baseline(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Return it as 8-bit JPEG baseline."""
    import copy

    from PIL import Image

    dataset = copy.deepcopy(dataset)
    buffer = io.BytesIO()
    Image.fromarray((dataset.pixel_array >> 4).astype(np.uint8)).save(buffer, "JPEG")
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def _saved(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
