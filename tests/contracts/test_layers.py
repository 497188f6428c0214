"""Imports point down, and the linter that says so would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint_imports(folder: Path) -> tuple[int, str]:
    """Run import-linter on the package in a folder; its exit code and its words."""
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
    )
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package that may be broken."""
    skip = shutil.ignore_patterns("__pycache__", "_resources")
    shutil.copytree(ROOT / "medlab_gui", tmp_path / "medlab_gui", ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold():
    code, said = lint_imports(ROOT)
    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(
    ("module", "line", "offence"),
    [
        ("core/grown.py", "import medlab_gui.gui", "medlab_gui.core.grown"),
        ("networks/grown.py", "import medlab_gui.store", "medlab_gui.networks.grown"),
        ("io/grown.py", "import medlab_gui.store", "medlab_gui.io.grown"),
        ("cli/grown.py", "import medlab_gui.gui", "medlab_gui.cli.grown"),
        ("commands/grown.py", "import medlab_gui.review", "medlab_gui.commands.grown"),
        ("review/grown.py", "import qtpy", "medlab_gui.review.grown -> qtpy"),
        ("commands/grown.py", "import napari", "medlab_gui.commands.grown -> napari"),
        ("networks/grown.py", "import numpy", "medlab_gui.networks.grown -> numpy"),
        ("extras/__init__.py", "", "medlab_gui.extras"),
    ],
)
def test_a_broken_layer_fails(copy: Path, module: str, line: str, offence: str):
    path = copy / "medlab_gui" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'"""Broken on purpose."""\n\n{line}\n', encoding="utf-8")
    code, said = lint_imports(copy)
    assert code != 0
    assert offence in said, said
