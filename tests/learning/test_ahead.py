from __future__ import annotations

import threading

import numpy as np
import pytest

from medlab_gui.learning.ahead import made_ahead
from medlab_gui.learning.augmentations import Augmenter, make_augmenter
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.parallel import Team
from tests.learning.conftest import WINDOW, disc_source, train_spec

STEPS = [[3, 1], [0], [2, 5, 4]]


def slices():
    return PreparedSlices(disc_source(), WINDOW, None, 3)


def workers():
    return [t for t in threading.enumerate() if t.name.startswith("medlab-augment")]


@pytest.fixture(params=[False, True], ids=["here", "on_thread"])
def on_thread(request):
    return request.param


@pytest.mark.parametrize("augment", ["usual", "four-of-six"])
def test_samples_are_those_made_one_by_one_in_order(augment, on_thread):
    augmenter = make_augmenter(train_spec(augment=augment))
    rng, own, prepared = np.random.default_rng(7), np.random.default_rng(7), slices()
    n_steps = 0
    made = made_ahead(STEPS, prepared, augmenter, rng, Team(), on_thread=on_thread)
    for numbers, samples in made:
        assert numbers == STEPS[n_steps]
        assert [place for place, _ in samples] == list(range(len(numbers)))
        for n, (_place, (image, labels)) in zip(numbers, samples, strict=True):
            expected = augmenter.apply(augmenter.draw(own), *prepared[n])
            np.testing.assert_array_equal(image, expected[0])
            np.testing.assert_array_equal(labels, expected[1])
        n_steps += 1
    assert n_steps == len(STEPS)
    assert workers() == []


def test_each_process_of_a_team_makes_its_share_of_what_all_draw(on_thread):
    augmenter = make_augmenter(train_spec())

    def of(rank, size):
        rng = np.random.default_rng(1)
        team = Team(rank, size)
        made = made_ahead(STEPS, slices(), augmenter, rng, team, on_thread=on_thread)
        return list(made)

    alone = of(0, 1)
    for rank in (0, 1):
        for (_, whole), (_, part) in zip(alone, of(rank, 2), strict=True):
            assert [place for place, _ in part] == [p for p, _ in whole][rank::2]
            for place, (image, _labels) in part:
                np.testing.assert_array_equal(image, whole[place][1][0])


def test_without_changes_the_slices_themselves_come(on_thread):
    prepared = slices()
    rng = np.random.default_rng(0)
    made = made_ahead(STEPS, prepared, None, rng, Team(), on_thread=on_thread)
    for numbers, samples in made:
        for n, (_place, (image, _labels)) in zip(numbers, samples, strict=True):
            assert image is prepared[n][0]


def test_what_fails_is_raised_here_and_no_thread_stays(on_thread):
    def fail(change, image, labels):
        raise ValueError(f"change {change}")

    augmenter = Augmenter(lambda rng: int(rng.integers(10)), fail)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="change"):
        list(made_ahead(STEPS, slices(), augmenter, rng, Team(), on_thread=on_thread))
    assert workers() == []
    augmenter = make_augmenter(train_spec())
    stopped = made_ahead(STEPS, slices(), augmenter, rng, Team(), on_thread=on_thread)
    next(stopped)
    stopped.close()
    assert workers() == []
