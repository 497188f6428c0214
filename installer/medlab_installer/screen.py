"""A screen for machines that have none: Xvfb, on a display number of its own."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = "1920x1080x24"
START_S = 30.0


def _read_display(read_end: int, server: subprocess.Popen[bytes]) -> str:
    """Return the number that the server wrote, once it takes connections."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([read_end], [], [], START_S)
        chunk = os.read(read_end, 32) if ready else b""
        if not chunk:
            server.kill()
            server.wait()
            msg = (
                "The display for the tests (Xvfb) did not start; run "
                "'Xvfb -displayfd 1' to see why."
            )
            raise Trouble(msg)
        text += chunk
    return text.decode().strip()


@contextmanager
def own_screen(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Run Xvfb while the block runs.

    Parameters
    ----------
    environment : dict of str to str
        The environment that the programs in the block would get.

    Yields
    ------
    dict of str to str
        The same, with the new display and without another one.
    """
    read_end, write_end = os.pipe()
    try:
        # The server itself takes the first free number: two runs cannot collide.
        server = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", str(write_end), "-screen", "0", SIZE),
                *("-nolisten", "tcp", "-noreset", "+extension", "GLX"),
            ],
            pass_fds=(write_end,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write_end)
        display = _read_display(read_end, server)
    finally:
        os.close(read_end)
    try:
        changed = {k: v for k, v in environment.items() if k != "WAYLAND_DISPLAY"}
        yield {**changed, "DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
