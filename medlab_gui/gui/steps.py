"""Do something long on the Qt thread in steps, and let the window answer between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["in_own_turn", "in_steps", "in_turns"]

BREATH_MS = 8
"""Long enough for what waits (mouse, keys, drawing) to come in between: Qt handles
all timers that are due in one turn, so one of 0 ms would follow at once."""

_LATE_S = 0.008
"""A timer that comes so much later than asked comes right after something long."""
_TURN_S = 0.03
_LONGEST_S = 0.06
"""Nothing is put off a second time after so long, however busy the machine is."""


def in_own_turn(owner: QObject, ms: int, do: Callable[[], object]) -> None:
    """Do something on the Qt thread soon, but not right after something long.

    Qt handles all timers that are due in one turn, and hears the mouse and the keys
    only after the last: what would follow at once waits for the next turn.

    Parameters
    ----------
    owner : QObject
        Nothing is done once it is gone.
    ms : int
        How soon, in milliseconds; more than 0.
    do : callable
        Called without arguments.
    """
    latest = time.monotonic() + _LONGEST_S

    def ask(*, again: bool) -> None:
        late = time.monotonic() + ms / 1000 + _LATE_S

        def due() -> None:
            now = time.monotonic()
            if now > late and (not again or now < latest):
                ask(again=True)
            else:
                do()

        QTimer.singleShot(ms, owner, due)

    ask(again=False)


def in_steps(steps: Iterator[object]) -> None:
    """Go through an iterator on the Qt thread, one step now and then.

    Parameters
    ----------
    steps : iterator
        What it does between two ``yield`` goes on in one piece; the first piece
        begins soon after this call, not within it.
    """
    application = QCoreApplication.instance()
    assert application is not None

    def step() -> None:
        for _step in steps:
            in_own_turn(application, BREATH_MS, step)
            return

    in_own_turn(application, BREATH_MS, step)


def in_turns(steps: Iterator[object]) -> Iterator[None]:
    """Go through many small steps, and yield where they have filled a turn.

    Parameters
    ----------
    steps : iterator
        Of which each takes no long time.
    """
    began = time.monotonic()
    for _step in steps:
        if time.monotonic() - began > _TURN_S:
            yield
            began = time.monotonic()
