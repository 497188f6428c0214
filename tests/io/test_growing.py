"""Folders that are still being copied into: nothing of them is half imported."""

from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from medlab_gui.cli.main import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import take_in
from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.io import VolumeStream, growing, scan
from medlab_gui.io.growing import refuse_growing
from tests.synthetic import phantom_values, plain_grid, write_series

GRID = plain_grid((6, 8, 9))


@pytest.fixture
def patience(monkeypatch):
    """As long as no test takes: what has to happen in between, happens in between."""
    monkeypatch.setattr(growing, "SETTLE_S", 600.0)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "scan"
    write_series(place, GRID, series_uid="1.2.3")
    return place


def series_of(folder):
    (series,) = scan(folder).series
    return series


def age(folder, seconds):
    then = time.time() - seconds
    for place in (*folder.iterdir(), folder):
        os.utime(place, (then, then))


class Clock:
    """It is a second after files were made old (`age`), and time passes in sleep."""

    def __init__(self):
        self.now = time.time() - 1000 + 1

    def time(self):
        return self.now

    def monotonic(self):
        return self.now

    def sleep(self, _seconds):
        self.now += 1000


def nothing():
    """Neither cancels nor does anything."""


def once(act):
    """Act at the first look; by the second one the waiting is over."""
    acts = iter((act,))

    def check():
        next(acts, nothing)()

    return check


def test_what_has_lain_still_is_not_waited_for(folder, patience):
    age(folder, 1000)
    series = series_of(folder)

    def check():
        pytest.fail("there is nothing to wait for")

    assert refuse_growing(series, check) is False
    assert refuse_growing(series, check, read_since=time.time()) is False


def test_waiting_can_be_cancelled(folder, patience):
    def check():
        raise Cancelled

    with pytest.raises(Cancelled):
        refuse_growing(series_of(folder), check)


def test_slices_that_came_after_the_scan(folder):
    series = series_of(folder)
    age(folder, 1000)
    write_series(folder, plain_grid((7, 8, 9)), slices=[6], series_uid="1.2.3")
    with pytest.raises(InputError, match=r"1 file has appeared since.*Nothing was"):
        refuse_growing(series, nothing)


@pytest.fixture
def waits(folder, patience, monkeypatch):
    """Let it wait exactly once, however fast the machine is."""
    age(folder, 1000)
    monkeypatch.setattr(growing, "time", Clock())


def test_files_that_lie_still_are_taken(folder, waits):
    looks = []
    assert refuse_growing(series_of(folder), lambda: looks.append(1)) is False
    assert looks == [1]


def test_slices_that_come_while_it_waits(folder, waits):
    late = folder / "late.dcm"
    with pytest.raises(InputError, match="still being written"):
        refuse_growing(series_of(folder), once(lambda: late.write_bytes(b"DICM")))


def test_a_file_that_changes_while_it_waits(folder, waits):
    """It had its length before its content, as some programs copy."""
    series = series_of(folder)
    file = series.files[2]

    def change():
        data = file.read_bytes()
        file.write_bytes(data[:-50] + bytes(50))

    with pytest.raises(InputError, match="a file changed"):
        refuse_growing(series, once(change))


def test_what_looking_into_a_folder_leaves_there_is_no_slice(folder):
    series = series_of(folder)
    for name in ("Thumbs.db", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    (folder / "project").mkdir()
    assert refuse_growing(series, nothing) is False


def test_a_project_in_the_folder_of_its_scans_is_no_slice(folder, capsys):
    """It was made in between: "4 files have appeared", and nothing could come in."""
    for said in ("imported", "was there already"):
        assert main(["import", str(folder), "--project", str(folder)])[0] == 0
        assert f"6 slices, {said}." in capsys.readouterr().out


def test_a_project_in_the_folder_of_its_scans_is_used_while_it_waits(folder, waits):
    series = series_of(folder)
    database = folder / "project.db-wal"
    refuse_growing(series, once(lambda: database.write_bytes(b"")))
    assert database.exists()


def test_an_archive_is_whole_when_it_is_unpacked(folder, tmp_path, patience):
    archive = shutil.make_archive(str(tmp_path / "scan"), "zip", folder)
    refuse_growing(series_of(archive), lambda: pytest.fail("waited"))


def test_what_was_read_too_early_is_read_again(folder, monkeypatch):
    monkeypatch.setattr(growing, "SETTLE_S", 0.01)
    series = series_of(folder)
    stream = VolumeStream(series)
    stream.wait()
    age(folder, 0)  # changed after the reading began
    assert refuse_growing(series, nothing, read_since=stream.began) is True
    age(folder, 1000)
    assert refuse_growing(series, nothing, read_since=stream.began) is False


def test_import_takes_nothing_then_all(folder, tmp_path, monkeypatch, capsys):
    lost = sorted(folder.iterdir())[0]
    data = lost.read_bytes()
    lost.unlink()
    age(folder, 1000)
    project = ["--project", str(tmp_path / "project")]
    real = growing.refuse_growing

    def late(series, check, **options):
        lost.write_bytes(data)
        return real(series, check, **options)

    with monkeypatch.context() as patched:
        patched.setattr(growing, "refuse_growing", late)
        assert main(["import", str(folder), *project])[0] == 2
    assert "is still being written" in capsys.readouterr().err
    assert main(["import", str(folder), *project])[0] == 0
    assert "6 slices, imported" in capsys.readouterr().out


def test_a_window_reads_again_what_it_showed_too_early(folder, tmp_path, monkeypatch):
    """A file given its length at first: zeros were read, and are not imported."""

    monkeypatch.setattr(growing, "SETTLE_S", 0.01)
    series = series_of(folder)
    whole = series.files[3].read_bytes()
    series.files[3].write_bytes(whole[:-144] + bytes(144))
    stream = VolumeStream(series)
    assert not np.array_equal(stream.wait().data, phantom_values(GRID))
    series.files[3].write_bytes(whole)
    context = Context(str(tmp_path / "project"))
    with context.store(create=True) as store:
        take_in(store, series, context, stream)
        blob = store.array(store.series(series.uid).blob)
        assert np.array_equal(blob, phantom_values(GRID))


@pytest.mark.parametrize(("seconds", "told"), [(5, True), (1000, False)])
def test_what_lacks_something_may_still_be_copied(folder, seconds, told):
    (file, *_) = sorted(folder.iterdir())
    file.write_bytes(file.read_bytes()[:-20])
    age(folder, seconds)
    (blocking,) = [p for p in series_of(folder).problems if p.code == "truncated"]
    assert ("still being copied" in blocking.message) == told
    file.write_bytes(file.read_bytes()[:200])
    age(folder, seconds)
    with pytest.raises(DamagedFileError) as caught:
        scan(file)
    assert ("still being copied" in caught.value.message) == told


def test_each_folder_is_listed_once(folder, monkeypatch):
    for name in ("a", "b"):
        shutil.copytree(folder, folder / name / "inner")
    real, listed = os.scandir, []

    def count(path):
        listed.append(os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", count)
    found = scan(folder / "a").series
    below = [p for p in listed if p.endswith("inner")]
    assert len(below) == 1
    assert all(s.contents for s in found)


def test_what_was_only_touched_is_taken_though_it_means_less_alone(tmp_path):
    """The distance of slices is known from all of them, as is a stack's shape."""
    write_series(tmp_path / "ct", GRID, edit=lambda ds, _: ds.pop("SliceThickness", 0))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(3):
        Image.fromarray(np.full((8, 9), n, np.uint8)).save(pictures / f"{n}.png")
    for place in (tmp_path / "ct", pictures):
        series = series_of(place)
        os.utime(series.files[1], (1e9, 1e9))
        growing.refuse_rewritten(series)
    Image.fromarray(np.zeros((9, 8), np.uint8)).save(series.files[1])
    with pytest.raises(InputError, match="says something else"):
        growing.refuse_rewritten(series)
