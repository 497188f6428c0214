"""What lies on the disk, also after the machine lost its power."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import (
    ProjectVersionError,
    StoreError,
)
from medlab_gui.store.journal import Journal
from medlab_gui.store.journal_format import HEADER_SIZE
from tests.store.journal_strokes import SHAPE, box_at, paint, path, replayed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["path"]


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
