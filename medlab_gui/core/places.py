"""Paths as people write them, and names that Windows does not take."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["WINDOWS", "as_path", "is_device"]

WINDOWS = sys.platform == "win32"

_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)( *\..*)?", re.IGNORECASE)


def is_device(name: str) -> bool:
    """Tell whether Windows takes a file's name for a device, whatever its ending.

    What is written to ``aux.nii.gz`` there goes nowhere, or waits for ever.
    """
    return _DEVICE.fullmatch(name) is not None


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
