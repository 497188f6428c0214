"""``medlab predict`` of several series into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.__main__ import main
from medlab_gui.commands.command import Context
from medlab_gui.commands.predict import PREDICT, PredictParams, run
from medlab_gui.core.errors import InputError, MedlabError
from medlab_gui.io import read_one
from tests.projects import make_small_project, tiny_weights
from tests.synthetic import cut_short, oblique_grid, plain_grid, write_series


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors"))


@pytest.fixture
def folder(tmp_path):
    """Two series of one name, one of them slanted."""
    write_series(tmp_path / "in" / "a", plain_grid((4, 32, 40)))
    write_series(tmp_path / "in" / "b", oblique_grid((5, 32, 40)))
    return tmp_path / "in"


def test_each_has_the_mask_that_it_has_alone(folder, tmp_path, weights):
    ctx = Context(device="cpu")
    out = tmp_path / "out"
    params = PredictParams(str(folder), weights, str(out), fill_holes="all")
    told = run(params, ctx)
    assert told["left_out"] == []
    assert told["checkpoint"] == "tiny.safetensors"
    files = {Path(one["output"]) for one in told["series"]}
    assert files == set(out.iterdir())
    assert len(files) == 2
    for one in told["series"]:
        alone = str(tmp_path / "alone.nii.gz")
        first = run(
            PredictParams(
                str(folder), weights, alone, series=one["uid"], fill_holes="all"
            ),
            ctx,
        )
        _, several = read_one(one["output"])
        _, single = read_one(alone)
        assert np.array_equal(several.data, single.data)
        assert several.grid.same_as(single.grid)
        assert one["classes"] == first["classes"]
        assert one["output"] in PREDICT.text(told)


def test_uncertainty_and_probabilities_have_folders_too(folder, tmp_path, weights):
    ctx = Context(device="cpu")
    (tmp_path / "p").mkdir()
    params = PredictParams(
        str(folder),
        weights,
        str(tmp_path / "out"),
        entropy=str(tmp_path / "doubt"),
        probability=str(tmp_path / "p"),
    )
    told = run(params, ctx)
    for one in told["series"]:
        alone = [str(tmp_path / f"{name}.nii.gz") for name in ("mask", "doubt", "p")]
        run(
            PredictParams(str(folder), weights, *alone, series=one["uid"]),
            ctx,
        )
        for several, single in zip(
            (one["output"], one["entropy"], one["probability"]), alone, strict=True
        ):
            assert Path(several).read_bytes() == Path(single).read_bytes()
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert len(names) == 2
    for other in ("doubt", "p"):
        assert {p.name for p in (tmp_path / other).iterdir()} == names


def test_one_that_fails_leaves_the_others(folder, tmp_path, weights, capsys):
    cut_short(next((folder / "a").iterdir()), 100)
    out = tmp_path / "out"
    arguments = ["predict", folder, "--checkpoint", weights, "--output", out]
    code = main([*map(str, arguments), "--device", "cpu", "--json"])
    said = capsys.readouterr()
    assert code == 2
    result = json.loads(said.out)
    assert len(result["series"]) == 1
    (left_out,) = result["left_out"]
    assert "incomplete" in left_out["reason"]
    assert "left out. " in PREDICT.text(result)
    assert "1 of 2 series were written" in said.err
    assert [str(p) for p in out.iterdir()] == [result["series"][0]["output"]]


def test_where_all_fail_nothing_is_left(folder, tmp_path, weights):
    for part in folder.iterdir():
        cut_short(next(part.iterdir()), 100)
    out = tmp_path / "out"
    with pytest.raises(MedlabError, match="incomplete"):
        run(PredictParams(str(folder), weights, str(out)), Context(device="cpu"))
    assert not out.exists()


def test_a_series_of_the_project_has_one_mask(tmp_path):
    project = make_small_project(tmp_path)
    params = PredictParams(project.series_uid, output=str(tmp_path / "out"))
    with pytest.raises(InputError, match="has one mask: name a file"):
        run(params, Context(str(project.folder), device="cpu"))
    assert not (tmp_path / "out").exists()


def test_progress_is_that_of_all_series(folder, tmp_path, weights):
    seen = []

    class Watched(Context):
        def progress(self, done, total=0, message="", data=None):
            seen.append((done / total if total else 0.0, message))

    out = str(tmp_path / "out")
    run(PredictParams(str(folder), weights, out), Watched(device="cpu"))
    shares = [share for share, message in seen if message.startswith("Predict")]
    assert shares == sorted(shares)
    assert 0.1 <= shares[0] < 0.5, "the first of two, once it is read"
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"entropy": "e.nii.gz"}, "--entropy names one file for all scans: name a f"),
        ({"probability": "p.nii.gz"}, "--probability names one file"),
        ({"entropy": "doubt", "probability": "doubt"}, "named for two results"),
        ({"entropy": "out"}, "named for two results"),
        ({"entropy": "doubt", "series": "2.25.7"}, "holds no series"),
        ({"series": "2.25.7"}, r"holds no series 2\.25\.7; it holds"),
        ({"fill_holes": "Kidney"}, "no class 'Kidney'"),
        ({"output": "gone/out"}, "does not exist"),
    ],
)
def test_what_does_not_go_together(folder, tmp_path, weights, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    wanted = {"input": "in", "checkpoint": weights, "output": "out", **more}
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=said):
        run(PredictParams(**wanted), Context(str(tmp_path / "p"), device="cpu"))
    assert set(tmp_path.rglob("*")) == before
