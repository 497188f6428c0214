"""Small scans of discs, and a small checkpoint, for all tests of learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.core.training import Phase, TrainSpec
from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
from medlab_gui.learning.dataset import ArraySource, ScanArrays
from medlab_gui.networks import build

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = LabelScheme.from_names("Discs", ["Big", "Small"])
NETWORK = NetworkSpec("unet", 1, 3, {"width": 1 / 16})
WINDOW = PipelineSpec((Step("window", {"level": 40.0, "width": 400.0}),))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def disc_scan(
    n: int = 6, size: int = 40, seed: int = 0, group: str = "one"
) -> ScanArrays:
    """A bright big disc and a dim small one, with noise, at 2 mm pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((n, size, size), np.uint8)
    for k in range(n):
        shift = rng.uniform(-2, 2, 2)
        labels[k][np.hypot(y - 14 - shift[0], x - 14 - shift[1]) < 9] = 1
        labels[k][np.hypot(y - 28 - shift[0], x - 28 - shift[1]) < 5] = 2
    data = np.choose(labels, [-60, 120, 40]) + rng.normal(0, 10, labels.shape)
    return ScanArrays(data.astype(np.int16), labels, (5.0, 2.0, 2.0), group)


def disc_source(n: int = 6, uid: str = "s", **options) -> ArraySource:
    return ArraySource({uid: disc_scan(n, **options)})


def judge_source(n: int = 3, seed: int = 2, **options) -> ArraySource:
    """Of another patient than `disc_source`."""
    return disc_source(n, "judge", seed=seed, group="two", **options)


def train_spec(**changes) -> TrainSpec:
    values = {
        "network": NETWORK,
        "pipeline": WINDOW,
        "inplane_mm": None,
        "phases": (Phase("all", 2, 3e-3),),
        "batch": 4,
        **changes,
    }
    return TrainSpec(**values)


@pytest.fixture
def meta() -> CheckpointMeta:
    return CheckpointMeta(
        network=NETWORK,
        pipeline=WINDOW,
        inplane_mm=None,
        scheme=SCHEME,
        metrics={"validation": {"dice": {"Big": 0.5}}},
        epoch=7,
        name="Discs",
        card={"truth": "drawn"},
    )


@pytest.fixture
def checkpoint(tmp_path: Path, meta: CheckpointMeta) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "discs.safetensors"
    save_checkpoint(path, build(NETWORK).state_dict(), meta)
    return path
