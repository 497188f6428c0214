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


def balance(found, slices, shown):
    """Return how many slices of each class there are."""
    of = dict(zip(slices, shown, strict=True))
    values = sorted(set(shown) - {255})
    return [sum(of[k] == value for k in found) for value in values]


def test_each_class_is_on_both_sides_where_the_patients_allow_it():
    """Two of forty patients show the rare class; drawn freely, both often teach."""
    slices = [SliceKey(f"s{n}", k) for n in range(40) for k in range(2)]
    groups = [k.series_uid for k in slices]
    shown = [2 if k.series_uid in ("s7", "s30") else 1 for k in slices]
    freely = 0
    for seed in range(20):
        _, judge = split_slices(slices, groups, 0.2, seed)
        freely += balance(judge, slices, shown)[1] != 2
        learn, judge = split_slices(slices, groups, 0.2, seed, shown)
        assert balance(judge, slices, shown)[1] == 2
        assert sorted([*learn, *judge]) == sorted(slices)
        assert not {k.series_uid for k in learn} & {k.series_uid for k in judge}
        mixed = slices[::-1]
        assert split_slices(mixed, groups[::-1], 0.2, seed, shown[::-1])[1] == judge
    assert freely > 5, "or this test shows nothing"
    drawn = [split_slices(slices, groups, 0.2, n, shown)[1] for n in range(4)]
    assert drawn[1:] != drawn[:-1], "still at random"


def test_shares_of_classes_are_alike_on_both_sides():
    slices = [SliceKey(f"s{n}", 0) for n in range(50)]
    groups = [k.series_uid for k in slices]
    shown = [1] * 30 + [0] * 15 + [255] * 5
    for seed in range(10):
        _, judge = split_slices(slices, groups, 0.2, seed, shown)
        assert balance(judge, slices, shown) == [3, 6]


def test_a_class_of_one_patient_parts_nobody():
    slices = [SliceKey(f"s{n}", k) for n in range(6) for k in range(3)]
    groups = [k.series_uid for k in slices]
    shown = [2 if k.series_uid == "s1" else 1 for k in slices]
    learn, judge = split_slices(slices, groups, 0.2, 0, shown)
    assert not {k.series_uid for k in learn} & {k.series_uid for k in judge}
    assert learn
    assert judge


def test_the_block_of_one_patient_shows_each_class_where_it_can():
    slices = keys("s", *range(40))
    shown = [1] * 35 + [2] * 5
    for seed in range(5):
        learn, judge = split_slices(slices, ["p"] * 40, 0.2, seed, shown)
        indices = [k.slice_index for k in judge]
        assert indices == list(range(indices[0], indices[0] + 8)), "still a block"
        assert 0 not in balance(judge, slices, shown)
        assert 0 not in balance(learn, slices, shown)


def test_folds_share_the_classes_out():
    """Six patients of forty show the rare class: two for each of three folds."""
    slices = [SliceKey(f"s{n}", k) for n in range(40) for k in range(1 + n % 3)]
    groups = [k.series_uid for k in slices]
    rare = {f"s{n}" for n in (0, 3, 6, 9, 12, 15)}  # of one slice each
    shown = [2 if k.series_uid in rare else 1 for k in slices]
    freely = 0
    for seed in range(10):
        free = fold_splits(slices, groups, 3, seed)
        freely += any(balance(j, slices, shown)[1] != 2 for _, j in free)
        folds = fold_splits(slices, groups, 3, seed, shown)
        assert [balance(j, slices, shown)[1] for _, j in folds] == [2, 2, 2]
        sizes = [len(j) for _, j in folds]
        assert max(sizes) - min(sizes) <= 3, "no more than a patient"
        for learn, judge in folds:
            assert sorted([*learn, *judge]) == sorted(slices)
            assert not {k.series_uid for k in learn} & {k.series_uid for k in judge}
    assert freely > 5, "or this test shows nothing"


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
