"""Headers read quickly are the headers that pydicom reads, and so are the errors."""

from __future__ import annotations

import random
import struct
import tarfile
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from medlab_gui.core.errors import InputError
from medlab_gui.io.dicom_headers import read_header
from medlab_gui.io.dicom_quick import FIRST_BLOCK, HeaderReader
from tests.synthetic import oblique_grid, plain_grid, write_enhanced, write_series


def quick(reader, path):
    with path.open("rb", buffering=0) as file:
        return reader.read(path, file, file.read(FIRST_BLOCK))


def outcome(read):
    """What was read, or the kind of error and its sentence."""
    try:
        return read()
    except (InputError, OSError) as error:
        return type(error), str(error)


def assert_same(reader, path):
    ours = outcome(lambda: quick(reader, path))
    assert ours == outcome(lambda: read_header(path)), path


def assert_all_same(paths):
    reader = HeaderReader()
    for path in paths:
        assert_same(reader, path)
    return reader


def is_dicom(path):
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def test_every_real_file(shared):
    """One reader for all of them: what is remembered must not leak into others."""
    files = [p for p in sorted((shared / "data").rglob("*")) if p.is_file()]
    files = [p for p in files if is_dicom(p)]
    reader = assert_all_same(files)
    assert len(files) > 400
    assert reader.n_quick > 150
    # And each by a reader that knows nothing.
    for path in files:
        assert_same(HeaderReader(), path)


def test_a_whole_mr_scan(shared, tmp_path):
    with tarfile.open(shared / "data/t1-dicom-384/dicoms.tar.xz") as archive:
        for member in archive:
            if member.isfile():
                (tmp_path / Path(member.name).name).write_bytes(
                    archive.extractfile(member).read()
                )
    files = [p for p in sorted(tmp_path.rglob("*")) if p.is_file() and is_dicom(p)]
    reader = assert_all_same(files)
    assert len(files) == 384
    assert (reader.n_quick, reader.n_asked) == (383, 1)


def deep_sequence(ds, k):
    """Sequences of every kind of length, one in another."""
    inner = Dataset()
    inner.CodeValue = "T-1"
    inner.CodeMeaning = "x" * k
    middle = Dataset()
    middle.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    middle.ReferencedSOPInstanceUID = "1.2.3"
    ds.ReferencedImageSequence = Sequence([middle, middle])
    ds["ReferencedImageSequence"].is_undefined_length = k % 2 == 0
    for item in ds.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = k % 3 == 0


def windows(ds, k):
    ds.WindowCenter = [40 + k, -600]
    ds.WindowWidth = [400, 1500 + k]


def sloppy_numbers(ds, k):
    ds["InstanceNumber"].value = f" {k} "
    ds.ImagePositionPatient[0] = "+1.50e1"
    ds.WindowWidth = ""


EDITS = [None, deep_sequence, windows, sloppy_numbers]


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: e.__name__ if e else "plain")
@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2.1",
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_made_up_series(tmp_path, edit, syntax):
    paths = write_series(tmp_path, oblique_grid(), edit=edit, syntax=syntax)
    reader = assert_all_same(paths)
    plain = syntax not in (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
    # The first is asked about; a value that pydicom would not take as it is, always.
    assert reader.n_quick + reader.n_asked == (len(paths) if plain else 0)
    if plain and edit is not sloppy_numbers:
        assert reader.n_quick == len(paths) - 1


def test_compressed_and_enhanced(tmp_path):
    paths = write_series(tmp_path / "s", plain_grid((12, 64, 64)))
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.compress(JPEG2000Lossless)
        ds.save_as(path)
    paths[3].write_bytes(paths[3].read_bytes()[:-300])
    reader = assert_all_same(paths)
    assert reader.n_quick == len(paths) - 1
    assert quick(reader, paths[3]).cut_short
    assert_all_same([write_enhanced(tmp_path / "e", oblique_grid())])


def test_two_series_and_two_patients_do_not_mix(tmp_path):
    def other(ds, k):
        ds.PatientName = "Other^Person"
        ds.SeriesDescription = "Thorax"

    first = write_series(tmp_path / "a", plain_grid())
    second = write_series(tmp_path / "b", plain_grid(), edit=other)
    mixed = [p for pair in zip(first, second, strict=True) for p in pair]
    reader = assert_all_same(mixed)
    assert reader.n_quick == len(mixed) - 2
    assert quick(reader, second[5]).description == "Thorax"


def test_what_only_the_file_meta_group_says(tmp_path):
    paths = write_series(tmp_path, plain_grid())
    for path in paths[4:]:
        ds = pydicom.dcmread(path)
        ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        ds.save_as(path)
    reader = assert_all_same(paths)
    assert reader.n_asked == 2


def test_header_longer_than_the_first_block(tmp_path):
    def long(ds, k):
        ds.add_new(0x00291010, "OB", bytes(FIRST_BLOCK + k * 2))

    paths = write_series(tmp_path, plain_grid(), edit=long)
    reader = assert_all_same(paths)
    assert reader.n_quick == len(paths) - 1


def test_what_is_no_plain_picture(tmp_path):
    def no_position(ds, k):
        del ds.ImagePositionPatient

    def no_uid(ds, k):
        del ds.SOPInstanceUID

    def report(ds, k):
        for name in ("Rows", "Columns", "PixelData", "BitsAllocated"):
            delattr(ds, name)

    for n, edit in enumerate((no_position, report)):
        paths = write_series(tmp_path / str(n), plain_grid(), edit=edit)
        assert_all_same(paths)
    paths = write_series(tmp_path / "u", plain_grid())
    for path in paths:
        ds = pydicom.dcmread(path)
        no_uid(ds, 0)
        ds.save_as(path)
    assert_all_same(paths)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def test_broken_headers(tmp_path, syntax):
    """Bytes changed, cut out and doubled: the same facts or the same sentence."""
    rng = random.Random(4)
    paths = write_series(
        tmp_path / "s", oblique_grid(), edit=deep_sequence, syntax=syntax, slices=[0, 1]
    )
    good = [p.read_bytes() for p in paths]
    reader = HeaderReader()
    for path in paths:
        assert_same(reader, path)
    victim = tmp_path / "victim"
    for _ in range(1500):
        raw = bytearray(rng.choice(good))
        at = rng.randrange(132, len(raw) - 1000)
        how = rng.randrange(4)
        if how == 0:
            raw[at] = rng.randrange(256)
        elif how == 1:
            del raw[at : at + rng.randrange(1, 9)]
        elif how == 2:
            raw[at:at] = raw[at : at + rng.randrange(1, 40)]
        else:
            raw = raw[:at]
        victim.write_bytes(raw)
        assert_same(reader, victim)


def test_elements_out_of_order_or_twice(tmp_path):
    (path,) = write_series(tmp_path, plain_grid(), slices=[4])
    raw = path.read_bytes()
    rows = struct.pack("<HH2sHH", 0x0028, 0x0010, b"US", 2, 20)
    assert raw.count(rows) == 1
    other = struct.pack("<HH2sHH", 0x0028, 0x0010, b"US", 2, 8)
    for changed in (
        raw.replace(rows, rows + other),
        raw.replace(rows, b"").replace(b"\x08\0\x16\0UI", rows + b"\x08\0\x16\0UI"),
    ):
        path.write_bytes(changed)
        assert_all_same([path])
