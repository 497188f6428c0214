from __future__ import annotations

import numpy as np
import pytest
import torch

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import Phase
from medlab_gui.learning.check import check_recipe
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.dataset import ArraySource, ScanArrays
from medlab_gui.learning.train import train
from medlab_gui.learning.whole_slices import looked_at, slice_classes, target_of
from medlab_gui.networks import build_any
from tests.learning.conftest import SCHEME, train_spec

NETWORK = NetworkSpec("alexnet", 1, 3, {"width": 1 / 16})


def test_the_class_of_a_slice_is_what_it_shows_most_of():
    labels = torch.zeros(5, 4, 4, dtype=torch.uint8)
    labels[1, :1] = 2
    labels[2, :1], labels[2, 1:3] = 1, 2
    labels[3] = 255
    labels[4, 0], labels[4, 1], labels[4, 2:] = 2, 1, 255
    found = slice_classes(labels)
    assert found.shape == (5, 1, 1)
    assert found.flatten().tolist() == [0, 2, 2, 255, 1]


def test_one_number_is_two_classes():
    network = build_any(NetworkSpec("alexnet", 1, 2, {"width": 1 / 16})).eval()
    images = torch.rand(2, 1, 96, 96)
    logits = looked_at(network, images)
    assert logits.shape == (2, 2, 1, 1)
    share = torch.softmax(logits, dim=1)[:, 1].flatten()
    assert torch.allclose(share, torch.sigmoid(network(images)).flatten())


def test_masks_stay_masks_for_other_networks():
    network = build_any(NetworkSpec("unet", 1, 3, {"width": 1 / 16}))
    labels = torch.zeros(1, 32, 32, dtype=torch.uint8)
    assert target_of(network, labels) is labels
    assert looked_at(network, torch.zeros(1, 1, 32, 32)).shape == (1, 3, 32, 32)


def shown(seed, group, n=12):
    """Slices with nothing, a bright field, or a dim one."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, 96, 96), np.uint8)
    for k in range(n):
        labels[k, 20:70, 20:70] = k % 3
    data = np.choose(labels, [-60, 200, 60]) + rng.normal(0, 10, labels.shape)
    return ArraySource(
        {group: ScanArrays(data.astype(np.int16), labels, (5.0, 2.0, 2.0), group)}
    )


def test_a_classifier_learns_what_slices_show(tmp_path):
    spec = train_spec(
        network=NETWORK, phases=(Phase("all", 25, 1e-3),), batch=6, loss="ce",
        augment="four-of-six", augment_options={"contrast": 0.05, "brightness": 0.05},
    )  # fmt: skip
    made = train(
        spec, SCHEME, shown(1, "a"), shown(2, "b", 6), folder=tmp_path, device="cpu"
    )
    scores = made.metrics["validation"]
    assert scores["mean_dice"] > 0.8, "F1 of the classes over slices"
    assert scores["n_slices"] == 6
    assert load_checkpoint(made.checkpoint)[0].network == NETWORK


def test_what_a_classifier_cannot_is_said():
    with pytest.raises(SpecError, match="sees whole slices"):
        check_recipe(train_spec(network=NETWORK, patch=64), SCHEME)
    even = NetworkSpec("unet", 2, 3, {"width": 1 / 16})
    with pytest.raises(SpecError, match=r"2 channels; .*an odd number"):
        check_recipe(train_spec(network=even), SCHEME)


def test_a_checkpoint_of_a_classifier_draws_no_masks(tmp_path):
    from medlab_gui.learning.predict import Predictor

    spec = train_spec(network=NETWORK, phases=(Phase("all", 1, 1e-3),), batch=6)
    made = train(
        spec, SCHEME, shown(1, "a"), shown(2, "b", 6), folder=tmp_path, device="cpu"
    )
    with pytest.raises(SpecError, match="draws no mask"):
        Predictor(made.checkpoint, "cpu")
