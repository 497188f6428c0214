import importlib

import numpy as np
import pytest
from skimage.restoration import denoise_tv_chambolle

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging import equalize, total_variation, window
from medlab_gui.imaging.compiled import wait_until_compiled


def noisy(shape=(60, 70), seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    disc = (np.hypot(y - shape[0] / 2, x - shape[1] / 2) < 20).astype(float)
    return (0.3 + 0.4 * disc + rng.normal(0, 0.1, shape)).astype(np.float32)


@pytest.fixture(params=["compiled", "not compiled"])
def way(request, monkeypatch):
    """Both ways to the same result."""
    if request.param == "compiled":
        assert wait_until_compiled()
    else:
        module = importlib.import_module("medlab_gui.imaging.denoise")
        monkeypatch.setattr(module, "kernel", lambda name: None)
    return request.param


SHAPES = [(60, 70), (1, 1), (1, 9), (9, 1), (2, 2), (16, 16), (17, 33), (130, 517)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", [0.02, 0.1, 0.5])
def test_the_bits_of_scikit_image(way, shape, weight):
    for seed in range(3):
        picture = noisy(shape, seed)
        expected = denoise_tv_chambolle(picture, weight=weight)
        assert np.array_equal(total_variation(picture, weight=weight), expected)


def test_pictures_that_end_at_another_step_for_the_last_digit(way):
    """Windowed and equalised CT in steps: the energy creeps towards the tolerance."""
    rng = np.random.default_rng(1)
    for n in range(40):
        hu = np.where(noisy((96, 80), n) > 0.5, 60, -40) + rng.normal(0, n, (96, 80))
        picture = equalize(window(np.rint(hu), level=40, width=400))
        for eps in (2e-4, 1e-3):
            ours = total_variation(picture, weight=0.1, eps=eps)
            expected = denoise_tv_chambolle(picture, weight=0.1, eps=eps)
            assert np.array_equal(ours, expected)


def test_a_flat_picture_stays(way):
    for value in (0.0, 0.7, -1000.0):
        flat = np.full((20, 30), value, np.float32)
        assert np.array_equal(total_variation(flat), flat)


def test_what_is_not_finite_takes_the_darkest_or_brightest_value(way):
    picture = noisy()
    dark, bright = picture.min(), picture.max()
    holed, filled = picture.copy(), picture.copy()
    for where, hole, value in (
        ((3, slice(5)), np.nan, dark),
        ((7, 7), -np.inf, dark),
        ((9, 9), np.inf, bright),
    ):
        holed[where], filled[where] = hole, value
    assert np.array_equal(total_variation(holed), total_variation(filled))
    assert not total_variation(np.full((4, 5), np.nan)).any()


def test_a_volume_on_one_thread_and_on_many(way, monkeypatch):
    volume = np.stack([noisy((40, 50), n) for n in range(9)])
    slicewise = importlib.import_module("medlab_gui.imaging.slicewise")
    results = []
    for n in (1, 2, 7):
        monkeypatch.setattr(slicewise, "_processors", lambda n=n: n)
        results.append(total_variation(volume))
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_stops_after_the_steps_asked_for():
    picture = noisy()
    for steps in (1, 2, 7):
        expected = denoise_tv_chambolle(picture, weight=0.1, max_num_iter=steps, eps=0)
        ours = total_variation(picture, weight=0.1, max_iter=steps, eps=0)
        assert np.abs(ours - expected).max() < 1e-5


def test_noise_goes_and_the_edge_stays():
    picture = noisy()
    out = total_variation(picture, weight=0.1)
    assert out[:8].std() < 0.3 * picture[:8].std()
    assert out[28:32, 33:37].mean() - out[:8].mean() > 0.3
    assert np.array_equal(picture, noisy()), "the input is not changed"


def test_volume_is_denoised_slice_by_slice():
    volume = np.stack([noisy(seed=n) for n in range(4)])
    out = total_variation(volume)
    for k in range(4):
        assert np.array_equal(out[k], total_variation(volume[k]))


def test_weight_zero_changes_nothing():
    assert np.array_equal(total_variation(noisy(), weight=0), noisy())


@pytest.mark.parametrize(
    "params", [{"weight": -1}, {"weight": np.nan}, {"eps": -1}, {"max_iter": -2}]
)
def test_refusals(params):
    with pytest.raises(SpecError, match="not negative"):
        total_variation(noisy(), **params)
