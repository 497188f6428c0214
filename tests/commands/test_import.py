from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import IMPORT, ImportParams, run
from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.core.errors import (
    DamagedFileError,
    InputError,
    NotAnImageError,
    StoreError,
)
from medlab_gui.core.geometry import Grid
from medlab_gui.io import write_image
from tests.projects import ball_files
from tests.synthetic import (
    cut_short,
    edit_file,
    oriented_grids,
    phantom_values,
    plain_grid,
    write_series,
)


@pytest.fixture
def ctx(tmp_path) -> Context:
    return Context(str(tmp_path / "project"))


def test_voxels_arrive_on_the_working_grid(tmp_path, ctx):
    """A sagittal scan that runs from the head down becomes axial from the feet up."""
    affine = np.array(
        [[3.0, 0, 0, 5], [0, 0, 1.5, 6], [0, -2.0, 0, 7], [0, 0, 0, 1]], np.float64
    )
    grid = Grid((5, 8, 7), affine)
    write_image(tmp_path / "s.nii", phantom_values(grid), grid)
    (told,) = run(ImportParams(str(tmp_path / "s.nii")), ctx)["series"]
    assert told["n_slices"] == 8
    with ctx.store() as store:
        series = store.series(told["uid"])
        assert series.grid.orientation == "LPS"
        assert series.grid.spacing == pytest.approx((2.0, 1.5, 3.0))
        assert np.array_equal(store.array(series.blob), phantom_values(series.grid))


def test_importing_twice_takes_it_once(tmp_path, ctx):
    write_series(tmp_path / "scan", plain_grid())
    first = run(ImportParams(str(tmp_path / "scan")), ctx)
    again = run(ImportParams(str(tmp_path / "scan")), ctx)
    assert [s["already_there"] for s in first["series"] + again["series"]] == [0, 1]
    assert "imported" in IMPORT.text(first)
    assert "was there already" in IMPORT.text(again)


def test_more_slices_of_a_series_come_in_beside_it(tmp_path, ctx):
    """Work on what was there first stays where it is; nobody needs a new project."""
    write_series(tmp_path / "part", plain_grid(), slices=range(6), series_uid="1.2.3.4")
    write_series(tmp_path / "whole", plain_grid(), series_uid="1.2.3.4")
    run(ImportParams(str(tmp_path / "part")), ctx)
    (told,) = run(ImportParams(str(tmp_path / "whole")), ctx)["series"]
    assert not told["already_there"]
    assert (told["n_slices"], told["uid"] == "1.2.3.4") == (12, False)
    assert "12 slices" in told["description"]
    (problem,) = [p for p in told["problems"] if p["code"] == "differs-from-project"]
    assert "(6 slices; 12 slices in these files)" in problem["message"]
    with ctx.store() as store:
        first, whole = store.series("1.2.3.4"), store.series(told["uid"])
        assert (first.n_slices, whole.n_slices) == (6, 12)
        assert store.array(whole.blob).shape == whole.grid.shape
        assert "differs-from-project" in [p.code for p in whole.problems]
    again = [run(ImportParams(str(tmp_path / n)), ctx) for n in ("whole", "part")]
    assert [a["series"][0]["already_there"] for a in again] == [True, True]
    assert [a["series"][0]["uid"] for a in again] == [told["uid"], "1.2.3.4"]


@pytest.mark.parametrize("grid", [plain_grid(), *oriented_grids()[::11]])
@pytest.mark.parametrize("changed", [0, -1, None])
def test_other_values_of_a_series_come_in_beside_it(tmp_path, ctx, grid, changed):
    """Its sender has mended it, and its UID is the same."""
    values = phantom_values(grid)
    write_series(tmp_path / "first", grid, values, series_uid="1.2.3.4")
    mended = values.copy()
    mended[slice(None) if changed is None else changed] += 7
    write_series(tmp_path / "mended", grid, mended, series_uid="1.2.3.4")
    run(ImportParams(str(tmp_path / "first")), ctx)
    (told,) = run(ImportParams(str(tmp_path / "mended")), ctx)["series"]
    assert not told["already_there"]
    (problem,) = [p for p in told["problems"] if p["code"] == "differs-from-project"]
    assert "other grey values" in problem["message"]
    with ctx.store() as store:
        array = store.array(store.series(told["uid"]).blob)
        assert np.array_equal(np.sort(array, axis=None), np.sort(mended, axis=None))
    again = [run(ImportParams(str(tmp_path / n)), ctx) for n in ("mended", "first")]
    assert [a["series"][0]["already_there"] for a in again] == [True, True]
    assert [a["series"][0]["uid"] for a in again] == [told["uid"], "1.2.3.4"]


def test_values_that_were_mended_twice(tmp_path, ctx):
    """The second time was taken for the first: their middle slices are alike."""
    grid, values = plain_grid(), phantom_values(plain_grid())
    told = []
    for n, name in enumerate(("first", "mended", "again")):
        mended = values.copy()
        mended[:n] += 7 * n
        write_series(tmp_path / name, grid, mended, series_uid="1.2.3.4")
        told += run(ImportParams(str(tmp_path / name)), ctx)["series"]
    assert not any(t["already_there"] for t in told)
    assert len({t["uid"] for t in told}) == 3


def test_one_damaged_series_does_not_keep_the_others_out(tmp_path, ctx):
    write_series(tmp_path / "scan" / "good", plain_grid(), series_uid="1.2.3.4")
    bad = write_series(tmp_path / "scan" / "bad", plain_grid(), series_uid="1.2.3.5")
    cut_short(bad[4], 300)
    told = run(ImportParams(str(tmp_path / "scan")), ctx)
    assert [s["uid"] for s in told["series"]] == ["1.2.3.4"]
    (left,) = told["left_out"]
    assert left["uid"] == "1.2.3.5"
    assert bad[4].name in left["reason"]
    assert "left out" in IMPORT.text(told)


def test_nothing_sound_makes_no_project(tmp_path, ctx):
    files = write_series(tmp_path / "scan", plain_grid())
    cut_short(files[4], 300)
    with pytest.raises((DamagedFileError, NotAnImageError), match=files[4].name):
        run(ImportParams(str(tmp_path / "scan")), ctx)
    (tmp_path / "scan" / files[4].name).unlink()
    for file in tmp_path.joinpath("scan").iterdir():
        edit_file(file, lambda ds: setattr(ds, "ImagePositionPatient", [0, 0, 0]))
    with pytest.raises(NotAnImageError, match=r"Nothing was imported.*same place"):
        run(ImportParams(str(tmp_path / "scan")), ctx)
    assert not (tmp_path / "project").exists()


def test_a_series_can_be_chosen(tmp_path, ctx):
    write_series(tmp_path / "s" / "a", plain_grid(), series_uid="1.2.3.4")
    write_series(tmp_path / "s" / "b", plain_grid(), series_uid="1.2.3.5")
    told = run(ImportParams(str(tmp_path / "s"), "1.2.3.5"), ctx)
    assert [s["uid"] for s in told["series"]] == ["1.2.3.5"]
    with pytest.raises(InputError, match=r"no series 1\.2\.9.*1\.2\.3\.4"):
        run(ImportParams(str(tmp_path / "s"), "1.2.9"), ctx)


def test_no_name_of_a_patient_is_kept(tmp_path, ctx):
    write_series(tmp_path / "scan", plain_grid())
    told = run(ImportParams(str(tmp_path / "scan")), ctx)
    assert "ller" not in str(told) + str(list_(ListParams(), ctx))
    for file in (tmp_path / "project").rglob("*"):
        if file.is_file():
            assert b"K\xc3\xa4the" not in file.read_bytes()


def test_a_project_that_is_a_file(tmp_path):
    write_series(tmp_path / "scan", plain_grid())
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="is a file"):
        run(ImportParams(str(tmp_path / "scan")), Context(str(tmp_path / "file")))


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_no_utf8(tmp_path, ctx):
    """Of a disc with Chinese names (GBK) that was mounted without saying so."""
    folder = tmp_path / os.fsdecode("病人".encode("gbk"))
    folder.mkdir()
    file = folder / os.fsdecode(b"\xff\xfe.nii")
    write_image(tmp_path / "x.nii", phantom_values(plain_grid()), plain_grid())
    (tmp_path / "x.nii").rename(file)
    told = run(ImportParams(str(file)), ctx)
    IMPORT.text(told).encode("utf-8")
    with ctx.store() as store:
        (series,) = store.series_list()
    assert series.description.isprintable()
    assert series.source.encode("utf-8").endswith(b".nii")


@pytest.mark.skipif(sys.platform == "win32", reason="no name has two lines there")
def test_names_on_two_lines_and_other_files(tmp_path, ctx):
    path = tmp_path / "scans" / "line\nbreak.nii"
    path.parent.mkdir()
    write_image(path, phantom_values(plain_grid()), plain_grid())
    (path.parent / "letter.txt").write_text("no scan", encoding="utf-8")
    told = run(ImportParams(str(path.parent)), ctx)
    first, *_problems, last = IMPORT.text(told).splitlines()
    assert "line break: " in first
    assert last.startswith("1 other file held no scan")


@pytest.mark.parametrize("had_folder", [False, True])
@pytest.mark.parametrize("where", ["put_array", "migrate"])
def test_a_full_disk_leaves_no_empty_project(tmp_path, monkeypatch, where, had_folder):
    from medlab_gui.core.errors import StorageFullError
    from medlab_gui.store import project

    def full(*_args, **_more):
        msg = "There is no room left."
        raise StorageFullError(msg)

    image, _mask = ball_files(tmp_path)
    place = tmp_path / "new"
    if had_folder:
        place.mkdir()
        (place / "notes.txt").write_text("mine")
    owner = project.ProjectStore if where == "put_array" else project
    with monkeypatch.context() as patch:
        patch.setattr(owner, where, full)
        with pytest.raises(StorageFullError):
            run(ImportParams(str(image)), Context(str(place)))
    if had_folder:
        # It is not ours alone, so that nothing of it is touched.
        assert (place / "notes.txt").read_text() == "mine"
    else:
        assert not place.exists()
    told = run(ImportParams(str(image)), Context(str(place)))
    assert told["series"][0]["n_slices"] == 24
    with monkeypatch.context() as patch:
        patch.setattr(project.ProjectStore, "series", full)
        with pytest.raises(StorageFullError):
            run(ImportParams(str(image)), Context(str(place)))
    assert project.ProjectStore.exists(place), "it was there before"
