"""Where a demo goes; the walk itself is in tests/flows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medlab_gui.cli.main import main as run_cli
from medlab_gui.commands import demo
from medlab_gui.commands.command import Context
from medlab_gui.commands.demo import DEMO, DemoParams, run
from medlab_gui.core.errors import InputError, StorageFullError
from medlab_gui.store.project import ProjectStore


@pytest.fixture
def made(monkeypatch):
    """Folders in which a demo was made, without making it."""
    folders = []

    def make(folder, ctx):
        folders.append(folder)
        ProjectStore.open(folder, create=True).close()
        demo._mark(folder, finished=True, series=["1.2.3"])
        return {"series": ["1.2.3"]}

    monkeypatch.setattr(demo, "make_demo", make)
    return folders


def test_it_is_made_once_and_opened_again(made, tmp_path):
    params = DemoParams(str(tmp_path / "demo"))
    told = run(params, Context())
    assert told["open_window"] == [
        *("--project", str(tmp_path / "demo"), "--series", "1.2.3")
    ]
    assert run(params, Context()) == told
    assert made == [tmp_path / "demo"]
    assert str(tmp_path / "demo") in DEMO.text(told)


def test_an_unwanted_or_unfinished_demo_gets_another_name(made, tmp_path):
    folder = tmp_path / "demo"
    run(DemoParams(str(folder)), Context())
    (folder / "mine.txt").write_text("my strokes", encoding="utf-8")
    run(DemoParams(str(folder), fresh=True), Context())
    assert len(made) == 2
    (kept,) = tmp_path.glob("demo-*/mine.txt")
    assert kept.read_text(encoding="utf-8") == "my strokes"


@pytest.mark.parametrize(
    "mark", ['{"finished": false}', '{"fini', "[]", '{"finished": true}']
)
def test_a_demo_that_was_cut_off_is_made_anew(made, tmp_path, mark):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "demo.json").write_text(mark, encoding="utf-8")
    run(DemoParams(str(folder)), Context())
    assert made == [folder]
    assert len(list(tmp_path.glob("demo-*"))) == 1


def test_a_demo_whose_project_is_gone_is_made_anew(made, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "demo.json").write_text(
        json.dumps({"finished": True, "series": ["1.2.3"]}), encoding="utf-8"
    )
    run(DemoParams(str(folder)), Context())
    assert made == [folder]


def test_places_that_are_not_for_a_demo(made, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("private", encoding="utf-8")
    with pytest.raises(InputError, match="name an empty folder"):
        run(DemoParams(str(full)), Context())
    with pytest.raises(InputError, match="is a file"):
        run(DemoParams(str(full / "letter.txt")), Context())
    with pytest.raises(StorageFullError):
        demo._mark(full / "letter.txt" / "demo", finished=False)
    assert made == []


@pytest.mark.parametrize("option", ["--project", "--folder"])
def test_both_names_of_its_place_mean_the_folder(made, tmp_path, option, monkeypatch):
    own = tmp_path / "own"
    monkeypatch.setattr(demo, "_place", lambda p: Path(p.folder or own))
    code, told = run_cli(["demo", option, str(tmp_path / "here"), "--json"])
    assert code == 0
    assert made == [tmp_path / "here"]
    assert told["project"] == str(tmp_path / "here")


def test_two_places_for_one_demo_are_refused(made, tmp_path, capsys):
    places = ["--project", str(tmp_path / "a"), "--folder", str(tmp_path / "b")]
    code, _told = run_cli(["demo", *places, "--json"])
    assert code == 2
    assert made == []
    assert "name two places" in capsys.readouterr().out
