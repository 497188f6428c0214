from __future__ import annotations

import numpy as np
import pytest
import torch

from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.learning.uncertainty import entropy, slice_scores
from tests.learning.conftest import SCHEME


def test_uniform_is_one_and_certain_is_zero():
    probs = np.zeros((4, 2, 3), np.float32)
    probs[:, 0] = 0.25
    probs[2, 1] = 1
    h = entropy(torch.from_numpy(probs)).numpy()
    assert h.dtype == np.float32
    np.testing.assert_allclose(h, [[1, 1, 1], [0, 0, 0]], atol=1e-6)


def test_two_classes_by_hand_along_any_axis():
    p = np.array([[0.9, 0.1], [0.5, 0.5], [1.0, 0.0]])
    by_hand = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2)
    p = torch.from_numpy(p)
    np.testing.assert_allclose(entropy(p, dim=1), [by_hand, 1, 0], atol=1e-6)
    np.testing.assert_allclose(entropy(p.T), [by_hand, 1, 0], atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
def test_the_definition_to_a_millionth_down_to_the_smallest_numbers(n_classes):
    """Also where a probability is 0, or so small that float32 has few digits for it."""
    rng = np.random.default_rng(n_classes)
    p = rng.dirichlet([0.05] * n_classes, 20_000).astype(np.float32)
    p[:3] = np.eye(n_classes, dtype=np.float32)[:1]
    p[1, 1], p[2, 1] = 1e-38, 1e-45
    assert (p == 0).any()
    exact = p.astype(np.float64)
    logs = np.log(exact, out=np.zeros_like(exact), where=exact > 0)
    by_hand = -(exact * logs).sum(axis=1) / np.log(n_classes)
    given = torch.from_numpy(p)
    np.testing.assert_allclose(entropy(given, dim=1), by_hand, rtol=0, atol=1e-6)
    assert np.array_equal(given.numpy(), p)  # what was given stays as it was


def test_half_precision_stays_within_zero_and_one():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([0.1] * 3, 1000).astype(np.float16)
    h = entropy(torch.from_numpy(p), dim=1)
    assert h.min() >= 0
    assert h.max() <= 1


def test_one_class_has_no_entropy():
    with pytest.raises(InputError, match="at least two"):
        entropy(torch.ones(1, 4))


def stack():
    """Slices: certain disc, unsure border, unsure far background, nothing."""
    labels = np.zeros((4, 60, 60), np.uint8)
    y, x = np.mgrid[:60, :60]
    r = np.hypot(y - 30, x - 30)
    labels[:3, r < 15] = 1
    unsure = np.zeros(labels.shape, np.float16)
    unsure[1, np.abs(r - 15) < 2] = 0.9
    unsure[2, r > 27] = 0.9
    unsure[3, 10:20, 10:20] = 0.5
    return labels, unsure


def test_only_uncertainty_near_the_foreground_counts():
    certain, border, far, nothing = slice_scores(*stack(), (3, 1, 1), SCHEME, band_mm=5)
    assert border.value > 0.2
    assert border.reason == "border of Big"
    assert far.value == certain.value == pytest.approx(1e-3)
    assert [s.k for s in (certain, border, far, nothing)] == [0, 1, 2, 3]
    assert 1e-3 < nothing.value < border.value / 2
    assert nothing.reason == "nothing found"


def test_the_value_is_the_mean_over_disc_and_band():
    labels, unsure = stack()
    unsure[1] = 0
    unsure[1, labels[1] == 1] = 0.5
    y, x = np.mgrid[:60, :60]
    inside = labels[1] == 1
    near = np.min(np.hypot(y[..., None] - y[inside], x[..., None] - x[inside]), axis=-1)
    by_hand = 0.5 * inside.sum() / (near <= 5).sum()
    score = slice_scores(labels, unsure, (3, 1, 1), SCHEME)[1]
    assert score.value == pytest.approx(by_hand, rel=1e-3)


def test_the_band_is_in_mm():
    labels, unsure = stack()
    unsure[:] = 0
    unsure[1, 30, 45:49] = 1  # 1 to 4 pixels outside, along x
    near = slice_scores(labels, unsure, (3, 1, 1), SCHEME)[1].value
    far = slice_scores(labels, unsure, (3, 1, 6), SCHEME)[1].value
    assert near > 1e-3
    assert far == 1e-3


def test_the_reason_names_the_class_that_is_unsure():
    labels, unsure = stack()
    labels[1, :6, :6] = 2
    unsure[1] = 0
    unsure[1, labels[1] == 2] = 1
    assert slice_scores(labels, unsure, (3, 1, 1), SCHEME)[1].reason.endswith("Small")
    labels[1], unsure[1] = 1, 0
    unsure[1, 25:35, 25:35] = 1
    assert slice_scores(labels, unsure, (3, 1, 1), SCHEME)[1].reason == "inside Big"


def test_shapes_must_agree():
    labels, unsure = stack()
    with pytest.raises(GeometryError, match="same shape"):
        slice_scores(labels, unsure[1:], (3, 1, 1), SCHEME)
