"""NRRD and MetaImage files that ITK refuses, guesses about or reads wrongly."""

from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import DamagedFileError, MedlabError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, scan
from medlab_gui.io.restack import give_spacing

DATA = (np.arange(4 * 5 * 6, dtype="<i2") * 7 - 200).reshape(4, 5, 6)
MHA = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "TransformMatrix": "0 1 0 1 0 0 0 0 -1",
    "Offset": "-10 -20 30",
    "ElementSpacing": "1.25 1.5 3",
    "DimSize": "6 5 4",
    "ElementType": "MET_SHORT",
}
NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "6 5 4",
    "space directions": "(1.25,0,0) (0,1.5,0) (0,0,3)",
    "space origin": "(-10,-20,30)",
    "endian": "little",
    "encoding": "raw",
}
BARE = dict.fromkeys(("space", "space directions", "space origin"))


def mha(folder, data=None, first="", **fields):
    lines = {**MHA, **fields, "ElementDataFile": "LOCAL"}
    head = "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None)
    path = folder / "x.mha"
    path.write_bytes(
        (first + head).encode() + (DATA.tobytes() if data is None else data)
    )
    return path


def nrrd(folder, fields, data=None):
    lines = {**NRRD, **fields}
    head = "".join(f"{k}: {v}\n" for k, v in lines.items() if v is not None)
    path = folder / "x.nrrd"
    path.write_bytes(
        f"NRRD0004\n{head}\n".encode() + (DATA.tobytes() if data is None else data)
    )
    return path


def told(path, code):
    (series,) = scan(path).series
    (found,) = [p for p in series.problems if p.code == code]
    return series, found


def assert_whole(path):
    series, volume = read_one(path)
    assert np.array_equal(volume.data, DATA)
    return series


@pytest.mark.parametrize("size", [None, 3, 100_000])
@pytest.mark.parametrize("packer", [zlib.compress, gzip.compress])
@pytest.mark.parametrize("order", ["<i2", ">i2"])
def test_packed_without_a_word_on_how_long(tmp_path, size, packer, order):
    """ITK returns what happens to be in memory."""
    assert_whole(
        mha(
            tmp_path,
            packer(DATA.astype(order).tobytes()),
            CompressedData="True",
            CompressedDataSize=size,
            BinaryDataByteOrderMSB=str(order[0] == ">"),
        )
    )


@pytest.mark.parametrize("fault", ["cut", "turned", "checksum"])
def test_packed_and_damaged(tmp_path, fault):
    packed = bytearray(zlib.compress(DATA.tobytes()))
    if fault == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2 if fault == "turned" else -2] ^= 0x55
    path = mha(
        tmp_path,
        bytes(packed),
        CompressedData="True",
        CompressedDataSize=len(packed),
    )
    series, _ = told(path, "truncated")
    assert series.grid is None


def test_packed_in_another_file(tmp_path):
    path = mha(tmp_path, b"", CompressedData="True")
    (tmp_path / "x.zraw").write_bytes(zlib.compress(DATA.tobytes()))
    head = path.read_bytes().replace(b"LOCAL", b"x.zraw")
    (tmp_path / "x.mhd").write_bytes(head)
    assert_whole(tmp_path / "x.mhd")


def test_bzip2_in_another_file(tmp_path):
    (tmp_path / "x.raw").write_bytes(bz2.compress(DATA.tobytes()))
    path = nrrd(tmp_path, {"encoding": "bzip2", "data file": "x.raw"}, b"")
    assert_whole(path.rename(tmp_path / "x.nhdr"))


@pytest.mark.parametrize("kind", ["MET_SHORT", "MET_FLOAT"])
def test_numbers_written_as_text(tmp_path, kind):
    text = " ".join(map(str, DATA.ravel())).encode()
    assert_whole(mha(tmp_path, text, BinaryData="False", ElementType=kind))


def test_short_numbers_written_as_text(tmp_path):
    text = b"0 1 " * 60
    for path in (
        mha(tmp_path, text, BinaryData="False", ElementType="MET_DOUBLE"),
        nrrd(tmp_path, {"encoding": "ascii", "type": "double"}, text),
    ):
        assert np.array_equal(read_one(path)[1].data.ravel(), [0, 1] * 60)


@pytest.mark.parametrize("text", ["1 2 3" * 40, "x " * 120, "70000 " * 120])
def test_text_that_is_no_voxels(tmp_path, text):
    told(mha(tmp_path, text.encode(), BinaryData="False"), "truncated")


def test_text_that_is_not_said_to_be_text(tmp_path):
    text = " ".join(map(str, DATA.ravel())).encode()
    _, found = told(mha(tmp_path, text), "pixels-left-over")
    assert found.severity is Severity.UNSAFE


def test_voxels_before_the_end(tmp_path):
    before = b"an older header" + DATA.tobytes()
    assert_whole(nrrd(tmp_path, {"byte skip": "-1"}, before))
    assert_whole(mha(tmp_path, before, HeaderSize="-1"))


@pytest.mark.parametrize("n_lost", [1, 10])
def test_voxels_before_the_end_that_would_begin_in_the_header(tmp_path, n_lost):
    short = DATA.tobytes()[:-n_lost]
    for path in (
        nrrd(tmp_path, {"byte skip": "-1"}, short),
        mha(tmp_path, short, HeaderSize="-1"),
    ):
        assert sitk.ReadImage(str(path)).GetSize() == (6, 5, 4)  # with letters in it
        with pytest.raises(DamagedFileError):
            scan(path)


@pytest.mark.parametrize("first", ["Comment = by hand\n", "# by hand\n"])
def test_a_remark_before_all_else(tmp_path, first):
    assert_whole(mha(tmp_path, first=first))


def test_no_word_on_the_order_of_bytes(tmp_path):
    with pytest.raises(MedlabError, match="endian"):
        scan(nrrd(tmp_path, {"endian": None}))


@pytest.mark.parametrize(
    ("spacing", "n_lost", "size"),
    [
        ("nan nan nan", 3, (1, 1, 1)),
        ("1.25 1.5 inf", 1, (1, 1.5, 1.25)),
        ("1,25 1,5 3", 2, (3, 1, 1)),
    ],
)
def test_a_spacing_that_is_no_number(tmp_path, spacing, n_lost, size):
    """ITK stops at a comma, and takes 1 mm for what it could not read."""
    for path, turned in (
        (mha(tmp_path, ElementSpacing=spacing), True),
        (nrrd(tmp_path, {**BARE, "spacings": spacing}), False),
    ):
        series, found = told(path, "no-spacing")
        assert found.severity is Severity.UNSAFE
        assert f"along {n_lost} of" in found.message
        assert series.grid.spacing == pytest.approx(size)
        assert series.grid.orientation == ("PLI" if turned else "LPS")
        assert_whole(path)
        mended = give_spacing(series, (3, 1.5, 1.25))
        assert mended.grid.spacing == pytest.approx((3, 1.5, 1.25))
        assert mended.grid.orientation == series.grid.orientation


@pytest.mark.parametrize("spacing", ["0 0 0", "1.25 1.5 0"])
def test_an_nrrd_spacing_of_0_can_be_given_by_hand(tmp_path, spacing):
    series, found = told(
        nrrd(tmp_path, {**BARE, "spacings": spacing}), "absurd-spacing"
    )
    assert "by hand" in found.message
    assert series.grid is None
    mended = give_spacing(series, (3, 1.5, 1.25))
    assert mended.grid.spacing == pytest.approx((3, 1.5, 1.25))
    assert mended.grid.orientation == "LPS"


@pytest.mark.parametrize("spacing", ["1.25 1.5 -3", "-1.25 -1.5 -3"])
def test_a_spacing_below_0_is_told(tmp_path, spacing):
    for path in (
        mha(tmp_path, ElementSpacing=spacing),
        nrrd(tmp_path, {**BARE, "spacings": spacing}),
    ):
        series, found = told(path, "negative-spacing")
        assert found.severity is Severity.WARNING
        assert "-3 mm" in found.message
        image = sitk.ReadImage(str(path))
        end = image.TransformIndexToPhysicalPoint((5, 4, 3))
        assert series.grid.to_mm((3, 4, 5)) == pytest.approx(end)


def test_numbers_that_are_none_elsewhere(tmp_path):
    series, _ = told(
        mha(tmp_path, TransformMatrix="1 0 0 0 1 0 0 0 nan"), "no-orientation"
    )
    assert series.grid.orientation == "LPS"
    _, found = told(mha(tmp_path, Offset="nan 0 0"), "no-origin")
    assert found.severity is Severity.WARNING
    _, found = told(nrrd(tmp_path, {"space origin": "(nan,nan,nan)"}), "no-origin")
    assert found.severity is Severity.WARNING
    _, found = told(nrrd(tmp_path, {"space origin": None}), "no-origin")
    assert found.severity is Severity.NOTE


def test_a_scale_that_nobody_applies(tmp_path):
    path = mha(tmp_path, ElementToIntensityFunctionSlope="2")
    _, found = told(path, "scale-not-applied")
    assert "slope 2" in found.message
    assert_whole(path)


@pytest.mark.parametrize(("n", "told_so"), [(16, False), (100, True)])
def test_more_voxels_than_the_header_names(tmp_path, n, told_so):
    data = DATA.tobytes() + b"\1" * n
    for path in (mha(tmp_path, data), nrrd(tmp_path, {}, data)):
        (series,) = scan(path).series
        assert ("pixels-left-over" in {p.code for p in series.problems}) == told_so
        assert_whole(path)
