"""Rules about imports that ruff keeps, each watched failing once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def ruff(code: str, place: str) -> str:
    """What ruff says of code as if it stood in a file of the project."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--no-cache"),
            *("--output-format=concise", "--stdin-filename", place, "-"),
        ],
        check=False,
        cwd=ROOT,
        input=code,
        capture_output=True,
        text=True,
    )
    return ran.stdout


@pytest.mark.parametrize(
    ("code", "place", "rule"),
    [
        ("import torch\n", "medlab_gui/gui/grown.py", "TID253"),
        ("import torch\n", "medlab_gui/commands/grown.py", "TID253"),
        ("import medlab_gui.learning\n", "medlab_gui/commands/grown.py", "TID253"),
        ("import sqlalchemy\n", "medlab_gui/gui/grown.py", "TID253"),
        ("import pydicom\n", "medlab_gui/commands/grown.py", "TID253"),
        ("from PySide6 import QtCore\n", "medlab_gui/gui/grown.py", "TID251"),
        ("import torchvision\n", "medlab_gui/networks/grown.py", "TID251"),
        ("from napari._qt import qt_viewer\n", "medlab_gui/gui/grown.py", "TID251"),
        ("from . import menus\n", "medlab_gui/gui/grown.py", "TID252"),
    ],
)
def test_forbidden_imports_are_found(code: str, place: str, rule: str):
    assert rule in ruff(code, place)


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("import torch\n", "medlab_gui/networks/grown.py"),
        ("def f():\n    import torch\n", "medlab_gui/commands/grown.py"),
        ("from napari._qt import x\n", "medlab_gui/gui/napari_private/window.py"),
    ],
)
def test_their_homes_are_allowed(code: str, place: str):
    said = ruff(code, place)
    assert "TID" not in said, said


def test_the_private_window_of_napari_has_one_home():
    homes = {
        path.parent.name
        for path in (ROOT / "medlab_gui").rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("._qt_window", "._qt_viewer", "napari._")
        )
    }
    assert homes == {"napari_private"}
