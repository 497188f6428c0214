"""Run a verb: progress to standard error, the result to standard output."""

from __future__ import annotations

import json
import logging
import signal
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.cli.child import make_way, start_listening
from medlab_gui.cli.console import Events, Terminal, own_logs, own_stdout
from medlab_gui.cli.parser import UsageError, build_parser, params_from, params_in_file
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Context
from medlab_gui.commands.launch import ChildBug, perform, plain
from medlab_gui.core.errors import MedlabError
from medlab_gui.core.jobs import Cancelled, JobContext
from medlab_gui.core.processes import leads
from medlab_gui.core.settings import load_settings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from typing import TextIO

__all__ = ["main"]

_log = logging.getLogger(__name__)


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


def _has(argv: Sequence[str], option: str) -> bool:
    return any(a == option or a.startswith(option + "=") for a in argv)


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
    argv = list(argv)
    parser = build_parser(COMMANDS, from_file=_has(argv, "--params"))
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # --help, --version
        return int(stop.code or 0), None
    except UsageError as error:
        with own_stdout() as out:
            voice = (
                Events(out)
                if _has(argv, "--events")
                else Terminal(
                    error.program, out, as_json=_has(argv, "--json"), quiet=True
                )
            )
            voice.error("UsageError", error.message)
        return 2, None
    if getattr(arguments, "command", None) is None:
        parser.print_help()
        return 0, None
    with own_stdout() as out, own_logs():
        return _run(arguments, out)


def _run(arguments: Namespace, out: TextIO) -> tuple[int, Any]:
    command = arguments.command
    voice: Events | Terminal = (
        Events(out)
        if arguments.events
        else Terminal(
            f"medlab {command.verb}",
            out,
            # Of several processes one alone gives the one object; others say sentences.
            as_json=arguments.json and leads(),
            quiet=arguments.quiet or not leads(),
        )
    )
    job = JobContext(voice.progress)
    settings = load_settings()
    ctx = Context(
        arguments.project,
        getattr(arguments, "device", None) or settings.device,
        settings,
        job,
    )
    try:
        with _interruptible(job):
            params = (
                params_in_file(command, arguments.params)
                if arguments.params
                else params_from(command, vars(arguments))
            )
            if arguments.events:
                make_way()
                start_listening(job)
            result = perform(command, params, ctx)
        if not leads():  # torchrun's first process speaks for all
            return 0, None
        shown = plain(result)
        words = command.text(result) if command.text else json.dumps(shown, indent=2)
        voice.result(shown, words)
        undone = command.undone(result) if command.undone else ""
        if undone:
            voice.undone(undone)
            return 2, shown
    except ChildBug as error:
        voice.error("Bug", error.message)
        return 1, None
    except MedlabError as error:
        voice.error(type(error).__name__, error.message)
        return 2, None
    except (Cancelled, KeyboardInterrupt) as stop:
        voice.cancelled(str(stop))
        return 130, None
    except Exception as error:  # noqa: BLE001 - the last resort: say that it is our bug
        _log.debug("bug", exc_info=True)
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = Path(place.filename).name
        voice.error(
            "Bug",
            f"This is a bug in MedLab ({type(error).__name__} in {name}:{place.lineno}"
            f", {error}). Please report it with what you did; nothing was lost.",
        )
        return 1, None
    return 0, shown
