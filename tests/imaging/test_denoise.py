import numpy as np
import pytest
from skimage.restoration import denoise_tv_chambolle

from medlab_gui.core.errors import SpecError
from medlab_gui.imaging import total_variation


def noisy(shape=(60, 70), seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    disc = (np.hypot(y - shape[0] / 2, x - shape[1] / 2) < 20).astype(float)
    return (0.3 + 0.4 * disc + rng.normal(0, 0.1, shape)).astype(np.float32)


@pytest.mark.parametrize("weight", [0.02, 0.1, 0.5])
def test_same_as_scikit_image(weight):
    for seed in range(3):
        picture = noisy(seed=seed)
        expected = denoise_tv_chambolle(picture.astype(np.float64), weight=weight)
        assert np.abs(total_variation(picture, weight=weight) - expected).max() < 1e-4


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
