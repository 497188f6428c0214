from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.learning.voting import (
    blending_weights,
    dropout_on,
    starts,
    tile_shape,
    voted_probs,
)


def greyish(images):
    """Logits that depend on each pixel alone."""
    return torch.cat([torch.zeros_like(images), 3 * images - 1], dim=1)


def pictures(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("size", [(70, 95), (64, 40), (30, 31), (33, 32)])
def test_tiles_of_what_needs_no_surroundings_change_nothing(size, overlap):
    images = pictures(2, 1, *size)
    seen = []

    def network(tiles):
        seen.append(tuple(tiles.shape[-2:]))
        return greyish(tiles)

    probs = voted_probs(network, images, PredictSpec(tile=32, overlap=overlap))
    assert set(seen) == {(min(32, size[0]), min(32, size[1]))}
    expected = torch.softmax(greyish(images), dim=1)
    torch.testing.assert_close(probs, expected)


def test_tiles_cover_an_axis_evenly():
    for length in range(32, 200, 7):
        for overlap in (0, 0.25, 0.5):
            found = starts(length, 32, overlap)
            assert found[0] == 0
            assert found[-1] == length - 32
            steps = [b - a for a, b in pairwise(found)]
            assert all(0 < step <= 32 * (1 - overlap) + 0.5 for step in steps)


def test_the_middle_of_a_tile_counts_more_than_its_border():
    """A network that is wrong at the border of what it sees, and right inside."""

    def network(tiles):
        logits = greyish(torch.ones_like(tiles))
        logits[..., :2] = logits[..., -2:] = 0
        return logits

    right = torch.softmax(torch.tensor([0.0, 2.0]), 0)[1]
    probs = voted_probs(network, torch.ones(1, 1, 64, 160), PredictSpec(tile=64))
    inside = probs[0, 1, :, 4:-4]
    assert (inside - right).abs().max() < 0.01
    assert (probs[0, 1, :, 0] - 0.5).abs().max() < 1e-6, "nothing else saw the edge"


def test_weights_are_a_bell():
    weights = blending_weights((32, 48))
    assert weights.shape == (32, 48)
    assert weights.min() > 0
    assert weights.max() <= 1
    torch.testing.assert_close(weights, weights.flip(0, 1))
    assert weights[16, 24] > 0.98
    assert weights[0, 24] < 0.01


def test_mirrored_slices_vote_as_they_lie():
    images = pictures(1, 1, 6, 8)
    column = torch.arange(8.0).expand(1, 1, 6, 8)
    row = torch.arange(6.0)[:, None].expand(1, 1, 6, 8)

    def network(shown):  # says where it is in what it is shown
        return torch.cat([torch.zeros_like(shown), shown + 0.2 * column + 0.1 * row], 1)

    def sure(logits):
        return torch.softmax(torch.cat([0 * logits, logits], 1), 1)

    here = sure(images + 0.2 * column + 0.1 * row)
    left = sure(images + 0.2 * column.flip(-1) + 0.1 * row)
    up = sure(images + 0.2 * column + 0.1 * row.flip(-2))
    both = sure(images + 0.2 * column.flip(-1) + 0.1 * row.flip(-2))
    found = voted_probs(network, images, PredictSpec(flips="left-right"))
    torch.testing.assert_close(found, (here + left) / 2)
    found = voted_probs(network, images, PredictSpec(flips="all"))
    torch.testing.assert_close(found, (here + left + up + both) / 4)


class Dropping(nn.Module):
    """Logits 0 or 4 for the second class, as dropout falls."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.dropout = nn.Dropout(0.5)
        self.never = nn.Dropout(0.0)

    def forward(self, images):
        second = self.dropout(torch.full_like(images, 2.0))
        return torch.cat([torch.zeros_like(images), self.never(second)], dim=1)


def test_dropout_passes_are_averaged_as_probabilities():
    network = Dropping().eval()
    images = torch.zeros(1, 1, 50, 60)
    spec = PredictSpec(dropout_passes=40)
    state = torch.random.get_rng_state()
    with dropout_on(network, 7):
        assert not network.norm.training, "statistics are kept"
        once = voted_probs(network, images, spec)
    assert torch.equal(torch.random.get_rng_state(), state), "nobody else's dice"
    sure, unsure = torch.softmax(torch.tensor([0.0, 4.0]), 0)[1], 0.5
    assert once[0, 1].mean() == pytest.approx(float(sure + unsure) / 2, abs=0.01)
    assert not any(m.training for m in network.modules())
    with dropout_on(network, 7):
        again = voted_probs(network, images, spec)
    with dropout_on(network, 8):
        other = voted_probs(network, images, spec)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_a_network_without_dropout_says_so():
    for network in (nn.Conv2d(1, 2, 1), nn.Sequential(nn.Dropout(0.0))):
        with (
            pytest.raises(SpecError, match="no dropout"),
            dropout_on(network.eval(), 0),
        ):
            pass


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tile": 8}, "at least 32 pixels"),
        ({"overlap": 0.95}, "share of 0 to 0.9"),
        ({"overlap": float("nan")}, "share of 0 to 0.9"),
        ({"axes": "coronal"}, "axes is one of axial, all"),
        ({"flips": "up"}, "flips is one of none, left-right, all"),
        ({"dropout_passes": 1}, "at least 2"),
        ({"dropout_passes": -3}, "at least 2"),
    ],
)
def test_impossible_wishes_are_refused(wrong, said):
    with pytest.raises(SpecError, match=said):
        PredictSpec(**wrong)


def test_a_small_slice_is_its_own_tile():
    spec = PredictSpec(tile=64)
    assert tile_shape((40, 100), spec) == (40, 64)
    assert tile_shape((40, 100), PredictSpec()) == (40, 100)
