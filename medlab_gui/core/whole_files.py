"""Files that are there whole or not at all, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import secrets
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from medlab_gui.core.errors import storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["flush_to_disk", "patiently", "whole_file", "write_whole"]

_MARK = ".medlab-part-"
_PATIENCE_S = 2.0
_T = TypeVar("_T")
_looked_through: set[Path] = set()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises
    ------
    StorageFullError
        If there is no room or no right to write there.
    """
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, ending: str = "") -> Iterator[BinaryIO]:
    """Give a file to write into that takes its place when the block has ended.

    Where the block fails nothing stays of it. What a killed process left in the folder
    goes when the next one writes there; nothing that is being written does.

    Parameters
    ----------
    path : Path
        Its place. What was there stays until the new file is on the disk.
    ending : str
        Ending of its name meanwhile, for readers that go by it.

    Yields
    ------
    binary file
        Open for writing; its ``name`` is where it lies meanwhile.

    Raises
    ------
    StorageFullError
        If there is no room or no right to write there.
    """
    part: Path | None = None
    try:
        _sweep(path.parent)
        part, file = _begin(path.parent, ending)
        with file:
            yield file
            file.flush()
            flush_to_disk(file.fileno())
            if os.name != "nt":  # while it is held: nobody takes it for left behind
                part.replace(path)
        if os.name == "nt":  # where an open file cannot be renamed
            patiently(lambda: part.replace(path))
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def patiently(act: Callable[[], _T]) -> _T:
    """Do something to a file that others may be reading or replacing right now.

    Windows refuses what two programs do to one file at the same instant (and what is
    done while a scanner for viruses looks at it): it is tried again for a while.

    Raises
    ------
    OSError
        If the system goes on refusing it, or refuses it for another reason.
    """
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return act()
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.01)


def flush_to_disk(fd: int) -> None:
    """Wait until what was written to an open file would survive a loss of power.

    Raises
    ------
    OSError
        If the disk refused.
    """
    if sys.platform == "darwin":
        import fcntl

        # There fsync leaves it in the drive's own memory.
        with suppress(OSError):  # not every file system knows it
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    os.fsync(fd)


def _begin(folder: Path, ending: str) -> tuple[Path, BinaryIO]:
    """Make a file that shows to others that somebody is writing it."""
    while True:
        part = folder / f"{_MARK}{secrets.token_hex(8)}{ending}"
        file = part.open("xb")
        try:
            _hold(file)
            is_ours = part.exists()  # else it was swept before it was held
        except BlockingIOError:  # whoever holds it is about to sweep it
            is_ours = False
        except OSError:  # not every file system has locks
            is_ours = True
        if is_ours:
            return part, file
        file.close()


def _hold(file: BinaryIO) -> None:
    """Lock an open file; raise OSError where somebody has it.

    On Windows a file that is open cannot be removed anyway.
    """
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder; once, since it may be large."""
    if folder in _looked_through:
        return
    _looked_through.add(folder)
    with suppress(OSError):
        for left in folder.glob(f"{_MARK}*"):
            with suppress(OSError), left.open("r+b") as file:
                _hold(file)
                if sys.platform != "win32":
                    left.unlink()
            if sys.platform == "win32":
                with suppress(OSError):
                    left.unlink()
