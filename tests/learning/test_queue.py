from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.learning.queue import Candidate, Labelled, rank


def series(uid, scores, spacing=2.0, patient="p"):
    return [
        Candidate(uid, k, k * spacing, score, patient) for k, score in enumerate(scores)
    ]


def order(ranked):
    return [(r.candidate.series_uid, r.candidate.slice_index) for r in ranked]


def test_the_most_uncertain_comes_first_and_its_neighbours_wait():
    ranked = rank(series("a", [0.5, 0.9, 0.88, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.6]))
    assert order(ranked)[:3] == [("a", 1), ("a", 9), ("a", 2)]
    assert len(ranked) == 10


def test_priorities_by_hand():
    items = [Candidate("a", 0, 0, 0.8), Candidate("a", 1, 10, 0.7)]
    first, second = rank(items, radius_mm=10)
    assert first.priority == pytest.approx(0.8)
    assert second.priority == pytest.approx(0.7 * (1 - 0.9 * math.exp(-0.5)))
    both = rank(items, [Labelled("a", 5.0)], radius_mm=10)
    near = 1 - 0.9 * math.exp(-0.125)
    assert [r.priority for r in both] == pytest.approx([0.8 * near, 0.7 * near])


def test_an_empty_slice_does_not_pass_an_uncertain_neighbour():
    scores = [0.6, 0.6, 0.6, *[0.03] * 40]
    ranked = rank(series("a", scores, spacing=3.0), [Labelled("a", 3.0)])
    assert {k for _uid, k in order(ranked)[:3]} == {0, 1, 2}


def test_a_labelled_slice_lowers_its_own_series_only():
    items = [*series("a", [0.9, 0.9, 0.9]), *series("b", [0.5, 0.5, 0.5])]
    assert order(rank(items))[0] == ("a", 0)
    assert order(rank(items, [Labelled("a", 2.0, "p")]))[0][0] == "b"


def test_picks_are_spread_over_patients():
    items = [
        *series("a", [0.9] * 4, spacing=100, patient="one"),
        *series("b", [0.8] * 4, spacing=100, patient="two"),
    ]
    first = [uid for uid, _ in order(rank(items))]
    assert sorted(first[:2]) == ["a", "b"]
    assert sorted(first[:4]) == ["a", "a", "b", "b"]


def test_one_patient_alone_is_not_lowered():
    ranked = rank(series("a", [0.9, 0.5], spacing=1000))
    assert [r.priority for r in ranked] == pytest.approx([0.9, 0.5])


def test_slices_of_different_patients_in_one_series_do_not_lower_each_other():
    items = [Candidate("a", k, 0, 0.5 + k / 10, f"p{k}") for k in range(4)]
    ranked = rank(items, [Labelled("a", 0, "p2")])
    assert order(ranked) == [("a", 3), ("a", 1), ("a", 0), ("a", 2)]
    priorities = [r.priority for r in ranked]
    assert priorities[:3] == pytest.approx([0.8, 0.6, 0.5])
    # One of four picks by then, an even share: only its labelled self is beside it.
    assert priorities[3] == pytest.approx(0.7 * 0.1)


def test_any_order_of_input_gives_the_same_queue():
    items = [*series("a", [0.5] * 20), *series("b", [0.5] * 20, patient="q")]
    expected = rank(items, [Labelled("a", 4.0, "p")])
    for seed in range(5):
        mixed = random.Random(seed).sample(items, len(items))
        assert rank(mixed, [Labelled("a", 4.0, "p")]) == expected


def test_sorting_by_priority_keeps_the_order():
    rng = random.Random(1)
    items = [
        c
        for n in range(5)
        for c in series(f"s{n}", [rng.random() for _ in range(30)], patient=f"p{n % 3}")
    ]
    priorities = [r.priority for r in rank(items)]
    assert all(a > b for a, b in pairwise(priorities))
    assert 0 <= priorities[-1] <= priorities[0] <= 1


def test_nothing_to_rank():
    assert rank([]) == []
    assert rank([], [Labelled("a", 0)]) == []


def test_wrong_scores_get_a_sentence():
    with pytest.raises(InputError, match=r"Slice 1 has the score .*between 0 and 1"):
        rank([Candidate("a", 0, 0, 1.5)])
    with pytest.raises(InputError, match="between 0 and 1"):
        rank([Candidate("a", 0, 0, float("nan"))])
    with pytest.raises(InputError, match="radius"):
        rank([], radius_mm=0)
