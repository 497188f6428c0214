from __future__ import annotations

import numpy as np
import torch

from medlab_gui.learning.batches import collate, epoch_order, in_batches, repeatable


def test_half_of_an_epoch_shows_a_class():
    shown = [n % 10 == 0 for n in range(100)]
    order = epoch_order(np.random.default_rng(0), shown)
    assert len(order) == 100
    assert sum(shown[n] for n in order) == 50
    times = [order.count(n) for n in range(0, 100, 10)]
    assert set(times) == {5}, "each in turn"
    assert len({n for n in order if not shown[n]}) == 50


def test_an_epoch_with_enough_foreground_shows_each_slice_once():
    for shown in ([True] * 9, [True] * 5 + [False] * 4, [False] * 9):
        assert sorted(epoch_order(np.random.default_rng(0), shown)) == list(range(9))


def test_no_batch_of_one_unless_there_is_but_one():
    assert in_batches(list(range(9)), 4) == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert in_batches(list(range(10)), 4)[-1] == [8, 9]
    assert in_batches([7], 4) == [[7]]
    assert in_batches([1, 2, 3], 1) == [[1], [2, 3]]


def test_mixed_sizes_are_padded_with_what_is_ignored():
    big = np.full((40, 50), 0.5, np.float32), np.ones((40, 50), np.uint8)
    low = np.full((36, 60), 0.25, np.float32), np.full((36, 60), 2, np.uint8)
    images, labels = collate([big, low])
    assert images.shape == (2, 1, 40, 60)
    assert labels.shape == (2, 40, 60)
    assert (labels[0, :, 50:] == 255).all()
    assert (labels[1, 36:] == 255).all()
    assert (labels[1, :36] == 2).all()
    assert (images[1] == 0.25).all()
    assert images.dtype == torch.float32


def test_neighbours_become_channels():
    rng = np.random.default_rng(0)
    image = rng.random((3, 40, 50), dtype=np.float32)
    labels = np.ones((40, 50), np.uint8)
    images, truth = collate([(image, labels), (image[:, :33, :36], labels[:33, :36])])
    assert images.shape == (2, 3, 40, 50)
    assert np.array_equal(images[0], image)
    assert np.array_equal(images[1, :, :33, :36], image[:, :33, :36])
    assert np.array_equal(images[1, :, 39, 49], image[:, 32, 35])
    assert truth[1, 32, 35] == 1
    assert truth[1, 39, 49] == 255


def test_tiny_slices_are_padded_to_what_networks_can_normalise():
    images, labels = collate([(np.ones((5, 7), np.float32), np.ones((5, 7), np.uint8))])
    assert images.shape == (1, 1, 32, 32)
    assert (labels == 1).sum() == 35


def test_repeatable_repeats_and_leaves_no_trace():
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    with repeatable(1):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with repeatable(1):
        assert torch.equal(torch.rand(3), first)
