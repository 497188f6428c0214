import importlib

import numpy as np
import pytest
from skimage.exposure import equalize_hist

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.imaging import equalize, histogram, window
from medlab_gui.imaging.compiled import wait_until_compiled


def ct_like(rng, shape=(64, 80)):
    hu = np.where(rng.random(shape) < 0.4, -1000, rng.normal(60, 40, shape))
    return np.rint(hu).astype(np.int16)


@pytest.fixture(params=["compiled", "not compiled"])
def way(request, monkeypatch):
    """Both ways to the same result."""
    if request.param == "compiled":
        assert wait_until_compiled()
    else:
        module = importlib.import_module("medlab_gui.imaging.histogram")
        monkeypatch.setattr(module, "kernel", lambda name: None)
    return request.param


@pytest.mark.parametrize("bins", [2, 16, 256, 1024])
def test_same_as_scikit_image(way, bins):
    rng = np.random.default_rng(0)
    pictures = [
        rng.random((50, 60)).astype(np.float32),
        # Few grey levels, many of them just on the edge of a bin.
        window(ct_like(rng), level=40, width=400),
        rng.normal(0, 1e4, (40, 30)).astype(np.float32),
    ]
    for picture in pictures:
        expected = equalize_hist(picture, nbins=bins)
        assert np.abs(equalize(picture, bins=bins) - expected).max() < 2e-6 * bins**0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 1), (64, 80), (130, 517)])
def test_the_same_bits_compiled_or_not(monkeypatch, shape):
    assert wait_until_compiled()
    module = importlib.import_module("medlab_gui.imaging.histogram")
    rng = np.random.default_rng(0)
    pictures = [
        rng.random(shape),
        window(ct_like(rng, shape), level=40, width=400),
        rng.normal(0, 1e4, shape),
        rng.normal(0, 1e-6, shape) + 1000,
        ct_like(rng, shape),
        np.zeros(shape),
    ]
    compiled = [equalize(p, bins=b) for p in pictures for b in (2, 37, 256)]
    monkeypatch.setattr(module, "kernel", lambda name: None)
    again = [equalize(p, bins=b) for p in pictures for b in (2, 37, 256)]
    for one, other in zip(compiled, again, strict=True):
        assert np.array_equal(one, other)
        assert np.isfinite(one).all()


def test_ranges_with_which_float32_cannot_reckon_become_black():
    for ends in ((-3e38, 3e38), (0, 1e-40)):
        assert not equalize(np.array([ends, ends], np.float32)).any()


def test_result_is_flat():
    rng = np.random.default_rng(0)
    out = equalize(rng.normal(0, 1, (200, 200)))
    counts, _ = np.histogram(out, bins=10, range=(0, 1))
    assert counts.min() > 0.8 * counts.mean()
    assert out.dtype == np.float32
    assert 0 <= out.min() <= out.max() <= 1


def test_volume_is_equalised_slice_by_slice():
    rng = np.random.default_rng(0)
    volume = rng.normal(0, 1, (5, 20, 30)) * np.arange(1, 6)[:, None, None]
    out = equalize(volume)
    for k in range(5):
        assert np.array_equal(out[k], equalize(volume[k]))


def test_one_grey_value_becomes_black():
    assert np.array_equal(equalize(np.full((3, 4), 7)), np.zeros((3, 4)))


def test_refusals():
    with pytest.raises(SpecError, match="at least 2 bins"):
        equalize(np.zeros((2, 2)), bins=1)
    with pytest.raises(InputError, match="1 axes"):
        equalize(np.zeros(5))


def test_histogram_counts_what_is_a_number():
    data = np.array([[0, 1, 2, 3], [3, 3, np.nan, np.inf]])
    counts, edges = histogram(data, bins=3, value_range=(0, 3))
    assert counts.tolist() == [1, 1, 4]
    assert edges.tolist() == [0, 1, 2, 3]
    assert counts.dtype == np.int64
    counts, edges = histogram(np.full(3, np.nan), bins=4)
    assert counts.sum() == 0
    assert len(edges) == 5
