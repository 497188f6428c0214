"""What C libraries are kept from while they work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

_READ = """
import locale, sys
locale.setlocale(locale.LC_ALL, "")  # as Qt does, for all of the process
assert locale.localeconv()["decimal_point"] == ",", "the test's own locale"
from medlab_gui.io import scan
from medlab_gui.io.read import read_volume
(series,) = scan(sys.argv[1]).series
volume = read_volume(series)
print(*series.grid.spacing, *series.grid.affine[:3, 3], *volume.grid.spacing)
"""


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """Variables under which numbers are written with a comma."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        pytest.skip("no localedef here to make a locale with")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("this system has no source of the German locale")
    return {**os.environ, "LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"}


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii.gz"])
def test_a_decimal_point_is_one_on_a_german_desktop(tmp_path, german, ending):
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.arange(240, dtype=np.int16).reshape(4, 6, 10))
    image.SetSpacing((1.5, 1.25, 2.5))
    image.SetOrigin((-10.25, 3.5, 1.125))
    path = tmp_path / f"scan{ending}"
    sitk.WriteImage(image, str(path))
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**german, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    found = [float(v) for v in done.stdout.split()]
    assert found == [2.5, 1.25, 1.5, -10.25, 3.5, 1.125, 2.5, 1.25, 1.5]
