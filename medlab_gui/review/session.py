"""One series under review: its voxels, its mask, and every edit on it.

The session owns the mask that the window shows. An edit is in the journal on the disk
before the next one can start; where it cannot be written, it is taken back.

No database connection is kept: a session may be opened on one thread and used on
another, but only on one at a time.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from psygnal import Signal

from medlab_gui.core.errors import ConflictError, InputError
from medlab_gui.core.volume import Volume
from medlab_gui.review.change import Change, Saved
from medlab_gui.review.classified import Classified, latest_classified
from medlab_gui.review.mask_editor import MaskEditor
from medlab_gui.review.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from medlab_gui.core.records import Annotation, Series

__all__ = ["Recovery", "ReviewSession"]


class ReviewSession(MaskEditor):
    """An open series; make it with `open`.

    Arrays are on the series' working grid: axes ``(k, j, i)``, slices axial from the
    feet to the head.

    Attributes
    ----------
    series_uid : str
        Which series it is.
    author : str
        Who reviews.
    series : Series
        What the project knows about it.
    volume : Volume
        The scan, mapped from the disk; read-only.
    mask : ndarray of uint8, shape (Z, Y, X)
        Values of ``scheme``, 0 and 255 (ignore). Edited in place: an edit made from
        outside must be told by `record`.
    scheme : LabelScheme
        What the values mean.
    confirmed : ndarray of bool, shape (Z,)
        Slices that a person vouches for.
    locked : frozenset of int
        Slices of the locked validation set; they refuse edits.
    recovered : Recovery or None
        What was found in the journal that no revision holds.
    read_only : bool
        Whether edits are refused, since another window has the series.
    read_only_reason : str
        Why.

    Signals
    -------
    edited(tuple of slice)
        The mask changed by other means than `record`.
    state_changed()
        What can be undone, what is saved or what is confirmed changed.
    prediction_changed()
        There is another prediction, or another word of a classifier (``classified``).
    slice_changed(int)
        Another slice is shown.
    arrived()
        Slices that were still being read can be shown (`ProvisionalSession`).
    """

    is_provisional = False
    """Whether the voxels are still being read and the project does not know it yet."""

    arrived = Signal()
    prediction_changed = Signal()
    slice_changed = Signal(int)

    def __init__(self, place: str | Path, series_uid: str, author: str) -> None:
        super().__init__(author)
        self.series_uid = series_uid
        self.series: Series
        self.volume: Volume
        self.recovered: Recovery | None = None
        self.prediction: NDArray[np.uint8] | None = None
        self.entropy: NDArray[np.float16] | None = None
        self.prediction_id: str | None = None
        self.classified: Classified | None = None
        self._place = place
        self._k = 0
        self._opened_saved_at: float | None = None
        self._floor = 0

    # ---- opening and closing ------------------------------------------------

    @classmethod
    def open(cls, store_place: str | Path, series_uid: str, *, author: str) -> Self:
        """Open a series of a project, with every stroke ever finished on it.

        Parameters
        ----------
        store_place : str or Path
            The project.
        series_uid : str
            The series.
        author : str
            Who reviews; written into every edit.

        Raises
        ------
        InputError
            If the project has no such series.
        StoreError
            If the project or the journal cannot be read.
        """
        session = cls(store_place, series_uid, author)
        try:
            session._load()
        except BaseException:
            session._let_go()
            raise
        return session

    def _load(self) -> None:
        from medlab_gui.store.fold import base_mask, scheme_of
        from medlab_gui.store.project import ProjectStore

        uid = self.series_uid
        with ProjectStore.open(self._place) as store:
            series = self.series = store.series(uid)
            self.volume = Volume(
                store.array(series.blob),
                series.grid,
                series.modality,
                series.units,
                uid,
            )
            self.locked = frozenset(
                s.slice_index for s in store.locked() if s.series_uid == uid
            )
            try:
                self._journal = store.open_journal(uid)
            except ConflictError as error:
                self.read_only = True
                self.read_only_reason = (
                    f"{error.message} What is done there since this was opened is not "
                    "shown here."
                )
                self._journal = store.open_journal(uid, writable=False)
            latest = store.latest_annotation(uid)
            self.scheme = scheme_of(store, latest)
            self.mask, self.confirmed, seq = base_mask(store, uid, latest)
            self._note_base(seq, self.confirmed.copy(), latest)
            self._journal.replay(self.mask, self.confirmed, seq)
            stored = store.latest_prediction(uid)
            if stored is not None:
                self.prediction = store.array(stored.labels_blob)
                self.entropy = store.array(stored.entropy_blob)
                self.prediction_id = stored.id
            self.classified = latest_classified(store, uid)
        self._note_recovery(latest)

    def _note_base(
        self, seq: int, confirmed: NDArray[np.bool_], latest: Annotation | None
    ) -> None:
        """Remember what the latest revision holds."""
        self._saved_done = self._journal.done_at(seq)
        self._saved_confirmed = confirmed
        self._floor = self._journal.floor
        times = [latest.created] if latest else []
        times += [self._journal.records[-1].time] if self._journal.records else []
        self._opened_saved_at = max(map(_seconds, times), default=None)

    def _note_recovery(self, latest: Annotation | None) -> None:
        journal, torn = self._journal, self._journal.recovered_tail
        # Where another window is at work, nothing was lost and nothing recovered.
        if not self.read_only and (self.n_unsaved or torn):
            self.recovered = Recovery(
                self.n_unsaved,
                latest.created if latest else None,
                self.unsaved_slices,
                self.series.description or self.series.modality,
                torn,
                str(journal.damaged_copy or ""),
            )

    def close(self) -> None:
        """Make every edit durable and let others edit the series.

        Raises
        ------
        StorageFullError
            If the last edit could not be made durable.
        """
        self._let_go()

    def _let_go(self) -> None:
        journal = getattr(self, "_journal", None)
        if journal is not None:
            journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- where the reviewer is ----------------------------------------------

    @property
    def k(self) -> int:
        """The slice that is shown; setting one that is not there raises InputError."""
        return self._k

    @k.setter
    def k(self, k: int) -> None:
        k = int(k)
        if not 0 <= k < self.mask.shape[0]:
            msg = f"The series has the slices 1 to {self.mask.shape[0]}, not {k + 1}."
            raise InputError(msg)
        if k != self._k:
            self.settling.emit()
            self._k = k
            self.slice_changed.emit(k)

    def is_filled(self, k: int) -> bool:
        """Tell whether a slice can be shown."""
        return True

    def sample(self) -> NDArray[Any]:
        """Return the middle slice, shape (Y, X), from which a window is chosen."""
        # A whole volume would take long, and the middle tells enough.
        return np.asarray(self.volume.data[self.volume.data.shape[0] // 2])

    # ---- predictions --------------------------------------------------------

    def accept_prediction(self, slices: Iterable[int] | None = None) -> bool:
        """Make the prediction the mask, as one step that can be undone.

        Parameters
        ----------
        slices : iterable of int or None
            Which; None takes all that nobody vouches for yet and that are not locked.

        Returns
        -------
        bool
            Whether anything changed.

        Raises
        ------
        InputError
            If there is no prediction, or a slice is locked or not there.
        ConflictError, StorageFullError, ProjectMissingError
            As `record`; the mask is then as it was.
        """
        self.settling.emit()
        return self.make(self.prepare_prediction(slices))

    def prepare_prediction(
        self, slices: Iterable[int] | None = None
    ) -> Callable[[], Change | None]:
        """Return what works `accept_prediction` out, as `prepare` does, on any thread.

        It takes the prediction and the slices of now, whatever comes meanwhile.
        Raises InputError if there is no prediction, or a slice is not there.
        """
        if self.prediction is None:
            msg = "There is no prediction for this series yet. Predict first."
            raise InputError(msg)
        state, n = self.state, self.mask.shape[0]
        if slices is None:
            wanted = [
                k for k in range(n) if not self.confirmed[k] and k not in self.locked
            ]
        else:
            wanted = sorted({int(k) for k in slices})
        if not wanted:
            return lambda: None
        if not 0 <= wanted[0] <= wanted[-1] < n:
            msg = f"The series has the slices 1 to {n}; found {wanted[-1] + 1}."
            raise InputError(msg)
        labels, origin = self.prediction, self.prediction_id
        box = self._box((slice(wanted[0], wanted[-1] + 1), slice(None), slice(None)))

        def work_out() -> Change | None:
            after = self.mask[box].copy()
            for k in wanted:
                after[k - wanted[0]] = labels[k]
            kind = "accept-prediction"
            return self.prepare(
                kind, box, after, source="model", origin=origin, state=state
            )

        return work_out

    def accept_class(self, k: int) -> bool:
        """Give all voxels of a slice the class that a classifier says it shows.

        Returns
        -------
        bool
            Whether anything changed; one step that can be undone.

        Raises
        ------
        InputError
            If no classifier was asked, or the slice is locked.
        ConflictError, StorageFullError, ProjectMissingError
            As `record`; the mask is then as it was.
        """
        if self.classified is None:
            msg = "No classifier was asked about this series yet. Predict first."
            raise InputError(msg)
        box = self._box((slice(k, k + 1), slice(None), slice(None)))
        after = np.full_like(self.mask[box], self.classified.value(k))
        origin = self.classified.id
        return self.apply(
            "accept-prediction", box, after, source="model", origin=origin
        )

    def set_prediction(
        self,
        labels: NDArray[np.uint8],
        entropy: NDArray[np.float16],
        prediction_id: str,
    ) -> None:
        """Show another prediction.

        Parameters
        ----------
        labels : ndarray of uint8, shape (Z, Y, X)
            Most probable class.
        entropy : ndarray of float16, shape (Z, Y, X)
            0 (certain) to 1.
        prediction_id : str
            Its id in the project.
        """
        if labels.shape != self.mask.shape or entropy.shape != self.mask.shape:
            msg = (
                f"A prediction for this series must be {self.mask.shape}; found "
                f"{labels.shape} and {entropy.shape}."
            )
            raise InputError(msg)
        self.prediction = labels
        self.entropy = entropy
        self.prediction_id = prediction_id
        self.prediction_changed.emit()

    def set_classified(self, classified: Classified) -> None:
        """Show what a classifier says of the slices; masks are not concerned."""
        if len(classified.probs) != self.mask.shape[0]:
            n, found = self.mask.shape[0], len(classified.probs)
            has = "1 slice" if n == 1 else f"{n} slices"
            msg = f"This series has {has}; the classifier told the class of {found}."
            raise InputError(msg)
        self.classified = classified
        self.prediction_changed.emit()

    # ---- saving -------------------------------------------------------------

    @property
    def saved_at(self) -> float | None:
        """When an edit or a revision last became durable (``time.time``), or None.

        None as well where nobody can tell: the clock was set back since.
        """
        times = [t for t in (self._opened_saved_at, self._journal.durable_at) if t]
        return max((t for t in times if t <= time.time() + 1), default=None)

    @property
    def is_durable(self) -> bool:
        """Whether every edit would survive a loss of power."""
        return self._journal.is_durable

    @property
    def was_refused(self) -> bool:
        """Whether the disk refused to keep the last edit."""
        return self._journal.was_refused

    @property
    def seconds_since_save(self) -> float | None:
        """Seconds since `saved_at`, or None where nothing was ever saved."""
        saved = self.saved_at
        return None if saved is None else max(0.0, time.time() - saved)

    def note_saved(self, annotation: Annotation) -> None:
        """Take note of a new revision of this series.

        Where it holds a mask that came from elsewhere (a file), the session takes that
        mask over, with every later edit on it. Raises StoreError if the project cannot
        be read.
        """
        self.settling.emit()
        self.take_saved(self.read_saved(annotation))

    def read_saved(self, annotation: Annotation, *, is_other: bool = False) -> Saved:
        """Read what `take_saved` needs; on any thread, while nothing is edited.

        With ``is_other`` the mask is known to be from elsewhere: the numbers tell it
        only where something was edited before. Raises StoreError as `note_saved`.
        """
        from medlab_gui.store.fold import base_mask
        from medlab_gui.store.project import ProjectStore

        with ProjectStore.open(self._place) as store:
            seq, floor = store.journal_seq(annotation), store.undo_floor(annotation)
            confirmed = np.zeros(self.mask.shape[0], np.bool_)
            confirmed[list(annotation.confirmed)] = True
            mask: NDArray[np.uint8] | None = None
            if is_other or floor > self._floor:
                mask, _, _ = base_mask(store, self.series_uid, annotation)
                self._journal.replay(mask, confirmed.copy(), seq)
        return Saved(annotation, seq, floor, confirmed, mask)

    def take_saved(self, saved: Saved) -> None:
        """Take note of a new revision, as `note_saved`."""
        self._journal.floor = saved.floor
        self._note_base(saved.seq, saved.confirmed, saved.annotation)
        self.confirmed[:] = saved.confirmed
        self._journal.replay_confirmed(self.confirmed, saved.seq)
        if saved.mask is not None:
            # Not another array: the window shows this one.
            box = self._box((slice(None),) * 3)
            self._put(box, saved.mask)
            self.edited.emit(box)
        self.state_changed.emit()


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
