"""``medlab``: a verb runs on the command line, everything else opens the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def _open_window(arguments: list[str]) -> int:
    if not _has_display():
        sys.stderr.write(
            "medlab: There is no display to open the window on (DISPLAY is not set). "
            "Start it in a desktop session; `medlab --help` lists what works without "
            "a window.\n"
        )
        return 2
    try:
        from medlab_gui.gui.app import main as window
    except ImportError as error:
        sys.stderr.write(
            f"medlab: The window cannot start: {error}. "
            "`medlab doctor` says what is missing.\n"
        )
        return 2
    return window(arguments)


def _has_display() -> bool:
    """Whether Qt can show something; where it cannot it ends the whole process."""
    if not sys.platform.startswith("linux"):
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(os.environ.get(name) for name in names)


def main(argv: Sequence[str] | None = None) -> int:
    """Run MedLab.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process where None.

    Returns
    -------
    int
        Exit code.
    """
    if argv is None:
        _replace_closed_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--compile-filters"]:
        # What the frozen program asks of a child (imaging/compiled.py).
        from medlab_gui.imaging.compiled import compile_here

        return compile_here()
    try:
        arguments, for_window = _sorted_out(arguments)
        if for_window:
            return _ended(_open_window(arguments), argv)
        if argv is None and not sys.warnoptions:
            import warnings

            # What libraries warn about is for programmers, and stderr for sentences.
            warnings.simplefilter("ignore")

        from medlab_gui.cli.main import main as command_line

        code, result = command_line(arguments)
        if "--events" in arguments:
            # A child of the window gives its result back; it opens none itself. It has
            # said its last word and closed its project: taking torch down takes a
            # second, for which the window would wait.
            return _ended(code, argv)
        window = _wants_window(result)
        if code == 0 and window:
            return _ended(_open_window(window), argv)
        return code
    except KeyboardInterrupt:
        # Before the verb began, or while the window was being made.
        return 130


def _replace_closed_streams() -> None:
    """Lead what has no stream nowhere: closed by a shell (``>&-``), or pythonw.

    Else a file that is opened later gets the number of standard output, and what a
    library prints goes into it.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8"))


def _ended(code: int, argv: Sequence[str] | None) -> int:
    """End the process where it is ours: what still runs has nothing to lose."""
    if argv is None:
        from medlab_gui.core.leaving import end_at_once

        end_at_once(code)
    return code


def _sorted_out(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments, a verb first, and whether they are for the window."""
    from medlab_gui.commands import COMMANDS

    verbs = {c.verb for c in COMMANDS}
    if arguments[:1] == ["--project"] and arguments[2:3] and arguments[2] in verbs:
        # `medlab --project liver list` is what people write, too
        arguments = [arguments[2], *arguments[:2], *arguments[3:]]
    if {"-h", "--help", "--version"} & set(arguments):
        return arguments, False
    if not arguments or arguments[0] in ("--project", "--series"):
        return arguments, True
    first = arguments[0]
    if first in verbs or first.startswith("-"):
        return arguments, False
    try:
        there = Path(first).expanduser().exists()
    except (OSError, RuntimeError):
        there = False
    return arguments, there or any(mark in first for mark in "/\\.")


def _wants_window(result: Any) -> list[str]:
    """Return the window's arguments where a verb ends by opening it (``demo``)."""
    wanted = result.get("open_window") if isinstance(result, dict) else None
    return [str(a) for a in wanted] if wanted else []


if __name__ == "__main__":
    sys.exit(main())
