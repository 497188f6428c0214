import numpy as np
import pytest
from skimage.exposure import equalize_hist

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.imaging import equalize, histogram, window


def ct_like(rng, shape=(64, 80)):
    hu = np.where(rng.random(shape) < 0.4, -1000, rng.normal(60, 40, shape))
    return np.rint(hu).astype(np.int16)


@pytest.mark.parametrize("bins", [2, 16, 256, 1024])
def test_same_as_scikit_image(bins):
    rng = np.random.default_rng(0)
    pictures = [
        rng.random((50, 60)).astype(np.float32),
        # Few grey levels, many of them just on the edge of a bin.
        window(ct_like(rng), level=40, width=400),
        rng.normal(0, 1e4, (40, 30)).astype(np.float32),
    ]
    for picture in pictures:
        expected = equalize_hist(picture, nbins=bins)
        assert np.abs(equalize(picture, bins=bins) - expected).max() < 1e-3


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
