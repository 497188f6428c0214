"""Journals in which somebody vouches for slices, as the window wrote them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.store.journal_format import Op, Record
from medlab_gui.store.stamps import utc_now

if TYPE_CHECKING:
    from medlab_gui.review.session import ReviewSession
    from medlab_gui.store.journal import Journal

__all__ = ["append_confirm", "confirm"]


def append_confirm(
    journal: Journal, k: int, confirmed: bool = True, *, author: str = ""
) -> None:
    """Write down that a person vouches for a slice (any more) or not."""
    seq = journal.last_seq + 1
    journal._append(
        Record(seq, Op.CONFIRM, utc_now(), author, k=k, confirmed=confirmed)
    )


def confirm(session: ReviewSession, k: int, confirmed: bool = True) -> None:
    """Do so in a series that is open."""
    append_confirm(session._journal, k, confirmed)
    session.confirmed[k] = confirmed
    session.state_changed.emit()
