from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.learning.calibration import Calibration
from medlab_gui.learning.roc import VoxelScores, calls, delong, roc


def scored(n=400, seed=0, digits=2):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = np.round(rng.normal(truth * 1.0, 1.0), digits)  # with ties
    return truth, score


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_scikit_learn_agrees_on_curve_and_area(digits):
    from sklearn.metrics import roc_auc_score, roc_curve

    truth, score = scored(digits=digits)
    ours = roc(truth, score)
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    assert np.allclose(ours.fpr, fpr, atol=1e-12)
    assert np.allclose(ours.tpr, tpr, atol=1e-12)
    assert ours.auc == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert (ours.n_positive, ours.n_negative) == (truth.sum(), (~truth).sum())


def test_curves_that_can_be_seen():
    assert roc([0, 0, 1, 1], [1, 2, 3, 4]).auc == 1
    assert roc([0, 0, 1, 1], [4, 3, 2, 1]).auc == 0
    assert roc([0, 1, 0, 1], [5, 5, 5, 5]).auc == 0.5
    assert roc([0, 1, 1], [1, 1, 2]).auc == pytest.approx(0.75)


def test_one_kind_alone_has_no_curve():
    assert roc([1, 1], [0.2, 0.4]) is None
    assert roc([0, 0], [0.2, 0.4]) is None
    assert roc([], []) is None
    assert VoxelScores().roc() is None
    with pytest.raises(InputError, match="not a finite number"):
        roc([0, 1], [0.5, np.nan])


def test_voxels_are_counted_without_rounding():
    rng = np.random.default_rng(1)
    truth = rng.random((3, 20, 30)) < 0.4
    probability = np.clip(rng.normal(0.4 + 0.2 * truth, 0.3), 0, 1).astype(np.float16)
    scores = VoxelScores()
    for t, p in zip(truth, probability, strict=True):
        scores.add(t, p)
    gathered, whole = scores.roc(), roc(truth, probability.astype(float))
    assert gathered.auc == pytest.approx(whole.auc, abs=1e-12)
    assert np.array_equal(gathered.tpr, whole.tpr)
    with pytest.raises(TypeError, match="float16"):
        scores.add(truth, probability.astype(np.float32))


def test_calls_against_scikit_learn():
    from sklearn import metrics

    truth, score = scored()
    said = score > 0.5
    ours = calls(truth, said)
    assert ours.accuracy == pytest.approx(metrics.accuracy_score(truth, said))
    assert ours.precision == pytest.approx(metrics.precision_score(truth, said))
    assert ours.recall == pytest.approx(metrics.recall_score(truth, said))
    assert ours.f1 == pytest.approx(metrics.f1_score(truth, said))
    assert ours.specificity == pytest.approx(metrics.recall_score(~truth, ~said))
    nobody = calls([True, True], [False, False])
    assert (nobody.precision, nobody.specificity, nobody.recall) == (None, None, 0)


def test_delong_is_the_variance_of_its_definition():
    truth, one = scored(n=60)
    _, other = scored(n=60, seed=9)
    other = one + other
    # Every positive against every negative, as the paper writes it.
    placed = []
    for s in (one, other):
        beats = (s[truth][:, None] > s[~truth]) + 0.5 * (s[truth][:, None] == s[~truth])
        placed.append((beats.mean(axis=1), beats.mean(axis=0)))
    m, n = truth.sum(), (~truth).sum()
    spread = np.cov(placed[0][0], placed[1][0]) / m
    spread = spread + np.cov(placed[0][1], placed[1][1]) / n
    contrast = np.array([1, -1])
    z = (placed[0][0].mean() - placed[1][0].mean()) / np.sqrt(
        contrast @ spread @ contrast
    )
    from scipy.stats import norm

    assert delong(truth, one, other) == pytest.approx(2 * norm.sf(abs(z)), abs=1e-12)
    assert delong(truth, one, one) == 1
    assert delong([True, False, False], [1, 2, 3], [3, 2, 1]) is None


def test_who_is_right_as_often_as_sure_is_calibrated():
    calibration = Calibration(10)
    assert calibration.error is None
    assert calibration.largest_error is None
    calibration.add(np.full(10, 0.8), np.arange(10) < 8)
    assert calibration.error == pytest.approx(0)
    calibration.add(np.full(10, 1.0), np.arange(10) < 5)
    assert calibration.error == pytest.approx(0.25)
    assert calibration.largest_error == pytest.approx(0.5)
    assert [n for _sure, _right, n in calibration.bins] == [10, 10]
