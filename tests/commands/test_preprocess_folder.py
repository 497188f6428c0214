"""``medlab preprocess`` of several series into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.__main__ import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as run_import
from medlab_gui.commands.outputs import file_names
from medlab_gui.commands.preprocess import PreprocessParams, run
from medlab_gui.core.errors import InputError, MedlabError
from medlab_gui.io import read_one, write_image
from medlab_gui.io import scan as look
from tests.synthetic import cut_short, oblique_grid, plain_grid, write_series


@pytest.fixture
def folder(tmp_path):
    """Two series of one name, in folders of their own, and one with a bad name."""

    def edit(ds, k):
        ds.SeriesDescription = 'Thorax: "a/b"'

    write_series(tmp_path / "in" / "a", plain_grid((4, 12, 14)))
    write_series(tmp_path / "in" / "b", oblique_grid((5, 12, 14)))
    write_series(tmp_path / "in" / "c", plain_grid((3, 12, 14)), edit=edit)
    return tmp_path / "in"


def test_each_has_the_bits_that_it_has_alone(folder, tmp_path):
    out = tmp_path / "out"
    told = run(PreprocessParams(str(folder), str(out)), Context())
    assert told["left_out"] == []
    found = {s.uid: s for s in look(folder).series}
    assert {one["uid"] for one in told["series"]} == set(found)
    written = sorted(path.name for path in out.iterdir())
    assert written == sorted(Path(one["output"]).name for one in told["series"])
    assert "Thorax_ _a_b_.nii.gz" in written
    assert len(written) == 3
    for one in told["series"]:
        alone = tmp_path / "alone.nii.gz"
        run(PreprocessParams(str(folder), str(alone), series=one["uid"]), Context())
        _, first = read_one(one["output"])
        _, second = read_one(alone)
        assert np.array_equal(first.data, second.data)
        assert first.grid.same_as(second.grid)
        assert first.data.dtype == np.float32


def test_one_that_fails_leaves_the_others(folder, tmp_path, capsys):
    cut_short(next((folder / "a").iterdir()), 100)
    out = tmp_path / "out"
    code = main(["preprocess", str(folder), "--output", str(out), "--json"])
    said = capsys.readouterr()
    assert code == 2
    result = json.loads(said.out)
    assert len(result["series"]) == 2
    (left_out,) = result["left_out"]
    assert "incomplete" in left_out["reason"]
    assert "2 of 3 series were written" in said.err
    assert len(list(out.iterdir())) == 2  # and no part of the third


def test_where_all_fail_nothing_is_left(folder, tmp_path):
    for part in folder.iterdir():
        cut_short(next(part.iterdir()), 100)
    out = tmp_path / "out"
    with pytest.raises(MedlabError, match="incomplete"):
        run(PreprocessParams(str(folder), str(out)), Context())
    assert not out.exists()


def test_a_series_of_the_project(folder, tmp_path):
    ctx = Context(str(tmp_path / "project"))
    (one,) = run_import(ImportParams(str(folder / "c")), ctx)["series"]
    told = run(PreprocessParams(one["uid"], str(tmp_path / "out")), ctx)
    (written,) = told["series"]
    assert written["uid"] == one["uid"]
    alone = tmp_path / "alone.nii.gz"
    run(PreprocessParams(one["uid"], str(alone)), ctx)
    assert np.array_equal(read_one(written["output"])[1].data, read_one(alone)[1].data)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("gone/out", "folder .*gone does not exist"),
        ("file", "must end in"),
        ("file/", "is a file; name a folder"),
        ("x.png", "must end in"),
    ],
)
def test_what_is_no_folder(folder, tmp_path, output, said):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=said):
        run(PreprocessParams(str(folder), f"{tmp_path}/{output}"), Context())


def test_the_files_that_are_read_stay(folder, tmp_path):
    out = folder / "out"
    run(PreprocessParams(str(folder / "c"), str(out)), Context())
    (file,) = out.iterdir()
    before = file.read_bytes()
    with pytest.raises(InputError, match="file that is read"):
        run(PreprocessParams(str(out), str(out)), Context())
    assert file.read_bytes() == before


def test_names_that_every_system_takes():
    names = ["T1", "t1", "CON", "a/b\\c", "..", "", "T1", "x" * 300, "头部 T2"]
    files = file_names(names, ".nii.gz")
    assert len({f.casefold() for f in files}) == len(files)
    assert files[:4] == ["T1.nii.gz", "t1 (2).nii.gz", "CON (2).nii.gz", "a_b_c.nii.gz"]
    assert files[4:6] == ["series.nii.gz", "series (2).nii.gz"]
    assert files[8] == "头部 T2.nii.gz"
    assert all(len(f) < 100 for f in files)


def with_masks(folder):
    """A CT with a map of its organs on its grid, and another map that lies alone."""
    grid = plain_grid((6, 40, 44))
    scan = np.random.default_rng(1).normal(60, 20, grid.shape).astype(np.int16)
    organs = np.zeros(grid.shape, np.uint8)
    organs[2:5, 8:30, 10:20], organs[1:4, 12:25, 25:36] = 5, 117
    few = np.random.default_rng(2).integers(0, 90, grid.shape).astype(np.uint8)
    folder.mkdir()
    write_image(folder / "ct.nii.gz", scan, grid)
    write_image(folder / "ct_organs.nii.gz", organs, grid)
    write_image(folder / "second_seg_scan.nii.gz", few, grid)  # noise of few values
    other = plain_grid((5, 40, 44))
    write_image(folder / "alone_mask.nii.gz", organs[:5], other)


def test_label_maps_beside_a_scan_are_left_out_and_told(tmp_path, capsys):
    with_masks(tmp_path / "in")
    out = tmp_path / "out"
    code = main(["preprocess", str(tmp_path / "in"), "--output", str(out), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [one["name"] for one in told["label_maps"]] == ["ct_organs"]
    written = {path.name for path in out.iterdir()}
    # A scan of few values, and a map that lies on no scan's grid, are not passed over.
    assert written == {"ct.nii.gz", "second_seg_scan.nii.gz", "alone_mask.nii.gz"}
    reason = told["label_maps"][0]["reason"]
    again = ["preprocess", str(tmp_path / "in"), "--output", str(tmp_path / "one")]
    (tmp_path / "one").mkdir()
    uid = told["label_maps"][0]["uid"]
    assert f"--series {uid}" in reason
    assert main([*again, "--series", uid]) == 0
    assert "ct_organs.nii.gz" in {p.name for p in (tmp_path / "one").iterdir()}


def test_nothing_but_label_maps_is_one_sentence(tmp_path):
    with_masks(tmp_path / "in")
    for name in ("ct", "second_seg_scan", "alone_mask"):
        (tmp_path / "in" / f"{name}.nii.gz").unlink()
    grid = plain_grid((6, 40, 44))
    write_image(
        tmp_path / "in" / "b_organs.nii.gz",
        np.pad(np.ones((4, 20, 20), np.uint8), ((1, 1), (10, 10), (12, 12))),
        grid,
    )
    with pytest.raises(InputError, match="label maps only"):
        run(PreprocessParams(str(tmp_path / "in"), str(tmp_path / "out")), Context())
    assert not (tmp_path / "out").exists()
