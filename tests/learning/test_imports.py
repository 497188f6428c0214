"""Networks, filters and learning run where there is torch and scikit-image only."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import importlib, importlib.abc, pkgutil, sys

class Absent(importlib.abc.MetaPathFinder):
    names = {"pydantic", "pydantic_settings", "psygnal", "safetensors", "sklearn",
             "qtpy", "napari", "sqlalchemy", "pydicom", "SimpleITK", "nibabel",
             "filelock", "platformdirs"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(name + " is absent on this machine")

sys.meta_path.insert(0, Absent())
for package in ("networks", "imaging", "learning"):
    top = importlib.import_module("medlab_gui." + package)
    for module in pkgutil.iter_modules(top.__path__, top.__name__ + "."):
        importlib.import_module(module.name)
"""


def test_every_module_imports_without_the_rest_of_the_house():
    done = subprocess.run(
        [sys.executable, "-c", CODE], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
