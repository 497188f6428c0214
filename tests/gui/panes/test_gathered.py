"""Slices across a large volume are gathered some at a time, and are the right ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medlab_gui.gui.panes import gathered
from medlab_gui.gui.panes.gathered import Gathered


@pytest.fixture(autouse=True)
def large(monkeypatch):
    monkeypatch.setattr(gathered, "_INSTANT_LINES", 10)
    monkeypatch.setattr(gathered, "_SLICES", 4)


@pytest.mark.parametrize("turn", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_volume(turn, flips, axis):
    stored = np.arange(5 * 6 * 7).reshape(5, 6, 7)
    flip = tuple(slice(None, None, step) for step in flips)
    data = stored.transpose(turn)[flip]
    source = Gathered(data, axis)
    assert source.is_scattered == (turn[axis] == 2)
    for index in (0, 3, 1, data.shape[axis] - 1, 4):
        found = source.take(index, 0)
        assert np.array_equal(found, data.take(index, axis))
        assert found.flags.c_contiguous
        assert found.base is None, "nobody writes into the volume, nor holds it"


def test_neighbours_are_at_hand_until_the_volume_changes():
    data = np.zeros((5, 6, 9), np.uint8)
    source = Gathered(data, 2)
    assert not source.is_at_hand(4, 0)
    source.take(5, 0)
    assert [source.is_at_hand(n, 0) for n in range(9)] == [4 <= n < 8 for n in range(9)]
    data[:] = 1
    assert not source.is_at_hand(5, 1)
    assert source.take(5, 1).all()
    assert not source.is_at_hand(5, 0)
    source.take(8, 1)
    assert source.is_at_hand(8, 1)
    assert not source.is_at_hand(9, 1), "there is none"


def test_few_lines_and_one_value_for_all_need_no_gathering(monkeypatch):
    assert not Gathered(np.broadcast_to(np.uint8(0), (5, 6, 9)), 2).is_scattered
    monkeypatch.setattr(gathered, "_INSTANT_LINES", 30)
    assert Gathered(np.zeros((5, 6, 9)), 2).is_at_hand(3, 0)
    assert not Gathered(np.zeros((5, 7, 9)), 2).is_at_hand(3, 0)


def test_not_more_is_kept_than_a_part_of_the_volume(monkeypatch):
    monkeypatch.setattr(gathered, "_MOST_BYTES", 5 * 6 * 8 * 2)
    source = Gathered(np.zeros((5, 6, 9)), 2)
    source.take(4, 0)
    assert [source.is_at_hand(n, 0) for n in (3, 4, 5, 6)] == [False, True, True, False]
    monkeypatch.setattr(gathered, "_MOST_BYTES", 1)
    source = Gathered(np.zeros((5, 6, 9)), 2)
    source.take(4, 0)
    assert [source.is_at_hand(n, 0) for n in (3, 4, 5)] == [False, True, False]
