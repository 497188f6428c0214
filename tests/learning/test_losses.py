from __future__ import annotations

import math

import pytest
import torch

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import LossTerm
from medlab_gui.learning.losses import LOSSES, focal, make_loss
from tests.learning.conftest import train_spec


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


WEIGHTS = torch.tensor([0.5, 2.0])


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("ce", -(2.0 * math.log(0.8) + 0.5 * math.log(0.7)) / 2.5),
        ("focal", -(2.0 * 0.04 * math.log(0.8) + 0.5 * 0.09 * math.log(0.7)) / 2.5),
    ],
)
def test_class_weights_by_hand(name, by_hand):
    found = LOSSES[name](logits_of(PROBS), TRUTH, class_weights=WEIGHTS)
    assert found.item() == pytest.approx(by_hand, rel=1e-5)


def test_class_weights_are_torchs_own_for_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator)
    truth = torch.randint(0, 3, (2, 4, 5), generator=generator)
    truth[0, 0] = 255
    shares = torch.tensor([0.2, 1.0, 3.0])
    expected = torch.nn.functional.cross_entropy(
        x, truth, weight=shares, ignore_index=255
    )
    found = LOSSES["ce"](x, truth, class_weights=shares)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_class_weights_of_dice_weigh_the_classes_scores():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator)
    truth = torch.randint(0, 3, (2, 4, 5), generator=generator)
    one = LOSSES["dice"](x, truth, class_weights=torch.tensor([9.0, 1.0, 0.0]))
    two = LOSSES["dice"](x, truth, class_weights=torch.tensor([0.0, 0.0, 5.0]))
    both = LOSSES["dice"](x, truth, class_weights=torch.tensor([1.0, 1.0, 3.0]))
    assert both.item() == pytest.approx(0.25 * one.item() + 0.75 * two.item())
    assert LOSSES["dice"](x, truth).item() == pytest.approx(
        (one.item() + two.item()) / 2
    )


def test_an_unlabelled_slice_adds_nothing():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator)
    truth = torch.randint(0, 3, (2, 4, 5), generator=generator)
    truth[1] = 255
    for name in LOSSES:
        both = LOSSES[name](x, truth, class_weights=torch.ones(3))
        alone = LOSSES[name](x[:1], truth[:1], class_weights=torch.ones(3))
        assert both.item() == pytest.approx(alone.item(), rel=1e-6)


def test_a_recipes_loss_is_the_weighted_sum_of_its_terms():
    spec = train_spec(
        network=NetworkSpec("unet", 1, 2),
        loss=(LossTerm("dice_plain", 0.5), LossTerm("focal", 2.0, {"gamma": 1.0})),
        class_weights=(0.5, 2.0),
    )
    x = logits_of(PROBS)
    expected = 0.5 * LOSSES["dice_plain"](x, TRUTH, class_weights=WEIGHTS) + (
        2 * focal(x, TRUTH, 1.0, class_weights=WEIGHTS)
    )
    assert make_loss(spec)(x, TRUTH).item() == pytest.approx(expected.item())
    # Half precision comes in, and is computed on in float32.
    assert make_loss(spec)(x.bfloat16(), TRUTH).dtype == torch.float32


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("dise", "mean 'dice'"),
        ((LossTerm("focal", 1, {"gama": 2}),), "no option 'gama'.*mean 'gamma'"),
        ((LossTerm("ce", 1, {"gamma": 2}),), "it has none"),
        ((LossTerm("focal", 1, {"gamma": -2}),), "gamma of the loss focal"),
        ((LossTerm("focal", 1, {"gamma": "2"}),), "found '2'"),
    ],
)
def test_losses_that_are_wrong_are_named(loss, said):
    with pytest.raises(SpecError, match=said):
        make_loss(train_spec(loss=loss))


def test_focal_below_one_has_a_gradient_everywhere():
    x = torch.tensor([[[[60.0]], [[-60.0]]]], requires_grad=True)
    focal(x, torch.zeros(1, 1, 1, dtype=torch.long), 0.5).backward()
    assert x.grad.isfinite().all()
