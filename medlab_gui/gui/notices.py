"""What the program has to say to the person, as data (no widget)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Level", "Notice", "NoticeAction"]


class Level(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    REPORT = "report"


@dataclass(frozen=True)
class NoticeAction:
    """A button under a notice.

    Parameters
    ----------
    text : str
        On the button.
    run : callable
        Called without arguments when it is pressed.
    """

    text: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Notice:
    """A sentence for the person.

    Parameters
    ----------
    text : str
        What happened and what to do, shown as it is.
    level : Level
        Errors and reports open a dialog; the rest is a bar that goes by itself.
    title : str
        What was being done, e.g. ``"Predict masks"``.
    actions : tuple of NoticeAction
        What can be done about it.
    details : str
        For a bug: the traceback, without patient data.
    about : str
        UID of the series that it is about: over another one it would mislead.
    """

    text: str
    level: Level = Level.INFO
    title: str = ""
    actions: tuple[NoticeAction, ...] = field(default=())
    details: str = ""
    about: str = ""
