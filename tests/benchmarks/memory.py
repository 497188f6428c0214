"""The most memory that this process has held."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Bytes held now."""
    return int(psutil.Process().memory_info().rss)


class Peak:
    """The most bytes held while watched; set when the watch ends."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched_peak() -> Iterator[Peak]:
    """Find the peak inside the block.

    Linux keeps it itself and forgets it on request; elsewhere it is sampled.
    """
    peak = Peak()
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        with _sampled(peak):
            yield peak
        return
    yield peak
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            peak.bytes = int(line.split()[1]) * 1024


@contextmanager
def _sampled(peak: Peak) -> Iterator[None]:
    over = threading.Event()

    def sample() -> None:
        while not over.is_set():
            peak.bytes = max(peak.bytes, resident())
            time.sleep(0.002)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
