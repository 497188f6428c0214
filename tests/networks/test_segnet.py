from __future__ import annotations

import torch
from torch import nn

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build
from medlab_gui.networks.base import on_meta
from medlab_gui.networks.segnet import _unpool


def test_unpooling_by_hand():
    x = torch.tensor([[[[1.0, 5, 2, 2], [3, 4, 9, 2]]]])
    pooled, places = nn.MaxPool2d(2, return_indices=True)(x)
    by_hand = torch.tensor([[[[0.0, 5, 0, 0], [0, 0, 9, 0]]]])
    assert torch.equal(_unpool(pooled, places), by_hand)


def test_unpooling_is_that_of_torch():
    x = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    pooled, places = nn.MaxPool2d(2, return_indices=True)(x)
    for unpool in (_unpool, nn.MaxUnpool2d(2)):
        result = unpool(pooled, places)
        (gradient,) = torch.autograd.grad(result.square().sum(), x, retain_graph=True)
        if unpool is _unpool:
            ours = (result, gradient)
    assert torch.equal(ours[0], result)
    assert torch.equal(ours[1], gradient)


def test_the_decoder_mirrors_the_encoder():
    network = on_meta(lambda: build(NetworkSpec("segnet", 1, 2)))
    down = [
        [(m.in_channels, m.out_channels) for m in g if isinstance(m, nn.Conv2d)]
        for g in network.encoder
    ]
    up = [
        [(m.in_channels, m.out_channels) for m in g if isinstance(m, nn.Conv2d)]
        for g in network.decoder
    ]
    assert [len(g) for g in down] == [2, 2, 3, 3, 3]
    flat = [pair for group in down for pair in group][:0:-1]
    assert [pair for group in up for pair in group] == [(b, a) for a, b in flat]
    assert (network.head.in_channels, network.head.out_channels) == (64, 2)
