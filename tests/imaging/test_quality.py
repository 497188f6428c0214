import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from skimage.measure import shannon_entropy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from medlab_gui.core.errors import InputError
from medlab_gui.imaging.quality import (
    edge_sharpness,
    entropy_bits,
    flat_region,
    noise_sd,
    psnr,
    quality,
    ssim,
)

EVERYTHING = (slice(None), slice(None))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def body(rng):
    """A disc of tissue at 60 HU in air, a bright bone and noise of 10 HU; padded."""
    y, x = np.mgrid[:200, :240]
    picture = np.full((200, 240), -1000.0)
    picture[np.hypot(y - 100, (x - 120) / 1.1) < 80] = 60
    picture[np.hypot(y - 100, x - 120) < 20] = 700
    texture = gaussian_filter(rng.normal(0, 60, picture.shape), 4) * (x < 120)
    picture += rng.normal(0, 10, picture.shape) + texture * 20
    picture[np.hypot(y - 100, x - 120) > 118] = -2000
    return picture


@pytest.mark.parametrize("shape", [(64, 80), (7, 9), (512, 512)])
def test_likeness_is_that_of_scikit_image(rng, shape):
    a = rng.random(shape)
    b = np.clip(a + rng.normal(0, 0.1, shape), 0, 1)
    for data_range in (1.0, 4.0):
        ours = psnr(a, b, data_range=data_range)
        assert ours == pytest.approx(
            peak_signal_noise_ratio(a, b, data_range=data_range), rel=1e-12
        )
        ours = ssim(a, b, data_range=data_range)
        assert ours == pytest.approx(
            structural_similarity(a, b, data_range=data_range), rel=1e-6
        )


def test_equal_pictures(rng):
    a = rng.random((32, 32)).astype(np.float32)
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, 1 - a) < 0


def test_psnr_by_hand():
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 0.1)) == pytest.approx(20)
    holed = np.full((4, 4), 0.1)
    holed[0] = np.nan
    assert psnr(np.zeros((4, 4)), holed) == pytest.approx(20)
    assert math.isnan(psnr(np.zeros((1, 1)), np.full((1, 1), np.nan)))


def test_entropy_of_known_histograms(rng):
    assert entropy_bits(np.full((9, 9), 3.0)) == 0
    assert entropy_bits(np.arange(256).reshape(16, 16)) == pytest.approx(8)
    assert entropy_bits(np.array([[0, 1]])) == pytest.approx(1)
    levels = rng.integers(0, 200, (64, 64))
    levels[0, :2] = 0, 255
    assert entropy_bits(levels) == pytest.approx(shannon_entropy(levels, base=2))
    assert entropy_bits(np.full((3, 3), np.nan)) == 0


@pytest.mark.parametrize("blur", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_sharpness_of_a_blurred_step(blur, axis):
    step = np.zeros((128, 128))
    step[:, 64:] = 100.0
    step = gaussian_filter1d(step, blur, axis=1)
    if axis == 0:
        step = step.T
    # Central differences see the step through a window of two pixels.
    slope = 100 * math.erf(1 / (blur * math.sqrt(2))) / 2
    assert edge_sharpness(step) == pytest.approx(slope, rel=0.15)
    assert edge_sharpness(3 * step) == pytest.approx(3 * edge_sharpness(step))


def test_noise_does_not_pass_for_sharpness(rng):
    y, x = np.mgrid[:256, :256]
    disc = gaussian_filter((np.hypot(y - 128, x - 128) < 80) * 1.0, 1.0)
    clean = edge_sharpness(disc)
    noisy = edge_sharpness(disc + rng.normal(0, 0.02, disc.shape))
    assert noisy == pytest.approx(clean, rel=0.35)
    assert edge_sharpness(gaussian_filter(disc, 3)) < 0.5 * clean


def test_the_flat_region_lies_in_the_body_and_sees_the_noise(body):
    rows, columns = flat_region(body)
    window = body[rows, columns]
    assert window.shape == (10, 10)
    assert 30 < window.mean() < 90  # tissue: neither air, padding, nor bone
    assert columns.start >= 120 - 5  # not in the textured half
    assert noise_sd(body, (rows, columns)) == pytest.approx(10, rel=0.2)


def test_a_region_cut_off_by_a_window_is_not_taken(body):
    shown = np.clip(body, 40, 65)
    shown[60:90, 130:160] = 65  # as flat as can be, and no measure of noise
    assert noise_sd(shown, flat_region(shown)) > 0


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((64, 64)),
        np.ones((1, 1)),
        np.ones((1, 300)),
        np.arange(6.0).reshape(2, 3),
        np.full((30, 30), -3, np.int16),
    ],
)
def test_slices_without_anything_to_measure(plane):
    region = flat_region(plane)
    assert plane[region].size
    assert edge_sharpness(plane) >= 0
    found = quality(plane, plane)
    assert found.psnr_db == math.inf
    assert found.ssim == pytest.approx(1)
    assert found.noise_before == found.noise_after
    assert math.isfinite(found.noise_before)


def test_a_slice_of_which_nothing_was_measured_has_no_figures():
    plane = np.full((64, 64), np.nan)
    found = quality(plane, plane)
    for figure in (found.noise_before, found.psnr_db, found.ssim):
        assert math.isnan(figure)
    assert found.sharpness_before == found.entropy_before == 0


def test_what_was_not_measured_changes_no_figure(body):
    """The body in a larger frame of nothing has the figures of the body alone."""
    smooth = gaussian_filter(body, 1.0)
    window = (-160.0, 240.0)
    alone = quality(body, smooth, original_range=window, processed_range=window)
    framed = [np.pad(p, 40, constant_values=np.nan) for p in (body, smooth)]
    found = quality(*framed, original_range=window, processed_range=window)
    rows, columns = alone.region
    there = slice(rows.start + 40, rows.stop + 40)
    across = slice(columns.start + 40, columns.stop + 40)
    found_there = quality(
        *framed, original_range=window, processed_range=window, region=(there, across)
    )
    assert found_there.noise_before == pytest.approx(alone.noise_before)
    assert found.entropy_before == pytest.approx(alone.entropy_before)
    assert found.entropy_after == pytest.approx(alone.entropy_after)
    assert found.psnr_db == pytest.approx(alone.psnr_db)
    assert found.ssim == pytest.approx(alone.ssim)
    # The frame itself is no edge, as black it would be the steepest of all.
    bright = np.pad(np.full((60, 60), 200.0), 40, constant_values=np.nan)
    assert quality(bright, bright).sharpness_before == 0


def test_before_and_after_on_one_scale(body):
    processed = np.clip((gaussian_filter(body, 1.5) + 160) / 400, 0, 1)
    found = quality(body, processed, original_range=(-160, 240))
    assert found.noise_before == pytest.approx(10 / 400, rel=0.25)
    assert found.noise_after < 0.5 * found.noise_before
    assert found.sharpness_after < found.sharpness_before
    assert 10 < found.psnr_db < 40
    assert 0 < found.ssim < 1
    assert 0 < found.entropy_after < 8
    same = quality(body, np.clip((body + 160) / 400, 0, 1), original_range=(-160, 240))
    assert same.psnr_db > 200
    assert same.noise_after == pytest.approx(same.noise_before)
    assert same.sharpness_after == pytest.approx(same.sharpness_before)


def test_results_in_the_scans_units_take_its_range(body):
    found = quality(body, body + 1, original_range=(-160, 240))
    assert found.psnr_db > 40
    region = (slice(100, 108), slice(150, 158))
    given = quality(body, body, region=region)
    assert given.region == region


def test_wrong_input():
    with pytest.raises(InputError, match="one shape"):
        psnr(np.zeros((3, 3)), np.zeros((3, 4)))
    with pytest.raises(InputError, match="one slice"):
        ssim(np.zeros((3, 3, 3)), np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="one slice"):
        flat_region(np.zeros((0, 3)))
