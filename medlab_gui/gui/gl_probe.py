"""What Qt and OpenGL are on this machine, found out in a process of its own.

``python -m medlab_gui.gui.gl_probe`` writes one JSON object per line, each holding more
than the one before: a driver or a Qt plug-in that aborts the process takes only what
comes after it. `medlab doctor` reads the last line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__ = ["main", "no_pictures"]

_STAND_INS = {"Monospace", "Sans Serif", "Serif"}
"""Fontconfig names them whether there is a font or not."""


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _fonts(found: dict[str, Any]) -> None:
    from qtpy.QtGui import QFontDatabase

    systems = QFontDatabase.WritingSystem
    found["font_families"] = len(set(QFontDatabase.families()) - _STAND_INS)
    found["cjk"] = any(
        QFontDatabase.families(system)
        for system in (systems.SimplifiedChinese, systems.Japanese, systems.Korean)
    )


def _opengl(found: dict[str, Any]) -> None:
    from qtpy.QtGui import QOffscreenSurface, QOpenGLContext

    context = QOpenGLContext()
    if not context.create():
        found["opengl_error"] = "the driver gives no OpenGL context"
        return
    surface = QOffscreenSurface()
    surface.create()
    if not context.makeCurrent(surface):
        found["opengl_error"] = "the OpenGL context cannot be used"
        return
    functions = context.functions()
    names = {"vendor": 0x1F00, "renderer": 0x1F01, "version": 0x1F02}
    for name, number in names.items():
        found[name] = str(functions.glGetString(number))
    context.doneCurrent()


def no_pictures() -> str:
    """Return why no picture can be drawn here, in a sentence, or "".

    Asked before the window is made: without OpenGL it would stay black.
    """
    from qtpy.QtGui import QOpenGLContext

    from medlab_gui.core.i18n import _

    if QOpenGLContext().create():
        return ""
    return _(
        "This machine gives MedLab no OpenGL, so that no picture can be drawn. Install "
        "or update the graphics driver; `medlab doctor` tells more."
    )


def main() -> int:
    """Write what is found, line by line; return the exit code."""
    found: dict[str, Any] = {}
    import qtpy

    found["binding"] = f"{qtpy.API_NAME} {qtpy.PYSIDE_VERSION or qtpy.PYQT_VERSION}"
    found["qt"] = qtpy.QT_VERSION
    _say(found)

    from qtpy.QtGui import QGuiApplication

    headless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if headless:
        # Qt aborts without a screen; fonts can be counted without one.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        found["opengl_error"] = "there is no display (DISPLAY is not set)"
    app = QGuiApplication([])
    found["platform"] = app.platformName()
    if not headless:
        found["screens"] = [
            f"{s.size().width()} x {s.size().height()} at {s.devicePixelRatio():g}"
            for s in app.screens()
        ]
    _say(found)
    _fonts(found)
    _say(found)
    if not headless:
        _opengl(found)
    _say(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
