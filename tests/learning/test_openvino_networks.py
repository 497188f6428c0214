"""OpenVINO gives every network's mask as torch does, whatever it is asked."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.core.specs import PipelineSpec
from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
from medlab_gui.learning.predict import Predictor
from tests.learning.test_runtime import used
from tests.networks.small_networks import NAMES, small, spec_of

SAME = 1e-3
"""Share of the voxels that may differ."""

SCHEME = LabelScheme.from_names("Two", ["One", "Other"])
ASKED = {
    "whole": PredictSpec(),
    "tiles": PredictSpec(tile=64, overlap=0.25),
    "flips": PredictSpec(flips="all"),
    "tiles, flips, three axes": PredictSpec(tile=64, flips="left-right", axes="all"),
}

# Not pytest.importorskip: importing it is what load_openvino is for.
pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None,
    reason="OpenVINO is not installed: pip install 'medlab[fast]'",
)


@pytest.fixture(autouse=True)
def no_card(monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def scan(n: int = 2, rows: int = 83, columns: int = 70) -> np.ndarray:
    """Blobs of no regular size, in slices that nothing divides."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(4).normal(size=(n, rows, columns))
    smooth = gaussian_filter(noise, (0.7, 4, 4))
    return np.asarray(0.5 + smooth / smooth.std() / 3 + 0.05 * noise, np.float32)


def weights_of(name: str, in_channels: int, folder):
    """Return a checkpoint whose answer has all three classes."""
    network = used(small(name, in_channels))
    heads = [
        m for m in network.modules()
        if isinstance(m, nn.Conv2d) and m.out_channels == network.n_classes
    ]  # fmt: skip
    images = torch.from_numpy(scan(in_channels)[None])
    with torch.inference_mode():
        logits = network(images)
    mean, scale = logits.mean((0, 2, 3)), logits.std((0, 2, 3)).clamp(min=1e-6)
    with torch.no_grad():
        if len(heads) == 1 and heads[0].bias is not None:
            heads[0].weight /= scale[:, None, None, None]
            heads[0].bias.copy_((heads[0].bias - mean) / scale)
    path = folder / "weights.safetensors"
    meta = CheckpointMeta(
        network=spec_of(name, in_channels),
        pipeline=PipelineSpec(),
        inplane_mm=None,
        scheme=SCHEME,
    )
    save_checkpoint(path, network.state_dict(), meta)
    return path


BY_OPENVINO = [name for name in NAMES if name != "segnet"]


def test_segnet_is_left_to_torch(tmp_path):
    """OpenVINO takes twice as long: what is unpooled is put in place one by one."""
    fast = Predictor(weights_of("segnet", 1, tmp_path), "auto", fastest=True)
    assert fast.runtime == "torch"
    assert fast.notes == []


@pytest.mark.slow
@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("name", BY_OPENVINO)
def test_its_masks_are_torchs(name, in_channels, tmp_path):
    path = weights_of(name, in_channels, tmp_path)
    fast = Predictor(path, "auto", fastest=True)
    assert fast.runtime.startswith("OpenVINO"), fast.notes
    plain = Predictor(path, "cpu")
    for what, spec in ASKED.items():
        small_one = scan(4, 37, 45) if spec.axes == "all" else scan()
        ours, theirs = (
            p.predict(small_one, (2, 1, 1), spec=spec, keep_probs=True)
            for p in (fast, plain)
        )
        assert ours.runtime == fast.runtime, what
        assert theirs.runtime == "torch"
        shares = np.bincount(theirs.labels.ravel(), minlength=3) / theirs.labels.size
        # A vote of axes over so few slices may end with one class; nothing else may.
        several = np.count_nonzero(shares > 0.01) > 1
        assert several or spec.axes == "all", f"{what}: one class everywhere: {shares}"
        assert (ours.labels != theirs.labels).mean() <= SAME, what
        assert (np.abs(ours.probs - theirs.probs) > 5e-3).mean() <= SAME, what
    assert fast.notes == []


@pytest.mark.parametrize("name", ["fcn32s", "fcn8s", "deeplab_v1"])
def test_dropout_passes_are_torchs_own(name, tmp_path):
    """What OpenVINO has converted drops nothing: torch computes, and it says so."""
    path = weights_of(name, 1, tmp_path)
    fast = Predictor(path, "auto", fastest=True)
    plain = Predictor(path, "cpu", fastest=True)
    passes = PredictSpec(dropout_passes=3, seed=5)
    ours, theirs = (p.predict(scan(), (1, 1, 1), spec=passes) for p in (fast, plain))
    assert ours.runtime == theirs.runtime == "torch"
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    np.testing.assert_array_equal(ours.entropy, theirs.entropy)
    again = fast.predict(scan(), (1, 1, 1))
    assert again.runtime.startswith("OpenVINO")
