from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.learning.augment import Augmentation, Disc, Ranges, augment, draw


@pytest.fixture
def sample():
    labels = np.zeros((60, 80), np.uint8)
    labels[20:30, 50:70] = 1
    labels[45:50, 10:15] = 2
    return np.choose(labels, [0.1, 0.5, 0.9]).astype(np.float32), labels


def test_nothing_drawn_is_nothing_changed(sample):
    image, labels = augment(Augmentation(), *sample)
    np.testing.assert_allclose(image, sample[0], atol=1e-6)
    np.testing.assert_array_equal(labels, sample[1])


def test_the_same_seed_draws_and_makes_the_same(sample):
    first = draw(np.random.default_rng(4), 3)
    assert first == draw(np.random.default_rng(4), 3)
    assert first != draw(np.random.default_rng(5), 3)
    for a, b in zip(augment(first, *sample), augment(first, *sample), strict=True):
        np.testing.assert_array_equal(a, b)


def test_draws_stay_in_their_ranges_and_do_not_flip():
    rng, r = np.random.default_rng(0), Ranges()
    drawn = [draw(rng, 3) for _ in range(300)]
    assert not any(d.flip for d in drawn)
    assert any(draw(rng, 3, Ranges(flip=True)).flip for _ in range(20))
    angles = [d.angle_deg for d in drawn]
    assert -15 <= min(angles) < -13
    assert 13 < max(angles) <= 15
    scales = [d.scale for d in drawn]
    assert r.scale[0] <= min(scales)
    assert max(scales) <= r.scale[1]
    assert all(len(d.uptake) == 2 for d in drawn)


def test_a_shift_moves_picture_and_mask_alike(sample):
    image, labels = augment(Augmentation(shift_yx=(0.1, -0.25)), *sample)
    np.testing.assert_array_equal(labels[26:36, 30:50], 1)
    np.testing.assert_allclose(image[26:36, 30:50], 0.5, atol=1e-5)
    np.testing.assert_allclose(image[:6], 0.1, atol=1e-5)
    assert not labels[:6].any()


def test_margins_widen_the_field_by_repeating_the_edge(sample):
    change = Augmentation(margins=(0.1, 0.2, 0.25, 0.0))
    image, labels = augment(change, *sample)
    assert image.shape == labels.shape == (60 + 6 + 12, 80 + 20)
    np.testing.assert_array_equal(labels[6:66, 20:], sample[1])
    np.testing.assert_allclose(image[6:66, 20:], sample[0], atol=1e-6)
    np.testing.assert_allclose(image[:6], 0.1, atol=1e-5)
    assert not labels[:6].any()


def test_scale_enlarges_round_the_middle(sample):
    _, labels = augment(Augmentation(scale=1.3), *sample)
    assert (labels == 1).sum() == pytest.approx(1.69 * (sample[1] == 1).sum(), rel=0.1)
    _, small = augment(Augmentation(scale=0.5), *sample)
    assert (small == 1).sum() == pytest.approx((sample[1] == 1).sum() / 4, rel=0.1)
    assert small.shape == sample[1].shape


def test_turning_goes_round_the_middle(sample):
    _, labels = augment(Augmentation(angle_deg=180), *sample)
    turned = sample[1][::-1, ::-1]
    np.testing.assert_array_equal(labels[1:-1, 1:-1], turned[1:-1, 1:-1])


def test_a_flip_exchanges_left_and_right(sample):
    image, labels = augment(Augmentation(flip=True), *sample)
    np.testing.assert_array_equal(labels, sample[1][:, ::-1])
    np.testing.assert_allclose(image, sample[0][:, ::-1], atol=1e-6)


def test_masks_never_get_new_values(sample):
    rng = np.random.default_rng(0)
    for _ in range(20):
        image, labels = augment(draw(rng, 3), *sample)
        assert set(np.unique(labels)) <= {0, 1, 2}
        assert labels.dtype == np.uint8
        assert image.dtype == np.float32
        assert np.isfinite(image).all()


def test_grey_values_by_hand(sample):
    def grey(**changes):
        image, _ = augment(Augmentation(**changes), *sample)
        return [float(image[at]) for at in ((0, 0), (25, 60), (47, 12))]

    assert grey(brightness=0.2) == pytest.approx([0.3, 0.7, 1.1])
    assert grey(contrast=0.5) == pytest.approx([0.3, 0.5, 0.7])
    assert grey(gamma=2.0) == pytest.approx([0.01, 0.25, 0.81])
    assert grey(field=0.5) == pytest.approx([0.55, 0.75, 0.95])
    assert grey(uptake=(0.1, -0.2)) == pytest.approx([0.1, 0.6, 0.7])


def test_bending_moves_picture_and_mask_alike_and_smoothly(sample):
    # All nodes alike is a shift: 0.1 of 60 rows.
    bend = (0.1,) * 25 + (0.0,) * 25
    image, labels = augment(Augmentation(bend=bend), *sample)
    np.testing.assert_array_equal(labels[14:24, 50:70], 1)
    np.testing.assert_allclose(image[14:24, 50:70], 0.5, atol=1e-5)
    assert (labels == 1).sum() == (sample[1] == 1).sum()
    drawn = draw(np.random.default_rng(0), 3, Ranges(bend=0.03))
    rough = Augmentation(bend=drawn.bend)
    image, labels = augment(rough, *sample)
    for value, grey in ((1, 0.5), (2, 0.9)):
        inside = labels == value
        assert np.median(image[inside]) == pytest.approx(grey, abs=0.01)
        assert 0.5 < inside.sum() / (sample[1] == value).sum() < 2


def test_an_arm_lies_in_the_air_behind_the_body_and_is_no_class(sample):
    image, labels = sample[0].copy(), sample[1]
    image[:, :40] = 0.4  # a body, with air to its right
    arm = Disc(y=0.5, x=0.5, radius=0.2, grey=0.5, core=1.0)
    after, same = augment(Augmentation(beside=(arm,)), image, labels)
    np.testing.assert_array_equal(same, labels)
    np.testing.assert_allclose(after[:, :40], image[:, :40], atol=1e-6)
    np.testing.assert_allclose(after[labels > 0], image[labels > 0], atol=1e-6)
    assert after[30, 42] == pytest.approx(0.5), "the core: as bright as the brightest"
    assert after[38, 44] == pytest.approx(0.3), "half way from the darkest"
    assert after[30, 75] == pytest.approx(0.1), "air further off"


def test_shade_is_a_smooth_field_through_its_nodes(sample):
    shade = tuple(np.linspace(-0.1, 0.1, 4).repeat(4))
    image, _ = augment(Augmentation(shade=shade), *sample)
    added = image - sample[0]
    assert added[0].mean() == pytest.approx(-0.1, abs=1e-3)
    assert added[-1].mean() == pytest.approx(0.1, abs=1e-3)
    assert np.abs(np.diff(added, axis=0)).max() < 0.01


@pytest.mark.parametrize("shape", [(60, 80), (1, 80), (33, 1)])
def test_moving_is_what_scipy_makes_of_it(shape):
    """Turned, enlarged, shifted, widened and bent at once, against map_coordinates."""
    from scipy.ndimage import map_coordinates

    rng = np.random.default_rng(1)
    image = rng.random(shape, dtype=np.float32)
    labels = rng.integers(0, 4, shape).astype(np.uint8)
    change = Augmentation(
        angle_deg=13, scale=1.2, shift_yx=(0.05, -0.1), margins=(0.2, 0, 0.1, 0),
        bend=tuple(rng.normal(0, 0.03, 50)),
    )  # fmt: skip
    moved, mask = augment(change, image, labels)
    height, width = moved.shape
    top, left = (round(share * n) for share, n in zip((0.2, 0.1), shape, strict=True))
    assert (height, width) == (shape[0] + top, shape[1] + left)
    turn = np.radians(13)
    back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / 1.2
    middle = (np.array(shape) - 1) / 2
    shift = np.array([0.05, -0.1]) * shape
    at = np.indices((height, width)).reshape(2, -1).T - (top, left) - shift - middle
    at = (at @ back.T + middle).T.reshape(2, height, width)
    nodes = np.reshape(change.bend, (2, 5, 5))
    along = np.meshgrid(*(np.linspace(0, 4, n) for n in (height, width)), indexing="ij")
    for axis in (0, 1):
        bent = map_coordinates(nodes[axis], along, order=3, mode="nearest")
        at[axis] += bent * shape[axis]
    expected = map_coordinates(image, at, order=1, mode="nearest")
    np.testing.assert_allclose(moved, expected, atol=1e-5)
    np.testing.assert_array_equal(
        mask, map_coordinates(labels, at, order=0, mode="nearest")
    )


def test_noise_has_the_deviation_it_says():
    flat, labels = np.full((200, 200), 0.5, np.float32), np.zeros((200, 200), np.uint8)
    image, _ = augment(Augmentation(noise=0.05, noise_seed=3), flat, labels)
    assert image.std() == pytest.approx(0.05, rel=0.05)
    assert image.mean() == pytest.approx(0.5, abs=0.001)


def test_neighbours_move_with_the_slice_and_keep_their_own_noise(sample):
    image, labels = sample
    volume = np.stack([image * 0.5, image, 1 - image])
    change = draw(np.random.default_rng(4), 3)
    quiet = replace(change, noise=0, uptake=())
    moved, mask = augment(quiet, volume, labels)
    assert moved.shape == (3, *mask.shape)
    for plane, original in zip(moved, volume, strict=True):
        expected, expected_mask = augment(quiet, original, labels)
        np.testing.assert_array_equal(plane, expected)
        np.testing.assert_array_equal(mask, expected_mask)
    noisy, _ = augment(replace(quiet, noise=0.1), volume, labels)
    noise = (noisy - moved).reshape(3, -1)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.1


def test_what_only_the_middle_mask_knows_is_not_done_to_neighbours(sample):
    image, labels = sample
    volume = np.stack([image] * 3)
    changed, _ = augment(Augmentation(uptake=(0.3, 0.3)), volume, labels)
    np.testing.assert_allclose(changed, volume, atol=1e-6)
