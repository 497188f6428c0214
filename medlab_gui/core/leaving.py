"""The end of the program: tidied up, and then at once.

Python takes its interpreter down while threads still run: one that imports a library,
or computes in one, is cut off in the middle of C++, and that aborts the process
("terminate called without an active exception"). To wait for such threads takes as
long as what they do. So who has nothing to lose any more tidies up, and lets the system
end the process.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_end", "end_at_once", "tidy_up"]

_to_do: list[Callable[[], object]] = []


def at_end(tidy: Callable[[], object]) -> None:
    """Have something done when the program ends, at once or as Python does it.

    Parameters
    ----------
    tidy : callable
        Quick, waits for nothing, and may be called twice.
    """
    _to_do.append(tidy)
    atexit.register(tidy)


def tidy_up() -> None:
    """Do all that was to be done at the end, the last one first."""
    while _to_do:
        tidy = _to_do.pop()
        atexit.unregister(tidy)
        with suppress(Exception):  # nobody is left to be told
            tidy()


def end_at_once(code: int) -> NoReturn:
    """Tidy up and end this process, whatever its threads are doing.

    Parameters
    ----------
    code : int
        Exit code.
    """
    tidy_up()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # None without a console
            stream.flush()
    if sys.platform == "win32":
        import ctypes

        # There ``_exit`` still tells each library that the process ends, when the other
        # threads are killed already: Qt complains, and calls a Python whose lock a dead
        # thread may hold.
        of_this_process = ctypes.c_void_p(-1)
        ctypes.windll.kernel32.TerminateProcess(of_this_process, code)
    os._exit(code)
