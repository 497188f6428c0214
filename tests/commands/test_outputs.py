from __future__ import annotations

import errno
import os
import tempfile

import pytest

from medlab_gui.commands.outputs import image_target, keep_inputs, target
from medlab_gui.core.errors import InputError, StorageFullError


def test_a_good_name_comes_back_and_nothing_is_made(tmp_path):
    for name in ("m.nii.gz", "m.NII.GZ", "m.nii", "m.nrrd", "m.mha"):
        assert image_target(str(tmp_path / name)) == tmp_path / name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.jpg", "m", "m.gz", "m.mhd", "nii.gz.zip"])
def test_unknown_endings(tmp_path, name):
    with pytest.raises(InputError, match=r"must end in \.nii\.gz.* or \.mha"):
        image_target(str(tmp_path / name))


def test_one_ending_makes_a_sentence_too(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.safetensors,"):
        target(str(tmp_path / "w.pt"), (".safetensors",))


def test_a_missing_folder_a_file_as_folder_and_a_folder_as_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        image_target(str(tmp_path / "gone" / "m.nii"))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="does not exist"):
        image_target(str(tmp_path / "file" / "m.nii"))
    (tmp_path / "m.nii").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        image_target(str(tmp_path / "m.nii"))


@pytest.mark.parametrize(
    ("code", "said"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "permitted"), (errno.ENOSPC, "room")],
)
def test_a_folder_that_takes_nothing(tmp_path, monkeypatch, code, said):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(StorageFullError, match=said):
        image_target(str(tmp_path / "m.nii"))


def test_what_is_read_is_never_written_over(tmp_path):
    scan = tmp_path / "scan.nii"
    scan.write_bytes(b"voxels")
    link = tmp_path / "link.nii"
    link.symlink_to(scan)
    for output in (scan, link, tmp_path / "." / "scan.nii"):
        with pytest.raises(InputError, match="file that is read"):
            keep_inputs([output], [tmp_path / "other.nii", scan])
    keep_inputs([tmp_path / "new.nii"], [scan, tmp_path / "gone.nii"])


def test_two_results_need_two_files(tmp_path):
    with pytest.raises(InputError, match="two results"):
        keep_inputs([tmp_path / "a.nii", tmp_path / "a.nii"], [])
