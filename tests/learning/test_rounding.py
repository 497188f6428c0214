"""What is reckoned in bfloat16 gives the same mask, or is reckoned again."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from medlab_gui.core.specs import NetworkSpec, PipelineSpec
from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.rounding import (
    RoundingGuard,
    first_layer_in_parts,
    parts_of,
)
from medlab_gui.networks import build
from medlab_gui.networks.base import SegmentationNetwork, count_multiply_adds
from tests.learning.test_openvino_networks import SCHEME, scan, weights_of
from tests.learning.test_runtime import used
from tests.networks.small_networks import NAMES, small

ALLOWED = 1e-3
"""Share of the voxels that may differ."""


def rounded(values):
    return values.bfloat16().float()


def picture(seed, side=256, smooth=16):
    """Logits of three classes that meet at borders, as a trained network gives them."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(3, side, side))
    field = np.stack([gaussian_filter(one, smooth) for one in noise])
    return torch.from_numpy(field / field.std() * 4).float()


def with_error(logits, size, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return logits + size * torch.randn(logits.shape, generator=dice)


def changed(one, other):
    return float((one.argmax(0) != other.argmax(0)).float().mean())


# ---- the first layer --------------------------------------------------------------


def test_parts_hold_what_a_picture_is():
    images = torch.rand(2, 3, 20, 30)
    kept, rest, again, ones = parts_of(images).split([3, 3, 3, 2], dim=1)
    torch.testing.assert_close(kept, rounded(images), rtol=0, atol=0)
    torch.testing.assert_close(again, kept, rtol=0, atol=0)
    torch.testing.assert_close(kept + rounded(rest), images, rtol=2**-17, atol=0)
    assert (ones == 1).all()


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_first_layer_in_parts_loses_nothing_to_rounding(name, in_channels):
    """As it does of pictures of bright, flat tissue, whose mean is most of them."""
    network = used(small(name, in_channels))
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.3)
    side = 2 * network.stride
    images = 0.9 + 0.02 * torch.rand(1, in_channels, side, side)
    firsts = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    before = [(m.weight, m.bias) for m in firsts]

    def error(images):
        with torch.inference_mode():
            return (network.logits(images) - expected).square().mean().sqrt()

    with torch.inference_mode():
        expected = network.logits(images)
    plainly = error(rounded(images))
    with first_layer_in_parts(network) as takes_parts:
        assert takes_parts
        n_parts = 3 * in_channels + 2
        parted = [m for m in firsts if m.weight.shape[1] == n_parts and m.bias is None]
        assert parted
        for layer in parted:
            layer.weight.data = rounded(layer.weight)
        digits = 1e-6 * float(expected.abs().max())
        assert error(rounded(parts_of(images))) < 0.05 * plainly + digits
    for layer, (weight, bias) in zip(firsts, before, strict=True):
        assert layer.weight is weight
        assert layer.bias is bias
    with torch.inference_mode():
        torch.testing.assert_close(network.logits(images), expected, rtol=0, atol=0)


class First(SegmentationNetwork):
    """A network of one convolution."""

    def __init__(self, **options):
        super().__init__(1, 2)
        self.conv = nn.Conv2d(1, 2, **options)

    def logits(self, x):
        return self.conv(x)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 3},
        {"kernel_size": (3, 5), "padding": (1, 2)},
        {"kernel_size": 7, "padding": 3, "stride": 2},
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": 3, "padding": 1, "bias": False},
    ],
)
def test_a_bias_counts_at_the_border_as_in_the_middle(options):
    network = First(**options).eval()
    images = torch.rand(1, 1, 16, 18)
    with torch.inference_mode():
        expected = network.logits(images)
        with first_layer_in_parts(network) as takes_parts:
            assert takes_parts
            found = network.logits(parts_of(images))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


class AddsIts(SegmentationNetwork):
    """A network of a plug-in, say, which adds the picture to its answer."""

    def __init__(self, what):
        super().__init__(1, 2)
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.what = what

    def logits(self, x):
        return self.conv(x) + self.what(x)


@pytest.mark.parametrize(
    "network",
    [
        AddsIts(lambda x: x),  # which no longer fits
        AddsIts(lambda x: {1: x}[x.shape[1]]),
        AddsIts(lambda x: x.mean(dim=1, keepdim=True)),  # which fits, and is another
        First(kernel_size=3, padding=3),  # where only the border has a bias
        First(kernel_size=3, padding="same"),
        First(kernel_size=3, padding=1, padding_mode="replicate"),
    ],
)
def test_a_network_that_cannot_take_parts_is_left_as_it_is(network):
    network.eval()
    before = network.conv.weight
    with first_layer_in_parts(network) as takes_parts:
        assert not takes_parts
        assert network.conv.weight is before, "torch's or OpenVINO's as it is"
        assert network.conv.bias is not None
    assert network.conv.weight is before


def test_weights_come_back_after_an_error():
    network = used(small("unet", 1))
    before = list(network.parameters())
    with pytest.raises(KeyError), first_layer_in_parts(network):
        raise KeyError
    after = list(network.parameters())
    assert all(one is other for one, other in zip(before, after, strict=True))


# ---- which answers stand ----------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "pays"), [(0.001, True), (0.003, True), (0.02, False), (0.3, False)]
)
def test_what_stands_has_not_changed_by_a_thousandth(size, pays):
    guard, again = RoundingGuard(), 0
    for seed in range(40):
        exact = picture(seed)
        found = with_error(exact, size, seed)
        if not guard.pays:
            break
        if guard.stands(found):
            assert 0 < changed(found, exact) <= ALLOWED, seed
        else:
            again += 1
            guard.learn(found, exact)
    assert guard.pays == pays
    if pays:
        assert again <= 4, "some are compared, and no others"


def test_what_is_expected_to_change_does():
    guard = RoundingGuard()
    guard.learn(with_error(picture(0), 0.01), picture(0))
    for seed in range(1, 9):
        found = with_error(picture(seed), 0.01, seed)
        ratio = changed(found, picture(seed)) / guard._expected_change(found)
        assert 0.6 < ratio < 1.6, seed


def test_a_large_error_never_stands():
    """Not even where hardly a pixel would change: those would not be toss-ups."""
    guard = RoundingGuard()
    sure = torch.stack([torch.full((64, 64), 9.0), torch.zeros(64, 64)])
    guard.learn(with_error(sure, 0.02), sure)
    assert guard.stands(sure)
    guard.learn(with_error(sure, 0.2), sure)
    assert not guard.stands(sure)


def test_the_first_answer_never_stands():
    assert not RoundingGuard().stands(
        torch.stack([torch.ones(9, 9), torch.zeros(9, 9)])
    )


def test_an_error_that_grows_is_found():
    """A picture without borders says little of how far off one with them is."""
    guard = RoundingGuard()
    air = torch.stack([torch.full((256, 256), 9.0), *torch.zeros(2, 256, 256)])
    assert not guard.stands(air)
    guard.learn(with_error(air, 0.003), air)
    assert all(guard.stands(with_error(air, 0.003, seed)) for seed in range(50))
    failed = 0
    for seed in range(12):
        exact = picture(seed)
        found = with_error(exact, 0.04, seed)
        if guard.stands(found):
            assert changed(found, exact) <= ALLOWED
        else:
            failed += 1
            guard.learn(found, exact)
    assert failed >= 11


def test_a_class_that_is_new_is_compared():
    guard = RoundingGuard()
    large = torch.stack([torch.full((64, 64), at) for at in (0.0, 9.0, 0.0)])
    guard.learn(large, large)
    assert guard.stands(large)
    small = large.clone()
    small[2, 10:16, 10:16] = 20.0
    assert not guard.stands(small)
    guard.learn(small, small)
    assert guard.stands(small)
    larger = large.clone()
    larger[2, 10:30, 10:30] = 20.0
    assert not guard.stands(larger)
    assert not guard.stands(3 * large), "its error may be larger by as much"


def test_an_error_that_is_large_only_at_borders_is_found():
    """Where hardly a pixel lies at a border the others say that all is well."""
    guard = RoundingGuard()
    allowed = 0
    for seed in range(24):
        exact = torch.stack([torch.full((256, 256), 9.0), torch.zeros(256, 256)])
        dice = torch.Generator().manual_seed(seed)
        exact[1, 100:102] = 9 + 0.2 * torch.randn(2, 256, generator=dice)
        found = exact.clone()
        found[1, 100:102] += 0.15 * torch.randn(2, 256, generator=dice)
        if guard.stands(found):
            allowed += 1
            assert changed(found, exact) <= ALLOWED
        else:
            guard.learn(found, exact)
    assert allowed == 0


def test_what_changed_corrects_what_was_expected():
    guard = RoundingGuard()
    exact = picture(3)
    found = with_error(exact, 0.001)
    found[:, :20] = with_error(exact, 0.05)[:, :20]
    guard.learn(found, exact)
    assert guard._expected_change(found) >= 0.5 * changed(found, exact)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_never_stands(value):
    guard = RoundingGuard()
    sure = torch.stack([torch.ones(16, 16), torch.zeros(16, 16)])
    guard.learn(sure, sure)
    assert guard.stands(sure)
    wrong = sure.clone()
    wrong[0, 3, 3] = value
    assert not guard.stands(wrong)
    guard.learn(wrong, sure)
    assert guard.stands(sure), "nothing can be learned from it"
    guard.learn(torch.full_like(sure, value), sure)
    assert guard.stands(sure)


def test_it_is_given_up_where_most_had_to_be_reckoned_again():
    guard = RoundingGuard()
    torn = torch.zeros(2, 16, 16)
    for _ in range(8):
        assert guard.pays
        assert not guard.stands(torn)
        guard.learn(torn, torn + torch.tensor([0.1, 0.0])[:, None, None])
    assert not guard.pays


# ---- predictions ------------------------------------------------------------------


def _has_units() -> bool:
    if find_spec("openvino") is None:
        return False
    from medlab_gui.learning.openvino_runtime import load_openvino

    ov = load_openvino()
    wish = ov.Core().get_property("CPU", "INFERENCE_PRECISION_HINT")
    return bool(wish == ov.Type.bf16)


@pytest.fixture
def bfloat16(monkeypatch, tmp_path):
    if not _has_units():
        pytest.skip("no OpenVINO here, or a processor without units for bfloat16")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("medlab_gui.learning.openvino_runtime._WORTH", 0)


def taught(folder, data, steps=60):
    """Return weights that find what is bright and what is dark in a scan."""
    torch.manual_seed(0)
    spec = NetworkSpec("unet", 1, 3, {"width": 0.25})
    network = build(spec).train()
    images = torch.from_numpy(data)[:, None]
    smooth = functional.avg_pool2d(images, 5, 1, 2)[:, 0]
    truth = (smooth > 0.7).long() + 2 * (smooth < 0.3).long()
    step = torch.optim.Adam(network.parameters(), 3e-3)
    for n in range(steps):
        loss = functional.cross_entropy(network(images[n % 4 :: 4]), truth[n % 4 :: 4])
        step.zero_grad()
        loss.backward()
        step.step()
    path = folder / "taught.safetensors"
    meta = CheckpointMeta(
        network=spec, pipeline=PipelineSpec(), inplane_mm=None, scheme=SCHEME
    )
    save_checkpoint(path, network.state_dict(), meta)
    return path


def test_masks_are_torchs_and_it_says_how_they_were_reckoned(bfloat16, tmp_path):
    path = taught(tmp_path, scan(12, 96, 96))
    fast, plain = Predictor(path, "auto", fastest=True), Predictor(path, "cpu")
    data = scan(24, 203, 181)
    ours, theirs = (p.predict(data, (1, 1, 1)) for p in (fast, plain))
    assert len(np.unique(theirs.labels)) == 3
    assert ours.runtime.endswith(", bfloat16"), fast.notes
    assert fast._openvino._guard.n_stood > len(data) / 2
    assert (ours.labels != theirs.labels).mean((1, 2)).max() <= ALLOWED


def test_a_network_without_an_opinion_is_reckoned_in_float32(bfloat16, tmp_path):
    """All classes are close everywhere: rounding would decide."""
    path = weights_of("unet", 1, tmp_path)
    fast, plain = Predictor(path, "auto", fastest=True), Predictor(path, "cpu")
    data = np.random.default_rng(0).normal(size=(20, 64, 64)).astype(np.float32)
    ours, theirs = (p.predict(data, (1, 1, 1)) for p in (fast, plain))
    assert ours.runtime.startswith("OpenVINO")
    assert "bfloat16" not in ours.runtime
    assert (ours.labels != theirs.labels).mean() <= ALLOWED / 10


def test_what_takes_no_time_stays_in_float32(bfloat16, monkeypatch, tmp_path):
    path = weights_of("unet", 1, tmp_path)
    monkeypatch.setattr("medlab_gui.learning.openvino_runtime._WORTH", 5e9)
    fast = Predictor(path, "auto", fastest=True)
    calls, run = [], fast._openvino._run
    monkeypatch.setattr(
        fast._openvino,
        "_run",
        lambda image, how: calls.append((image.shape[-1], how)) or run(image, how),
    )
    work = count_multiply_adds(fast._network, (1, 64, 64)) / 64**2
    side = int((5e9 / work) ** 0.5) // 16 * 16
    fast._openvino(torch.rand(4, 1, side, side))
    assert calls == [(side, "f32")] * 4
    calls.clear()
    side += 16
    fast._openvino(torch.rand(3, 1, side, side))
    assert calls[:2] == [(side, "f32")] * 2, "for two it would not be worth it, either"
    assert calls[2:] == [(side, "bf16"), (side, "f32")]
    assert "bfloat16" not in fast.runtime, "the first one never stands"


class Scripted:
    """Stands in for the two ways of reckoning: the exact one and a rounded one."""

    def __init__(self, runtime, size):
        self.asked, self.size, self.runtime = [], size, runtime

    def __call__(self, image, precision):
        self.asked.append(precision)
        logits = picture(len(self.asked) // 100, side=64)
        return with_error(logits, self.size if precision == "bf16" else 0)[None]


@pytest.fixture
def runtime(monkeypatch, tmp_path):
    """OpenVINO's part with parts, whatever the processor."""
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = Predictor(weights_of("unet", 1, tmp_path), "auto", fastest=True)._openvino
    found._takes_parts, found._worth_pixels = True, 0
    found.begin()
    return found


@pytest.mark.parametrize("size", [0.0005, 0.2])
def test_of_each_answer_the_right_one_is_given(runtime, size):
    runtime._run = run = Scripted(runtime, size)
    exact, rounded = (Scripted(runtime, size)(None, how)[0] for how in ("f32", "bf16"))
    answers = [runtime(torch.zeros(1, 1, 64, 64))[0] for _ in range(12)]
    first, rest = run.asked[:4], run.asked[4:]
    assert first == ["f32", "f32", "bf16", "f32"], "two, and one to compare"
    for answer in answers[:3]:
        torch.testing.assert_close(answer, exact, rtol=0, atol=0)
    if size < 0.01:
        assert rest == ["bf16"] * 9
        assert runtime.name.endswith(", bfloat16")
        torch.testing.assert_close(answers[-1], rounded, rtol=0, atol=0)
    else:
        assert rest == ["bf16", "f32"] * 7 + ["f32"] * 2, "given up after eight"
        assert "bfloat16" not in runtime.name
        torch.testing.assert_close(answers[-1], exact, rtol=0, atol=0)
    runtime.begin()
    assert "bfloat16" not in runtime.name
    runtime(torch.zeros(3, 1, 64, 64))
    assert run.asked[-4:] == first, "another scan begins anew"


def test_a_scan_is_predicted_alike_alone_and_after_another(bfloat16, tmp_path):
    path = taught(tmp_path, scan(12, 96, 96))
    one, other = scan(6, 203, 181), scan(6, 120, 110) + 0.2
    both, alone = (Predictor(path, "auto", fastest=True) for _ in range(2))
    both.predict(other, (1, 1, 1))
    ours, theirs = (p.predict(one, (1, 1, 1)) for p in (both, alone))
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    np.testing.assert_array_equal(ours.entropy, theirs.entropy)
    assert ours.runtime == theirs.runtime
