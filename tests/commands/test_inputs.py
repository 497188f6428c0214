from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.inputs import (
    existing_path,
    mapped,
    open_input,
    read_labels,
    scaled,
)
from medlab_gui.core.errors import InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.jobs import JobContext
from medlab_gui.core.labels import LabelScheme
from medlab_gui.io import write_image
from tests.synthetic import plain_grid, tilted_grid, write_series


def test_a_path_and_a_series_give_the_same_scan(small_project):
    uid, ctx = small_project.series_uid, small_project.ctx
    from_file = open_input(str(small_project.image), ctx)
    from_store = open_input(uid, ctx)
    assert from_file.series_uid is None
    assert from_file.files == (small_project.image,)
    assert from_store.series_uid == uid
    assert from_store.files == ()
    assert np.array_equal(from_file.volume.data, from_store.volume.data)
    assert from_file.volume.grid.same_as(from_store.volume.grid)
    assert from_file.back.source.same_as(from_store.back.source)


def test_what_is_odd_about_a_scan_comes_with_it(tmp_path):
    write_series(tmp_path, tilted_grid())
    found = open_input(str(tmp_path), Context())
    assert "gantry-tilt" in [p.code for p in found.problems]


@pytest.mark.parametrize(
    "place", ["gone/scan", "scan.nii", "scan.NII.GZ", "scan.mhd", "a\\b", "scan.dcm"]
)
def test_a_path_that_is_not_there_is_called_a_path(place, isolated):
    with pytest.raises(InputError, match="does not exist"):
        open_input(place, Context())
    assert not isolated.exists(), "no project is made to look for it"


def test_a_folder_that_may_not_be_entered(tmp_path, monkeypatch):
    def refuse(self, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "exists", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        existing_path(str(tmp_path))


def test_values_are_translated_or_refused():
    mask = np.array([[[0, 1, 5, 255]]])
    assert mapped(mask, {5: 1, 1: 2, 255: 255}, (0, 1, 2, 255), "m").tolist() == [
        [[0, 2, 1, 255]]
    ]
    assert mapped(mask, {5: 1}, (0, 1), "m").tolist() == [[[0, 0, 1, 0]]]
    with pytest.raises(
        InputError, match=r"holds the value 5, which is no .*known: 0, 1"
    ):
        mapped(mask, None, (0, 1, 255), "m")
    # It said that the mask holds 9, and to translate it.
    with pytest.raises(InputError, match=r"^Values .* m are translated to 9, which is"):
        mapped(mask, {5: 9}, (0, 1, 255), "m")
    many = np.arange(20).reshape(1, 4, 5)
    with pytest.raises(InputError, match=r"2, 3, 4, 5, 6, 7, 8, 9 \.\.\."):
        mapped(many, None, (0, 1), "m")


def test_a_star_stands_for_all_other_values(tmp_path):
    data = np.zeros((2, 3, 4), np.uint8)
    data[0, 0] = [1, 5, 7, 255]
    grid = Grid.from_spacing(data.shape, (1, 1, 1))
    file = write_image(tmp_path / "organs.nii", data, grid)
    how, scheme = grid.canonical(), LabelScheme.from_names("x", ["A", "B"])

    def read(table):
        unnamed = {}
        mask = how.restore(read_labels(file, table, scheme, how, unnamed))
        return mask[0, 0].tolist(), unnamed

    assert read({5: 1}) == ([0, 1, 0, 0], {1: 1, 7: 1, 255: 1})
    assert read({5: 1, "*": 255}) == ([255, 1, 255, 255], {})
    assert read({5: 1, 7: 0, "*": 2}) == ([2, 1, 0, 2], {})
    assert read({"*": 1}) == ([1, 1, 1, 1], {})
    assert read({9: 2, "*": 1}) == ([1, 1, 1, 1], {})
    with pytest.raises(InputError, match=r"none of the values .*\(9\)"):
        read({9: 1, "*": 0})


def test_a_part_of_the_progress():
    seen = []
    job = JobContext(lambda p: seen.append((p.done, p.total, p.message)))
    report = scaled(job.progress, 0.5, 1.0)
    report(1, 4, "a")
    report(0, 0, "b")
    assert seen == [(0.625, 1.0, "a"), (0.5, 1.0, "b")]


def test_reading_can_be_stopped(tmp_path):
    from medlab_gui.core.jobs import Cancelled

    write_series(tmp_path, plain_grid())
    job = JobContext()
    job.cancel()
    with pytest.raises(Cancelled):
        open_input(str(tmp_path), Context(job=job))


@pytest.mark.parametrize("values", [[0, 255], [255, 255]])
def test_black_and_white_masks_want_a_word(values):
    mask = np.array([[values]])
    with pytest.raises(InputError, match=r"black and white.*--map 255=1"):
        mapped(mask, None, (0, 1, 255), "m")
    assert mapped(mask, {255: 1}, (0, 1, 255), "m").max() == 1
