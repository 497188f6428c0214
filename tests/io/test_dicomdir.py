"""DICOMDIR: what it lists, what is there, what is not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.fileset import FileSet

from medlab_gui.io import scan
from medlab_gui.io.dicomdir import is_index, read_index
from tests.synthetic import plain_grid, write_series

SHARED = Path(os.environ.get("MEDLAB_SHARED", "../shared")) / "data"


@pytest.fixture
def disc(tmp_path):
    """A CD with six slices, written by pydicom."""

    def complete(ds, k):
        ds.StudyTime, ds.StudyID, ds.AccessionNumber = "120000", "1", "2"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]

    grid = plain_grid((6, 20, 24))
    files = write_series(tmp_path / "source", grid, edit=complete)
    made = FileSet()
    for file in files:
        made.add(pydicom.dcmread(file))
    made.write(tmp_path / "disc")
    made._stage["t"].cleanup()  # which pydicom leaves to the garbage collector
    return tmp_path / "disc"


def listed(disc):
    return sorted(p for p in disc.rglob("*") if p.is_file() and p.name != "DICOMDIR")


def note(result):
    (one,) = (i for i in result.ignored if is_index(i.path))
    return one.reason


@pytest.mark.parametrize("given", ["file", "folder"])
def test_a_whole_disc(disc, given):
    result = scan(disc / "DICOMDIR" if given == "file" else disc)
    (series,) = result.series
    assert series.n_slices == 6
    assert sorted(series.files) == listed(disc)
    assert "index" in note(result)


def test_only_what_it_lists_is_read(disc):
    write_series(disc / "other", plain_grid((3, 20, 24)))
    assert [s.n_slices for s in scan(disc / "DICOMDIR").series] == [6]
    assert sorted(s.n_slices for s in scan(disc).series) == [3, 6]


@pytest.mark.parametrize("given", ["DICOMDIR", "."])
def test_absent_files_are_named(disc, given):
    gone = listed(disc)[2]
    gone.unlink()
    result = scan(disc / given)
    assert result.series[0].n_slices == 5
    name = "/".join(gone.relative_to(disc).parts)
    assert f"6 files, of which 1 is not there: {name}" in note(result)


def test_names_as_some_systems_show_a_disc(disc):
    for file in listed(disc):
        file.rename(file.with_name(file.name.lower() + ".;1"))
    for folder in sorted((p for p in disc.rglob("*") if p.is_dir()), reverse=True):
        folder.rename(folder.with_name(folder.name.lower()))
    index = (disc / "DICOMDIR").rename(disc / "dicomdir.;1")
    assert is_index(index)
    found = read_index(index)
    assert found.is_complete
    assert len(found.present) == 6
    assert scan(index).series[0].n_slices == 6


def test_it_lists_files_that_have_other_names(disc):
    shutil.move(disc / listed(disc)[0].relative_to(disc).parts[0], disc / "moved")
    result = scan(disc / "DICOMDIR")
    assert result.series[0].n_slices == 6
    assert "none is there" in note(result)


def test_names_that_lead_out_are_not_followed(disc):
    dataset = pydicom.dcmread(disc / "DICOMDIR")
    outside = disc.parent / "outside.dcm"
    shutil.copy(listed(disc)[0], outside)
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "outside.dcm"]
    dataset.save_as(disc / "DICOMDIR")
    index = read_index(disc / "DICOMDIR")
    assert index.present == ()
    assert index.absent == ("../outside.dcm",)


def test_an_index_that_was_cut_off_loses_no_slice(disc):
    """It lists some of the files only; wherever it ends, all are found."""
    raw = (disc / "DICOMDIR").read_bytes()
    for n in range(0, len(raw), 61):
        (disc / "DICOMDIR").write_bytes(raw[:n])
        assert scan(disc / "DICOMDIR").series[0].n_slices == 6, n


def test_broken_index(disc):
    raw = (disc / "DICOMDIR").read_bytes()
    for n in (0, 100, len(raw) // 2):
        (disc / "DICOMDIR").write_bytes(raw[:n])
        assert scan(disc / "DICOMDIR").series[0].n_slices == 6


REAL = {
    "dcm_qa_ct": (433, "DICOM/S21610/S3010/I210"),
    "dwv/tests/data": (44, "IMAGES/IM0"),
    "fo-dicom/Tests/FO-DICOM.Tests/Test Data": (20, "IMAGES/RLE/SC1_RLE"),
}
"""How many files pydicom finds listed, and the first of them."""


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("folder", REAL)
def test_real_index_that_lists_absent_files(folder):
    n_listed, first = REAL[folder]
    result = scan(SHARED / folder / "DICOMDIR")
    notes = " ".join(i.reason for i in result.ignored if is_index(i.path))
    assert f"{n_listed} files, of which none is there: {first}" in notes
    assert len(result.series) > 3, "the files beside it are looked at"
