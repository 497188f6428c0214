"""Keeps C libraries from the user's terminal, and from the user's decimal comma."""

from __future__ import annotations

import locale
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["silent_libraries"]

_STDERR = 2
_lock = threading.Lock()
_inside: list[int] = []


@contextmanager
def silent_libraries() -> Iterator[None]:
    """Drop what is written to standard error by ITK, GDCM and their codecs.

    They print remarks on broken files there, in their own terms, and there is no switch
    for it. What is wrong comes back as an exception and is told in our words. Only the
    file descriptor is turned away, and only while one of these libraries is at work.
    Of several threads the first turns it away, and the last brings it back.

    ITK reads NRRD's numbers as the process' locale writes them, which Qt sets: of a
    spacing of 1.5 mm it would take the 1 on a German desktop. So numbers are read and
    written in C's way from the first call on.
    """
    if locale.localeconv()["decimal_point"] != ".":
        locale.setlocale(locale.LC_NUMERIC, "C")
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    with _lock:
        if not _inside:
            try:
                kept = os.dup(_STDERR)
            except OSError:  # a windowed program on Windows has none
                kept = -1
            else:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, _STDERR)
                os.close(nowhere)
            _inside.append(kept)
        else:
            _inside.append(_inside[0])


def _leave() -> None:
    with _lock:
        kept = _inside.pop()
        if not _inside and kept >= 0:
            os.dup2(kept, _STDERR)
            os.close(kept)
