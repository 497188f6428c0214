from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build, describe
from medlab_gui.networks.base import on_meta
from medlab_gui.networks.fcn import _bilinear

# VGG16 has 138,357,544 weights for three colours and 1000 classes (torchvision).
VGG16_WITHOUT_SCORES = 138_357_544 - 1000 * 4097


@pytest.mark.parametrize("factor", [2, 8, 32])
def test_what_enlarges_begins_as_bilinear_interpolation(factor):
    scores = torch.rand(1, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    enlarged = _bilinear(2, factor)(scores)
    expected = functional.interpolate(
        scores, scale_factor=factor, mode="bilinear", align_corners=False
    )
    # At the border the transposed convolution fades out, interpolation repeats.
    inside = (..., slice(factor, -factor), slice(factor, -factor))
    torch.testing.assert_close(enlarged[inside], expected[inside])


@pytest.mark.parametrize(("name", "classes"), [("fcn32s", 2), ("fcn8s", 3)])
def test_width_one_is_vgg16(name, classes):
    scores = classes * 4097
    up = classes**2 * 64**2 if name == "fcn32s" else classes**2 * (16 + 16 + 16**2)
    skips = 0 if name == "fcn32s" else classes * (513 + 257)
    expected = VGG16_WITHOUT_SCORES + scores + up + skips
    assert describe(NetworkSpec(name, 3, classes))["n_weights"] == expected


def test_fcn8s_joins_scores_at_a_16th_and_an_8th():
    network = on_meta(lambda: build(NetworkSpec("fcn8s", 1, 2)))
    shapes = {}
    for name in ("fc6", "fc7", "score", "score4", "score3", "up2", "up4", "up8"):
        network.get_submodule(name).register_forward_hook(
            lambda module, args, result, name=name: shapes.update(
                {name: tuple(result.shape[1:])}
            )
        )
    network(torch.empty(1, 1, 512, 512, device="meta"))
    assert shapes == {
        "fc6": (4096, 16, 16),
        "fc7": (4096, 16, 16),
        "score": (2, 16, 16),
        "up2": (2, 32, 32),
        "score4": (2, 32, 32),
        "up4": (2, 64, 64),
        "score3": (2, 64, 64),
        "up8": (2, 512, 512),
    }


def test_fcn8s_begins_with_the_coarse_prediction():
    torch.manual_seed(0)
    network = build(NetworkSpec("fcn8s", 1, 2, {"width": 1 / 16})).eval()
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        coarse = network.up8(network.up4(network.up2(network._scores(x)[1])))
        assert torch.equal(network(x), coarse)
