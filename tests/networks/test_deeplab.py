from __future__ import annotations

import torch
from torch import nn

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build
from medlab_gui.networks.base import on_meta


def test_width_one_is_the_paper():
    network = on_meta(lambda: build(NetworkSpec("deeplab_v1", 1, 21)))
    convolutions = [m for m in network.features if isinstance(m, nn.Conv2d)]
    assert [m.dilation for m in convolutions] == [(1, 1)] * 10 + [(2, 2)] * 3
    pools = [m for m in network.features if isinstance(m, nn.MaxPool2d)]
    assert [m.stride for m in pools] == [2, 2, 2, 1, 1]
    assert {m.kernel_size for m in pools} == {3}
    assert network.fc6.weight.shape == (1024, 512, 3, 3)
    assert network.fc6.dilation == (12, 12)
    shapes = []
    network.score.register_forward_hook(
        lambda module, args, result: shapes.append(tuple(result.shape))
    )
    network(torch.empty(1, 1, 512, 512, device="meta"))
    assert shapes == [(1, 21, 64, 64)]


def test_one_place_sees_as_far_as_the_paper_says():
    # The wide convolution's 3x3 taps lie 12 apart: 25 places of 8 pixels.
    torch.manual_seed(0)
    network = build(NetworkSpec("deeplab_v1", 1, 2, {"width": 1 / 16})).eval()
    features = torch.zeros(1, network.fc6.in_channels, 41, 41, requires_grad=True)
    network.fc6(features)[0, :, 20, 20].sum().backward()
    rows = features.grad[0].abs().sum(0).nonzero()
    assert rows.min(0).values.tolist() == [8, 8]
    assert rows.max(0).values.tolist() == [32, 32]
    assert len(rows) == 9
