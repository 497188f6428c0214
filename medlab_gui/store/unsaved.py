"""Strokes that are in a journal and in no revision: what a crash left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import MedlabError
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_history import edits_apart, slices_apart
from medlab_gui.store.journal_lock import is_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.core.records import Series
    from medlab_gui.store.project import ProjectStore

__all__ = ["Unsaved", "unsaved_series"]


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What no revision of a series holds.

    Parameters
    ----------
    series : Series
        Which.
    n_edits : int
        Edits and confirmations.
    slices : tuple of int
        Slices that they are on, from 0, in order.
    since : str or None
        ISO time of the latest revision; None where there is none.
    """

    series: Series
    n_edits: int
    slices: tuple[int, ...]
    since: str | None


def unsaved_series(
    store: ProjectStore, check: Callable[[], object] = lambda: None
) -> Iterator[Unsaved]:
    """Give the series with strokes that no revision holds, one after the other.

    A series that a window has open is left out: there nothing was lost.

    Parameters
    ----------
    store : ProjectStore
        The project.
    check : callable, optional
        Called before each journal that is read; what it raises ends the search.
    """
    for series in store.series_list():
        path = store.journal_path(series.uid)
        if not path.exists() or is_written(path):
            continue
        check()
        try:
            found = _unsaved(store, series)
        except MedlabError:  # said when the series is opened
            continue
        if found.n_edits:
            yield found


def _unsaved(store: ProjectStore, series: Series) -> Unsaved:
    latest = store.latest_annotation(series.uid)
    seq = store.journal_seq(latest) if latest else 0
    saved = np.zeros(series.n_slices, np.bool_)
    if latest is not None:
        saved[list(latest.confirmed)] = True
    now = saved.copy()
    with Journal.open(
        store.journal_path(series.uid), series.grid.shape, writable=False, base_seq=seq
    ) as journal:
        journal.replay_confirmed(now, seq)
        edits = edits_apart(journal.done_at(seq), journal.done)
        slices = slices_apart(journal, edits, now != saved)
    n = len(edits) + int(np.count_nonzero(now != saved))
    return Unsaved(series, n, slices, latest.created if latest else None)
