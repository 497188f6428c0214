"""Run a command here, on a thread, or in a process of its own.

A child is the program's own command line, ``medlab VERB --params FILE --events``, which
writes one JSON object per line to standard output:

``{"event": "progress", "done", "total", "message", "data"}``
    How far it is.
``{"event": "result", "result"}``
    It is done.
``{"event": "error", "kind", "message"}``
    The user can mend it (``kind`` is a class of `core.errors`), or it is a bug.
``{"event": "cancelled"}``
    It stopped because it was asked to.

The line ``cancel`` on its standard input asks it to stop at its next report.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, is_dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Where
from medlab_gui.core import errors
from medlab_gui.core.jobs import Cancelled, Job, JobContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.commands.command import Command, Context

__all__ = [
    "GRACE_SECONDS",
    "ChildBug",
    "make_job",
    "perform",
    "plain",
    "run_child",
    "run_command",
]

GRACE_SECONDS = 0.8
"""How long a child may take to stop politely before it is terminated.

A person who cancels waits for two seconds at most, also where the child is inside one
long step. Nobody waits until the system has taken a killed process down: that may take
seconds.
Nothing whole is lost by it: states and blobs are written beside the old ones and
renamed, the project's database writes by transactions.
"""
_LAST_SECONDS = 0.4
"""How long a terminated child may take to write down how it ended, before it is killed.

Where there are signals, it ends between two of its smallest steps.
"""
_LOOK_SECONDS = 0.05
"""How often it is looked whether anybody cancelled."""


class ChildBug(errors.MedlabError):
    """A bug of ours in a child; the sentence says where. Nobody can mend it."""


def plain(result: Any) -> Any:
    """Return a command's result as data that JSON can hold.

    Dataclasses and mappings become dicts, numpy's numbers Python's, paths text; a
    number that is none (NaN, infinite) becomes None, as JSON has no such thing.
    """
    if is_dataclass(result) and not isinstance(result, type):
        result = asdict(result)
    if isinstance(result, dict):
        return {str(key): plain(value) for key, value in result.items()}
    if isinstance(result, (list, tuple, set, frozenset)):
        return [plain(value) for value in result]
    if result is None or isinstance(result, (bool, int)):
        return result
    if isinstance(result, float):
        return result if math.isfinite(result) else None
    if hasattr(result, "tolist"):
        return plain(result.tolist())
    return str(result)


def perform(command: Command[Any, Any], params: Any, ctx: Context) -> Any:
    """Run a command in this thread.

    What the machine lacks or refuses (memory, room, permission, a drive that is gone)
    is told as a sentence, wherever it came up.

    Parameters
    ----------
    command : Command
        What to do.
    params : object
        An instance of ``command.params``.
    ctx : Context
        Project, device, progress and cancellation.

    Returns
    -------
    object
        What ``command.run`` returned.

    Raises
    ------
    MedlabError
        If the user can mend it.
    Cancelled
        If the user asked for it to stop.
    """
    try:
        return command.run(params, ctx)
    except MemoryError as error:
        raise errors.ResourceError(_NO_MEMORY) from error
    except RuntimeError as error:
        # torch says so of the processor's memory, and has a class for the card's
        if type(error).__name__ == "OutOfMemoryError" or (
            "allocate memory" in str(error) or "not enough memory" in str(error)
        ):
            raise errors.ResourceError(_NO_MEMORY) from error
        raise
    except OSError as error:
        if error.errno in _OUR_FAULT:
            raise
        if error.errno is None:  # core.resources: MedLab is not whole
            raise errors.ResourceError(str(error)) from error
        name = error.filename if isinstance(error.filename, str) else ""
        raise errors.storage_error(
            error, Path(name or tempfile.gettempdir())
        ) from error


_NO_MEMORY = (
    "There is not enough memory for this. Close other programs, take a smaller batch "
    "or a smaller scan, or use a machine with more memory."
)
_OUR_FAULT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EBADF}
"""Errors of names and handles: that those are right is our business."""


def run_command(command: Command[Any, Any], params: Any, ctx: Context) -> Any:
    """Run a command where it belongs and wait for its result.

    Parameters
    ----------
    command : Command
        What to do.
    params : object
        An instance of ``command.params``.
    ctx : Context
        Project, device, progress, cancellation.

    Returns
    -------
    object
        Its result; plain data where it ran in a child.
    """
    if command.where is Where.CHILD:
        return run_child(command, params, ctx)
    return perform(command, params, ctx)


def make_job(
    command: Command[Any, Any],
    params: Any,
    context: Callable[[JobContext], Context],
) -> Job:
    """Return a job that runs a command; submit it to a `JobRunner`.

    Parameters
    ----------
    command : Command
        What to do.
    params : object
        An instance of ``command.params``.
    context : callable
        Makes the `Context` (project, device) round the job's own progress.
    """

    def work(job: JobContext) -> Any:
        return run_command(command, params, context(job))

    return Job(command.title.rstrip("…"), work, command.lane)


def _invocation() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable]
    # -P: a folder with a file numpy.py in it must not change what runs
    return [sys.executable, "-P", "-m", "medlab_gui"]


@contextlib.contextmanager
def _params_file(params: Any) -> Iterator[Path]:
    try:
        folder = tempfile.mkdtemp(prefix="medlab-")
        path = Path(folder) / "params.json"
        path.write_text(json.dumps(asdict(params)), encoding="utf-8")
    except OSError as error:
        raise errors.storage_error(error, Path(tempfile.gettempdir())) from error
    try:
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_child(command: Command[Any, Any], params: Any, ctx: Context) -> Any:
    """Run a command in a process of its own and pass its reports on.

    Parameters
    ----------
    command, params, ctx
        As for `perform`.

    Returns
    -------
    object
        The result as plain data: dicts, lists, numbers and text.

    Raises
    ------
    Cancelled
        If the user asked for it to stop; the child was given time to save its state.
    MedlabError
        If the child failed with a sentence (of the same class), or ended without a
        word; `ChildBug` where it came upon a bug.
    """
    with _params_file(params) as path:
        arguments = [
            *_invocation(),
            command.verb,
            "--params",
            str(path),
            "--events",
            *(["--project", ctx.project] if ctx.project else []),
            *(["--device", ctx.device] if command.computes else []),
        ]
        # no console window flashes up on Windows; elsewhere there is no such flag
        flags = int(getattr(subprocess, "CREATE_NO_WINDOW", 0))
        flags |= int(getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0))
        source = str(Path(__file__).resolve().parents[2])
        paths = [source, os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(p for p in paths if p),
        }
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=environment,
                creationflags=flags,
            )
        except OSError as error:
            reason = error.strerror or str(error)
            msg = f"No process could be started for {command.verb!r}: {reason}."
            raise errors.ResourceError(msg) from error
        return _follow(process, command, ctx)


def _follow(
    process: subprocess.Popen[str], command: Command[Any, Any], ctx: Context
) -> Any:
    said: list[str] = []
    heard: SimpleQueue[str | None] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, heard, said), daemon=True)
    reader.start()
    last: dict[str, Any] = {}
    try:
        for event in _events(heard, _endings(process), ctx):
            if event["event"] == "progress":
                with contextlib.suppress(Cancelled):
                    ctx.progress(
                        event.get("done", 0),
                        event.get("total", 0),
                        event.get("message", ""),
                        event.get("data"),
                    )
            else:
                last = event
    except BaseException:
        process.kill()
        raise
    return _outcome(last, process.returncode, command, ctx, said)


def _read(
    process: subprocess.Popen[str], heard: SimpleQueue[str | None], said: list[str]
) -> None:
    """Pass on what a child says, then None; it is waited for here and nowhere else.

    A large process that was killed may take seconds to be gone, on a busy machine.
    """
    listener = threading.Thread(target=_drain, args=(process, said), daemon=True)
    listener.start()
    try:
        # It may be gone before it took the word "cancel" from its standard input.
        with contextlib.suppress(OSError), process:
            assert process.stdout is not None
            for line in process.stdout:
                heard.put(line)
            process.wait()
            # A child of its own may hold its standard error open.
            listener.join(timeout=1)
    finally:
        heard.put(None)


def _events(
    heard: SimpleQueue[str | None], endings: Iterator[float], ctx: Context
) -> Iterator[dict[str, Any]]:
    """Yield a child's events until it is gone, or was killed for whoever cancelled."""
    next_ending = 0.0
    while True:
        try:
            line = heard.get(timeout=_LOOK_SECONDS)
        except Empty:
            line = ""
        if line is None:
            return
        event = _parse(line)
        if event is not None:
            yield event
        if ctx.job.is_cancelled and time.monotonic() >= next_ending:
            patience = next(endings, None)
            if patience is None:
                return
            next_ending = time.monotonic() + patience


def _endings(process: subprocess.Popen[str]) -> Iterator[float]:
    """Ask a child to end, ever more firmly; yield for how long to wait after each."""
    with contextlib.suppress(OSError, ValueError):
        assert process.stdin is not None
        process.stdin.write("cancel\n")
        process.stdin.flush()
    yield GRACE_SECONDS
    process.terminate()
    yield _LAST_SECONDS
    process.kill()


def _drain(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        del said[:-40]


def _parse(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _outcome(
    last: dict[str, Any],
    code: int | None,
    command: Command[Any, Any],
    ctx: Context,
    said: list[str],
) -> Any:
    if last.get("event") == "result":
        return last["result"]
    if last.get("event") == "cancelled" or ctx.job.is_cancelled:
        raise Cancelled
    if last.get("event") == "error":
        kind = getattr(errors, str(last.get("kind")), None)
        if isinstance(kind, type) and issubclass(kind, errors.MedlabError):
            raise kind(str(last["message"]))
        raise ChildBug(str(last["message"]))
    tail = "".join(said[-3:]).strip()
    why = f" It said last: {tail}" if tail else ""
    name, left = command.title.rstrip("…"), command.left and f" {command.left}"
    msg = (
        f"The process of '{name}' ended unexpectedly (exit code {code}). Out of memory "
        f"is the usual reason. Your masks are safe.{left}{why}"
    )
    raise errors.ResourceError(msg)
