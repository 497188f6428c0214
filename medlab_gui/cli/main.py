"""Run one verb: progress to standard error, the result to standard output."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.cli.parser import build_parser, params_from
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Context
from medlab_gui.commands.launch import plain, start_listening
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.jobs import Cancelled, JobContext, Progress
from medlab_gui.core.settings import load_settings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

__all__ = ["main"]

_log = logging.getLogger(__name__)


class _Events:
    """What a child tells the process that started it (see `commands.launch`)."""

    def _say(self, **event: Any) -> None:
        sys.stdout.write(json.dumps(event, default=str) + "\n")
        sys.stdout.flush()

    def progress(self, progress: Progress) -> None:
        self._say(
            event="progress",
            done=progress.done,
            total=progress.total,
            message=progress.message,
            data=progress.data,
        )

    def result(self, result: Any, text: str) -> None:
        self._say(event="result", result=result)

    def error(self, kind: str, message: str) -> None:
        self._say(event="error", kind=kind, message=message)

    def cancelled(self) -> None:
        self._say(event="cancelled")


class _Terminal:
    """What a person or a script reads."""

    def __init__(self, verb: str, *, as_json: bool, quiet: bool) -> None:
        self._verb = verb
        self._json = as_json
        self._live = not quiet and sys.stderr.isatty()
        self._width = 0
        self._shown = 0.0

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if not self._live or now - self._shown < 0.1:
            return
        self._shown = now
        share = progress.fraction
        text = f"{self._verb}: " + (f"{share:4.0%} " if share is not None else "")
        text = (text + progress.message)[:100]
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = max(self._width, len(text))

    def result(self, result: Any, text: str) -> None:
        self._clear()
        if self._json:
            text = json.dumps(result, default=str)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def error(self, kind: str, message: str) -> None:
        self._clear()
        if self._json:
            error = {"error": {"kind": kind, "message": message}}
            sys.stdout.write(json.dumps(error) + "\n")
        sys.stderr.write(f"medlab {self._verb}: {message}\n")

    def cancelled(self) -> None:
        self.error("Cancelled", "Cancelled.")


@contextmanager
def _interruptible(job: JobContext) -> Iterator[None]:
    """Turn Ctrl+C into a cancellation that lets work save its state."""

    def stop(signum: int, frame: Any) -> None:
        if job.is_cancelled:
            raise KeyboardInterrupt
        job.cancel()

    before = {}
    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _params(arguments: Namespace) -> Any:
    command = arguments.command
    if arguments.params:
        values = json.loads(Path(arguments.params).read_text(encoding="utf-8"))
        return params_from(command, values)
    return params_from(command, vars(arguments))


def main(argv: Sequence[str]) -> tuple[int, Any]:
    """Run one verb.

    Parameters
    ----------
    argv : sequence of str
        Arguments without the program's name; the first is a verb, or an option.

    Returns
    -------
    int
        Exit code: 0 done, 2 the user can mend it, 1 a bug, 130 cancelled.
    object
        The result, plain data; None where there is none.
    """
    parser = build_parser(COMMANDS, from_file="--params" in argv)
    try:
        arguments = parser.parse_args(list(argv))
    except SystemExit as stop:
        return int(stop.code or 0), None
    if getattr(arguments, "command", None) is None:
        parser.print_help()
        return 0, None
    command = arguments.command
    out: _Events | _Terminal = (
        _Events()
        if arguments.events
        else _Terminal(command.verb, as_json=arguments.json, quiet=arguments.quiet)
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    job = JobContext(out.progress)
    settings = load_settings()
    ctx = Context(
        arguments.project,
        getattr(arguments, "device", None) or settings.device,
        settings,
        job,
    )
    try:
        with _interruptible(job):
            if arguments.events:
                start_listening(job)
            result = command.run(_params(arguments), ctx)
    except MedlabError as error:
        out.error(type(error).__name__, error.message)
        return 2, None
    except (Cancelled, KeyboardInterrupt):
        out.cancelled()
        return 130, None
    except Exception as error:  # noqa: BLE001 - the last resort: say that it is our bug
        _log.debug("bug", exc_info=True)
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = Path(place.filename).name
        out.error(
            "Bug",
            f"This is a bug in MedLab ({type(error).__name__} in {name}:{place.lineno}"
            f", {error}). Please report it with what you did; nothing was lost.",
        )
        return 1, None
    shown = plain(result)
    out.result(shown, command.text(result) if command.text else _as_json(shown))
    return 0, shown


def _as_json(result: Any) -> str:
    return json.dumps(result, indent=2, default=str)
