"""A mask that is edited: every edit in the journal first, undo of any depth."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from medlab_gui.core.errors import ConflictError, InputError, MedlabError
from medlab_gui.review.change import Change, refuse_other_values
from medlab_gui.store.edits import Edit, in_parts, pack, take_over, tighten
from medlab_gui.store.journal_history import edits_apart, slices_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.store.journal import Journal

__all__ = ["MaskEditor"]

Box = tuple[slice, slice, slice]


class MaskEditor:
    """The mask of a series and what a reviewer does to it.

    An edit is in the journal on the disk before the next one can start; where it
    cannot be written, the mask is as it was.

    Parameters
    ----------
    author : str
        Who reviews; written into every edit.

    Attributes
    ----------
    mask : ndarray of uint8, shape (Z, Y, X)
        Values of ``scheme``, 0 and 255 (ignore).
    scheme : LabelScheme
        What the values mean.
    confirmed : ndarray of bool, shape (Z,)
        Slices that a person vouches for.
    locked : frozenset of int
        Slices of the locked validation set; they refuse edits.
    read_only : bool
        Whether edits are refused, since another window has the series.
    read_only_reason : str
        Why.

    Signals
    -------
    settling()
        Something else is about to change, or to be decided from, what is drawn: who
        has painted voxels that are not written down yet does it now (`record`).
    held_changed()
        Edits are refused for the moment, or allowed again.
    """

    settling = Signal()
    edited = Signal(tuple)
    state_changed = Signal()
    held_changed = Signal()

    def __init__(self, author: str) -> None:
        self.author = author
        self.mask: NDArray[np.uint8]
        self.scheme: LabelScheme
        self.confirmed: NDArray[np.bool_]
        self.locked: frozenset[int] = frozenset()
        self.read_only = False
        self.read_only_reason = ""
        self._holds: list[str] = []
        self._n_changes = 0
        self._journal: Journal
        self._saved_done: tuple[int, ...] = ()
        self._saved_confirmed: NDArray[np.bool_]

    def record(
        self,
        kind: str,
        slices: tuple[slice, ...],
        before: NDArray[np.uint8],
        after: NDArray[np.uint8],
    ) -> bool:
        """Write down an edit that a person made in `mask` already.

        Parameters
        ----------
        kind : str
            ``"brush"``, ``"eraser"``, ``"fill"``, ``"polygon"``, ...
        slices : tuple of slice
            Where: ``(k, j, i)``.
        before, after : ndarray of uint8, shape of the box
            The voxels.

        Returns
        -------
        bool
            Whether anything changed.

        Raises
        ------
        InputError
            If the edit touches a locked slice or sets a value that is no class.
        ConflictError
            If the series is open for reading only.
        StorageFullError, ProjectMissingError
            If it could not be written. In each of these cases the edit was taken back
            in `mask`, and `edited` says so.
        """
        edit = tighten(self._box(slices), before, after)
        if edit is None:
            return False
        try:
            self._refuse_held()
            change = self._prepare(kind, edit, "person", None, self.state)
            self._may_write(change)
            change.write()
        except MedlabError:
            self._put(edit.box, edit.before)
            self.edited.emit(edit.box)
            raise
        self._n_changes += 1
        self.state_changed.emit()
        return True

    def apply(
        self,
        kind: str,
        slices: tuple[slice, ...],
        after: NDArray[np.uint8],
        *,
        source: str = "person",
        origin: str | None = None,
    ) -> bool:
        """Change the mask: first in the journal, then in `mask`.

        Parameters
        ----------
        kind : str
            What was done.
        slices : tuple of slice
            Where: ``(k, j, i)``.
        after : ndarray of uint8, shape of the box
            The new voxels.
        source : str
            Who set them: ``"person"`` or ``"model"``.
        origin : str or None
            The prediction that they come from.

        Returns
        -------
        bool
            Whether anything changed.

        Raises
        ------
        InputError, ConflictError, StorageFullError, ProjectMissingError
            As `record`; the mask is then as it was.
        """
        return self.make(
            partial(self.prepare, kind, slices, after, source=source, origin=origin)
        )

    # ---- changes, in parts of which the long ones need no Qt thread ---------------

    def make(self, prepare: Callable[[], Change | None]) -> bool:
        """Make what ``prepare`` works out; return whether anything changed.

        Raises
        ------
        InputError, ConflictError, StorageFullError, ProjectMissingError, StoreError
            As what it works out, and as `write`; the mask is then as it was.
        """
        self.settling.emit()
        self._refuse_held()
        change = prepare()
        if change is None:
            return False
        self.write(change)
        self.put(change)
        self.tell(change)
        return True

    def prepare(
        self,
        kind: str,
        slices: tuple[slice, ...],
        after: NDArray[np.uint8],
        *,
        source: str = "person",
        origin: str | None = None,
        state: object = None,
    ) -> Change | None:
        """Work out a change as `apply` makes it; only reads, on any thread.

        ``state`` is what `state` was before ``after`` was made from the mask.

        Returns
        -------
        Change or None
            None where nothing changes. Next are `write`, `put` and `tell`.

        Raises
        ------
        InputError
            If it sets a value that is no class.
        """
        state = self.state if state is None else state
        box = self._box(slices)
        edit = tighten(box, self.mask[box], after)
        if edit is None:
            return None
        return self._prepare(kind, edit, source, origin, state)

    def prepare_turn(self, *, back: bool) -> Change | None:
        """Work out an undo (``back``) or a redo, as `prepare`; may raise StoreError."""
        journal, state = self._journal, self.state
        target = journal.undo_target if back else journal.redo_target
        if target is None:
            return None
        record, before, after = journal.edit(target)
        assert record.box is not None
        now, then = (after, before) if back else (before, after)
        values = self.mask[record.box].copy()
        take_over(values, now, then)
        turn = journal.append_undo if back else journal.append_redo
        return Change(
            edit=Edit(record.box, now, then, record.slices),
            values=values,
            write=partial(turn, target, author=self.author),
            state=state,
        )

    def turned_size(self, *, back: bool) -> int:
        """Return how many voxels the box has that an undo or a redo changes."""
        target = self._journal.undo_target if back else self._journal.redo_target
        box = None if target is None else self._journal.record(target).box
        return 0 if box is None else math.prod(s.stop - s.start for s in box)

    @property
    def held(self) -> str:
        """Why nothing can be edited for the moment; else empty."""
        return self._holds[-1] if self._holds else ""

    def hold(self, why: str) -> None:
        """Refuse every edit with a sentence until `release`."""
        self.settling.emit()
        self._holds.append(why)
        self.held_changed.emit()

    def release(self, why: str) -> None:
        """End what `hold` began with the same sentence."""
        self._holds.remove(why)
        self.held_changed.emit()

    def overtake(self) -> None:
        """Refuse what was worked out until now: mask or locks changed elsewhere."""
        self._n_changes += 1

    def write(self, change: Change) -> None:
        """Put a change into the journal.

        Raises
        ------
        InputError
            If it touches a locked slice.
        ConflictError
            If the mask has changed since it was prepared, or may not be edited.
        StorageFullError, ProjectMissingError
            If it could not be written; the mask is then as it was.
        """
        self._may_write(change)
        if change.state != self.state:
            msg = "The mask has changed meanwhile. Do it again."
            raise ConflictError(msg)
        change.write()
        self._n_changes += 1

    def put(self, change: Change) -> None:
        """Put a change that is written down into `mask`; on any thread."""
        self._put(change.edit.box, change.values)

    def tell(self, change: Change) -> None:
        """Tell `edited` and `state_changed` of a change."""
        self.edited.emit(change.edit.box)
        self.state_changed.emit()

    @property
    def state(self) -> object:
        """Something that differs when the mask, or what is vouched for, has changed."""
        confirmed = self.confirmed.tobytes()  # those are left alone
        return self._journal.last_seq, self._n_changes, confirmed

    def label_whole(self, k: int, value: int) -> bool:
        """Give all voxels of a slice the class that a person says it shows.

        Parameters
        ----------
        k : int
            The slice.
        value : int
            Value of the class; 0 where the slice shows none.

        Returns
        -------
        bool
            Whether anything changed; one step that can be undone.

        Raises
        ------
        InputError
            If the slice is locked, or something is drawn on it.
        ConflictError, StorageFullError, ProjectMissingError
            As `record`; the mask is then as it was.
        """
        self.settling.emit()
        box = self._box((slice(k, k + 1), slice(None), slice(None)))
        present = np.unique(self.mask[box])
        if present.size > 1:
            msg = (
                f"Something is drawn on slice {k + 1}, which a class for the whole "
                "slice would cover. Accept what is drawn, or undo or erase it first."
            )
            raise InputError(msg)
        after = np.full_like(self.mask[box], value)
        return self.apply("whole-slice", box, after)

    def _box(self, slices: tuple[slice, ...]) -> Box:
        k, j, i = (
            slice(*s.indices(n)[:2])
            for s, n in zip(slices, self.mask.shape, strict=True)
        )
        return k, j, i

    def _prepare(
        self, kind: str, edit: Edit, source: str, origin: str | None, state: object
    ) -> Change:
        refuse_other_values(edit, self.scheme)
        write = partial(
            self._journal.append,
            kind,
            edit,
            author=self.author,
            source=source,
            origin=origin,
            packed=(pack(edit.before), pack(edit.after)),
        )
        return Change(edit, edit.after, write, state)

    def _may_write(self, change: Change) -> None:
        self._refuse_read_only()
        self._refuse_locked(change.edit.slices)

    def _refuse_held(self) -> None:
        if self.held:
            raise ConflictError(self.held)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise ConflictError(self.read_only_reason)

    def _refuse_locked(self, slices: Iterable[int]) -> None:
        locked = sorted(self.locked.intersection(slices))
        if locked:
            numbers = ", ".join(str(k + 1) for k in locked)
            msg = (
                f"Slice {numbers} belongs to the locked validation set and cannot be "
                "changed. Choose another slice."
            )
            raise InputError(msg)

    def _put(self, box: Box, values: NDArray[np.uint8]) -> None:
        mask = self.mask[box]
        for some in in_parts(values.shape):
            mask[some] = values[some]

    # ---- undo ---------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return not self.read_only and self._journal.undo_target is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to bring again."""
        return not self.read_only and self._journal.redo_target is not None

    def undo(self) -> bool:
        """Take back the last edit, of this or an earlier day.

        Returns
        -------
        bool
            False where there is none.

        Raises
        ------
        InputError
            If it is on a slice that has been locked since.
        ConflictError, StorageFullError, ProjectMissingError, StoreError
            If it could not be written or read; the mask is then as it was.
        """
        return self.make(partial(self.prepare_turn, back=True))

    def redo(self) -> bool:
        """Bring the edit again that was undone last; see `undo`."""
        return self.make(partial(self.prepare_turn, back=False))

    # ---- what was decided --------------------------------------------------

    def is_touched(self, k: int) -> bool:
        """Tell whether somebody decided something on a slice.

        That is: the mask has a voxel there, a person vouches for it, or an edit that
        stands was made there, be it an erasure.
        """
        return bool(
            self.confirmed[k] or self.mask[k].any() or k in self._journal.touched
        )

    @property
    def n_unsaved(self) -> int:
        """Edits and confirmations that the latest revision does not hold.

        They are in the journal all the same. An edit that was undone again does not
        count; an edit of the revision that was undone does.
        """
        edits = edits_apart(self._saved_done, self._journal.done)
        return len(edits) + int(np.count_nonzero(self._otherwise_confirmed))

    @property
    def unsaved_slices(self) -> tuple[int, ...]:
        """Slices of what `n_unsaved` counts, in order."""
        edits = edits_apart(self._saved_done, self._journal.done)
        return slices_apart(self._journal, edits, self._otherwise_confirmed)

    @property
    def _otherwise_confirmed(self) -> NDArray[np.bool_]:
        """Which slices are vouched for now and were not when last saved, or were."""
        return np.not_equal(self.confirmed, self._saved_confirmed)
