import errno
from pathlib import Path

import pytest

from medlab_gui.core import errors


def test_all_errors_are_of_one_tree():
    for name in errors.__all__:
        thing = getattr(errors, name)
        if isinstance(thing, type):
            assert issubclass(thing, errors.MedlabError)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "no room left"),
        (errno.EACCES, "may not write"),
        (errno.EROFS, "may not write"),
        (errno.ENOENT, "not there any more"),
        (errno.EIO, "Writing"),
    ],
)
def test_what_the_disk_says_becomes_a_sentence(code, said):
    error = errors.storage_error(OSError(code, "nope"), Path("x") / "y.nii")
    assert isinstance(error, errors.StorageFullError)
    assert said in error.message
    assert "y.nii" in error.message
    assert error.message.endswith(".")
    assert error.path == Path("x") / "y.nii"


def test_a_folder_that_takes_no_file_is_not_said_to_be_gone(tmp_path):
    # As /proc does: the folder is there, and making a file in it gives ENOENT.
    refused = FileNotFoundError(errno.ENOENT, "nope", str(tmp_path / ".abc.nii"))
    told = errors.storage_error(refused, tmp_path / "mask.nii").message
    assert told == f"No file can be made in {tmp_path}. Choose another folder."
    gone = FileNotFoundError(errno.ENOENT, "nope", str(tmp_path / "usb" / ".abc.nii"))
    told = errors.storage_error(gone, tmp_path / "usb" / "mask.nii").message
    assert "not there any more" in told


@pytest.mark.parametrize(
    ("winerror", "n", "long"), [(206, 9, True), (3, 300, True), (2, 40, False)]
)
def test_a_path_too_long_for_windows_is_not_said_to_be_gone(winerror, n, long):
    error = FileNotFoundError(errno.ENOENT, "nope", "C:\\" + "x" * n)
    error.winerror = winerror  # what Windows adds
    told = errors.storage_error(error, Path("y.nii")).message
    assert ("too long" in told) is long


def test_windows_tells_open_less_than_other_calls(monkeypatch):
    monkeypatch.setattr(errors, "_ON_WINDOWS", False)
    error = OSError(errno.EINVAL, "nope", "C:\\" + "x" * 300)  # no winerror
    assert "too long" not in errors.storage_error(error, Path("y.nii")).message
    monkeypatch.setattr(errors, "_ON_WINDOWS", True)
    assert "too long" in errors.storage_error(error, Path("y.nii")).message


def test_a_name_too_long_is_said_to_be(tmp_path):
    try:
        (tmp_path / ("x" * 300)).touch()
    except OSError as error:
        told = errors.storage_error(error, tmp_path / "x").message
    assert "is too long for this system" in told


def test_a_file_that_is_open_elsewhere_is_no_matter_of_rights():
    error = OSError(errno.EACCES, "nope")
    error.winerror = 32  # what Windows adds
    told = errors.storage_error(error, Path("mask.nii")).message
    assert told.startswith("Another program has mask.nii open.")
