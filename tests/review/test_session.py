from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import (
    ConflictError,
    InputError,
    ProjectMissingError,
    StorageFullError,
)
from medlab_gui.core.labels import IGNORE
from medlab_gui.review.recovery import Recovery
from medlab_gui.review.session import ReviewSession
from medlab_gui.store.fold import current_mask, fold_journal
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore
from tests.review.conftest import BOX, UID, draw, reopened
from tests.store.conftest import SHAPE, add_series
from tests.store.vouching import confirm

if TYPE_CHECKING:
    from pathlib import Path

ALL = (slice(None),) * 3


def test_a_fresh_series(session: ReviewSession) -> None:
    assert session.volume.data.shape == session.mask.shape == SHAPE
    assert isinstance(session.volume.data.base, np.memmap)
    assert session.mask.dtype == np.uint8
    assert session.mask.flags.c_contiguous
    assert not session.mask.any()
    assert session.scheme == DEFAULT_SCHEME
    assert (session.confirmed.any(), session.locked) == (False, frozenset())
    assert (session.can_undo, session.can_redo, session.n_unsaved) == (False, False, 0)
    assert (session.prediction, session.entropy, session.recovered) == (None,) * 3
    assert (session.read_only, session.saved_at) == (False, None)
    assert session.seconds_since_save is None
    assert not session.undo()
    assert not session.redo()


def test_strokes_are_there_after_reopening(place: Path) -> None:
    with ReviewSession.open(place, UID, author="ann") as session:
        assert draw(session, 1)
        assert not draw(session, 1)  # nothing changed
        assert draw(session, IGNORE, (slice(0, 1), *BOX[1:]))
        mask = session.mask.copy()
        assert session.n_unsaved == 2
    with reopened(place) as session:
        np.testing.assert_array_equal(session.mask, mask)
        name = session.series.description
        assert session.recovered == Recovery(2, None, (0, 2), name)
        assert session.recovered.message == (
            f"2 strokes on slices 1, 3 of “{name}” that were never saved were "
            "recovered."
        )
        assert session.can_undo


def test_undo_and_redo_tell_where(place: Path, session: ReviewSession) -> None:
    heard: list[tuple[slice, ...]] = []
    session.edited.connect(heard.append)
    draw(session, 1)
    draw(session, 2)
    assert heard == []  # the window knows its own strokes
    assert session.undo()
    assert (session.mask[BOX] == 1).all()
    assert (session.can_undo, session.can_redo, session.n_unsaved) == (True, True, 1)
    assert session.undo()
    assert not session.mask.any()
    assert (session.can_undo, session.can_redo, session.n_unsaved) == (False, True, 0)
    assert session.redo()
    assert (session.mask[BOX] == 1).all()
    assert heard == [BOX] * 3
    draw(session, 2, (slice(5, 6), *BOX[1:]))
    assert not session.can_redo


def test_undo_reaches_behind_the_last_save(
    place: Path, store: ProjectStore, session: ReviewSession
) -> None:
    draw(session, 1)
    draw(session, 2)
    made = fold_journal(store, UID, "ann")
    assert made is not None
    session.note_saved(made)
    assert session.n_unsaved == 0
    session.undo()
    session.undo()
    assert session.n_unsaved == 2
    assert not session.mask.any()
    session.close()
    with reopened(place) as again:
        assert not again.mask.any()
        assert again.recovered is not None
        assert again.recovered.n_edits == 2
        assert again.recovered.slices == (2,)
        again.redo()
        again.redo()
        assert again.n_unsaved == 0
        assert (again.mask[BOX] == 2).all()


def test_what_is_unsaved_is_the_difference(
    store: ProjectStore, session: ReviewSession
) -> None:
    for value in (1, 2, 1):
        draw(session, value)
    made = fold_journal(store, UID, "ann")
    assert made is not None
    # A stroke that was made while the revision was written is not in it.
    draw(session, 2)
    confirm(session, 4)
    session.note_saved(made)
    assert session.n_unsaved == 2
    assert session.unsaved_slices == (2, 4)
    assert session.confirmed.tolist() == [k == 4 for k in range(6)]
    confirm(session, 4, False)
    session.undo()
    assert (session.n_unsaved, session.unsaved_slices) == (0, ())
    session.undo()
    draw(session, 0)
    assert session.n_unsaved == 2  # one of the revision undone, one new


def test_confirmed_slices_are_kept(place: Path, store: ProjectStore) -> None:
    with ReviewSession.open(place, UID, author="ann") as session:
        confirm(session, 1)
        confirm(session, 3)
        confirm(session, 3, False)
        assert session.n_unsaved == 1
        assert len(session._journal.records) == 3
    with reopened(place) as session:
        assert np.flatnonzero(session.confirmed).tolist() == [1]
    made = fold_journal(store, UID, "ann", confirm=[0])
    assert made is not None
    with reopened(place) as session:
        assert np.flatnonzero(session.confirmed).tolist() == [0, 1]
        assert (session.n_unsaved, session.recovered) == (0, None)


def test_the_recovery_says_since_when(place: Path, store: ProjectStore) -> None:
    with ReviewSession.open(place, UID, author="ann") as session:
        draw(session, 1)
        made = fold_journal(store, UID, "ann")
        assert made is not None
        session.note_saved(made)
        draw(session, 2)
    with reopened(place) as session:
        name = session.series.description
        assert session.recovered == Recovery(1, made.created, (2,), name)
        assert session.recovered.message.startswith(
            f"1 stroke on slice 3 of “{name}” made after the last save at "
        )
        assert session.recovered.message.endswith("was recovered.")


def test_a_sentence_names_no_more_slices_than_one_reads() -> None:
    scattered = Recovery(20, None, tuple(range(0, 40, 2)), "Chest")
    assert scattered.message == (
        "20 strokes on slices 1, 3, 5, 7, 9, 11, 13, 15 and others (20 slices in all) "
        "of “Chest” that were never saved were recovered."
    )
    assert " on slices 1-40 of " in Recovery(1, None, tuple(range(40)), "C").message


def test_a_torn_stroke_is_told(place: Path, store: ProjectStore) -> None:
    with ReviewSession.open(place, UID, author="ann") as session:
        draw(session, 1)
        draw(session, 2)
    path = store.journal_path(UID)
    os.truncate(path, path.stat().st_size - 3)
    with reopened(place) as session:
        assert (session.mask[BOX] == 1).all()
        assert session.recovered is not None
        assert session.recovered.n_edits == 1
        assert session.recovered.torn_bytes > 0
        assert "cut off while it was written" in session.recovered.message


@pytest.mark.usefixtures("locked_two")
def test_a_locked_slice_refuses_edits(place: Path) -> None:
    with reopened(place) as session:
        assert session.locked == {2}
        heard: list[tuple[slice, ...]] = []
        session.edited.connect(heard.append)
        with pytest.raises(InputError, match="Slice 3 belongs to the locked"):
            draw(session, 1)
        assert not session.mask.any()  # taken back
        assert heard == [BOX]
        with pytest.raises(InputError, match="Slice 3"):
            session.apply("fill", ALL, np.ones(SHAPE, np.uint8))
        assert not session.mask.any()
        # A box over a locked slice that changes nothing there is fine.
        after = np.ones(SHAPE, np.uint8)
        after[2] = 0
        assert session.apply("fill", ALL, after)
        assert session._journal.last_seq == 1


def test_undo_spares_a_slice_that_was_locked_since(
    place: Path, store: ProjectStore
) -> None:
    with ReviewSession.open(place, UID, author="ann") as session:
        draw(session, 1)
    made = fold_journal(store, UID, "ann", confirm=[2])
    assert made is not None
    store.lock_slices(UID, [2], made.id)
    with reopened(place) as session:
        with pytest.raises(InputError, match="locked validation set"):
            session.undo()
        assert (session.mask[BOX] == 1).all()


def test_a_value_that_is_no_class_is_taken_back(session: ReviewSession) -> None:
    with pytest.raises(InputError, match=r"value 3 is no class .*0 to 2, or 255"):
        draw(session, 3)
    assert not session.mask.any()
    assert not session.can_undo


@pytest.mark.parametrize("how", ["record", "apply", "undo"])
def test_a_full_disk_takes_the_edit_back(
    place: Path, session: ReviewSession, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    draw(session, 1)
    mask, n_unsaved = session.mask.copy(), session.n_unsaved

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    edits = {
        "record": lambda: draw(session, 2),
        "apply": lambda: session.apply("fill", ALL, np.ones(SHAPE, np.uint8)),
        "undo": session.undo,
    }
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFullError, match="no room left"):
            edits[how]()
    np.testing.assert_array_equal(session.mask, mask)
    assert (session.n_unsaved, session.can_redo) == (n_unsaved, False)
    assert draw(session, 2)
    session.close()
    with reopened(place) as again:
        assert (again.mask[BOX] == 2).all()


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")
def test_a_project_that_vanished_takes_the_edit_back(
    place: Path, session: ReviewSession
) -> None:
    draw(session, 1)
    session._journal.flush()
    shutil.rmtree(place)
    with pytest.raises(ProjectMissingError, match="vanished"):
        draw(session, 2)
    assert (session.mask[BOX] == 1).all()


def test_a_second_window_reads_only(place: Path, session: ReviewSession) -> None:
    draw(session, 1)
    with reopened(place) as second:
        assert second.read_only
        assert second.recovered is None
        assert "another window" in second.read_only_reason
        assert (second.mask[BOX] == 1).all()
        assert not second.can_undo
        for change in (
            lambda: draw(second, 2),
            lambda: second.apply("fill", ALL, np.ones(SHAPE, np.uint8)),
            second.undo,
        ):
            with pytest.raises(ConflictError, match="another window"):
                change()
        assert (second.mask[BOX] == 1).all()
        assert int((second.mask > 0).sum()) == 20
        # It stays the mask of when it was opened, and says so.
        assert draw(session, 2)
        assert (second.mask[BOX] == 1).all()
        assert "since this was opened is not shown" in second.read_only_reason


def test_a_session_may_be_opened_on_another_thread(place: Path) -> None:
    opened: list[ReviewSession] = []
    thread = threading.Thread(target=lambda: opened.append(reopened(place)))
    thread.start()
    thread.join()
    draw(opened[0], 1)
    opened[0].undo()
    opened[0].close()
    with reopened(place) as session:  # the lock is free again
        assert not session.read_only


def test_the_slice_shown(session: ReviewSession) -> None:
    heard: list[int] = []
    session.slice_changed.connect(heard.append)
    session.k = 3
    session.k = 3
    session.k = 0
    assert heard == [3, 0]
    for k in (-1, 6):
        with pytest.raises(InputError, match="slices 1 to 6"):
            session.k = k
    assert session.k == 0


def test_saved_is_when_the_stroke_became_durable(
    place: Path, session: ReviewSession
) -> None:
    draw(session, 1)
    session._journal.flush()
    first = session.saved_at
    assert first is not None
    assert session.seconds_since_save is not None
    assert 0 <= session.seconds_since_save < 60
    draw(session, 2)
    session._journal.flush()
    assert session.saved_at is not None
    assert session.saved_at >= first
    session.close()
    with reopened(place) as again:
        assert again.saved_at is not None
        assert abs(again.saved_at - first) < 60


def test_a_clock_that_was_set_back_is_not_believed(
    session: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said "saved 0 s ago" for as long as the clock had been set back."""
    draw(session, 1)
    session._journal.flush()
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 3600)
    assert session.is_durable
    assert session.seconds_since_save is None
    draw(session, 2)
    session._journal.flush()
    monkeypatch.setattr("time.time", lambda: now - 3600 + 7)
    assert session.seconds_since_save == pytest.approx(7)


def test_every_change_of_state_is_told(session: ReviewSession) -> None:
    heard: list[int] = []
    session.state_changed.connect(lambda: heard.append(session.n_unsaved))
    draw(session, 1)
    draw(session, 1)
    confirm(session, 0)
    session.undo()
    session.redo()
    session.apply("fill", ALL, np.ones(SHAPE, np.uint8))
    assert heard == [1, 2, 1, 2, 3]


def test_a_mask_from_a_file_is_taken_over(
    store: ProjectStore, session: ReviewSession
) -> None:
    draw(session, 1)
    made = fold_journal(store, UID, "ann")
    assert made is not None
    session.note_saved(made)
    draw(session, 2, (slice(5, 6), *BOX[1:]))
    array = session.mask
    imported = np.ones(SHAPE, np.uint8)
    _, _, seq = current_mask(store, UID)
    taken = store.add_annotation(
        UID,
        imported,
        DEFAULT_SCHEME,
        confirmed=[1],
        author="file",
        parent=made.id,
        journal_seq=seq - 1,
    )
    heard: list[tuple[slice, ...]] = []
    session.edited.connect(heard.append)
    session.note_saved(taken)
    assert session.mask is array  # the window shows this very array
    assert (session.mask[5:6, 3:7, 4:9] == 2).all()  # the stroke after it
    assert int((session.mask == 1).sum()) == imported.size - 20
    assert session.confirmed[1]
    assert len(heard) == 1
    assert session.n_unsaved == 1
    session.undo()
    assert not session.can_undo  # the strokes below belong to another mask
    again, _, _ = current_mask(store, UID)
    np.testing.assert_array_equal(again, session.mask)


def test_what_is_not_there_is_said(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no series '9\.9'"):
        ReviewSession.open(place, "9.9", author="ann")
    with pytest.raises(ProjectMissingError):
        ReviewSession.open(tmp_path / "none", UID, author="ann")
    with ProjectStore.open(place) as store:
        series = add_series(store, "7.7")
        store.blob_path(series.blob).unlink()
    with pytest.raises(Exception, match="missing"):
        ReviewSession.open(place, "7.7", author="ann")
