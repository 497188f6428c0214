"""One suite over every network: shapes, gradients, sizes, freezing, repeatability."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import NETWORKS, build, describe, freeze

SMALL = {"width": 1 / 16}
NAMES = sorted(NETWORKS)


def small(name: str, in_channels: int = 1, n_classes: int = 3, seed: int = 0):
    torch.manual_seed(seed)
    return build(NetworkSpec(name, in_channels, n_classes, SMALL))


def picture(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("channels", "classes", "size"),
    [(1, 2, (64, 64)), (2, 4, (32, 96)), (1, 3, (33, 61)), (1, 3, (1, 1))],
)
def test_any_size_gives_logits_of_that_size(name, channels, classes, size):
    network = small(name, channels, classes).eval()
    with torch.no_grad():
        logits = network(picture(2, channels, *size))
    assert logits.shape == (2, classes, *size)
    assert torch.isfinite(logits).all()
    assert logits.min() < 0 or logits.max() > 1, "logits, not probabilities"


@pytest.mark.parametrize("name", NAMES)
def test_padding_repeats_the_edge_and_is_cut_off(name):
    network = small(name).eval()
    x = picture(1, 1, 50, 70)
    stride = network.stride
    padded = torch.nn.functional.pad(
        x, (0, -70 % stride, 0, -50 % stride), mode="replicate"
    )
    with torch.no_grad():
        assert torch.equal(network(x), network(padded)[..., :50, :70])


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_gets_a_gradient(name):
    network = small(name)
    logits = network(picture(2, 1, 64, 64))
    target = torch.randint(
        0, 3, (2, 64, 64), generator=torch.Generator().manual_seed(2)
    )
    nn.functional.cross_entropy(logits, target).backward()
    dead = [
        n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()
    ]
    assert dead == []


@pytest.mark.parametrize("name", NAMES)
def test_a_few_steps_learn_a_square(name):
    network = small(name, n_classes=2)
    x = torch.zeros(2, 1, 64, 64)
    x[:, :, 16:48, 16:48] = 1
    target = x[:, 0].long()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_weights_can_be_saved_and_loaded(name):
    first, second = small(name, seed=0).eval(), small(name, seed=5).eval()
    x = picture(1, 1, 40, 40)
    with torch.no_grad():
        assert not torch.equal(first(x), second(x))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_network(name):
    first, second = small(name, seed=3), small(name, seed=3)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    x = picture(2, 1, 32, 32)
    assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_encoder_does_not_change_at_all(name):
    network = small(name)
    freeze(network, "head")
    network.eval()
    network.train()
    before = {n: t.clone() for n, t in network.state_dict().items()}
    optimiser = torch.optim.Adam(
        [p for p in network.parameters() if p.requires_grad], 1e-2
    )
    network(picture(2, 1, 32, 32)).square().sum().backward()
    optimiser.step()
    changed = {
        n for n, t in network.state_dict().items() if not torch.equal(t, before[n])
    }
    in_encoder = {
        n
        for n in before
        if any(n.startswith(p + ".") for p in network.encoder_prefixes)
    }
    assert in_encoder, "the prefixes name something"
    assert changed & in_encoder == set()
    assert changed, "the head learns"


def test_freezing_stops_batch_norm_statistics_and_thawing_starts_them_again():
    network = small("unet")
    frozen_norm, free_norm = network.encoder[0][1], network.decoder[0][1]
    freeze(network, "head")
    network.train()
    network(picture(2, 1, 32, 32))
    assert frozen_norm.num_batches_tracked == 0
    assert free_norm.num_batches_tracked == 1
    freeze(network, "all")
    network(picture(2, 1, 32, 32))
    assert frozen_norm.num_batches_tracked == 1


def test_freezing_by_prefix():
    network = small("unet")
    freeze(network, ("head", "decoder.3"))
    learns = {n for n, p in network.named_parameters() if p.requires_grad}
    assert learns == {
        n
        for n, _ in network.named_parameters()
        if n.startswith(("head.", "decoder.3."))
    }


@pytest.mark.parametrize("wrong", [("nose",), ("enc",), "tail"])
def test_freezing_what_is_not_there_is_refused(wrong):
    with pytest.raises(SpecError, match=r"encoder|'all', 'head'"):
        freeze(small("unet"), wrong)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options",
    [{"width": 0}, {"width": -1}, {"width": 1e6}, {"width": "wide"}, {"depth": 3}],
)
def test_wrong_options_get_a_sentence(name, options):
    with pytest.raises(SpecError, match="width"):
        build(NetworkSpec(name, 1, 2, options))


@pytest.mark.parametrize("name", NAMES)
def test_wrong_channels_get_a_sentence(name):
    with pytest.raises(SpecError, match="two classes"):
        build(NetworkSpec(name, 1, 1, SMALL))
    with pytest.raises(SpecError, match=r"\(N, 1, H, W\)"):
        small(name)(torch.zeros(1, 2, 32, 32))


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(SpecError, match="Did you mean 'unet'"):
        build(NetworkSpec("unett"))


def test_the_registry_does_not_load_torch():
    code = (
        "import sys; from medlab_gui.networks import NETWORKS; "
        "assert sorted(NETWORKS)[:1]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_describe_counts_like_the_network_itself(name):
    about = describe(NetworkSpec(name, 1, 3, SMALL), (64, 64))
    assert about["n_weights"] == sum(p.numel() for p in small(name).parameters())
    assert about["input"] == [1, 64, 64]
    assert about["options"] == SMALL
    assert about["title"]
    assert about["paper"]
    twice = describe(NetworkSpec(name, 1, 3, SMALL), (128, 64))["multiply_adds"]
    assert twice == 2 * about["multiply_adds"]
