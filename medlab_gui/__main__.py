"""``medlab``: a verb runs on the command line, everything else opens the window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def _open_window(arguments: list[str]) -> int:
    try:
        from medlab_gui.gui.app import main as window
    except ImportError as error:
        sys.stderr.write(
            f"medlab: The window cannot start: {error}. "
            "`medlab doctor` says what is missing.\n"
        )
        return 2
    return window(arguments)


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
    arguments = list(sys.argv[1:] if argv is None else argv)
    if _is_for_window(arguments):
        return _open_window(arguments)

    from medlab_gui.cli.main import main as command_line

    code, result = command_line(arguments)
    window = _wants_window(result)
    return _open_window(window) if code == 0 and window else code


def _is_for_window(arguments: list[str]) -> bool:
    from medlab_gui.commands import COMMANDS

    if {"-h", "--help", "--version"} & set(arguments):
        return False
    if not arguments or arguments[0] == "--project":
        return True
    first = arguments[0]
    if first in {c.verb for c in COMMANDS} or first.startswith("-"):
        return False
    return Path(first).exists() or any(mark in first for mark in "/\\.")


def _wants_window(result: Any) -> list[str]:
    """Return the window's arguments where a verb ends by opening it (``demo``)."""
    wanted = result.get("open_window") if isinstance(result, dict) else None
    return [str(a) for a in wanted] if wanted else []


if __name__ == "__main__":
    sys.exit(main())
