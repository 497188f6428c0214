"""Who may write into a series' journal: one window or process at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from medlab_gui.core.errors import ConflictError, storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

__all__ = ["is_written", "let_go", "take", "undisturbed"]

_LOOKED_AT_SECONDS = 0.3
"""How long somebody may hold a lock only to see whether it is held (`is_written`)."""

_ours: set[str] = set()
"""Lock files that this process holds."""


def take(path: Path) -> BaseFileLock:
    """Take the right to write into a journal, for `let_go`.

    Raises
    ------
    ConflictError
        If somebody else has it, in this process or another one.
    StorageFullError
        If it cannot be noted on the disk.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(_lock_path(path), thread_local=False)
    try:
        # Not its parents: a project that vanished must not come back as an empty one.
        path.parent.mkdir(exist_ok=True)
        lock.acquire(timeout=_LOOKED_AT_SECONDS, poll_interval=0.02)
    except Timeout as error:
        msg = (
            "This series is being edited in another window of MedLab. Close it "
            "there to edit it here."
        )
        raise ConflictError(msg, path=path) from error
    except OSError as error:
        raise storage_error(error, path) from error
    _ours.add(lock.lock_file)
    return lock


def let_go(lock: BaseFileLock) -> None:
    """Give the right back."""
    _ours.discard(lock.lock_file)
    lock.release()


@contextmanager
def undisturbed(path: Path) -> Iterator[None]:
    """Keep other processes from editing a series for a while.

    What a window asks for itself while it has the series open goes on.

    Raises
    ------
    ConflictError
        If another window or process is editing it.
    StorageFullError
        If this cannot be noted on the disk.
    """
    if str(_lock_path(path)) in _ours:
        yield
        return
    lock = take(path)
    try:
        yield
    finally:
        let_go(lock)


def is_written(path: Path) -> bool:
    """Tell whether a window or process has a journal open for writing."""
    from filelock import FileLock, Timeout

    try:
        # There is no way to ask for a lock but to take it for a moment.
        with FileLock(_lock_path(path), timeout=0, thread_local=False):
            return False
    except (Timeout, OSError):
        return True


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")
