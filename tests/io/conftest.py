"""A study to pack, and a temporary folder that must be empty in the end."""

from __future__ import annotations

import tempfile

import pytest

from medlab_gui.io import archives
from tests.io.packing import GRID
from tests.synthetic import write_series


@pytest.fixture
def own_temporary_folder(tmp_path, monkeypatch):
    """Give each test a temporary folder of its own, and see that it stays there."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    archives._remove_own()
    yield place
    archives._remove_own()
    assert list(place.iterdir()) == []


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    write_series(folder / "CT one", GRID)
    (folder / "letter.txt").write_text("a letter", encoding="utf-8")
    return folder
