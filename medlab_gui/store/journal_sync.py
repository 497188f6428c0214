"""Flushing a journal to the disk without making the hand that draws wait."""

from __future__ import annotations

import threading
import time

from medlab_gui.core.whole_files import flush_to_disk

__all__ = ["Syncer"]


class Syncer:
    """A thread that makes a file durable after each writing.

    ``kill -9`` loses nothing that was written; only the machine's own failure can, and
    that only until the flush has come back. The next writer waits for it (`wait`).

    Parameters
    ----------
    fd : int
        Descriptor of the file; it stays the caller's.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._changed = threading.Condition()
        self._wanted = 0
        self._done = 0
        self._error: OSError | None = None
        self._closing = False
        self._thread: threading.Thread | None = None
        self.durable_at: float | None = None

    def request(self) -> None:
        """Ask for a flush of what has been written so far, and return at once."""
        with self._changed:
            self._wanted += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="medlab-journal", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all is flushed.

        Raises
        ------
        OSError
            What the flush raised. It is tried again, and the next call says whether
            that went better.
        """
        with self._changed:
            while self._done < self._wanted and self._error is None:
                self._changed.wait()
            if self._error is not None:
                error, self._error = self._error, None
                self._changed.notify_all()
                raise error

    @property
    def is_done(self) -> bool:
        """Whether all that was asked for is flushed."""
        return self._done == self._wanted

    @property
    def was_refused(self) -> bool:
        """Whether the last flush failed, and nobody has been told by `wait` yet."""
        return self._error is not None

    def close(self) -> None:
        """End the thread after the flush that it is in."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closing and (
                    self._done == self._wanted or self._error is not None
                ):
                    self._changed.wait()
                if self._closing:
                    return
                wanted = self._wanted
            error = None
            try:
                flush_to_disk(self._fd)
            except OSError as refusal:
                error = refusal
            with self._changed:
                self._error = error
                if error is None:
                    self._done = wanted
                    self.durable_at = time.time()
                self._changed.notify_all()
