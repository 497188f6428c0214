"""Options of a prediction together, against the same in plain torch, written apart."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.learning import predict
from medlab_gui.learning.checkpoint import CheckpointMeta
from medlab_gui.learning.predict import Predictor
from medlab_gui.networks import build
from tests.learning.conftest import SCHEME, WINDOW

SHAPE = (9, 44, 52)
FLIPS = {
    "none": [()],
    "left-right": [(), (3,)],
    "all": [(), (3,), (2,), (2, 3)],
}


def network_with_dropout() -> nn.Module:
    torch.manual_seed(4)
    network = build(NetworkSpec("unet", 1, 3, {"width": 1 / 16})).eval()
    # Answers that differ by pixel; those of an untrained network say one thing.
    for weight in network.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=1.5 / math.sqrt(weight[0].numel()))
    last = network.head
    network.head = nn.Sequential(nn.Dropout2d(0.3), last)
    return network.eval()


@pytest.fixture(scope="module")
def scan():
    rng = np.random.default_rng(8)
    return rng.normal(40, 120, SHAPE).astype(np.int16)


def bell(n: int) -> np.ndarray:
    places = np.arange(n) - (n - 1) / 2
    return np.maximum(np.exp(-((8 * places / n) ** 2) / 2), 1e-3)


def begins(length: int, tile: int, overlap: float) -> list[int]:
    if tile >= length:
        return [0]
    n = math.ceil((length - tile) / (tile * (1 - overlap))) + 1
    return [round(place) for place in np.linspace(0, length - tile, n)]


def looked(network, pictures, spec):
    """Softmax of each mirrored picture and pass, turned back, and their mean."""
    found = []
    for axes in FLIPS[spec.flips]:
        for _ in range(max(1, spec.dropout_passes)):
            logits = network(torch.flip(pictures, axes) if axes else pictures)
            probs = logits.double().exp() / logits.double().exp().sum(1, keepdim=True)
            found.append(torch.flip(probs, axes) if axes else probs)
    return torch.stack(found).mean(0)


def planes_said(network, planes, spec):
    """Probabilities (Z, C, Y, X) of planes (Z, Y, X), tile by tile."""
    height, width = planes.shape[1:]
    rows = min(spec.tile or height, height)
    columns = min(spec.tile or width, width)
    shown = np.clip((planes.astype(np.float64) + 160) / 400, 0, 1)
    shown = torch.from_numpy(shown.astype(np.float32))[:, None]
    weight = torch.from_numpy(np.outer(bell(rows), bell(columns)))
    parts = []
    for some in shown.split(4):
        total = torch.zeros(len(some), 3, height, width, dtype=torch.float64)
        counted = torch.zeros(height, width, dtype=torch.float64)
        for y, x in itertools.product(
            begins(height, rows, spec.overlap), begins(width, columns, spec.overlap)
        ):
            there = slice(y, y + rows), slice(x, x + columns)
            said = looked(network, some[:, :, *there], spec)
            total[:, :, *there] += said * weight
            counted[there] += weight
        parts.append(total / counted)
    return torch.cat(parts)


def reference(network, scan, spec) -> torch.Tensor:
    """Probabilities (C, Z, Y, X), the mean of all axes."""
    torch.manual_seed(spec.seed)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout2d):
            layer.train(spec.dropout_passes > 0)
    votes = []
    with torch.no_grad():
        for axis in (1, 2, 0) if spec.axes == "all" else (0,):
            said = planes_said(network, np.moveaxis(scan, axis, 0), spec)
            votes.append(said.movedim(1, 0).movedim(1, axis + 1))
    network.eval()
    return torch.stack(votes).mean(0)


@pytest.mark.parametrize("axes", ["axial", "all"])
@pytest.mark.parametrize("flips", ["left-right", "all"])
@pytest.mark.parametrize(("tile", "overlap"), [(0, 0.5), (32, 0.6)])
@pytest.mark.parametrize("passes", [0, 2])
def test_what_is_told_is_what_plain_torch_says(
    scan, monkeypatch, axes, flips, tile, overlap, passes
):
    spec = PredictSpec(
        tile=tile,
        overlap=overlap,
        axes=axes,
        flips=flips,
        dropout_passes=passes,
        seed=5,
    )
    network = network_with_dropout()
    expected = reference(network, scan, spec)
    meta = CheckpointMeta(
        network=NetworkSpec("unet", 1, 3, {"width": 1 / 16}),
        pipeline=WINDOW,
        inplane_mm=None,
        scheme=SCHEME,
    )
    told, judged = [], predict.judged

    def seen(mean):
        told.append(mean.clone())
        return judged(mean)

    monkeypatch.setattr(predict, "judged", seen)
    found = Predictor.of_network(meta, network, "cpu").predict(
        scan, (2.0, 2.0, 2.0), spec=spec, keep_probs=True
    )
    probs = torch.stack(told, dim=1)
    # Sums of three axes wait as float16; a single axis is never rounded.
    close = 1e-5 if axes == "axial" else 1e-3
    assert torch.allclose(probs.double(), expected, rtol=0, atol=close)
    assert np.allclose(found.probs, expected, rtol=0, atol=close + 5e-4)
    best = expected.sort(0).values
    clear = (best[-1] - best[-2] > 2 * close).numpy()
    assert clear.mean() > 0.9
    labels = expected.argmax(0).numpy()
    assert np.array_equal(found.labels[clear], labels[clear])
    assert len(np.unique(labels)) > 1
    entropy = -(expected * expected.log()).sum(0) / math.log(3)
    # Kept in steps of a 500th.
    assert np.allclose(found.entropy, entropy, rtol=0, atol=1e-3 + 5e-4 + 5 * close)
