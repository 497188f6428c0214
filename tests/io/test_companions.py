"""What macOS and Windows lay beside files, on USB sticks and shares, is no scan."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.geometry import Grid
from medlab_gui.io import scan, write_image
from medlab_gui.io.growing import refuse_growing
from tests.synthetic import plain_grid, write_series

if TYPE_CHECKING:
    from pathlib import Path

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(4000)


def lay_beside(folder: Path) -> None:
    """As a Mac leaves a folder on a drive that it has copied files to."""
    for path in list(folder.rglob("*")):
        if path.is_file():
            path.with_name(f"._{path.name}").write_bytes(APPLE_DOUBLE)
    for place in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        (place / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(6000))
        (place / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(2000))
        (place / "desktop.ini").write_bytes(b"[.ShellClassInfo]\r\n")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    root = tmp_path / "stick"
    grid = plain_grid((3, 4, 4))
    write_series(root / "dicom", grid)
    (root / "nifti").mkdir()
    write_image(root / "nifti" / "a.nii.gz", np.ones(grid.shape, np.int16), grid)
    lay_beside(root)
    return root


@pytest.mark.parametrize("place", [".", "dicom", "nifti"])
def test_they_are_neither_read_nor_told(stick: Path, place: str):
    found = scan(stick / place)
    assert found.ignored == ()
    assert len(found.series) == (2 if place == "." else 1)


def test_they_are_not_told_of_a_single_level_either(stick: Path):
    assert scan(stick / "dicom", nested=False).ignored == ()


def test_what_is_called_so_and_is_a_scan_opens(tmp_path: Path):
    (first, *_rest) = write_series(tmp_path / "dicom", plain_grid((3, 4, 4)))
    first.rename(first.with_name("._1"))
    (series,) = scan(tmp_path / "dicom").series
    assert series.grid.shape[0] == 3


def test_one_that_comes_later_does_not_make_a_folder_grow(tmp_path: Path):
    folder = tmp_path / "dicom"
    write_series(folder, plain_grid((3, 4, 4)))
    (series,) = scan(folder).series
    lay_beside(folder)
    assert refuse_growing(series, lambda: None) is False


def test_an_archive_made_on_a_mac(stick: Path, tmp_path: Path):
    packed = shutil.make_archive(str(tmp_path / "mac"), "zip", stick)
    found = scan(tmp_path / packed)
    assert found.ignored == ()
    assert len(found.series) == 2
    assert isinstance(found.series[0].grid, Grid)
