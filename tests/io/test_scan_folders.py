"""Folders with many files: what is told on the way, and that the work stays linear."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections import Counter

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from medlab_gui.core.errors import NotAnImageError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.jobs import Cancelled
from medlab_gui.io import scan, write_image
from tests.synthetic import plain_grid, write_series


def write_many(folder, n_patients, n_slices):
    """Several patients' slices mixed in one folder."""
    (template,) = write_series(folder / "one", plain_grid((1, 4, 4)))
    ds = pydicom.dcmread(template)
    template.unlink()
    template.parent.rmdir()
    for patient in range(n_patients):
        ds.PatientID, ds.PatientName = f"P-{patient}", f"Name^{patient}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
        for k in range(n_slices):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            ds.InstanceNumber = k + 1
            ds.ImagePositionPatient = [0, 0, 3 * k]
            ds.save_as(folder / f"{k:05}_{patient}")


def n_calls(work):
    """How many functions Python enters: the work, on any machine the same."""
    count = Counter()
    sys.setprofile(lambda frame, event, arg: count.update((event,)))
    try:
        work()
    finally:
        sys.setprofile(None)
    return count["call"] + count["c_call"]


def test_several_patients_in_one_folder(tmp_path):
    write_many(tmp_path, 5, 30)
    told = []
    result = scan(tmp_path, progress=lambda *a: told.append(a))
    assert [s.n_slices for s in result.series] == [30] * 5
    assert len({s.patient_key for s in result.series}) == 5
    assert {s.patient_name for s in result.series} == {f"Name, {n}" for n in range(5)}
    for series in result.series:
        assert series.problems == ()
        assert series.grid.spacing[0] == pytest.approx(3)
    assert [t[:2] for t in told] == [(n, 150) for n in range(1, 151)]


def test_work_grows_with_the_number_of_files(tmp_path):
    """Four times the files, four times the work: in one series and in many."""
    for n_patients, n_slices in ((1, 100), (1, 400), (20, 5), (80, 5)):
        folder = tmp_path / f"{n_patients}x{n_slices}"
        folder.mkdir()
        write_many(folder, n_patients, n_slices)
        scan(folder)  # what is imported only once
    for small, large in (("1x100", "1x400"), ("20x5", "80x5")):
        few = n_calls(lambda name=small: scan(tmp_path / name, found=len_of))
        many = n_calls(lambda name=large: scan(tmp_path / name, found=len_of))
        assert many < 5 * few, (few, many)


def len_of(series):
    return series.n_slices


def test_series_are_told_while_the_scan_runs(tmp_path):
    write_many(tmp_path / "a", 1, 10)
    write_many(tmp_path / "b", 1, 3)
    seen, done = [], []

    def found(series):
        seen.append((len(done), series.uid, series.n_slices, series.patient_name))

    result = scan(tmp_path, progress=lambda *a: done.append(a), found=found)
    first, second = result.series[0].uid, result.series[1].uid
    if result.series[0].n_slices == 3:
        first, second = second, first
    assert [(n, uid, k) for n, uid, k, _ in seen] == [
        (0, first, 1),
        (1, first, 2),
        (3, first, 4),
        (7, first, 8),
        (10, second, 1),
        (11, second, 2),
    ]
    assert {name for *_, name in seen} == {"Name, 0"}


@pytest.mark.parametrize("after", [1, 7])
def test_cancelling(tmp_path, after):
    write_many(tmp_path, 1, 10)
    seen = []

    def progress(done, total=0, message=""):
        seen.append(done)
        if done == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(tmp_path, progress=progress)
    assert seen == list(range(1, after + 1))


def test_cancelling_while_a_large_folder_is_listed(tmp_path):
    for n in range(1001):
        (tmp_path / f"{n}.txt").touch()

    def progress(done, total=0, message=""):
        assert (done, total, message) == (0, 0, "Looking for files")
        raise Cancelled

    with pytest.raises(Cancelled):
        scan(tmp_path, progress=progress)


@pytest.mark.skipif(os.name == "nt", reason="a matter of rights on Windows")
def test_a_folder_that_holds_itself(tmp_path):
    write_many(tmp_path / "a", 1, 3)
    try:
        (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this user may not make links")
    assert [s.n_slices for s in scan(tmp_path).series] == [3]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="as root")
def test_a_folder_that_may_not_be_opened_is_told(tmp_path):
    write_many(tmp_path / "a", 1, 3)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    (ignored,) = scan(tmp_path).ignored
    assert ignored.path == closed
    assert ignored.reason.startswith("It cannot be opened")


@pytest.mark.skipif(os.name == "nt", reason="a matter of rights on Windows")
class TestLinks:
    """What a folder's links lead to is in it, once."""

    @pytest.fixture
    def folder(self, tmp_path):
        write_series(tmp_path / "archive", plain_grid((3, 4, 5)))
        (tmp_path / "mine").mkdir()
        return tmp_path / "mine"

    def test_to_a_folder_and_round_in_a_circle(self, folder):
        (folder / "patient").symlink_to(folder.parent / "archive")
        (folder / "again").symlink_to(folder.parent / "archive")
        (folder / "self").symlink_to(folder)
        (series,) = scan(folder).series
        assert series.n_slices == 3
        assert series.problems == ()

    def test_to_nothing_and_to_themselves(self, folder):
        (folder / "a").symlink_to(folder / "a")
        (folder / "gone").symlink_to(folder / "nowhere")
        for n in range(3):
            file = next((folder.parent / "archive").iterdir())
            file.rename(folder / f"z{n}.dcm")
        result = scan(folder)
        assert result.series[0].n_slices == 3
        reasons = {i.path.name: i.reason for i in result.ignored}
        assert set(reasons) == {"a", "gone"}
        assert "link to something that is not there" in reasons["gone"]

    def test_that_all_lead_nowhere(self, folder):
        (folder / "gone").symlink_to(folder / "nowhere")
        with pytest.raises(NotAnImageError, match="link to something"):
            scan(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAnImageError, match="neither a file nor a folder"):
        scan(tmp_path / "pipe")


def small_nifti(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (2, 3, 4)
    # Voxels of its own: a copy of a file is the same series.
    voxels = hashlib.sha256(str(path).encode()).digest()
    data = np.resize(np.frombuffer(voxels, np.uint8), shape)
    write_image(path, data, Grid.from_spacing(shape, (1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["b2.nii.gz", "b10.nii.gz", "A.nii.gz"], ["A", "b2", "b10"]),
        (["scan.nii.gz", "scan.nrrd"], ["scan.nii.gz", "scan.nrrd"]),
        (
            ["one/before/scan.nii", "one/after/scan.nii", "other.nii"],
            ["after/scan", "before/scan", "other"],
        ),
        (
            ["p1/ct/scan.nii", "p2/ct/scan.nii"],
            ["p1/ct/scan", "p2/ct/scan"],
        ),
    ],
)
def test_files_that_name_nothing_can_be_told_apart(tmp_path, files, names):
    for file in files:
        small_nifti(tmp_path / file)
    assert [s.name for s in scan(tmp_path).series] == names


def test_of_a_folder_without_scans_the_archive_is_told(tmp_path):
    (tmp_path / "LICENSE").write_text("all rights")
    (tmp_path / "NOTES.txt").write_text("none")
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("readme", "nothing")
    with pytest.raises(NotAnImageError) as caught:
        scan(tmp_path)
    assert caught.value.message == (
        f"There is no scan in {tmp_path}: 3 files were looked at and none can be "
        "opened. study.zip is an archive (zip). Open it on its own to see what is in "
        "it."
    )


# ---- a project among the scans -------------------------------------------------


@pytest.fixture
def work(tmp_path):
    """A folder with a scan, a scan in a project, and the project's own files."""
    from medlab_gui.commands.command import Context
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_

    folder = tmp_path / "work"
    write_series(folder / "scan", plain_grid(), series_uid="1.2.3")
    import_(ImportParams(str(folder)), Context(str(folder / "project")))
    write_series(folder / "project" / "mine", plain_grid(), series_uid="1.2.4")
    (folder / "project" / "project-schema5-20260101T000000.db").write_bytes(b"old")
    return folder


def test_a_project_among_the_scans(work):
    """Its files were looked into one by one, and "migration.lock is empty" was told."""
    found = scan(work)
    assert {s.uid for s in found.series} == {"1.2.3", "1.2.4"}
    (ignored,) = found.ignored
    assert ignored.path == work / "project"
    assert ignored.reason.startswith("It is a MedLab project")


def test_scans_that_lie_in_a_project(work):
    (series,) = scan(work / "project" / "mine").series
    assert series.uid == "1.2.4"


@pytest.mark.parametrize(
    "what", ["", "blobs", "blobs/*", "runs", "journal", "project.db", "migration.lock"]
)
def test_a_project_alone_is_no_scan(work, what, monkeypatch):
    import shutil

    shutil.rmtree(work / "project" / "mine")
    place = next((work / "project").glob(what)) if what else work / "project"
    with pytest.raises(NotAnImageError, match=r"MedLab project.*--project"):
        scan(place)
    if place.is_dir():
        monkeypatch.chdir(place)
        with pytest.raises(NotAnImageError, match=r"MedLab project.*--project"):
            scan(".")
