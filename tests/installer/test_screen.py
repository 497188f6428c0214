"""The tests' own display."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

import pytest

from medlab_installer.screen import own_screen
from medlab_installer.trouble import Trouble

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("Xvfb") is None,
    reason="Xvfb is not installed here",
)


def answers(display: str) -> bool:
    """Whether an X server takes connections."""
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(f"/tmp/.X11-unix/X{display.lstrip(':')}")
        except OSError:
            return False
        return True


def test_two_screens_do_not_collide_and_both_end():
    with own_screen({"A": "1", "WAYLAND_DISPLAY": "w"}) as one:
        assert one["A"] == "1"
        assert "WAYLAND_DISPLAY" not in one
        assert one["QT_QPA_PLATFORM"] == "xcb"
        with own_screen({}) as two:
            assert one["DISPLAY"] != two["DISPLAY"]
            assert answers(one["DISPLAY"])
            assert answers(two["DISPLAY"])
        assert not answers(two["DISPLAY"])
    assert not answers(one["DISPLAY"])


def test_the_screen_ends_when_the_block_fails():
    seen = []

    def fail_inside() -> None:
        with own_screen({}) as shown:
            seen.append(shown["DISPLAY"])
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail_inside()
    assert not answers(seen[0])


def test_a_server_that_dies_is_a_sentence(tmp_path, monkeypatch):
    false = tmp_path / "Xvfb"
    false.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    false.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(Trouble, match="did not start"), own_screen({}):
        pass


def test_qt_draws_on_it():
    with own_screen(dict(os.environ)) as variables:
        ran = subprocess.run(
            [sys.executable, "-m", "medlab_gui.gui.gl_probe"],
            check=False,
            env=variables,
            capture_output=True,
            text=True,
        )
    assert ran.returncode == 0, ran.stderr
    assert '"platform": "xcb"' in ran.stdout
    assert '"1920 x 1080 at 1"' in ran.stdout
    assert '"renderer"' in ran.stdout
