"""Weights learned elsewhere: by name and shape, with a first layer that adapts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import CLASSIFIERS, NETWORKS, build, build_any, describe
from medlab_gui.networks.base import on_meta
from medlab_gui.networks.transfer import SOURCES, _with_channels, identify, transfer
from tests.networks.public_files import SHAPES, public_tensors

IMAGENET = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
# Which layers of a network are a public file's convolutions, and how many weights.
WHOLE_ENCODERS = [
    ("segnet", {}, "vgg16", 26),
    ("segnet", {}, "vgg16_bn", 91),
    ("deeplab_v1", {}, "vgg16", 26),
    ("resnet_cbam_unet", {}, "resnet50", 318),
    ("resnet_cbam_unet", {"encoder": "plain"}, "vgg16", 26),
    ("alexnet", {}, "alexnet", 10),
    ("resnet50", {}, "resnet50", 318),
    ("inception_v3", {}, "inception_v3", 564),
]


def made(name: str, options: dict | None = None, channels: int = 1):
    torch.manual_seed(0)
    return build_any(NetworkSpec(name, channels, 2, options or {})).eval()


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_is_known_by_its_tensors(name):
    shapes = {key: tuple(shape) for key, shape in SHAPES[name].items()}
    assert identify(shapes) == name
    without = dict(shapes)
    without.pop(f"{SOURCES[name].first}.weight")
    assert identify(without) == ""


def test_near_relatives_are_not_taken_for_it():
    shapes = {key: tuple(shape) for key, shape in SHAPES["vgg16"].items()}
    assert identify({**shapes, "features.34.weight": (512, 512, 3, 3)}) == ""  # VGG19
    shapes = {key: tuple(shape) for key, shape in SHAPES["resnet50"].items()}
    deeper = {**shapes, "layer3.6.conv1.weight": (256, 1024, 1, 1)}
    assert identify(deeper) == ""  # ResNet-101
    wide = {**shapes, "layer4.2.conv3.weight": (2048, 1024, 1, 1)}
    assert identify(wide) == ""


@pytest.mark.parametrize("name", [*NETWORKS, *CLASSIFIERS])
def test_our_own_weights_are_not_taken_for_public_ones(name):
    network = on_meta(lambda: build_any(NetworkSpec(name, 3, 2)))
    assert identify({k: tuple(t.shape) for k, t in network.state_dict().items()}) == ""


@pytest.mark.parametrize(("name", "options", "source", "n_tensors"), WHOLE_ENCODERS)
def test_the_whole_encoder_is_taken_over(name, options, source, n_tensors):
    network = made(name, options, channels=3)
    tensors = public_tensors(source)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    report = transfer(network, tensors, normalised=True)
    assert report.source == source
    assert len(report.loaded) == n_tensors
    assert not report.changed
    own = network.state_dict()
    changed = {n for n in own if not torch.equal(own[n], before[n])}
    assert changed == set(report.loaded)
    assert {n.rpartition(".")[0] for n in report.unused} <= {
        *("classifier.0", "classifier.3", "classifier.6", "fc"),
        *("classifier.1", "classifier.4"),
        *(n.rpartition(".")[0] for n in tensors if n.startswith("AuxLogits")),
    }
    # Nothing of the encoder's convolutions is left at random.
    left = [n for n in report.left if n.startswith(tuple(network.encoder_prefixes))]
    norms = [n for n in left if own[n].ndim == 1]
    assert left == norms
    assert not left or (name, source) == ("segnet", "vgg16")
    sizes = sum(own[n].numel() for n in report.loaded if "running" not in n)
    n_counters = sum(n.endswith("tracked") for n in report.loaded)
    assert report.n_weights == sizes - n_counters
    # Numbers, not names alone: each tensor of the file lies where it belongs.
    values = sorted(float(t.double().sum()) for t in tensors.values() if t.ndim == 4)
    ours = [float(own[n].double().sum()) for n in report.loaded if own[n].ndim == 4]
    assert set(ours) <= set(values)


@pytest.mark.parametrize(
    ("name", "options", "source", "n_tensors"),
    [row for row in WHOLE_ENCODERS if row[2] != "alexnet"],
)
def test_a_grey_picture_gives_what_three_equal_normalised_colours_gave(
    name, options, source, n_tensors
):
    tensors = public_tensors(source)
    coloured, grey = made(name, options, 3), made(name, options, 1)
    transfer(coloured, tensors, normalised=True)
    (how,) = transfer(grey, tensors).changed.values()
    assert "became" in how
    assert "does ImageNet's normalisation itself" in how
    first = next(n for n, m in grey.named_modules() if isinstance(m, nn.Conv2d))
    follow = _until_activation(grey, first), _until_activation(coloured, first)
    x = torch.rand(1, 1, 40, 48, generator=torch.Generator().manual_seed(3))
    mean, deviation = IMAGENET
    if source == "inception_v3":
        mean, deviation = torch.tensor(0.5), torch.tensor(0.5)
    with torch.no_grad():
        result = follow[0](x)
        expected = follow[1]((x.expand(-1, 3, -1, -1) - mean) / deviation)
    # Where a layer pads with zeros, black is not the mean picture's grey.
    inside = (..., slice(3, -3), slice(3, -3))
    torch.testing.assert_close(result[inside], expected[inside], atol=1e-5, rtol=1e-5)
    assert expected[inside].std() > 0.01


def _until_activation(network, first: str) -> nn.Sequential:
    modules = dict(network.named_modules())
    names = list(modules)
    layers = [modules[first]]
    following = modules[names[names.index(first) + 1]]
    if isinstance(following, nn.BatchNorm2d):
        layers.append(following)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 5, 7])
def test_the_same_picture_in_all_channels_gives_the_same_response(n_channels):
    kernel = torch.rand(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    adapted = _with_channels(kernel, n_channels)
    assert adapted.shape == (8, n_channels, 3, 3)
    torch.testing.assert_close(adapted.sum(1), kernel.sum(1))
    assert (adapted.abs().sum((0, 2, 3)) > 0).all(), "each channel has learned weights"


@pytest.mark.parametrize(("old", "new"), [(1, 3), (3, 1), (1, 5), (5, 3)])
def test_weights_of_ours_adapt_to_other_channels(old, new):
    first, second = (
        made("unet", {"width": 1 / 16}, old),
        made("unet", {"width": 1 / 16}, new),
    )
    report = transfer(second, first.state_dict(), whole=True)
    assert report.source == ""
    assert set(report.changed) == {"encoder.0.0.weight"}
    assert not report.unused
    assert not report.left
    x = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(
            second(x.expand(-1, new, -1, -1)), first(x.expand(-1, old, -1, -1))
        )


@pytest.mark.parametrize("name", [*NETWORKS, *CLASSIFIERS])
def test_of_our_own_weights_the_encoder_is_taken_and_nothing_else(name):
    spec = NetworkSpec(name, 1, 2, {"width": 1 / 16})
    torch.manual_seed(1)
    first = build_any(spec).state_dict()
    torch.manual_seed(2)
    second = build_any(spec)
    before = {n: t.clone() for n, t in second.state_dict().items()}
    report = transfer(second, first)
    in_encoder = {n for n in first if n.startswith(tuple(second.encoder_prefixes))}
    assert set(report.loaded) == in_encoder
    assert set(report.unused) == set(first) - in_encoder
    assert set(report.unused.values()) == {
        "not of the encoder (transfer 'all' takes it as well)"
    }
    assert any(line.startswith("Not used: ") for line in report.lines())
    for n, tensor in second.state_dict().items():
        assert torch.equal(tensor, first[n] if n in in_encoder else before[n]), n


def test_a_classifiers_encoder_becomes_that_of_a_network_that_draws_masks():
    first, second = (
        made("resnet50", {"width": 1 / 16}),
        made("resnet_cbam_unet", {"width": 1 / 16}),
    )
    with torch.no_grad():
        for weight in first.parameters():
            weight.add_(1)
    report = transfer(second, first.state_dict(), whole=True)
    assert {n.partition(".")[0] for n in report.loaded} == {"encoder"}
    assert all(n.startswith("head.") for n in report.unused)
    theirs = first.encoder.state_dict()
    for n, tensor in second.encoder.state_dict().items():
        assert torch.equal(tensor, theirs[n]), n


def test_without_an_encoder_the_whole_must_be_asked_for(monkeypatch):
    network = made("unet", {"width": 1 / 16})
    monkeypatch.setattr(type(network), "encoder_prefixes", ())
    with pytest.raises(SpecError, match="set transfer to 'all'"):
        transfer(network, network.state_dict())
    assert not transfer(network, network.state_dict(), whole=True).unused


def test_other_classes_leave_the_head_as_it_was():
    first = made("unet", {"width": 1 / 16})
    second = build(NetworkSpec("unet", 1, 5, {"width": 1 / 16}))
    before = second.head.weight.clone()
    report = transfer(second, first.state_dict(), whole=True)
    assert set(report.left) == {"head.weight", "head.bias"}
    assert torch.equal(second.head.weight, before)
    assert report.unused["head.weight"] == (
        "its shape 2x4x1x1 is not the network's 5x4x1x1"
    )
    assert torch.equal(second.up[0].weight, first.up[0].weight)
    words = "\n".join(report.lines())
    assert "Not used: head.weight: its shape" in words
    assert "As before: head.weight, head.bias." in words


def test_dense_layers_become_convolutions():
    from medlab_gui.networks.transfer import _fitted

    dense = torch.rand(6, 2 * 7 * 7, generator=torch.Generator().manual_seed(0))
    kernel = _fitted(dense, torch.empty(6, 2, 7, 7), is_first=False)
    features = torch.rand(1, 2, 7, 7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        nn.functional.conv2d(features, kernel).flatten(),
        dense @ features.flatten(),
    )
    assert _fitted(dense, torch.empty(6, 2, 8, 8), is_first=False) is None


def test_the_dense_layers_of_vgg16_have_their_place_in_fcn():
    network = made("fcn8s", {"width": 1 / 16})
    assert network.public_names()["vgg16"]["classifier.0"] == "fc6"
    assert network.public_names()["vgg16"]["classifier.3"] == "fc7"


def test_every_public_name_is_a_module_of_the_network():
    for name in [*NETWORKS, *CLASSIFIERS]:
        network = made(name, {"width": 1 / 16})
        modules = dict(network.named_modules())
        for source, table in network.public_names().items():
            assert source in SOURCES
            assert set(table.values()) <= set(modules)
            prefixes = tuple(f"{theirs}." for theirs in table)
            covered = [k for k in SHAPES[source] if k.startswith(prefixes)]
            assert {k.rpartition(".")[0] for k in covered} >= {
                theirs for theirs in table if f"{theirs}.weight" in SHAPES[source]
            }
        told = describe(NetworkSpec(name, 1, 2, {"width": 1 / 16}))["transfers_from"]
        assert told == sorted(network.public_names())


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("unet", "vgg16", "VGG16.*does not take over. It takes: weights of MedLab"),
        ("resnet_cbam_unet", "vgg16", "It takes: ResNet-50"),
        ("fcn8s", "resnet50", "It takes: VGG16"),
    ],
)
def test_weights_of_another_network_are_refused(name, source, said):
    network = made(name, {"width": 1 / 16})
    before = {n: t.clone() for n, t in network.state_dict().items()}
    with pytest.raises(SpecError, match=said):
        transfer(network, public_tensors(source))
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())


def test_another_width_is_refused_with_the_shapes():
    with pytest.raises(SpecError, match=r"width.*\(width 1 for public ones\)"):
        transfer(made("segnet", {"width": 1 / 16}), public_tensors("vgg16"))
    with pytest.raises(SpecError, match="None of these weights fit"):
        transfer(made("unet", {"width": 1 / 16}), {"w": torch.ones(3)})
    with pytest.raises(SpecError, match="the file is empty"):
        transfer(made("unet", {"width": 1 / 16}), {})


def test_what_is_not_a_number_is_refused():
    tensors = made("unet", {"width": 1 / 16}).state_dict()
    tensors["head.bias"] = torch.tensor([0.0, float("nan")])
    with pytest.raises(
        SpecError, match=r"head\.bias holds values that are not numbers"
    ):
        transfer(made("unet", {"width": 1 / 16}), tensors, whole=True)
    tensors["encoder.0.0.weight"] *= torch.inf
    with pytest.raises(SpecError, match=r"encoder\.0\.0\.weight holds values"):
        transfer(made("unet", {"width": 1 / 16}), tensors)
