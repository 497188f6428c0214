"""Training on slices between their neighbours ("2.5D"), and what it is good for."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec
from medlab_gui.core.training import Phase
from medlab_gui.learning.dataset import ArraySource, ScanArrays
from medlab_gui.learning.evaluate import evaluate_slices
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.train import train
from tests.learning.conftest import train_spec

SCHEME = LabelScheme.from_names("Next", ["Next"])


def hidden_in_the_next(seed: int, n: int = 14) -> ArraySource:
    """Slices whose truth is the disc that the slice above shows, not their own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    discs = np.zeros((n + 1, 32, 32), bool)
    for k, (cy, cx) in enumerate(rng.uniform(8, 24, (n + 1, 2))):
        discs[k] = np.hypot(y - cy, x - cx) < 7
    data = (discs + rng.normal(0, 0.03, discs.shape)).astype(np.float32)
    labels = discs[1:].astype(np.uint8)
    # The last slice is its own neighbour; it has no truth to be judged by.
    labels = np.concatenate([labels, np.full_like(labels[:1], 255)])
    scan = ScanArrays(data, labels, (3.0, 1.0, 1.0), f"patient {seed}")
    return ArraySource({f"s{seed}": scan})


@pytest.mark.parametrize(("n_channels", "learns"), [(3, True), (1, False)])
def test_what_only_neighbours_show_is_learned_from_them(tmp_path, n_channels, learns):
    spec = train_spec(
        network=NetworkSpec("unet", n_channels, 2, {"width": 1 / 16}),
        pipeline=PipelineSpec(),
        phases=(Phase("all", 12, 1e-2),),
        augment="none",
        batch=4,
    )
    judge = hidden_in_the_next(2, 8)
    made = train(
        spec, SCHEME, hidden_in_the_next(1), judge, folder=tmp_path, device="cpu"
    )
    found = made.metrics["validation"]["mean_dice"]
    assert (found > 0.9) == learns
    assert (found < 0.7) != learns
    again = evaluate_slices(Predictor(made.checkpoint, "cpu"), judge)
    assert again["mean_dice"] == pytest.approx(found)


@pytest.mark.parametrize("augment", ["usual", "four-of-six"])
def test_pieces_of_augmented_slices_have_neighbours_too(tmp_path, augment):
    spec = train_spec(
        network=NetworkSpec("unet", 5, 2, {"width": 1 / 16}),
        pipeline=PipelineSpec(),
        phases=(Phase("all", 1, 1e-3),),
        augment=augment,
        patch=32,
        batch=4,
    )
    made = train(
        spec,
        SCHEME,
        hidden_in_the_next(1, 6),
        hidden_in_the_next(2, 4),
        folder=tmp_path,
        device="cpu",
    )
    assert np.isfinite(made.history[-1]["loss"])
