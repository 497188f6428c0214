"""A command line whose only verb misbehaves as asked; run as a script by a test."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlab_gui.cli import main as command_line
from medlab_gui.commands.command import Command, Context, Where, param
from medlab_gui.core.errors import GeometryError
from medlab_gui.core.jobs import Cancelled


@dataclass(frozen=True)
class TryParams:
    """How to misbehave."""

    how: str = param("What happens.", positional=True)
    note: str = param("A file to write the process' id and its end into.", "")


def _say(params: TryParams, text: str) -> None:
    with Path(params.note).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def run(params: TryParams, ctx: Context) -> Any:
    """Do it."""
    if params.how == "work":
        for done in range(3):
            ctx.progress(done, 3, f"step {done}", {"loss": done / 2})
        return {"answer": 42, "project": ctx.project_place, "device": ctx.device}
    if params.how == "rank":
        return {"nice": os.nice(0)}
    if params.how == "stdin":
        return {"is_pipe": stat.S_ISFIFO(os.fstat(0).st_mode), "text": sys.stdin.read()}
    if params.how == "numbers":
        ctx.progress(0, 1, "", {"loss": float("nan")})
        return {"nan": float("nan"), "inf": [float("inf")], "path": Path("a")}
    if params.how == "chatter":
        print("a library says hello")
        os.write(1, b"and one in C, without a line end")
        return {"answer": 42}
    if params.how == "sentence":
        msg = "The slices do not fit. Choose others."
        raise GeometryError(msg)
    if params.how == "bug":
        raise ZeroDivisionError
    if params.how == "memory":
        raise MemoryError
    if params.how == "die":
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        # On Windows each signal is that.
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    _wait(params, ctx)
    return {}


def _wait(params: TryParams, ctx: Context) -> None:
    ctx.progress(0, 1, "waiting")
    _say(params, str(os.getpid()))
    never = threading.Event()
    try:
        while True:
            if params.how != "deaf":
                ctx.progress(0, 1, "waiting")
            never.wait(0.01)
    except Cancelled:
        _say(params, "stopped")
        raise


TRY = Command(
    verb="try",
    title="Try",
    help="Misbehave.",
    params=TryParams,
    run=run,
    where=Where.CHILD,
    lane="gpu",
    text=lambda result: str(result),
)

if __name__ == "__main__":
    command_line.COMMANDS = (TRY,)
    sys.exit(command_line.main(sys.argv[1:])[0])
