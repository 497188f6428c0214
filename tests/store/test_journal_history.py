"""Which edits of a journal stand, and what a mask becomes by them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medlab_gui.store.journal import Journal
from tests.store.journal_strokes import SHAPE, box_at, paint, path, replayed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["path"]


def test_undo_of_any_depth_also_after_reopening(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    states = [mask.copy()]
    with Journal.open(path, SHAPE) as journal:
        for n in range(40):
            paint(journal, mask, box_at(n % 5, n % 20, n % 30), 1 + n % 2)
            states.append(mask.copy())
    for n in reversed(range(40)):
        with Journal.open(path, SHAPE) as journal:
            assert journal.undo_target == n + 1
            journal.append_undo(n + 1, author="bob")
        np.testing.assert_array_equal(replayed(path)[0], states[n])
    with Journal.open(path, SHAPE) as journal:
        assert journal.undo_target is None
        assert journal.redo_target == 1
        journal.append_redo(1)
        journal.append_redo(2)
        assert journal.done == (1, 2)
    np.testing.assert_array_equal(replayed(path)[0], states[2])


def test_a_new_edit_cuts_the_chain_of_redos(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        paint(journal, mask, box_at(0, 2, 2), 2)
        journal.append_undo(2)
        assert journal.redo_target == 2
        paint(journal, replayed(path)[0], box_at(0, 9, 9), 1)
        assert journal.redo_target is None
        assert journal.done == (1, 4)
    with Journal.open(path, SHAPE) as journal:
        assert journal.redo_target is None
        assert journal.done_at(2) == (1, 2)
        assert journal.done_at(3) == (1,)


def test_undo_of_an_edit_from_before_the_save(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        first = mask.copy()
        paint(journal, mask, box_at(0, 2, 2), 2)
        saved, seq = mask.copy(), journal.last_seq
        journal.append_undo(2)
    confirmed = np.zeros(SHAPE[0], bool)
    with Journal.open(path, SHAPE) as journal:
        assert journal.replay(saved, confirmed, seq) == 1
    np.testing.assert_array_equal(saved, first)


def test_the_floor_holds_undo_and_redo_back(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        paint(journal, mask, box_at(1, 0, 0), 1)
        journal.append_undo(2)
        journal.floor = 3
        assert (journal.undo_target, journal.redo_target) == (None, None)
        with pytest.raises(ValueError, match="not the one to undo"):
            journal.append_undo(1)
        with pytest.raises(ValueError, match="not the one to redo"):
            journal.append_redo(2)


def test_replay_spares_what_an_edit_did_not_change(path: Path) -> None:
    """A stroke replayed on a mask from elsewhere sets only its own voxels."""
    before = np.zeros((1, 3, 3), np.uint8)
    after = np.eye(3, dtype=np.uint8)[np.newaxis]
    with Journal.open(path, SHAPE) as journal:
        journal.append_edit("brush", box_at(0, 0, 0, 3), before, after, author="a")
        mask = np.full(SHAPE, 2, np.uint8)
        journal.replay(mask, np.zeros(5, bool), 0)
    assert mask[0, :3, :3].tolist() == [[1, 2, 2], [2, 1, 2], [2, 2, 1]]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(
                st.just("paint"),
                st.integers(0, 4),
                st.integers(0, 25),
                st.integers(0, 35),
                st.integers(0, 3),
            ),
            st.just(("undo",)),
            st.just(("redo",)),
            st.just(("save",)),
            st.just(("reopen",)),
        ),
        max_size=30,
    )
)
def test_any_history_is_replayed_from_any_save(
    tmp_path: Path, steps: list[tuple]
) -> None:
    folder = tmp_path / "j"
    shutil.rmtree(folder, ignore_errors=True)
    path = folder / "x.mlj"
    # An independent model: whole copies of the mask.
    mask = np.zeros(SHAPE, np.uint8)
    undone: list[np.ndarray] = []
    stack: list[np.ndarray] = []
    saves = [(0, mask.copy())]
    journal = Journal.open(path, SHAPE)
    for step in steps:
        if step[0] == "paint":
            box = box_at(*step[1:4])
            before = mask.copy()
            paint(journal, mask, box, step[4])
            if not np.array_equal(before, mask):
                stack.append(before)
                undone.clear()
        elif step[0] == "undo" and stack:
            assert journal.undo_target is not None
            journal.append_undo(journal.undo_target)
            undone.append(mask)
            mask = stack.pop()
        elif step[0] == "redo" and undone:
            assert journal.redo_target is not None
            journal.append_redo(journal.redo_target)
            stack.append(mask)
            mask = undone.pop()
        elif step[0] == "save":
            saves.append((journal.last_seq, mask.copy()))
        elif step[0] == "reopen":
            journal.close()
            journal = Journal.open(path, SHAPE)
        assert (journal.undo_target is None) == (not stack)
        assert (journal.redo_target is None) == (not undone)
    for seq, saved in saves:
        journal.replay(saved, np.zeros(SHAPE[0], bool), seq)
        np.testing.assert_array_equal(saved, mask)
    journal.close()
