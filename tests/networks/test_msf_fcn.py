"""The published table (METHODS.md, section 1), layer by layer."""

from __future__ import annotations

import pytest
import torch

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import build, describe
from medlab_gui.networks.base import on_meta

# Module, channels at width 1, and by how much it divides the height and width.
TABLE = [
    ("group1", 64, 1),
    ("group2", 128, 2),
    ("group3", 256, 4),
    ("group4", 512, 8),
    ("group5", 512, 16),
    ("conv6", 4096, 32),
    ("conv7", 4096, 32),
    ("conv8", 3, 32),
    ("fuse4", 3, 16),
    ("fuse3", 3, 8),
    ("up1", 3, 16),
    ("up2", 3, 8),
    ("up3", 3, 1),
]


@pytest.mark.parametrize("size", [512, 64])
def test_shapes_are_the_papers(size):
    network = on_meta(lambda: build(NetworkSpec("msf_fcn", 1, 3)))
    shapes = {}
    for name, _, _ in TABLE:
        network.get_submodule(name).register_forward_hook(
            lambda module, args, result, name=name: shapes.update(
                {name: tuple(result.shape[1:])}
            )
        )
    logits = network(torch.empty(1, 1, size, size, device="meta"))
    assert shapes == {n: (c, size // by, size // by) for n, c, by in TABLE}
    assert logits.shape == (1, 3, size, size)


def test_every_convolution_and_pooling_of_the_groups():
    network = on_meta(lambda: build(NetworkSpec("msf_fcn", 1, 3)))
    seen = []

    def note(module, args, result):
        kernel = module.kernel_size
        stride = module.stride
        one = kernel if isinstance(kernel, int) else kernel[0]
        step = stride if isinstance(stride, int) else stride[0]
        seen.append((one, step, tuple(result.shape[1:])))

    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.MaxPool2d)):
            module.register_forward_hook(note)
    network(torch.empty(1, 1, 512, 512, device="meta"))
    expected = []
    size = 512
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        expected += [(3, 1, (channels, size, size))] * count
        size //= 2
        expected.append((2, 2, (channels, size, size)))
    expected += [(8, 1, (4096, 16, 16)), (2, 1, (4096, 16, 16)), (1, 1, (3, 16, 16))]
    assert seen[: len(expected)] == expected
    assert seen[len(expected) :] == [(1, 1, (3, 32, 32)), (1, 1, (3, 64, 64))]


def test_kernels_strides_and_weights_are_the_papers():
    network = on_meta(lambda: build(NetworkSpec("msf_fcn", 1, 3)))
    modules = dict(network.named_modules())
    groups = [modules[f"group{n}"] for n in range(1, 6)]
    convolutions = [[m for m in g if isinstance(m, torch.nn.Conv2d)] for g in groups]
    assert [len(c) for c in convolutions] == [2, 2, 3, 3, 3]
    assert {m.kernel_size for c in convolutions for m in c} == {(3, 3)}
    kernels = [modules[n].weight.shape[-1] for n in ("conv6.1", "conv7.1", "conv8")]
    assert kernels == [8, 2, 1]
    ups = [modules[f"up{n}"] for n in (1, 2, 3)]
    assert [(u.kernel_size[0], u.stride[0]) for u in ups] == [(4, 2), (4, 2), (16, 8)]
    n_weights = describe(NetworkSpec("msf_fcn", 1, 3))["n_weights"]
    assert n_weights == pytest.approx(216e6, rel=0.005)


def test_even_kernels_look_one_further_behind():
    from medlab_gui.networks.msf_fcn import _even_convolution

    layer = _even_convolution(1, 1, 2)
    torch.nn.init.ones_(layer[1].weight)
    torch.nn.init.zeros_(layer[1].bias)
    x = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    by_hand = torch.tensor([[12.0, 16, 9], [24, 28, 15], [15, 17, 9]])
    assert torch.equal(layer(x)[0, 0], by_hand)


def test_weights_start_after_xavier():
    torch.manual_seed(0)
    network = build(NetworkSpec("msf_fcn", 1, 3, {"width": 0.25}))
    weight = network.group4[2].weight
    bound = (6 / (2 * 128 * 9)) ** 0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not network.group4[2].bias.any()
