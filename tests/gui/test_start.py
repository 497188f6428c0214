from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from medlab_gui.gui.app import main, parse

_HEAVY = ("torch", "sqlalchemy", "pydicom", "SimpleITK", "nibabel", "sklearn")

_SCRIPT = f"""
import json, sys
from medlab_gui.gui.napari_private import isolate_settings
isolate_settings()
from napari.qt import get_qapp
app = get_qapp(app_name="MedLab", app_version="0", org_name="MedLab",
               org_domain="medlab.invalid", app_id="medlab.medlab", icon=sys.argv[2])
from medlab_gui.gui.window import MedlabWindow
window = MedlabWindow(sys.argv[1])
window.main.show()
app.processEvents()
print(json.dumps([m for m in {_HEAVY!r} if m in sys.modules]))
window.close()
"""


@pytest.mark.gui
def test_the_first_paint_needs_nothing_heavy(qapp, tmp_path):
    """In a process of its own: here, other tests have loaded everything."""
    from medlab_gui.core.resources import resource

    icon = str(resource("icons", "medlab.svg"))
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "none"), icon],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


_END = """
import sys
import threading
from qtpy.QtCore import QTimer
from medlab_gui.__main__ import main
from medlab_gui.gui import app

open_window = app.open_window
way, begun = sys.argv[2], threading.Event()

def import_libraries(ctx):  # nobody can stop that
    begun.set()
    threading.Event().wait()

def opened(*arguments):
    window = open_window(*arguments)
    window.bench.submit("", import_libraries, lane="open", newest_wins=False)
    begun.wait()
    how = {"Quit": window.close, "the frame's cross": window.main.close}[way]
    QTimer.singleShot(0, how)
    return window

app.open_window = opened
sys.argv[1:] = ["--project", sys.argv[1]]
sys.exit(main())
"""


@pytest.mark.gui
@pytest.mark.parametrize("how", ["Quit", "the frame's cross"])
def test_the_program_ends_with_its_window(qapp, tmp_path, how):
    """In a process of its own, which must not stay behind without a window."""
    done = subprocess.run(
        [sys.executable, "-c", _END, str(tmp_path / "none"), how],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "MEDLAB_CONFIG": str(tmp_path / "settings.json"),
        },
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_arguments_of_the_window():
    assert vars(parse([])) == {"path": "", "project": "", "series": ""}
    assert parse(["scan.nii", "--project", "p"]).path == "scan.nii"


def test_a_path_that_is_not_there_opens_no_window(tmp_path, capsys):
    assert main([str(tmp_path / "gone.nii")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "gone.nii" in said


@pytest.mark.skipif(
    os.name == "nt", reason="Windows takes each home to lie beside one's own"
)
def test_nobodys_home_is_told_in_a_sentence(capsys):
    assert main(["~nobody of that name/x.dcm"]) == 2
    assert "nobody here has that home" in capsys.readouterr().err
