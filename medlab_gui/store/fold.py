"""From strokes to revisions: the mask of a series as it is now, and saving it.

Nothing here takes the journal's lock: a journal only grows, so what is whole in it can
be read while another window adds to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import BusyError, ConflictError, InputError
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_format import Op

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Annotation
    from medlab_gui.store.journal_history import History
    from medlab_gui.store.project import ProjectStore

__all__ = ["base_mask", "current_mask", "fold_journal", "scheme_of", "touched_slices"]

_TRIES = 5


def current_mask(
    store: ProjectStore, series_uid: str
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int]:
    """Return the mask of a series with every finished stroke, saved or not.

    Parameters
    ----------
    store : ProjectStore
        The project.
    series_uid : str
        The series.

    Returns
    -------
    mask : ndarray of uint8, shape (Z, Y, X)
        On the working grid; the caller's to change.
    confirmed : ndarray of bool, shape (Z,)
        Slices that a person vouches for.
    journal_seq : int
        Number of the last journal record in it.
    """
    latest = store.latest_annotation(series_uid)
    mask, confirmed, history, _ = _replayed(store, series_uid, latest)
    return mask, confirmed, history.last_seq


def touched_slices(store: ProjectStore, series_uid: str) -> set[int]:
    """Return the slices on which somebody decided something.

    That is: the mask has a voxel there, a person vouches for them (with an empty mask
    too), or an edit that stands was made there, be it an erasure.
    """
    latest = store.latest_annotation(series_uid)
    mask, confirmed, history, _ = _replayed(store, series_uid, latest)
    filled = np.flatnonzero(mask.any(axis=(1, 2)) | confirmed)
    return {*filled.tolist(), *history.touched}


def base_mask(
    store: ProjectStore, series_uid: str, latest: Annotation | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int]:
    """Return mask, confirmed slices and journal number of a revision (or of none)."""
    shape = store.series(series_uid).grid.shape
    confirmed = np.zeros(shape[0], np.bool_)
    if latest is None:
        return np.zeros(shape, np.uint8), confirmed, 0
    confirmed[list(latest.confirmed)] = True
    return store.annotation_mask(latest), confirmed, store.journal_seq(latest)


def scheme_of(store: ProjectStore, latest: Annotation | None) -> LabelScheme:
    """Return what the values of a series' mask mean.

    The classes of the project, unless the latest revision was made with others: then
    those of the revision, so that no value changes its meaning.
    """
    chosen = store.scheme()
    if latest is None:
        return chosen
    old = [c.name for c in latest.scheme.classes]
    new = [c.name for c in chosen.classes]
    return chosen if new[: len(old)] == old else latest.scheme


def fold_journal(
    store: ProjectStore,
    series_uid: str,
    author: str,
    *,
    confirm: Iterable[int] = (),
    parent_prediction: str | None = None,
) -> Annotation | None:
    """Save: make a revision of the latest one and every stroke since.

    Parameters
    ----------
    store : ProjectStore
        The project.
    series_uid : str
        The series.
    author : str
        Who saves.
    confirm : iterable of int
        Slices that the author vouches for from now on.
    parent_prediction : str or None
        Prediction that was accepted; None takes the last one that the strokes name.

    Returns
    -------
    Annotation or None
        The new revision; None where it would be the same as the latest.

    Raises
    ------
    InputError
        If the series is unknown or has no such slice.
    ConflictError
        If others kept saving it at the same time.
    StorageFullError
        If there is no room or no permission; the strokes stay in the journal.
    """
    confirm = [int(k) for k in confirm]
    n_slices = store.series(series_uid).n_slices
    wrong = [k for k in confirm if not 0 <= k < n_slices]
    if wrong:
        msg = f"The series has the slices 1 to {n_slices}; found {wrong[0] + 1}."
        raise InputError(msg)
    for left in reversed(range(_TRIES)):
        try:
            return _fold(store, series_uid, author, confirm, parent_prediction)
        except BusyError:  # that was waited for
            raise
        except ConflictError:
            # Somebody saved between reading and writing: fold onto theirs.
            if not left:
                raise
    return None


def _fold(
    store: ProjectStore,
    series_uid: str,
    author: str,
    confirm: list[int],
    parent_prediction: str | None,
) -> Annotation | None:
    latest = store.latest_annotation(series_uid)
    mask, confirmed, history, seq = _replayed(store, series_uid, latest)
    confirmed[confirm] = True
    if latest is None:
        changed = bool(mask.any() or confirmed.any())
    else:
        known = set(latest.confirmed) == set(np.flatnonzero(confirmed).tolist())
        strokes = history.last_seq > seq
        changed = not known or (
            strokes and not np.array_equal(mask, store.annotation_mask(latest))
        )
    if not changed:
        return None
    return store.add_annotation(
        series_uid,
        mask,
        scheme_of(store, latest),
        confirmed=np.flatnonzero(confirmed).tolist(),
        author=author,
        journal_seq=history.last_seq,
        parent=latest.id if latest else None,
        parent_prediction=parent_prediction or _origin(store, history, seq),
        from_journal=True,
    )


def _replayed(
    store: ProjectStore, series_uid: str, latest: Annotation | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], History, int]:
    mask, confirmed, seq = base_mask(store, series_uid, latest)
    with Journal.open(
        store.journal_path(series_uid), mask.shape, writable=False, base_seq=seq
    ) as journal:
        journal.replay(mask, confirmed, seq)
    return mask, confirmed, journal, seq


def _origin(store: ProjectStore, history: History, seq: int) -> str | None:
    """Return the last prediction accepted since a record, if it is in the project."""
    standing = set(history.done)
    names = [
        r.origin
        for r in history.records
        if r.op is Op.EDIT and r.seq > seq and r.seq in standing and r.origin
    ]
    if not names:
        return None
    try:
        return store.prediction(names[-1]).id
    except InputError:
        return None
