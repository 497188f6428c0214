from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core.errors import (
    ConflictError,
    ProjectMissingError,
    StorageFullError,
)
from medlab_gui.store import journal as journal_module
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_format import HEADER_SIZE, Op
from tests.store.journal_strokes import SHAPE, box_at, paint, path, replayed
from tests.store.vouching import append_confirm

__all__ = ["path"]

ROOT = Path(__file__).parents[2]


def test_strokes_come_back(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE) as journal:
        assert (journal.last_seq, journal.records) == (0, [])
        seqs = [paint(journal, mask, box_at(n % 5, n, n), n % 3) for n in range(1, 20)]
        append_confirm(journal, 3, author="ann")
        append_confirm(journal, 4)
        append_confirm(journal, 4, False)
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


def test_numbers_go_on_above_the_revision(path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    with Journal.open(path, SHAPE, base_seq=50) as journal:
        assert journal.last_seq == 50
        assert paint(journal, mask, box_at(0, 0, 0), 1) == 51


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
            append_confirm(reader, 0)
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
            with pytest.raises(
                StorageFullError, match=r"no room left .*written before is whole"
            ):
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


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")
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
