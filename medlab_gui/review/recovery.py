"""What was found in the journal when a series was opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from medlab_gui.commands.values import slice_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.store.project import ProjectStore

__all__ = ["Recovery", "recoveries"]

_MOST_PARTS = 8
"""Numbers and ranges of slices in a sentence; with more nobody would read it."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Work that was done after the last save and is there again.

    Parameters
    ----------
    n_edits : int
        Edits and confirmations that no revision holds.
    since : str or None
        ISO time of the last save; None where nothing was ever saved.
    slices : tuple of int
        Slices that they are on, from 0.
    series : str
        What the series is called.
    torn_bytes : int
        Length of a last edit whose writing was cut off; it is not there.
    damaged_copy : str
        Copy of a journal that was damaged in the middle; later edits are only there.
    """

    n_edits: int
    since: str | None
    slices: tuple[int, ...] = ()
    series: str = ""
    torn_bytes: int = 0
    damaged_copy: str = ""

    @property
    def message(self) -> str:
        """What a person reads."""
        sentences = []
        if self.n_edits:
            what = "1 stroke" if self.n_edits == 1 else f"{self.n_edits} strokes"
            were = "was" if self.n_edits == 1 else "were"
            sentences.append(
                f"{what}{self._where} made after the last save at "
                f"{_clock(self.since)} {were} recovered."
                if self.since
                else f"{what}{self._where} that {were} never saved {were} recovered."
            )
        if self.damaged_copy:
            sentences.append(
                "The record of strokes was damaged in the middle; what came after "
                f"that is only in the copy {self.damaged_copy}."
            )
        elif self.torn_bytes:
            sentences.append(
                "The last stroke was cut off while it was written and is not there."
            )
        return " ".join(sentences)

    @property
    def _where(self) -> str:
        """On which slices, by the numbers that the window shows, of which series."""
        if not self.slices:
            return ""
        parts = slice_text(self.slices).split(", ")
        slices = ", ".join(parts[:_MOST_PARTS])
        if len(parts) > _MOST_PARTS:
            slices += f" and others ({len(self.slices)} slices in all)"
        noun = "slice" if len(self.slices) == 1 else "slices"
        return f" on {noun} {slices}" + (f" of “{self.series}”" if self.series else "")


def _clock(iso: str) -> str:
    """Return the local time of day, with the date where it is another day's."""
    then = datetime.fromisoformat(iso).astimezone()
    today = datetime.now(then.tzinfo).date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


def recoveries(
    store: ProjectStore, check: Callable[[], object] = lambda: None
) -> dict[str, Recovery]:
    """Return what was recovered in all series of a project that no window has open.

    Parameters
    ----------
    store : ProjectStore
        The project.
    check : callable, optional
        Called before each journal that is read; what it raises ends the search.

    Returns
    -------
    dict of str to Recovery
        By the UID of the series.
    """
    from medlab_gui.store.unsaved import unsaved_series

    return {
        u.series.uid: Recovery(
            u.n_edits, u.since, u.slices, u.series.description or u.series.modality
        )
        for u in unsaved_series(store, check)
    }
