"""Do something long on the Qt thread in steps, and let the window answer between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_steps"]

BREATH_MS = 8
"""Long enough for what waits (mouse, keys, drawing) to come in between: Qt handles
all timers that are due in one turn, so one of 0 ms would follow at once."""


def in_steps(steps: Iterator[object]) -> None:
    """Go through an iterator on the Qt thread, one step now and then.

    Parameters
    ----------
    steps : iterator
        What it does between two ``yield`` goes on in one piece; the first piece
        begins soon after this call, not within it.
    """

    def step() -> None:
        for _step in steps:
            QTimer.singleShot(BREATH_MS, step)
            return

    QTimer.singleShot(BREATH_MS, step)
