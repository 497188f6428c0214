"""Predictions by OpenVINO in bfloat16: which answers are given and what is said."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch.nn import functional

from medlab_gui.core.specs import NetworkSpec, PipelineSpec
from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
from medlab_gui.learning.predict import Predictor
from medlab_gui.networks import build
from medlab_gui.networks.base import count_multiply_adds
from tests.learning.test_openvino_networks import SCHEME, scan, weights_of
from tests.learning.test_rounding import ALLOWED, picture, with_error


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

    def __init__(self, size):
        self.asked = []
        self.exact = picture(0, side=64)
        self.rounded = with_error(self.exact, size)

    def __call__(self, image, precision):
        self.asked.append(precision)
        return (self.rounded if precision == "bf16" else self.exact)[None]


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
    runtime._run = run = Scripted(size)
    answers = [runtime(torch.zeros(1, 1, 64, 64))[0] for _ in range(12)]
    first, rest = run.asked[:4], run.asked[4:]
    assert first == ["f32", "f32", "bf16", "f32"], "two, and one to compare"
    for answer in answers[:3]:
        torch.testing.assert_close(answer, run.exact, rtol=0, atol=0)
    if size < 0.01:
        assert rest == ["bf16"] * 9
        assert runtime.name.endswith(", bfloat16")
        torch.testing.assert_close(answers[-1], run.rounded, rtol=0, atol=0)
    else:
        assert rest == ["bf16", "f32"] * 7 + ["f32"] * 2, "given up after eight"
        assert "bfloat16" not in runtime.name
        torch.testing.assert_close(answers[-1], run.exact, rtol=0, atol=0)
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
