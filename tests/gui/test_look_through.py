"""What is looked through where several files and folders were dropped."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from medlab_gui.core.errors import NotAnImageError
from medlab_gui.core.geometry import Grid
from medlab_gui.gui.look_through import look_through
from medlab_gui.io import write_image
from tests.synthetic import plain_grid, write_series


class Quiet:
    """A job whose progress nobody watches."""

    is_cancelled = False

    def check(self) -> None:
        pass

    def progress(self, *_said: object) -> None:
        pass


def files_of(looked) -> list[set[str]]:
    return [{file.name for file in s.files} for s in looked.series]


@pytest.fixture
def downloads(tmp_path):
    for n, name in enumerate(("a", "b", "c")):
        shape = (3 + n, 8, 8)
        data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
        write_image(
            tmp_path / f"{name}.nii.gz", data, Grid.from_spacing(shape, (1,) * 3)
        )
    write_series(tmp_path / "deep" / "scan", plain_grid())
    (tmp_path / "notes.txt").write_text("not a scan")
    return tmp_path


def test_several_files_are_those_files(downloads):
    looked = look_through((downloads / "a.nii.gz", downloads / "b.nii.gz"), Quiet())
    assert files_of(looked) == [{"a.nii.gz"}, {"b.nii.gz"}]
    assert looked.failures == ()


def test_some_slices_are_their_whole_series_and_no_other(tmp_path):
    files = write_series(tmp_path, plain_grid())
    shape = (90, 8, 8)
    data = np.zeros(shape, np.int16)
    write_image(tmp_path / "larger.nii", data, Grid.from_spacing(shape, (1, 1, 1)))
    looked = look_through(tuple(files[1:3]), Quiet())
    assert files_of(looked) == [{file.name for file in files}]


def test_what_lies_beside_them_is_opened_too_where_it_was_dropped(downloads):
    with zipfile.ZipFile(downloads / "more.zip", "w") as archive:
        for file in (downloads / "deep" / "scan").iterdir():
            archive.write(file, file.name)
    dropped = ("more.zip", "c.nii.gz", "notes.txt")
    looked = look_through(tuple(downloads / name for name in dropped), Quiet())
    assert sorted(s.n_slices for s in looked.series) == [5, plain_grid().shape[0]]
    assert looked.failures == (), "a note among them is not worth a word"


def test_a_folder_without_a_scan_is_told_beside_one_with(downloads):
    (downloads / "empty").mkdir()
    looked = look_through((downloads / "empty", downloads / "deep"), Quiet())
    assert len(looked.series) == 1
    (error,) = looked.failures
    assert "empty" in error.message


def test_nothing_anywhere_is_told_of_the_first(downloads):
    (downloads / "more.txt").write_text("nor this")
    with pytest.raises(NotAnImageError, match=r"more\.txt"):
        look_through((downloads / "more.txt", downloads / "notes.txt"), Quiet())
