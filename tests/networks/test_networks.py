"""One suite over every network: shapes, gradients, sizes, freezing, repeatability.

Networks that draw masks and classifiers alike; what is new in a registry is in it.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.learning.losses import dice_ce
from medlab_gui.networks import (
    CLASSIFIERS,
    NETWORKS,
    build,
    build_any,
    build_classifier,
    describe,
)
from medlab_gui.networks.ablation import ABLATION
from medlab_gui.networks.base import on_meta
from tests.networks.small_networks import (
    BOTH,
    NAMES,
    ROWS,
    SMALL,
    loss_of,
    n_logits,
    picture,
    small,
    spec_of,
)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    ("channels", "classes", "size"),
    [(1, 2, (64, 64)), (2, 4, (32, 96)), (1, 3, (33, 61)), (3, 3, (1, 1))],
)
def test_any_size_gives_logits(name, channels, classes, size):
    network = small(name, channels, classes).eval()
    with torch.no_grad():
        logits = network(picture(2, channels, *size))
    place = () if name in CLASSIFIERS else size
    assert logits.shape == (2, n_logits(name, classes), *place)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", BOTH)
def test_it_gives_logits_not_probabilities(name):
    # What is bounded cannot become twice as large.
    network = small(name).eval()
    with torch.no_grad():
        before = network(picture(2, 1, 64, 64))
        last = [m for m in network.modules() if hasattr(m, "weight")][-1]
        if name == "deeplab_v1" or last.bias is None:
            last = network.score
        last.weight *= 1000
        last.bias *= 1000
        after = network(picture(2, 1, 64, 64))
    assert (after - 1000 * before).abs().max() < 0.01 * after.abs().max() + 1e-3
    assert after.abs().max() > 2


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


@pytest.mark.parametrize("name", BOTH)
def test_every_weight_gets_a_gradient(name):
    network = small(name)
    loss_of(name, network(picture(2, 1, 64, 64))).backward()
    dead = [
        n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()
    ]
    assert dead == []


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("size", [(32, 32), (5, 3), (33, 61)])
def test_a_single_small_picture_can_be_learned_from(name, size):
    network = small(name)
    loss_of(name, network(picture(1, 1, *size))).backward()
    grads = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in grads)


@pytest.mark.parametrize("name", BOTH)
def test_a_few_steps_learn_what_is_bright(name):
    network = small(name, n_classes=2)
    is_classifier = name in CLASSIFIERS
    x = torch.zeros(4, 1, 64, 64)
    x[:, :, :, 32:] = 1
    x[2:] = x[2:].flip(3)
    target = x[:, 0].long()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        logits = network(x)
        if is_classifier:
            is_left = torch.tensor([0.0, 0, 1, 1])
            loss = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], is_left)
        else:
            loss = nn.functional.cross_entropy(logits, target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


# Their scores come from a few features that a ReLU left: those of a class against
# which all of them speak never rise. SegNet's come from 3x3 kernels with weights so
# small that Adam turns them, the others' from hundreds of features.
WITH_FEW_FEATURES = ["unet", "resnet_cbam_unet", *ROWS]


@pytest.mark.parametrize("name", WITH_FEW_FEATURES)
def test_features_speak_for_each_class_at_first_as_much_as_against_it(name):
    for seed in range(10):
        head = small(name, n_classes=3, seed=seed).head
        for one, other in ((0, 1), (0, 2), (1, 2)):
            speaks_for = (head.weight[one] - head.weight[other]).flatten()
            assert speaks_for.max() > 0 > speaks_for.min()
            assert speaks_for.sum().item() == pytest.approx(0, abs=1e-5)
        assert not head.bias.any()


def test_scores_begin_at_the_size_of_the_features_however_few():
    torch.manual_seed(0)
    spread = [
        build(NetworkSpec("unet", 1, 255, {"width": width})).head.weight.square().sum(1)
        for width in (1 / 64, 1 / 16, 1 / 4)
    ]
    # One of 1, 4 and 16 features is no longer free; a single one stays as drawn.
    assert [s.mean().item() for s in spread] == pytest.approx([1, 3 / 4, 15 / 16], 0.1)


# Seeds with which all features speak against the second class when drawn freely.
@pytest.mark.parametrize(
    ("name", "seed"),
    [("unet", 5), ("resnet_cbam_unet", 38), ("resnet_cbam_unet, CBAM", 33)],
)
def test_a_small_thing_is_found_whatever_the_scores_were_drawn(name, seed):
    network = small(name, n_classes=2, seed=seed)
    x, labels = picture(4, 1, 32, 32) / 4, torch.zeros(4, 32, 32, dtype=torch.long)
    x[:, :, 10:14, 8:16] += 0.7
    labels[:, 10:14, 8:16] = 1
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(60):
        optimiser.zero_grad()
        dice_ce(network(x), labels).backward()
        optimiser.step()
    found = network(x).argmax(1)
    overlap = 2 * (found * labels).sum() / (found.sum() + labels.sum())
    assert overlap > 0.5


@pytest.mark.parametrize("name", BOTH)
def test_weights_can_be_saved_and_loaded(name, tmp_path):
    first, second = small(name, seed=0).eval(), small(name, seed=5).eval()
    x = picture(1, 1, 40, 40)
    with torch.no_grad():
        assert not torch.equal(first(x), second(x))
        save_file(first.state_dict(), tmp_path / "weights.safetensors")
        second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("name", BOTH)
def test_the_same_seed_gives_the_same_network(name):
    first, second = small(name, seed=3), small(name, seed=3)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    x = picture(2, 1, 32, 32)
    steps = []
    for network in (first, second):
        torch.manual_seed(7)  # of what is dropped
        logits = network(x)
        loss_of(name, logits).backward()
        steps.append([logits, *(p.grad for p in network.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*steps, strict=True))


# A trace is for one size of picture, and says so; it is also being retired by torch.
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", BOTH)
def test_an_export_gives_the_same_numbers(name, tmp_path):
    # TorchScript as a file, and the graph that ONNX exporters start from.
    network = small(name, 3).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    x, other = picture(1, 3, 50, 70), picture(1, 3, 50, 70, seed=9)
    path = str(tmp_path / "network.pt")
    torch.jit.save(torch.jit.trace(network, x), path)
    expected = network(other)
    torch.testing.assert_close(torch.jit.load(path)(other), expected)
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(exported(other), expected)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", BOTH)
def test_a_trace_of_a_large_picture_serves_other_sizes(name):
    """Odd ones, larger and smaller; what a trace is made of is not small."""
    network = small(name, 1).eval()
    with torch.no_grad():
        traced = torch.jit.trace(network, picture(1, 1, 131, 149), check_trace=False)
        for n, size in enumerate([(107, 108), (115, 201)]):
            other = picture(1 + n, 1, *size, seed=n)
            torch.testing.assert_close(traced(other), network(other))


@pytest.mark.parametrize("name", [*sorted(NETWORKS), *sorted(CLASSIFIERS)])
@pytest.mark.parametrize(
    "options",
    [{"width": 0}, {"width": -1}, {"width": 1e6}, {"width": "wide"}, {"depth": 3}],
)
def test_wrong_options_get_a_sentence(name, options):
    with pytest.raises(SpecError, match="width"):
        build_any(NetworkSpec(name, 1, 2, options))


@pytest.mark.parametrize("name", ["fcn8s", "fcn32s", "deeplab_v1", *CLASSIFIERS])
@pytest.mark.parametrize("share", [1.0, -0.1, "half", True])
def test_wrong_shares_of_dropout_get_a_sentence(name, share):
    with pytest.raises(SpecError, match="from 0 to below 1"):
        build_any(NetworkSpec(name, 1, 2, {**SMALL, "dropout": share}))


@pytest.mark.parametrize("name", BOTH)
def test_wrong_channels_get_a_sentence(name):
    with pytest.raises(SpecError, match="'n_classes' is a whole number from 2"):
        small(name, 1, 1)
    with pytest.raises(SpecError, match=r"\(N, 1, H, W\)"):
        small(name)(torch.zeros(1, 2, 32, 32))


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(SpecError, match="Did you mean 'unet'"):
        build(NetworkSpec("unett"))
    with pytest.raises(SpecError, match="Did you mean 'alexnet'"):
        build_classifier(NetworkSpec("alexnett"))
    with pytest.raises(SpecError, match="Did you mean 'alexnet'"):
        build_any(NetworkSpec("alexnett"))
    with pytest.raises(SpecError, match=r"options widht; .*Did you mean 'width'"):
        build(NetworkSpec("unet", options={"widht": 0.5, "width": 0.5}))


def test_the_registry_does_not_load_torch():
    code = (
        "import sys; from medlab_gui.networks import CLASSIFIERS, NETWORKS; "
        "import medlab_gui.networks.ablation; "
        "assert sorted(NETWORKS)[:1] and sorted(CLASSIFIERS)[:1]; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", BOTH)
def test_describe_counts_like_the_network_itself(name):
    spec = spec_of(name)
    size = (128, 128)
    about = describe(spec, size)
    assert about["n_weights"] == sum(p.numel() for p in small(name).parameters())
    assert about["input"] == [1, *size]
    assert spec.options.items() <= about["options"].items()
    assert about["kind"] == (
        "classification" if name in CLASSIFIERS else "segmentation"
    )
    assert about["title"]
    assert about["paper"]
    twice = describe(spec, (256, 128))["multiply_adds"]
    # Dense layers do not grow with the picture, and maps are whole pixels.
    assert twice / about["multiply_adds"] == pytest.approx(
        2, rel=0.3 if name in CLASSIFIERS else 0.02
    )


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_a_classifier_does_not_pass_for_a_network_that_draws_masks(name):
    with pytest.raises(
        SpecError, match=r"is a classifier.*draws no mask.*choose one of"
    ):
        build(spec_of(name))


def test_the_papers_input_is_the_default():
    assert describe(spec_of("unet"))["input"] == [1, 512, 512]
    assert describe(spec_of("alexnet"))["input"] == [1, 224, 224]


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_the_dense_layers_of_paper_3(name):
    network = on_meta(lambda: build_classifier(NetworkSpec(name, 1, 2)))
    dense = [m for m in network.head if isinstance(m, nn.Linear)]
    assert [m.out_features for m in dense] == [512, 256, 1]


def test_the_ablation_has_the_papers_eight_rows():
    assert [row.paper_miou for row in ABLATION] == [
        *(0.8330, 0.9151, 0.9320, 0.9374, 0.9360, 0.9344, 0.9370, 0.9448),
    ]
    switches = {(row.residual, row.attention, row.transfer) for row in ABLATION}
    assert len(switches) == 8
    for row in ABLATION:
        spec = NetworkSpec("resnet_cbam_unet", 1, 2, {**SMALL, **row.options})
        network = on_meta(lambda spec=spec: build(spec))
        kinds = {type(m).__name__ for m in network.modules()}
        assert ("_Bottleneck" in kinds) == row.residual
        assert ("CBAM" in kinds) == row.attention
        assert row.weights is None or row.weights in network.public_names()
        assert (row.weights is None) != row.transfer
        assert ("residual" in row.name) == row.residual


@pytest.mark.parametrize(
    ("option", "value"),
    [("encoder", "deep"), ("attention", True), ("reduction", 0), ("reduction", "x")],
)
def test_wrong_switches_get_a_sentence(option, value):
    with pytest.raises(SpecError, match=option):
        build(NetworkSpec("resnet_cbam_unet", 1, 2, {**SMALL, option: value}))
