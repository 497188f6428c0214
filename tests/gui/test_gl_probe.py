"""A machine without OpenGL is told in a sentence, not by a black window."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gui

_ASK = """
from qtpy.QtWidgets import QApplication
app = QApplication([])
from medlab_gui.gui.gl_probe import no_pictures
print(no_pictures())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="xcb's own switch")
@pytest.mark.parametrize(("switch", "told"), [("none", True), ("", False)])
def test_no_opengl_is_a_sentence(switch, told):
    places = {"QT_XCB_GL_INTEGRATION": switch} if switch else {}
    asked = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("no OpenGL" in asked.stdout) is told
