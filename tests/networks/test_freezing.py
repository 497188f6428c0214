"""What is frozen does not change, batch norm included, and thaws again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.networks import (
    freeze,
)
from tests.networks.small_networks import (
    BOTH,
    picture,
    small,
)


@pytest.mark.parametrize("name", BOTH)
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


NORMALISED = sorted(
    n for n in BOTH if any(isinstance(m, nn.BatchNorm2d) for m in small(n).modules())
)


def counts(network: nn.Module, *, below: tuple[str, ...]) -> dict[bool, set[int]]:
    """Batches that the norms have seen, in the encoder (True) and elsewhere."""
    seen: dict[bool, set[int]] = {True: set(), False: set()}
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            seen[name.startswith(below)].add(int(tensor))
    return seen


@pytest.mark.parametrize("name", NORMALISED)
def test_freezing_stops_batch_norm_statistics_and_thawing_starts_them_again(name):
    network = small(name)
    below = tuple(f"{p}." for p in network.encoder_prefixes)
    freeze(network, "head")
    network.train()
    network(picture(2, 1, 32, 32))
    seen = counts(network, below=below)
    assert seen[True] <= {0}
    assert seen[False] <= {1}
    freeze(network, "all")
    network(picture(2, 1, 32, 32))
    # Where the encoder has norms they count now, from nought.
    assert counts(network, below=below)[True] == ({1} if seen[True] else set())


def test_most_networks_are_normalised():
    assert {"unet", "segnet", "resnet_cbam_unet", "resnet50", "inception_v3"} <= set(
        NORMALISED
    )


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
