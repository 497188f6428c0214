"""Each epoch is judged as the training is in the end."""

from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.training import Phase
from medlab_gui.learning.dataset import PreparedSlices, Subset
from medlab_gui.learning.kept import read_kept
from medlab_gui.learning.train import train
from tests.learning.conftest import (
    SCHEME,
    WINDOW,
    disc_source,
    judge_source,
    train_spec,
)


class PartlyMeasured(Subset):
    """Slices of which the upper 18 rows, with half of the big disc, only fill."""

    def __init__(self, source):
        super().__init__(source, source.keys)
        self.unmeasured = self._fills

    def _fills(self, key):
        fills = np.zeros(self.labels(key).shape, bool)
        fills[:18] = True
        return fills


def trained(folder, **changes):
    phases = (Phase("all", 6, 1e-2),)
    return train(
        train_spec(phases=phases, augment=False, **changes),
        SCHEME,
        disc_source(6, seed=1),
        PartlyMeasured(judge_source()),
        folder=folder,
        device="cpu",
    )


def test_an_epoch_finds_nothing_where_nothing_was_measured(tmp_path):
    result = trained(tmp_path)
    epoch = result.history[result.metrics["best_epoch"] - 1]
    assert epoch["dice"] == result.metrics["validation"]["dice"]
    assert 0.1 < epoch["dice"]["Big"] < 0.75  # half of its truth is not to be found


def test_predictions_that_are_kept_find_nothing_there_either(tmp_path):
    spec = {"keep_at": (12,), "keep_slices": 2}
    trained(tmp_path, **spec)
    (found,) = read_kept(tmp_path)[1].values()
    assert all(not mask[:18].any() and mask[18:].any() for mask in found)


@pytest.mark.parametrize("mm", [None, 1.3, 3.1])
def test_what_is_unmeasured_follows_the_pixels_of_the_network(mm):
    source = PartlyMeasured(judge_source())
    slices = PreparedSlices(source, WINDOW, mm, SCHEME.n_classes)
    fills, labels = slices.unmeasured(0), slices[0][1]
    assert fills.shape == labels.shape
    share = fills.mean()
    assert share == pytest.approx(18 / 40, abs=0.5 / labels.shape[0] + 1e-9)
    assert fills[0].all()
    assert not fills[-1].any()
    whole = PreparedSlices(judge_source(), WINDOW, mm, SCHEME.n_classes)
    assert whole.unmeasured(0) is None
