from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core import whole_files
from medlab_gui.core.errors import StorageFullError
from medlab_gui.core.whole_files import flush_to_disk, whole_file, write_whole
from medlab_gui.io.write import write_image
from tests.synthetic import plain_grid

WRITER = """
import sys, time
from pathlib import Path
from medlab_gui.core.whole_files import whole_file
with whole_file(Path(sys.argv[1]), ".nii.gz") as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def nothing_looked_through(monkeypatch):
    monkeypatch.setattr(whole_files, "_looked_through", set())


@pytest.fixture
def writer(tmp_path):
    """Another process that is writing in the folder."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "theirs.nii.gz")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path, writer):
    """A killed export left a hidden mask in the folder for good."""
    writer.kill()
    writer.wait()
    assert len(names(tmp_path)) == 1, "it had begun"
    grid = plain_grid((2, 3, 4))
    write_image(tmp_path / "ours.nii.gz", np.zeros(grid.shape, np.uint8), grid)
    assert names(tmp_path) == ["ours.nii.gz"]


def test_what_another_process_is_writing_stays(tmp_path, writer):
    (theirs,) = names(tmp_path)
    write_whole(tmp_path / "ours", b"new")
    assert names(tmp_path) == sorted([theirs, "ours"])


def test_a_folder_is_looked_through_once(tmp_path):
    write_whole(tmp_path / "a", b"")
    later = tmp_path / ".medlab-part-0"
    later.write_bytes(b"")
    write_whole(tmp_path / "a", b"")
    assert later.exists()


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFullError, match="no room left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["weights"]


def test_a_block_that_fails_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def change_one_s_mind():
        with whole_file(path) as file:
            file.write(b"new")
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed"):
        change_one_s_mind()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["weights"]


def test_a_file_that_was_swept_before_it_was_held_is_begun_again(tmp_path, monkeypatch):
    real, swept = whole_files._hold, []

    def hold(file):
        if not swept:
            swept.append(Path(file.name).unlink())
        real(file)

    monkeypatch.setattr(whole_files, "_hold", hold)
    write_whole(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
def test_a_file_that_is_about_to_be_swept_is_begun_again(tmp_path, monkeypatch):
    """Another process held it already, and removed it while it was written."""
    real, sweeping = whole_files._hold, []

    def hold(file):
        if not sweeping:
            sweeping.append(io.FileIO(file.name, "r+"))
            stack.callback(sweeping[0].close)
            real(sweeping[0])
        real(file)

    monkeypatch.setattr(whole_files, "_hold", hold)
    with ExitStack() as stack, whole_file(tmp_path / "a") as file:
        assert file.name != sweeping[0].name
        Path(sweeping[0].name).unlink()
        file.write(b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == ["a"]


def test_macos_is_asked_for_more_than_fsync(tmp_path, monkeypatch):
    """Its fsync leaves what was written in the drive's own memory."""
    fcntl = pytest.importorskip("fcntl")
    asked = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda fd, what: asked.append(what))
    monkeypatch.setattr(os, "fsync", lambda fd: asked.append("fsync"))
    flush_to_disk(0)
    assert asked == [51]

    def unknown(fd, what):
        raise OSError(45, "Operation not supported")

    monkeypatch.setattr(fcntl, "fcntl", unknown)
    flush_to_disk(0)
    assert asked == [51, "fsync"]
