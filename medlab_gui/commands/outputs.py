"""Where commands put their files: refused at once, not after minutes of computing."""

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError, storage_error
from medlab_gui.core.places import WINDOWS, as_path, is_device

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "file_names",
    "image_target",
    "keep_inputs",
    "make_folder",
    "names_folder",
    "target",
]

_LONGEST_NAME = 80


def target(text: str, endings: Iterable[str]) -> Path:
    """Return the path of a file that can be written.

    Parameters
    ----------
    text : str
        What the user wrote.
    endings : iterable of str
        Those that the file may have, such as ``".nii.gz"``.

    Raises
    ------
    InputError
        If the ending is another, the folder is not there, or it is a folder itself.
    StorageFullError
        If nothing can be written in the folder.
    """
    path = as_path(text)
    endings = tuple(endings)
    if not path.name.lower().endswith(endings):
        known = ", ".join(endings[:-1])
        known = f"{known} or {endings[-1]}" if known else endings[-1]
        msg = (
            f"{path} cannot be written: its name must end in {known}, which tells "
            "the format."
        )
        raise InputError(msg, path=path)
    if WINDOWS and is_device(path.name):
        msg = f"Windows keeps the name {path.name} for a device; choose another."
        raise InputError(msg, path=path)
    try:
        if path.is_dir():
            msg = f"{path} is a folder; name a file."
            raise InputError(msg, path=path)
        if not path.parent.is_dir():
            msg = (
                f"The folder {path.parent} does not exist, so {path.name} cannot be "
                "written there. Make the folder first or name another."
            )
            raise InputError(msg, path=path)
        # The only way to know that covers read-only disks, rights and quotas.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise storage_error(error, path) from error
    return path


def image_target(text: str) -> Path:
    """Return the path of a scan or mask that can be written (see `target`)."""
    from medlab_gui.io import FORMATS

    return target(text, FORMATS)


def keep_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse to write over what is read, or two results into one file.

    Raises
    ------
    InputError
        If an output is one of the inputs, or two outputs are the same file.
    """
    outputs = list(outputs)
    inputs = list(inputs)
    for n, output in enumerate(outputs):
        if output.absolute() in [other.absolute() for other in outputs[:n]]:
            msg = f"{output} is named for two results; name two different files."
            raise InputError(msg, path=output)
        try:
            same = output.exists() and any(
                output.samefile(file) for file in inputs if file.exists()
            )
        except OSError as error:
            raise storage_error(error, output) from error
        if same:
            msg = f"{output} is the file that is read; name another for the result."
            raise InputError(msg, path=output)


def names_folder(text: str) -> bool:
    """Tell whether an output is a folder: one that is there, or without an ending."""
    if text.endswith(("/", os.sep)):
        return True
    path = as_path(text)
    try:
        return path.is_dir() or (not path.suffix and not path.exists())
    except OSError:
        return False


def make_folder(folder: Path) -> bool:
    """Make a folder where it is not there; return whether it was made.

    Raises
    ------
    InputError
        If a file is there, or the folder that it is to lie in is not.
    StorageFullError
        If it may not be made.
    """
    try:
        if folder.is_dir():
            return False
        if folder.exists():
            msg = f"{folder} is a file; name a folder for the results."
            raise InputError(msg, path=folder)
        if not folder.parent.is_dir():
            msg = (
                f"The folder {folder.parent} does not exist, so {folder.name} cannot "
                "be made there. Make the folder first or name another."
            )
            raise InputError(msg, path=folder)
        folder.mkdir()
    except OSError as error:
        raise storage_error(error, folder) from error
    return True


def file_names(names: Iterable[str], ending: str) -> list[str]:
    """Return a name of a file for each name of a series, none twice.

    Parameters
    ----------
    names : iterable of str
        What people call them.
    ending : str
        With its dot.
    """
    result: list[str] = []
    taken: set[str] = set()
    for name in names:
        # What no system forbids: Windows is the strictest.
        plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name)[:_LONGEST_NAME].strip(" .")
        plain = plain or "series"
        n, unlike = 1, plain
        while unlike.casefold() in taken or is_device(unlike):
            n += 1
            unlike = f"{plain} ({n})"
        taken.add(unlike.casefold())
        result.append(unlike + ending)
    return result
