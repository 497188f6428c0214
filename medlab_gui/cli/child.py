"""What a process does that a window started for one command."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from medlab_gui.core.jobs import JobContext

__all__ = ["make_way", "start_listening"]

_NICE = 5


def make_way() -> None:
    """Let the window go first: a network would keep every core from it.

    Windows has no such call; there the process is started so (`commands.launch`).
    """
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICE)


def start_listening(job: JobContext) -> None:
    """Cancel a job when the line ``cancel`` arrives, or when standard input ends.

    Standard input ends when the window dies: then nobody waits
    for the result and the work stops, its state saved.
    """
    heard = _taken_from_stdin()

    def listen() -> None:
        for line in heard:
            if line.strip() == "cancel":
                break
        job.cancel()

    threading.Thread(target=listen, name="medlab-stdin", daemon=True).start()


def _taken_from_stdin() -> TextIO:
    """Return what standard input was; from here on that is empty.

    On Windows nobody can ask a pipe what it is while a thread waits to read from it,
    and the Fortran libraries in scipy's and numpy's wheels ask descriptor 0 just that
    while they are loaded: the child would stand still until somebody cancels it
    (https://github.com/numpy/numpy/issues/24290).
    """
    kept = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    return os.fdopen(kept, encoding="utf-8", errors="replace")
