"""What was found in the journal when a series was opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Recovery"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Work that was done after the last save and is there again.

    Parameters
    ----------
    n_edits : int
        Edits and confirmations that no revision holds.
    since : str or None
        ISO time of the last save; None where nothing was ever saved.
    torn_bytes : int
        Length of a last edit whose writing was cut off; it is not there.
    damaged_copy : str
        Copy of a journal that was damaged in the middle; later edits are only there.
    """

    n_edits: int
    since: str | None
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
                f"{what} made after the last save at {_clock(self.since)} {were} "
                "recovered."
                if self.since
                else f"{what} that {were} never saved {were} recovered."
            )
        if self.damaged_copy:
            sentences.append(
                "The journal was damaged in the middle; what came after that is only "
                f"in the copy {self.damaged_copy}."
            )
        elif self.torn_bytes:
            sentences.append(
                "The last stroke was cut off while it was written and is not there."
            )
        return " ".join(sentences)


def _clock(iso: str) -> str:
    """Return the local time of day, with the date where it is another day's."""
    then = datetime.fromisoformat(iso).astimezone()
    today = datetime.now(then.tzinfo).date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")
