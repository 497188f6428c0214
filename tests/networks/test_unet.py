from __future__ import annotations

from itertools import pairwise

import torch

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build, describe
from medlab_gui.networks.base import count_multiply_adds, on_meta


def test_width_one_is_the_paper():
    network = on_meta(lambda: build(NetworkSpec("unet", 1, 2)))
    assert [block[0].out_channels for block in network.encoder] == [
        64,
        128,
        256,
        512,
        1024,
    ]
    assert [block[0].in_channels for block in network.decoder] == [1024, 512, 256, 128]
    c = [1, 64, 128, 256, 512, 1024]
    down = sum(9 * a * b + 9 * b * b + 4 * b for a, b in pairwise(c))
    up = sum(4 * 2 * b * b + b + 9 * 2 * b * b + 9 * b * b + 4 * b for b in c[1:5])
    head = 64 * 2 + 2
    assert describe(NetworkSpec("unet", 1, 2))["n_weights"] == down + up + head


def test_multiplications_by_hand():
    layer = torch.nn.Sequential(
        torch.nn.Conv2d(2, 5, 3, padding=1, device="meta"),
        torch.nn.ConvTranspose2d(5, 3, 2, stride=2, device="meta"),
    )
    by_hand = 8 * 8 * 5 * 2 * 9 + 8 * 8 * 5 * 3 * 4
    assert count_multiply_adds(layer, (2, 8, 8)) == by_hand
