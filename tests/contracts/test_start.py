"""What may be loaded when: the window opens fast, and training needs no window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {
    "torch",
    "SimpleITK",
    "pydicom",
    "nibabel",
    "sqlalchemy",
    "alembic",
    "sklearn",
    "highdicom",
    "medlab_gui.learning",
}


def python(code: str) -> str:
    """Run code in a fresh Python and return what it printed."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("module", ["medlab_gui.gui.app", "medlab_gui.cli.main"])
def test_front_ends_load_nothing_heavy(module: str):
    out = python(f"import sys, {module}; print(*sys.modules, sep='\\n')")
    loaded = set(out.split())
    assert module in loaded
    assert not loaded & HEAVY


def test_the_declarations_alone_are_light():
    code = "import sys, medlab_gui.commands; print(*sys.modules, sep='\\n')"
    loaded = set(python(code).split())
    assert not loaded & {*HEAVY, "qtpy", "napari", "scipy", "skimage"}


BLOCKED = """
import importlib, pkgutil, sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "pydantic", "pydantic_settings", "psygnal", "platformdirs", "sqlalchemy",
            "alembic", "qtpy", "PySide6", "shiboken6", "napari", "superqt", "magicgui",
            "app_model", "vispy", "pydicom", "SimpleITK", "nibabel", "openjpeg",
            "jpeg_ls", "pylibjpeg",
        }:
            raise ImportError(f"{name} is not for this package")

sys.meta_path.insert(0, Wall())
package = importlib.import_module(sys.argv[1])
n = 0
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
    n += 1
print(n)
"""


@pytest.mark.parametrize("package", ["networks", "learning", "imaging"])
def test_the_science_needs_no_program_around_it(package: str):
    ran = subprocess.run(
        [sys.executable, "-c", BLOCKED, f"medlab_gui.{package}"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0
