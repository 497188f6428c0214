"""Strokes into a journal, and the mask that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.store.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

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
