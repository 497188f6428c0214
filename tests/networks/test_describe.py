"""Weights and multiplications of every network at full width, counted otherwise."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import CLASSIFIERS, NETWORKS, build_any, describe
from medlab_gui.networks.base import on_meta

SWITCHES = [
    ("resnet_cbam_unet", {"encoder": "plain"}),
    ("resnet_cbam_unet", {"attention": "off"}),
]
# torchvision's counts without the dense layers, and what these take per class here.
PUBLISHED = {
    "alexnet": (61_100_840 - 58_631_144, 2 * 64 * 11 * 11, 9216),
    "resnet50": (25_557_032 - 2_049_000, 2 * 64 * 7 * 7, 2048),
    "inception_v3": (23_834_568 - 2_049_000, 2 * 32 * 3 * 3, 2048),
}


@pytest.mark.parametrize(
    ("name", "options"), [*((n, {}) for n in [*NETWORKS, *CLASSIFIERS]), *SWITCHES]
)
def test_multiplications_are_those_that_torch_counts(name, options):
    spec = NetworkSpec(name, 1, 3, options)
    about = describe(spec)
    network = on_meta(lambda: build_any(spec)).eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.empty(1, *about["input"], device="meta"))
    assert 2 * about["multiply_adds"] == counter.get_total_flops()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_weights_are_torchvisions_and_the_dense_layers_of_paper_3(name):
    convolutions, two_colours, features = PUBLISHED[name]
    dense = features * 512 + 512 + 512 * 256 + 256 + 256 + 1
    n_weights = describe(NetworkSpec(name, 1, 2))["n_weights"]
    assert n_weights == convolutions - two_colours + dense
