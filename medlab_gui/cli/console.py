"""What a verb says: to a person, to a script, or to the process that started it."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import sys
import time
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, TextIO

from medlab_gui.core.errors import StorageFullError
from medlab_gui.core.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medlab_gui.core.jobs import Progress

__all__ = ["Events", "Terminal", "own_logs", "own_stdout"]


def _descriptor(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Yield standard output; whatever else prints goes to standard error.

    So a script that reads our JSON reads nothing but our JSON. Libraries in C are held
    off too: they write to the descriptor, which is standard error meanwhile.
    """
    own = sys.stdout
    if _descriptor(own) != 1 or _descriptor(sys.stderr) != 2:
        with redirect_stdout(sys.stderr):
            yield own
        return
    own.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with (
            os.fdopen(
                os.dup(kept), "w", encoding=own.encoding, errors="backslashreplace"
            ) as out,
            redirect_stdout(sys.stderr),
        ):
            yield out
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def own_logs() -> Iterator[None]:
    """Show our warnings as plain sentences, and of libraries nothing but errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("medlab: %(message)s"))
    handler.addFilter(
        lambda r: r.levelno >= logging.ERROR or r.name.startswith("medlab_gui")
    )
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _write(out: TextIO, text: str) -> bool:
    """Write; return False where nobody reads any more (``medlab ... | head``)."""
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        # What is left in the buffer must not fail again when the stream is closed.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, out.fileno())
            os.close(nowhere)
        # Windows says EINVAL for a pipe whose other end is closed.
        if error.errno in (errno.EPIPE, errno.EINVAL):
            return False
        reason = error.strerror or str(error)
        msg = f"The result cannot be written to standard output: {reason}."
        raise StorageFullError(msg) from error
    return True


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _harmless(text: str) -> str:
    """Return a text without what a terminal obeys: names of files may hold anything."""
    return _CONTROL.sub("?", text)


class Events:
    """What a child tells the process that started it (see `commands.launch`).

    Parameters
    ----------
    out : text stream
        Where it listens.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def _say(self, **event: Any) -> bool:
        return _write(self._out, json.dumps(event, allow_nan=False) + "\n")

    def progress(self, progress: Progress) -> None:
        """Tell how far it is; stop where nobody listens any more."""
        from medlab_gui.commands.launch import plain

        heard = self._say(
            event="progress",
            done=plain(progress.done),
            total=plain(progress.total),
            message=progress.message,
            data=plain(progress.data),
        )
        if not heard:
            raise Cancelled

    def result(self, result: Any, text: str) -> None:
        """Tell what came out."""
        self._say(event="result", result=result)

    def undone(self, message: str) -> None:
        """Say nothing: what could not be done is in the result."""

    def error(self, kind: str, message: str) -> None:
        """Tell what went wrong."""
        self._say(event="error", kind=kind, message=message)

    def cancelled(self, more: str = "") -> None:
        """Tell that it stopped as asked."""
        self._say(event="cancelled")


class Terminal:
    """What a person or a script reads.

    Parameters
    ----------
    name : str
        Before each sentence, such as ``"medlab predict"``.
    out : text stream
        For results; all else goes to standard error.
    as_json : bool
        One JSON object, for errors too.
    quiet : bool
        No progress.
    """

    def __init__(self, name: str, out: TextIO, *, as_json: bool, quiet: bool) -> None:
        self._name = name
        self._out = out
        self._json = as_json
        self._live = not quiet and sys.stderr.isatty()
        self._width = 0
        self._shown = 0.0

    def _clear(self) -> None:
        if self._width:
            self._tell("\r" + " " * self._width + "\r")
            self._width = 0

    @staticmethod
    def _tell(text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def progress(self, progress: Progress) -> None:
        """Show one line that replaces itself, where somebody looks."""
        now = time.monotonic()
        if not self._live or now - self._shown < 0.1:
            return
        self._shown = now
        share = progress.fraction
        text = f"{self._name}: " + (f"{share:4.0%} " if share is not None else "")
        columns = shutil.get_terminal_size().columns
        text = (text + progress.message)[: max(20, columns - 1)]
        self._tell("\r" + text.ljust(self._width))
        self._width = max(self._width, len(text))

    def result(self, result: Any, text: str) -> None:
        """Print the result."""
        self._clear()
        text = json.dumps(result, allow_nan=False) if self._json else _harmless(text)
        _write(self._out, text + "\n")

    def undone(self, message: str) -> None:
        """Print on standard error what could not be done, though the rest was."""
        self._tell(f"{self._name}: {_harmless(message)}\n")

    def error(self, kind: str, message: str) -> None:
        """Print a sentence on standard error, and for scripts an object besides."""
        self._clear()
        self._tell(f"{self._name}: {_harmless(message)}\n")
        if self._json:
            error = {"error": {"kind": kind, "message": message}}
            with suppress(StorageFullError):
                _write(self._out, json.dumps(error) + "\n")

    def cancelled(self, more: str = "") -> None:
        """Say that it stopped as asked, and what a person should know of that."""
        self.error("Cancelled", f"Cancelled. {more}".strip())
