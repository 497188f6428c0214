from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from medlab_gui.core.errors import SpecError
from medlab_gui.learning.augmentations import make_augmenter
from medlab_gui.learning.four_of_six import (
    KINDS,
    FourOfSix,
    Strengths,
    apply_four,
    draw_four,
)
from tests.learning.conftest import train_spec


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    image = rng.random((12, 16), dtype=np.float32)
    labels = (image > 0.6).astype(np.uint8)
    labels[0, 0] = 255
    return image, labels


def test_always_four_different_ones_all_fifteen_sets_alike_often():
    rng = np.random.default_rng(1)
    drawn = [draw_four(rng) for _ in range(3000)]
    sets = Counter(frozenset(kind for kind, _ in one.changes) for one in drawn)
    assert all(len(one.changes) == 4 for one in drawn)
    assert set(sets) == {frozenset(c) for c in combinations(KINDS, 4)}
    assert min(sets.values()) > 140
    assert max(sets.values()) < 260


def test_strengths_stay_within_their_reach():
    rng = np.random.default_rng(2)
    reach = {"contrast": 0.1, "brightness": 0.2, "sharpness": 0.3, "rotation": 4.0}
    strengths = Strengths(0.1, 0.2, 0.3, 4.0)
    seen = {kind: [] for kind in KINDS}
    for _ in range(500):
        for kind, amount in draw_four(rng, strengths).changes:
            seen[kind].append(amount)
    for kind, most in reach.items():
        assert 0.9 * most < max(np.abs(seen[kind])) <= most
        assert min(seen[kind]) < 0 < max(seen[kind])
    assert set(seen["vertical_flip"]) == set(seen["horizontal_flip"]) == {1.0}


def test_each_change_by_hand(sample):
    image, labels = sample

    def one(kind, amount):
        return apply_four(FourOfSix(((kind, amount),)), image, labels)

    mean = image.mean()
    assert one("contrast", 0.5)[0] == pytest.approx((image - mean) * 1.5 + mean)
    assert one("brightness", -0.2)[0] == pytest.approx(image * 0.8)
    for kind in ("contrast", "brightness", "sharpness"):
        assert np.array_equal(one(kind, 0.3)[1], labels)
    assert np.array_equal(one("vertical_flip", 1)[0], image[::-1])
    assert np.array_equal(one("vertical_flip", 1)[1], labels[::-1])
    assert np.array_equal(one("horizontal_flip", 1)[0], image[:, ::-1])
    assert np.array_equal(one("horizontal_flip", 1)[1], labels[:, ::-1])
    middle = image[3:6, 4:7].mean()
    sharper = one("sharpness", 0.5)[0][4, 5]
    assert sharper == pytest.approx(
        image[4, 5] + 0.5 * (image[4, 5] - middle), rel=1e-5
    )
    turned, truth = one("rotation", 90.0)
    # Square of 12 in the middle: a quarter turn is exact there.
    assert turned[:, 2:14] == pytest.approx(np.rot90(image[:, 2:14], -1), abs=1e-4) or (
        turned[:, 2:14] == pytest.approx(np.rot90(image[:, 2:14]), abs=1e-4)
    )
    assert set(np.unique(truth)) <= {0, 1, 255}


def test_applied_in_the_order_drawn_and_again_the_same(sample):
    first = FourOfSix((("brightness", 0.2), ("contrast", 0.2)))
    other = FourOfSix((("contrast", 0.2), ("brightness", 0.2)))
    image, labels = sample
    assert np.array_equal(
        apply_four(first, image, labels)[0], apply_four(first, image, labels)[0]
    )
    flips = FourOfSix((("vertical_flip", 1.0), ("rotation", 10.0)))
    turns = FourOfSix((("rotation", 10.0), ("vertical_flip", 1.0)))
    assert not np.allclose(
        apply_four(flips, image, labels)[0], apply_four(turns, image, labels)[0]
    )
    assert np.allclose(
        apply_four(first, image, labels)[0],
        apply_four(other, image, labels)[0],
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "contrast"])
def test_neighbours_are_changed_as_the_slice(sample, kind):
    image, labels = sample
    volume = np.stack([image, 1 - image, image**2])
    change = FourOfSix(((kind, 0.2),))
    changed, mask = apply_four(change, volume, labels)
    for plane, original in zip(changed, volume, strict=True):
        expected, expected_mask = apply_four(change, original, labels)
        np.testing.assert_allclose(plane, expected, atol=1e-6)
        np.testing.assert_array_equal(mask, expected_mask)


def test_recipes_choose_it(sample):
    four = make_augmenter(
        train_spec(augment="four-of-six", augment_options={"angle_deg": 1})
    )
    assert four is not None
    once, again = (
        four.apply(four.draw(np.random.default_rng(3)), *sample) for _ in range(2)
    )
    assert np.array_equal(once[0], again[0])
    assert make_augmenter(train_spec(augment="none")) is None


@pytest.mark.parametrize(
    ("augment", "options", "said"),
    [
        ("four-of-six", {"angle": 3}, r"does not know 'angle'.*mean 'angle_deg'"),
        ("usual", {"angel_deg": 3}, "mean 'angle_deg'"),
        ("usual", {"noise": -1}, "noise of the augmentation"),
        ("usual", {"flip": 1}, "true or false; found 1"),
        ("usual", {"scale": 2}, r"\[lowest, highest\]; found 2"),
        ("usual", {"scale": [2, 1]}, r"found \[2, 1\]"),
        ("usual", {"scale": [0, 1]}, "above 0"),
        ("none", {"noise": 1}, "of no use"),
    ],
)
def test_options_that_are_wrong_are_named(augment, options, said):
    with pytest.raises(SpecError, match=said):
        make_augmenter(train_spec(augment=augment, augment_options=options))
