"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["as_path"]


def as_path(text: str | os.PathLike[str]) -> Path:
    """Return the path that somebody wrote, ``~`` resolved.

    Raises
    ------
    InputError
        If it is no path, or ``~name`` is nobody's home.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        msg = f"{text} names no folder: nobody here has that home. Write the path out."
        raise InputError(msg) from error
    if "\0" in str(path):
        msg = f"{str(text)!r} is not a path."
        raise InputError(msg)
    return path
