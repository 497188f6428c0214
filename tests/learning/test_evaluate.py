from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.specs import NetworkSpec, PipelineSpec, Step
from medlab_gui.learning.dataset import ArraySource, ScanArrays, SliceKey, Subset
from medlab_gui.learning.evaluate import DiceCounts, evaluate_slices
from medlab_gui.learning.predict import PredictedArrays
from tests.learning.conftest import SCHEME


class Says:
    """A predictor whose picture is its prediction."""

    class meta:  # noqa: N801
        scheme = SCHEME
        network = NetworkSpec("unet", 1, 3)
        pipeline = PipelineSpec()

    def predict(self, data, spacing, **options):
        labels = data.astype(np.uint8)
        return PredictedArrays(labels, labels.astype(np.float16), None, 0.1, (0,))


def source(prediction, truth):
    prediction, truth = (np.array(a, np.uint8)[:, None] for a in (prediction, truth))
    return ArraySource({"s": ScanArrays(prediction, truth, (3.0, 1.0, 1.0))})


def test_dice_is_over_the_voxels_of_all_slices():
    judged = source(
        [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 2, 2]],
        [[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 2]],
    )
    scores = evaluate_slices(Says(), judged)
    assert scores["dice"]["Big"] == pytest.approx(2 * 3 / (5 + 6))
    assert scores["dice"]["Small"] == pytest.approx(2 / 3)
    assert scores["mean_dice"] == pytest.approx((6 / 11 + 2 / 3) / 2)
    assert scores["n_slices"] == 2
    assert scores["per_slice"][0] == {
        "series_uid": "s",
        "slice_index": 0,
        "dice": {"Big": pytest.approx(4 / 6), "Small": None},
    }


def test_ignored_voxels_and_absent_classes():
    scores = evaluate_slices(Says(), source([[1, 1, 2]], [[1, 255, 255]]))
    assert scores["dice"] == {"Big": 1.0, "Small": None}
    assert scores["mean_dice"] == 1.0


def test_all_background_agrees():
    scores = evaluate_slices(Says(), source([[0, 0]], [[0, 0]]))
    assert scores["dice"] == {"Big": None, "Small": None}
    assert scores["mean_dice"] == 1.0
    missed = evaluate_slices(Says(), source([[0, 0]], [[1, 0]]))
    assert missed["mean_dice"] == 0.0


def test_progress_and_stopping():
    seen = []

    def report(done, total=0, message="", data=None):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    judged = source([[0]] * 5, [[0]] * 5)
    with pytest.raises(KeyboardInterrupt):
        evaluate_slices(Says(), judged, progress=report)
    assert seen == [(0, 5), (1, 5), (2, 5)]


def test_only_the_slices_of_the_source_are_judged():
    judged = source([[1], [0], [0]], [[1], [1], [1]])
    part = Subset(judged, [SliceKey("s", 0)])
    assert evaluate_slices(Says(), part)["mean_dice"] == 1.0


def test_nothing_is_found_where_nothing_was_measured():
    """A kept prediction is background there; judged, it once was not."""

    class Filled(ArraySource):
        def unmeasured(self, key):
            return np.array([[False, False, True]]) if key.slice_index else None

    scan = ScanArrays(
        np.array([[[1, 1, 0]], [[1, 0, 1]]], np.uint8),
        np.array([[[1, 1, 0]], [[1, 0, 0]]], np.uint8),
        (3.0, 1.0, 1.0),
    )
    assert evaluate_slices(Says(), ArraySource({"s": scan}))["dice"]["Big"] < 1
    for one in (Filled({"s": scan}), Subset(Filled({"s": scan}), [SliceKey("s", 1)])):
        assert evaluate_slices(Says(), one)["dice"]["Big"] == 1.0


def test_counts_start_at_nothing():
    counts = DiceCounts(SCHEME)
    assert counts.dice == {"Big": None, "Small": None}
    assert counts.mean == 1.0


@pytest.mark.parametrize(
    ("k", "near", "middle"),
    [(0, [0, 1, 2], 0), (2, [0, 1, 2, 3, 4], 2), (5, [3, 4, 5], 2)],
)
def test_a_network_with_neighbours_is_shown_them(k, near, middle):
    class Sees(Says):
        class meta:  # noqa: N801
            scheme = SCHEME
            network = NetworkSpec("unet", 5, 3)
            pipeline = PipelineSpec()

        def predict(self, data, spacing, *, slices):
            assert data[:, 0, 0].tolist() == near
            assert list(slices) == [middle]
            labels = (data == k).astype(np.uint8)
            return PredictedArrays(labels, labels.astype(np.float16), None, 0.1, (k,))

    numbered = source([[n] for n in range(6)], [[1]] * 6)
    part = Subset(numbered, [SliceKey("s", k)])
    assert evaluate_slices(Sees(), part)["mean_dice"] == 1.0


def test_a_step_that_needs_the_scan_gets_the_scan():
    """N4 of a slice alone is another picture than in training and prediction."""
    asked = []

    class Sees(Says):
        class meta:  # noqa: N801
            scheme = SCHEME
            network = NetworkSpec("unet", 1, 3)
            pipeline = PipelineSpec((Step("n4"),))

        def predict(self, data, spacing, *, slices, progress):
            progress(0, 1)
            asked.append((len(data), list(slices)))
            labels = data.astype(np.uint8)
            return PredictedArrays(labels, labels.astype(np.float16), None, 0.1, (0,))

    scan = source([[1], [2], [0], [1]], [[1], [2], [2], [1]])
    part = Subset(scan, [SliceKey("s", k) for k in (0, 1, 3)])
    seen = []
    scores = evaluate_slices(
        Sees(), part, progress=lambda done, total, *_: seen.append((done, total))
    )
    assert asked == [(4, [0, 1, 3])], "once for the scan, not for each slice"
    assert scores["mean_dice"] == 1.0
    assert [row["slice_index"] for row in scores["per_slice"]] == [0, 1, 3]
    assert seen[-1] == (3, 3)
