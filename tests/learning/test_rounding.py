"""What is reckoned in bfloat16 gives the same mask, or is reckoned again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.learning.rounding import (
    RoundingGuard,
    first_layer_in_parts,
    parts_of,
)
from medlab_gui.networks.base import SegmentationNetwork
from tests.learning.test_runtime import used
from tests.networks.small_networks import NAMES, small

ALLOWED = 1e-3
"""Share of the voxels that may differ."""


def rounded(values):
    return values.bfloat16().float()


def picture(seed, side=256, smooth=16):
    """Logits of three classes that meet at borders, as a trained network gives them."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(3, side, side))
    field = np.stack([gaussian_filter(one, smooth) for one in noise])
    return torch.from_numpy(field / field.std() * 4).float()


def with_error(logits, size, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return logits + size * torch.randn(logits.shape, generator=dice)


def changed(one, other):
    return float((one.argmax(0) != other.argmax(0)).float().mean())


# ---- the first layer --------------------------------------------------------------


def test_parts_hold_what_a_picture_is():
    images = torch.rand(2, 3, 20, 30)
    kept, rest, again, ones = parts_of(images).split([3, 3, 3, 2], dim=1)
    torch.testing.assert_close(kept, rounded(images), rtol=0, atol=0)
    torch.testing.assert_close(again, kept, rtol=0, atol=0)
    torch.testing.assert_close(kept + rounded(rest), images, rtol=2**-17, atol=0)
    assert (ones == 1).all()


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_first_layer_in_parts_loses_nothing_to_rounding(name, in_channels):
    """As it does of pictures of bright, flat tissue, whose mean is most of them."""
    network = used(small(name, in_channels))
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.3)
    side = 2 * network.stride
    images = 0.9 + 0.02 * torch.rand(1, in_channels, side, side)
    firsts = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    before = [(m.weight, m.bias) for m in firsts]

    def error(images):
        with torch.inference_mode():
            return (network.logits(images) - expected).square().mean().sqrt()

    with torch.inference_mode():
        expected = network.logits(images)
    plainly = error(rounded(images))
    with first_layer_in_parts(network) as takes_parts:
        assert takes_parts
        n_parts = 3 * in_channels + 2
        parted = [m for m in firsts if m.weight.shape[1] == n_parts and m.bias is None]
        assert parted
        for layer in parted:
            layer.weight.data = rounded(layer.weight)
        digits = 1e-6 * float(expected.abs().max())
        assert error(rounded(parts_of(images))) < 0.05 * plainly + digits
    for layer, (weight, bias) in zip(firsts, before, strict=True):
        assert layer.weight is weight
        assert layer.bias is bias
    with torch.inference_mode():
        torch.testing.assert_close(network.logits(images), expected, rtol=0, atol=0)


class First(SegmentationNetwork):
    """A network of one convolution."""

    def __init__(self, **options):
        super().__init__(1, 2)
        self.conv = nn.Conv2d(1, 2, **options)

    def logits(self, x):
        return self.conv(x)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 3},
        {"kernel_size": (3, 5), "padding": (1, 2)},
        {"kernel_size": 7, "padding": 3, "stride": 2},
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": 3, "padding": 1, "bias": False},
    ],
)
def test_a_bias_counts_at_the_border_as_in_the_middle(options):
    network = First(**options).eval()
    images = torch.rand(1, 1, 16, 18)
    with torch.inference_mode():
        expected = network.logits(images)
        with first_layer_in_parts(network) as takes_parts:
            assert takes_parts
            found = network.logits(parts_of(images))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


class AddsIts(SegmentationNetwork):
    """A network of a plug-in, say, which adds the picture to its answer."""

    def __init__(self, what):
        super().__init__(1, 2)
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.what = what

    def logits(self, x):
        return self.conv(x) + self.what(x)


@pytest.mark.parametrize(
    "network",
    [
        AddsIts(lambda x: x),  # which no longer fits
        AddsIts(lambda x: {1: x}[x.shape[1]]),
        AddsIts(lambda x: x.mean(dim=1, keepdim=True)),  # which fits, and is another
        First(kernel_size=3, padding=3),  # where only the border has a bias
        First(kernel_size=3, padding="same"),
        First(kernel_size=3, padding=1, padding_mode="replicate"),
    ],
)
def test_a_network_that_cannot_take_parts_is_left_as_it_is(network):
    network.eval()
    before = network.conv.weight
    with first_layer_in_parts(network) as takes_parts:
        assert not takes_parts
        assert network.conv.weight is before, "torch's or OpenVINO's as it is"
        assert network.conv.bias is not None
    assert network.conv.weight is before


def test_weights_come_back_after_an_error():
    network = used(small("unet", 1))
    before = list(network.parameters())
    with pytest.raises(KeyError), first_layer_in_parts(network):
        raise KeyError
    after = list(network.parameters())
    assert all(one is other for one, other in zip(before, after, strict=True))


# ---- which answers stand ----------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "pays"), [(0.001, True), (0.003, True), (0.02, False), (0.3, False)]
)
def test_what_stands_has_not_changed_by_a_thousandth(size, pays):
    guard, again = RoundingGuard(), 0
    for seed in range(40):
        exact = picture(seed)
        found = with_error(exact, size, seed)
        if not guard.pays:
            break
        if guard.stands(found):
            assert 0 < changed(found, exact) <= ALLOWED, seed
        else:
            again += 1
            guard.learn(found, exact)
    assert guard.pays == pays
    if pays:
        assert again <= 4, "some are compared, and no others"


def test_what_is_expected_to_change_does():
    guard = RoundingGuard()
    guard.learn(with_error(picture(0), 0.01), picture(0))
    for seed in range(1, 9):
        found = with_error(picture(seed), 0.01, seed)
        ratio = changed(found, picture(seed)) / guard._expected_change(found)
        assert 0.6 < ratio < 1.6, seed


def test_a_large_error_never_stands():
    """Not even where hardly a pixel would change: those would not be toss-ups."""
    guard = RoundingGuard()
    sure = torch.stack([torch.full((64, 64), 9.0), torch.zeros(64, 64)])
    guard.learn(with_error(sure, 0.02), sure)
    assert guard.stands(sure)
    guard.learn(with_error(sure, 0.2), sure)
    assert not guard.stands(sure)


def test_the_first_answer_never_stands():
    assert not RoundingGuard().stands(
        torch.stack([torch.ones(9, 9), torch.zeros(9, 9)])
    )


def test_an_error_that_grows_is_found():
    """A picture without borders says little of how far off one with them is."""
    guard = RoundingGuard()
    air = torch.stack([torch.full((256, 256), 9.0), *torch.zeros(2, 256, 256)])
    assert not guard.stands(air)
    guard.learn(with_error(air, 0.003), air)
    assert all(guard.stands(with_error(air, 0.003, seed)) for seed in range(50))
    failed = 0
    for seed in range(12):
        exact = picture(seed)
        found = with_error(exact, 0.04, seed)
        if guard.stands(found):
            assert changed(found, exact) <= ALLOWED
        else:
            failed += 1
            guard.learn(found, exact)
    assert failed >= 11


def test_a_class_that_is_new_is_compared():
    guard = RoundingGuard()
    large = torch.stack([torch.full((64, 64), at) for at in (0.0, 9.0, 0.0)])
    guard.learn(large, large)
    assert guard.stands(large)
    small = large.clone()
    small[2, 10:16, 10:16] = 20.0
    assert not guard.stands(small)
    guard.learn(small, small)
    assert guard.stands(small)
    larger = large.clone()
    larger[2, 10:30, 10:30] = 20.0
    assert not guard.stands(larger)
    assert not guard.stands(3 * large), "its error may be larger by as much"


def test_an_error_that_is_large_only_at_borders_is_found():
    """Where hardly a pixel lies at a border the others say that all is well."""
    guard = RoundingGuard()
    allowed = 0
    for seed in range(24):
        exact = torch.stack([torch.full((256, 256), 9.0), torch.zeros(256, 256)])
        dice = torch.Generator().manual_seed(seed)
        exact[1, 100:102] = 9 + 0.2 * torch.randn(2, 256, generator=dice)
        found = exact.clone()
        found[1, 100:102] += 0.15 * torch.randn(2, 256, generator=dice)
        if guard.stands(found):
            allowed += 1
            assert changed(found, exact) <= ALLOWED
        else:
            guard.learn(found, exact)
    assert allowed == 0


def test_what_changed_corrects_what_was_expected():
    guard = RoundingGuard()
    exact = picture(3)
    found = with_error(exact, 0.001)
    found[:, :20] = with_error(exact, 0.05)[:, :20]
    guard.learn(found, exact)
    assert guard._expected_change(found) >= 0.5 * changed(found, exact)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_never_stands(value):
    guard = RoundingGuard()
    sure = torch.stack([torch.ones(16, 16), torch.zeros(16, 16)])
    guard.learn(sure, sure)
    assert guard.stands(sure)
    wrong = sure.clone()
    wrong[0, 3, 3] = value
    assert not guard.stands(wrong)
    guard.learn(wrong, sure)
    assert guard.stands(sure), "nothing can be learned from it"
    guard.learn(torch.full_like(sure, value), sure)
    assert guard.stands(sure)


def test_it_is_given_up_where_most_had_to_be_reckoned_again():
    guard = RoundingGuard()
    torn = torch.zeros(2, 16, 16)
    for _ in range(8):
        assert guard.pays
        assert not guard.stands(torn)
        guard.learn(torn, torn + torch.tensor([0.1, 0.0])[:, None, None])
    assert not guard.pays
