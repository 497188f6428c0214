from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medlab_gui.core.errors import (
    ConflictError,
    ProjectMissingError,
    ProjectVersionError,
    StorageFullError,
    StoreError,
)
from medlab_gui.store import journal as journal_module
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_format import HEADER_SIZE, Op

ROOT = Path(__file__).parents[2]
SHAPE = (5, 30, 40)
Box = tuple[slice, slice, slice]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "1.2.3.mlj"


def box_at(k: int, j: int, i: int, size: int = 4) -> Box:
    return (slice(k, k + 1), slice(j, j + size), slice(i, i + size))


def paint(
    journal: Journal, mask: np.ndarray, box: Box, value: int, author: str = "ann"
) -> int:
    before = mask[box].copy()
    mask[box] = value
    return journal.append_edit(
        "brush", box, before, np.full(before.shape, value, np.uint8), author=author
    )


def replayed(path: Path, from_seq: int = 0) -> tuple[np.ndarray, np.ndarray]:
    mask, confirmed = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE[0], bool)
    with Journal.open(path, SHAPE, writable=False) as journal:
        journal.replay(mask, confirmed, from_seq)
    return mask, confirmed


def test_strokes_come_back(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        assert (journal.last_seq, journal.records) == (0, [])
        seqs = [paint(journal, mask, box_at(n % 5, n, n), n % 3) for n in range(1, 20)]
        journal.append_confirm(3, True, author="ann")
        journal.append_confirm(4, True)
        journal.append_confirm(4, False)
        assert journal.last_seq == 16
    # A stroke of 0 on 0 changes nothing and is not written.
    changing = [s for n, s in enumerate(seqs, 1) if n % 3]
    assert changing == sorted(set(changing))
    found, confirmed = replayed(path)
    np.testing.assert_array_equal(found, mask)
    assert confirmed.tolist() == [False, False, False, True, False]


def test_a_record_says_what_who_when_where(path: Path) -> None:
    before, after = np.zeros((1, 30, 40), np.uint8), np.zeros((1, 30, 40), np.uint8)
    after[0, 5:8, 6] = 2
    with Journal.open(path, SHAPE) as journal:
        journal.append_edit(
            "accept",
            (slice(2, 3), slice(None), slice(None)),
            before,
            after,
            author="Zoë",
            source="model",
            origin="p1",
        )
    with Journal.open(path, SHAPE) as journal:
        (record,) = journal.records
        assert (record.op, record.kind, record.author) == (Op.EDIT, "accept", "Zoë")
        assert (record.source, record.origin) == ("model", "p1")
        assert record.time.endswith("+00:00")
        # Cut down to what changed.
        assert record.box == (slice(2, 3), slice(5, 8), slice(6, 7))
        assert record.slices == (2,)
        _, old, new = journal.edit(1)
        assert old.tolist() == [[[0]] * 3]
        assert new.tolist() == [[[2]] * 3]


def test_nothing_changed_is_not_written(path: Path) -> None:
    with Journal.open(path, SHAPE) as journal:
        same = np.ones((1, 4, 4), np.uint8)
        assert journal.append_edit("x", box_at(0, 0, 0), same, same, author="a") == 0
        assert journal.records == []


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


def test_numbers_go_on_above_the_revision(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE, base_seq=50) as journal:
        assert journal.last_seq == 50
        assert paint(journal, mask, box_at(0, 0, 0), 1) == 51


@pytest.mark.parametrize("cut", [1, 19, 21, 60, 140])
def test_a_torn_end_is_cut_off_by_the_writer_only(path: Path, cut: int) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        kept = mask.copy()
        whole = path.stat().st_size
        paint(journal, mask, box_at(1, 0, 0), 2)
    record = path.stat().st_size - whole
    os.truncate(path, path.stat().st_size - min(cut, record - 1))
    torn = path.stat().st_size
    np.testing.assert_array_equal(replayed(path)[0], kept)
    assert path.stat().st_size == torn
    with Journal.open(path, SHAPE) as journal:
        assert journal.recovered_tail == torn - whole
        assert journal.damaged_copy is None
        assert path.stat().st_size == whole
        assert paint(journal, kept, box_at(2, 0, 0), 1) == 2
    np.testing.assert_array_equal(replayed(path)[0], kept)
    with Journal.open(path, SHAPE) as journal:
        assert journal.recovered_tail == 0


def test_an_end_of_zeros_is_torn(path: Path) -> None:
    """What a file system may leave after the machine lost its power."""
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
    with path.open("ab") as file:
        file.write(bytes(4096))
    with Journal.open(path, SHAPE) as journal:
        assert (journal.recovered_tail, journal.last_seq) == (4096, 1)


def test_damage_in_the_middle_is_kept_aside(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    ends = []
    with Journal.open(path, SHAPE) as journal:
        for n in range(4):
            paint(journal, mask, box_at(n, 0, 0), 1)
            ends.append(path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[ends[1] + 30] ^= 1
    path.write_bytes(data)
    with Journal.open(path, SHAPE) as journal:
        assert journal.last_seq == 2
        assert journal.damaged_copy is not None
        assert journal.damaged_copy.read_bytes() == data
    assert path.stat().st_size == ends[1]


def test_a_half_written_beginning_is_begun_again(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"MEDL")
    assert not replayed(path)[0].any()
    with Journal.open(path, SHAPE) as journal:
        assert journal.last_seq == 0
    assert path.stat().st_size == HEADER_SIZE


def test_what_is_no_journal_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a diary, " * 20)
    for writable in (True, False):
        with pytest.raises(StoreError, match="does not begin as one"):
            Journal.open(path, SHAPE, writable=writable)
    assert path.read_text().startswith("a diary")
    path.unlink()
    Journal.open(path, SHAPE).close()
    with pytest.raises(StoreError, match=r"scan of \(5, 30, 40\) voxels, not"):
        Journal.open(path, (5, 30, 41))
    data = bytearray(path.read_bytes())
    data[8] = 9
    path.write_bytes(data)
    with pytest.raises(ProjectVersionError, match="version 9; this one knows 1"):
        Journal.open(path, SHAPE)


def test_one_writer_and_many_readers(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        with pytest.raises(ConflictError, match="another window"):
            Journal.open(path, SHAPE)
        np.testing.assert_array_equal(replayed(path)[0], mask)
        with (
            Journal.open(path, SHAPE, writable=False) as reader,
            pytest.raises(ConflictError, match="reading only"),
        ):
            reader.append_confirm(0, True)
    Journal.open(path, SHAPE).close()


def test_a_journal_that_is_not_there_reads_as_empty(path: Path) -> None:
    assert not replayed(path)[0].any()
    assert not path.exists()


class Disk:
    """Stands in for the system's writing; fills up after so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, fd: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        n = self.write(fd, data[: self.room])
        self.room -= n
        return n


@pytest.mark.parametrize("room", [0, 1, 50])
def test_a_full_disk_refuses_the_edit_and_cuts_it_off(
    path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        kept, size = mask.copy(), path.stat().st_size
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", Disk(room))
            with pytest.raises(StorageFullError, match=r"no room left .*nothing was"):
                paint(journal, mask, box_at(1, 0, 0), 1)
        assert path.stat().st_size == size
        assert (journal.last_seq, journal.done) == (1, (1,))
        assert paint(journal, kept, box_at(2, 0, 0), 1) == 2
    np.testing.assert_array_equal(replayed(path)[0], kept)


def test_a_rest_that_could_not_be_cut_off_goes_before_the_next_edit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = np.zeros(SHAPE, np.uint8)

    def refused(fd: int, length: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    with Journal.open(path, SHAPE) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", Disk(30))
            patch.setattr(os, "ftruncate", refused)
            with pytest.raises(StorageFullError):
                paint(journal, mask, box_at(1, 0, 0), 1)
        assert path.stat().st_size == HEADER_SIZE + 30
        mask[:] = 0
        paint(journal, mask, box_at(2, 0, 0), 1)
    np.testing.assert_array_equal(replayed(path)[0], mask)


def test_a_flush_that_fails_is_told_before_the_next_edit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        with monkeypatch.context() as patch:

            def fails(fd: int) -> None:
                raise OSError(errno.EIO, "Input/output error")

            patch.setattr(os, "fsync", fails)
            paint(journal, mask, box_at(0, 0, 0), 1)
            with pytest.raises(StorageFullError, match="Input/output error"):
                journal.flush()
            with pytest.raises(StorageFullError, match="Input/output error"):
                paint(journal, mask.copy(), box_at(1, 0, 0), 1)
            assert journal.durable_at is None
        while journal.durable_at is None:  # its own thread tries again
            try:
                journal.flush()
            except StorageFullError:
                continue
        assert journal.last_seq == 1
    np.testing.assert_array_equal(replayed(path)[0], mask)


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_journal_that_may_not_grow_stays_whole(path: Path) -> None:
    code = """
import resource, sys
import numpy as np
from pathlib import Path
from medlab_gui.core.errors import StorageFullError
from medlab_gui.store.journal import Journal
rng = np.random.default_rng(0)
with Journal.open(Path(sys.argv[1]), (5, 30, 40)) as journal:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    mask = np.zeros((5, 30, 40), np.uint8)
    while True:
        after = rng.integers(0, 256, mask.shape).astype(np.uint8)
        try:
            journal.append_edit("x", (slice(None),) * 3, mask, after, author="a")
        except StorageFullError as error:
            print(journal.last_seq, "refused", error)
            break
        mask = after
np.save(sys.argv[2], mask)
"""
    final = path.parent.parent / "mask.npy"
    found = subprocess.run(
        [sys.executable, "-c", code, str(path), str(final)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "refused" in found.stdout
    with Journal.open(path, SHAPE) as journal:
        assert journal.recovered_tail == 0
        assert journal.last_seq == int(found.stdout.split()[0]) > 0
    np.testing.assert_array_equal(replayed(path)[0], np.load(final))


def test_a_journal_that_vanished_takes_no_edit(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        paint(journal, mask, box_at(0, 0, 0), 1)
        journal.flush()
        shutil.rmtree(path.parent)
        with pytest.raises(ProjectMissingError, match="has vanished"):
            paint(journal, mask, box_at(1, 0, 0), 1)
        assert journal.last_seq == 1
    with pytest.raises(StorageFullError, match="not there any more"):
        Journal.open(path.parent / "gone" / "x.mlj", SHAPE)


def test_a_box_and_its_arrays_must_agree(path: Path) -> None:
    with Journal.open(path, SHAPE) as journal:
        small, large = np.zeros((1, 4, 4), np.uint8), np.ones((1, 5, 5), np.uint8)
        with pytest.raises(ValueError, match="holds arrays"):
            journal.append_edit("x", box_at(0, 0, 0), small, large, author="a")


def test_an_edit_is_durable_before_the_next_begins(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of calls to the system: write, flush, write, flush."""
    calls: list[str] = []
    write, fsync = os.write, os.fsync
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:

        def writes(fd: int, data: bytes) -> int:
            calls.append("write")
            return write(fd, data)

        def flushes(fd: int) -> None:
            fsync(fd)
            calls.append("flush")

        monkeypatch.setattr(journal_module.os, "write", writes)
        monkeypatch.setattr(os, "fsync", flushes)
        for n in range(10):
            paint(journal, mask, box_at(0, n, n), 1)
    assert calls == ["write", "flush"] * 10


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
