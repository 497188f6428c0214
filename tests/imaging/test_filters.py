import numpy as np
import pytest
import SimpleITK as sitk
from scipy.stats import zscore
from skimage import exposure
from skimage.filters import gaussian as skimage_gaussian
from skimage.filters import median as skimage_median

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import PipelineSpec, Step
from medlab_gui.imaging import STEPS, run_pipeline
from medlab_gui.imaging.filters import (
    clahe,
    gamma,
    gaussian,
    median,
    percentile_window,
    z_score,
)


@pytest.fixture
def picture():
    rng = np.random.default_rng(5)
    y, x = np.indices((72, 90))
    disc = np.hypot(y - 36, x - 45) < 25
    return (100 * disc + x + rng.normal(0, 10, (72, 90))).astype(np.float32)


def test_clahe_is_that_of_scikit_image(picture):
    unit = (picture - picture.min()) / np.ptp(picture)
    for tiles, clip, bins in ((8, 0.01, 256), (3, 0.2, 64)):
        expected = exposure.equalize_adapthist(
            unit.astype(np.float64), (72 // tiles, 90 // tiles), clip, bins
        )
        ours = clahe(picture, tiles=tiles, clip=clip, bins=bins)
        assert np.abs(ours - expected).max() < 0.02  # float32 may fall in the next bin
        assert np.abs(ours - expected).mean() < 1e-4
    assert np.array_equal(clahe(picture), clahe(picture * 4))  # its own range


def test_gamma(picture):
    unit = (picture - picture.min()) / np.ptp(picture)
    for exponent in (0.4, 1.0, 2.5):
        expected = exposure.adjust_gamma(unit, exponent)
        assert np.allclose(gamma(unit, gamma=exponent), expected, atol=1e-6)
    assert gamma(np.array([[-1.0, 2.0]]), gamma=0.5).tolist() == [[0.0, 1.0]]


def test_percentile_window(picture):
    inside = picture[picture > picture.min()].astype(np.float64)
    low, high = np.percentile(inside, (2, 95))
    expected = exposure.rescale_intensity(
        picture.astype(np.float64), (low, high), (0.0, 1.0)
    )
    ours = percentile_window(picture, low=2, high=95)
    assert np.allclose(ours, expected, atol=1e-6)
    padded = np.pad(picture, 40, constant_values=-3000)
    assert np.allclose(
        percentile_window(padded)[40:-40, 40:-40], percentile_window(picture), atol=0.02
    )


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_median(picture, radius):
    square = np.ones((2 * radius + 1,) * 2)
    expected = skimage_median(picture, square, mode="nearest")
    assert np.array_equal(median(picture, radius=radius), expected)
    itk = sitk.GetArrayFromImage(
        sitk.Median(sitk.GetImageFromArray(picture), [radius, radius])
    )
    assert np.array_equal(median(picture, radius=radius), itk)


@pytest.mark.parametrize("sigma", [0.0, 0.7, 3.0])
def test_gaussian(picture, sigma):
    expected = skimage_gaussian(picture.astype(np.float64), sigma, mode="nearest")
    assert np.allclose(gaussian(picture, sigma=sigma), expected, atol=1e-3)
    point = np.zeros((41, 41))
    point[20, 20] = 1
    spread = gaussian(point, sigma=max(sigma, 0.7))
    offsets = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    if sigma == 3:
        assert np.sqrt((spread.sum(0) * offsets**2).sum()) == pytest.approx(3, rel=0.01)


def test_z_score(picture):
    counted = picture > picture.min()
    expected = zscore(picture[counted].astype(np.float64))
    assert np.allclose(z_score(picture)[counted], expected, atol=1e-5)
    padded = np.pad(picture, 9, constant_values=picture.min())
    assert np.allclose(z_score(padded)[9:-9, 9:-9], z_score(picture), atol=1e-5)


STRANGE = {
    "one pixel": np.ones((1, 1)),
    "one row": np.arange(7.0)[None],
    "one column": np.arange(7)[:, None],
    "constant": np.full((20, 30), 7, np.int16),
    "tiny": np.array([[1, 2], [3, 4]]),
    "all NaN": np.full((20, 30), np.nan),
    "holes": np.where(np.eye(30) > 0, np.nan, 5 + np.arange(900.0).reshape(30, 30)),
    "endless": np.where(np.eye(30) > 0, np.inf, 5 + np.arange(900.0).reshape(30, 30)),
    "padding": np.pad(100 + np.arange(400.0).reshape(20, 20), 8),
    "huge": np.arange(900.0).reshape(30, 30) * 1e12,
}


@pytest.mark.parametrize("what", STRANGE)
@pytest.mark.parametrize("name", list(STEPS))
def test_strange_slices_give_finite_ones(name, what):
    data = STRANGE[what]
    out = run_pipeline(PipelineSpec((Step(name),)), data)
    assert out.shape == data.shape
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


@pytest.mark.parametrize("name", [n for n in STEPS if not STEPS[n].needs_volume])
def test_a_slice_has_the_bits_of_its_volume(name, picture):
    spec = PipelineSpec((Step(name),))
    volume = np.stack([picture, picture.T[:72, :72].repeat(2, 1)[:, :90], -picture])
    whole = run_pipeline(spec, volume)
    for k in range(3):
        assert np.array_equal(whole[k], run_pipeline(spec, volume[k]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: clahe(p, tiles=0), "tile"),
        (lambda p: clahe(p, clip=0), "clip"),
        (lambda p: gamma(p, gamma=0), "above 0"),
        (lambda p: percentile_window(p, low=60, high=50), "lower one first"),
        (lambda p: median(p, radius=-1), "negative"),
        (lambda p: gaussian(p, sigma=float("nan")), "negative"),
    ],
)
def test_refusals(picture, call, said):
    with pytest.raises(SpecError, match=said):
        call(picture)
