from __future__ import annotations

import random

import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.learning.dataset import SliceKey
from medlab_gui.learning.folds import (
    fold_splits,
    split_slices,
    without_neighbours,
)


def keys(uid, *indices):
    return [SliceKey(uid, k) for k in indices]


def test_several_patients_are_never_parted():
    slices = [k for n in range(5) for k in keys(f"s{n}", *range(10))]
    groups = [f"p{n // 10 // 2}" for n in range(50)]  # p0: s0 and s1, and so on
    group_of = dict(zip(slices, groups, strict=True))
    for seed in range(10):
        training, validation = split_slices(slices, groups, 0.3, seed)
        assert len(training) + len(validation) == 50
        assert {group_of[k] for k in training} & {
            group_of[k] for k in validation
        } == set()
        assert training
        assert len(validation) >= 10


def test_one_patient_gives_a_block_with_a_gap():
    slices = keys("s", *range(50))
    for seed in range(10):
        training, validation = split_slices(slices, ["p"] * 50, 0.2, seed)
        indices = [k.slice_index for k in validation]
        assert indices == list(range(indices[0], indices[0] + 10))
        others = {k.slice_index for k in training}
        assert others == set(range(50)) - set(range(indices[0] - 1, indices[-1] + 2))


def test_the_seed_decides_and_the_order_does_not():
    slices = keys("s", *range(50))
    first = split_slices(slices, ["p"] * 50, 0.2, 1)
    mixed = random.Random(0).sample(slices, 50)
    assert split_slices(mixed, ["p"] * 50, 0.2, 1) == first
    assert any(split_slices(slices, ["p"] * 50, 0.2, n) != first for n in range(2, 6))


def test_few_slices_keep_something_to_learn_from():
    training, validation = split_slices(keys("s", 4, 5), ["p", "p"], 0.2, 0)
    assert len(training) == len(validation) == 1
    training, validation = split_slices(keys("s", 4, 9, 15), ["p"] * 3, 0.2, 0)
    assert (len(training), len(validation)) == (2, 1)


def test_two_patients_give_one_each():
    slices = [*keys("a", 0), *keys("b", *range(9))]
    training, validation = split_slices(slices, ["a"] + ["b"] * 9, 0.5, 0)
    assert {k.series_uid for k in training} != {k.series_uid for k in validation}


@pytest.mark.parametrize(("n", "fraction"), [(1, 0.2), (0, 0.2), (5, 0), (5, 1)])
def test_what_cannot_be_split_gets_a_sentence(n, fraction):
    with pytest.raises(InputError, match="at least two labelled slices"):
        split_slices(keys("s", *range(n)), ["p"] * n, fraction, 0)


def test_neighbours_of_the_same_series_only():
    training = [*keys("a", 1, 2, 3, 8), *keys("b", 5)]
    assert without_neighbours(training, keys("a", 4, 5)) == [
        *keys("a", 1, 2, 8),
        *keys("b", 5),
    ]


def test_each_patient_judges_in_one_fold():
    slices = [k for n in range(7) for k in keys(f"s{n}", *range(n + 2))]
    groups = [k.series_uid for k in slices]
    folds = fold_splits(slices, groups, 3, 5)
    assert sorted(k for _, judge in folds for k in judge) == sorted(slices)
    for learn, judge in folds:
        assert sorted([*learn, *judge]) == sorted(slices)
        apart = {k.series_uid for k in learn} & {k.series_uid for k in judge}
        assert apart == set()
    sizes = [len(judge) for _, judge in folds]
    assert max(sizes) - min(sizes) <= 8, "no larger than the largest patient"
    assert fold_splits(slices[::-1], groups[::-1], 3, 5) == folds
    assert any(fold_splits(slices, groups, 3, n) != folds for n in range(4))


def test_folds_of_one_patient_are_blocks_with_gaps():
    slices = keys("s", *range(20))
    folds = fold_splits(slices, ["p"] * 20, 4, 0)
    assert [[k.slice_index for k in judge] for _, judge in folds] == [
        list(range(n, n + 5)) for n in (0, 5, 10, 15)
    ]
    learn, _ = folds[1]
    assert {k.slice_index for k in learn} == {*range(4), *range(11, 20)}


@pytest.mark.parametrize(
    ("n_folds", "groups"),
    [(1, "ab"), (3, "ab"), (0, "aa"), (2, "aaa"), (1, "aaaa")],
)
def test_folds_that_cannot_be_made_get_a_sentence(n_folds, groups):
    slices = keys("s", *range(len(groups)))
    with pytest.raises(InputError, match=r"folds cannot be made of"):
        fold_splits(slices, list(groups), n_folds, 0)
