from __future__ import annotations

import pytest
import torch

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build
from medlab_gui.networks.base import on_meta
from medlab_gui.networks.cbam import CBAM


def shapes_of(network, modules, size):
    shapes = {}
    for name in modules:
        network.get_submodule(name).register_forward_hook(
            lambda module, args, result, name=name: shapes.update(
                {name: tuple(result.shape[1:])}
            )
        )
    network(torch.empty(1, 1, size, size, device="meta"))
    return shapes


@pytest.mark.parametrize("attention", ["on", "off"])
def test_shapes_with_the_residual_encoder(attention):
    spec = NetworkSpec("resnet_cbam_unet", 1, 2, {"attention": attention})
    network = on_meta(lambda: build(spec))
    modules = [f"encoder.layer{n}" for n in (1, 2, 3, 4)]
    modules += [f"decoder.{n}" for n in range(5)] + ["head"]
    assert shapes_of(network, modules, 512) == {
        "encoder.layer1": (256, 128, 128),
        "encoder.layer2": (512, 64, 64),
        "encoder.layer3": (1024, 32, 32),
        "encoder.layer4": (2048, 16, 16),
        "decoder.0": (512, 32, 32),
        "decoder.1": (256, 64, 64),
        "decoder.2": (128, 128, 128),
        "decoder.3": (64, 256, 256),
        "decoder.4": (64, 512, 512),
        "head": (2, 512, 512),
    }


def test_shapes_with_the_plain_encoder():
    spec = NetworkSpec("resnet_cbam_unet", 1, 2, {"encoder": "plain"})
    network = on_meta(lambda: build(spec))
    modules = [f"decoder.{n}" for n in range(5)] + ["head"]
    assert shapes_of(network, modules, 512) == {
        "decoder.0": (512, 64, 64),
        "decoder.1": (256, 128, 128),
        "decoder.2": (128, 256, 256),
        "decoder.3": (64, 512, 512),
        "decoder.4": (64, 512, 512),
        "head": (2, 512, 512),
    }


def test_cbam_by_its_formula():
    torch.manual_seed(0)
    layer = CBAM(32, reduction=4)
    x = torch.randn(2, 32, 9, 7)
    first, second = layer.mlp[0], layer.mlp[2]

    def mlp(v):
        hidden = torch.relu(v @ first.weight[:, :, 0, 0].T + first.bias)
        return hidden @ second.weight[:, :, 0, 0].T + second.bias

    mean = x.flatten(2).mean(2)
    largest = x.flatten(2).max(2).values
    channels = torch.sigmoid(mlp(mean) + mlp(largest))
    weighed = x * channels[:, :, None, None]
    maps = torch.stack([weighed.mean(1), weighed.max(1).values], dim=1)
    places = torch.sigmoid(
        torch.nn.functional.conv2d(maps, layer.spatial.weight, padding=3)
    )
    torch.testing.assert_close(layer(x), weighed * places)
    assert first.out_channels == 8


def test_the_reduction_sets_the_hidden_units():
    assert CBAM(2048).mlp[0].out_channels == 128
    assert CBAM(128).mlp[0].out_channels == 8
