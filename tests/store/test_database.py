"""The connection to a project's database."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from medlab_gui.store.database import _uri
from medlab_gui.store.project import ProjectStore


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (
            PurePosixPath("/data/liver 1/project.db"),
            "file:///data/liver%201/project.db",
        ),
        (PureWindowsPath(r"C:\data\project.db"), "file:///C:/data/project.db"),
        # SQLite takes file://server/... for a file on another computer, and refuses.
        (PureWindowsPath(r"\\server\ct\project.db"), "file:////server/ct/project.db"),
    ],
)
def test_sqlite_finds_the_file(path, uri):
    assert _uri(path) == uri


def test_signs_that_mean_something_in_a_uri_are_part_of_a_name(tmp_path):
    asked = "" if os.name == "nt" else "?"  # no name on Windows has it
    folder = tmp_path / f"a{asked}mode=ro#b %41 ä"
    ProjectStore.open(folder, create=True).close()
    assert (folder / "project.db").stat().st_size > 0
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]
