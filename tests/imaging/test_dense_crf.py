from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.imaging.dense_crf import CRFSpec, dense_crf


def by_double_sum(probs, image, spacing, spec):
    """Mean field over all pairs of pixels, as the paper's algorithm 1 is written."""
    n_classes = len(probs)
    k, j = np.mgrid[: image.shape[0], : image.shape[1]]
    p = np.stack([k.ravel() * spacing[0], j.ravel() * spacing[1]], axis=1)
    value = (image.ravel() - image.min()) / (np.ptp(image) or 1)
    distance = ((p[:, None] - p[None]) ** 2).sum(-1)
    difference = (value[:, None] - value[None]) ** 2
    kernels = [
        (
            spec.w_appearance,
            np.exp(
                -distance / (2 * spec.appearance_mm**2)
                - difference / (2 * spec.appearance_value**2)
            ),
        ),
        (spec.w_smoothness, np.exp(-distance / (2 * spec.smoothness_mm**2))),
    ]
    pull = np.zeros_like(distance)
    for weight, kernel in kernels:
        scale = 1 / np.sqrt(kernel.sum(1))
        pull += weight * scale[:, None] * kernel * scale[None]
    np.fill_diagonal(pull, 0)
    unary = -np.log(np.maximum(probs.reshape(n_classes, -1).T, 1e-8))
    q = np.exp(-unary)
    q /= q.sum(1, keepdims=True)
    for _ in range(spec.iterations):
        # Energy of a label: what all pixels that have another label make it pay.
        cost = np.zeros_like(q)
        for label in range(n_classes):
            others = [other for other in range(n_classes) if other != label]
            cost[:, label] = (pull @ q[:, others]).sum(1)
        q = np.exp(-unary - cost)
        q /= q.sum(1, keepdims=True)
    return q.T.reshape(probs.shape)


def drawn(n_classes, shape, seed=0):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(n_classes), shape).transpose(2, 0, 1)
    return probs, rng.integers(0, 256, shape) / 255


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize(
    ("spacing", "spec"),
    [
        ((1.0, 1.0), CRFSpec(appearance_mm=5)),
        ((0.7, 2.0), CRFSpec(appearance_mm=6, appearance_value=0.2)),
        ((1.0, 1.0), CRFSpec(iterations=3, w_smoothness=0)),
        ((3.0, 1.0), CRFSpec(iterations=1, w_appearance=0, smoothness_mm=4)),
        ((1.0, 1.0), CRFSpec(appearance_mm=100, appearance_value=0.02)),
    ],
)
def test_it_is_the_double_sum_over_all_pairs(n_classes, spacing, spec):
    probs, image = drawn(n_classes, (14, 19))
    expected = by_double_sum(probs, image, spacing, spec)
    result = dense_crf(probs, image, spacing, spec)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)
    np.testing.assert_allclose(result.sum(0), 1, atol=1e-5)
    assert np.abs(expected - probs).max() > 0.02, "it does something"


def test_the_order_of_classes_does_not_matter():
    probs, image = drawn(4, (20, 16))
    order = [2, 0, 3, 1]
    result = dense_crf(probs, image)
    np.testing.assert_allclose(dense_crf(probs[order], image), result[order], atol=1e-5)


def test_what_is_certain_stays_and_what_is_even_stays_even():
    image = np.zeros((10, 12))
    certain = np.zeros((2, 10, 12))
    certain[1] = 1
    np.testing.assert_allclose(dense_crf(certain, image), certain, atol=1e-6)
    even = np.full((3, 10, 12), 1 / 3)
    np.testing.assert_allclose(dense_crf(even, image), even, atol=1e-6)


def test_a_noisy_mask_takes_the_border_of_the_picture():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:64, :80]
    truth = np.hypot(y - 30, x - 40) < 18
    image = np.where(truth, 0.7, 0.3) + rng.normal(0, 0.04, truth.shape)
    blurred = 1 / (1 + np.exp(-(22 - np.hypot(y - 33, x - 36)) / 4))
    noisy = np.clip(blurred + rng.normal(0, 0.15, truth.shape), 0.02, 0.98)
    probs = np.stack([1 - noisy, noisy])

    def dice(mask):
        return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())

    before = dice(probs.argmax(0) == 1)
    after = dice(dense_crf(probs, image).argmax(0) == 1)
    assert before < 0.85
    assert after > 0.97


def test_pixels_of_another_spacing_are_the_same_in_mm():
    # Twice the pixels at half the spacing: the same answer where they coincide.
    x = np.mgrid[:24, :24][1]
    image = (x > 12).astype(float)
    share = 1 / (1 + np.exp(-(x - 10) / 3.0))
    probs = np.stack([1 - share, share])
    coarse = dense_crf(probs, image, (2.0, 2.0))
    fine = dense_crf(
        probs.repeat(2, 1).repeat(2, 2), image.repeat(2, 0).repeat(2, 1), (1.0, 1.0)
    )
    same = (fine[:, ::2, ::2].argmax(0) == coarse.argmax(0)).mean()
    assert same > 0.98


def test_what_does_not_fit_gets_a_sentence():
    probs, image = drawn(2, (8, 9))
    with pytest.raises(InputError, match=r"\(2, 8, 9\) and \(9, 8\)"):
        dense_crf(probs, image.T)
    with pytest.raises(InputError, match="not numbers"):
        dense_crf(probs, np.where(image > 0.5, np.nan, image))
    for wrong in (
        {"iterations": 0},
        {"w_appearance": -1},
        {"appearance_mm": 0},
        {"appearance_value": float("nan")},
        {"smoothness_mm": 1e9},
    ):
        with pytest.raises(SpecError, match=next(iter(wrong)).replace("_", ".")):
            CRFSpec(**wrong)
