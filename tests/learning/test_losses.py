from __future__ import annotations

import math

import pytest
import torch

from medlab_gui.core.errors import SpecError
from medlab_gui.learning.losses import LOSSES, focal


def logits_of(probs):
    return torch.tensor(probs).log().movedim(-1, 1)


# One row of two pixels, two classes: p(foreground) = 0.8 and 0.3; truth 1, 0.
PROBS = [[[[0.2, 0.8], [0.7, 0.3]]]]
TRUTH = torch.tensor([[[1, 0]]])


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("ce", -(math.log(0.8) + math.log(0.7)) / 2),
        ("focal", -(0.04 * math.log(0.8) + 0.09 * math.log(0.7)) / 2),
        ("dice", 1 - (2 * 0.8 + 1) / (0.64 + 0.09 + 1 + 1)),
        ("dice_plain", 1 - (2 * 0.8 + 1) / (0.8 + 0.3 + 1 + 1)),
    ],
)
def test_values_by_hand(name, by_hand):
    assert LOSSES[name](logits_of(PROBS), TRUTH).item() == pytest.approx(
        by_hand, rel=1e-5
    )


def test_dice_ce_is_their_sum():
    x = logits_of(PROBS)
    total = LOSSES["dice"](x, TRUTH) + LOSSES["ce"](x, TRUTH)
    assert torch.equal(LOSSES["dice_ce"](x, TRUTH), total)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_ignored_voxels_change_nothing_and_get_no_gradient(name):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator, requires_grad=True)
    truth = torch.randint(0, 3, (2, 4, 5), generator=generator).to(torch.uint8)
    truth[:, :2] = 255
    loss = LOSSES[name](x, truth)
    loss.backward()
    assert x.grad[:, :, :2].abs().max() == 0
    assert x.grad[:, :, 2:].abs().max() > 0
    cropped = LOSSES[name](x[:, :, 2:], truth[:, 2:])
    assert loss.item() == pytest.approx(cropped.item(), rel=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_truth_is_the_best_answer(name):
    truth = torch.randint(0, 3, (1, 6, 6), generator=torch.Generator().manual_seed(1))
    right = torch.nn.functional.one_hot(truth, 3).movedim(-1, 1) * 30.0
    assert LOSSES[name](right, truth).item() == pytest.approx(0, abs=1e-5)
    assert LOSSES[name](-right, truth).item() > 0.5


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_batch_of_nothing_is_a_number(name):
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    loss = LOSSES[name](x, torch.full((1, 2, 2), 255))
    loss.backward()
    assert math.isfinite(loss.item())
    assert x.grad.abs().max() == 0


def test_focal_without_focus_is_cross_entropy():
    x = logits_of(PROBS)
    assert focal(x, TRUTH, 0.0).item() == pytest.approx(LOSSES["ce"](x, TRUTH).item())


def test_an_unknown_loss_is_named():
    with pytest.raises(SpecError, match="Did you mean 'dice_ce'"):
        LOSSES["dice_cee"]
