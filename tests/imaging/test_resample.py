import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError
from medlab_gui.imaging import resample_slice, resize


def ramp(rows, columns):
    """Return a picture whose value is the place in [0, 1] along x."""
    x = (np.arange(columns) + 0.5) / columns
    return np.tile(x, (rows, 1)).astype(np.float32)


@pytest.mark.parametrize("new", [(10, 50), (20, 80), (7, 33), (40, 160)])
def test_pixel_centres_stay_where_they_are(new):
    """A linear ramp over the field of view is the same ramp at any pixel size."""
    out = resize(ramp(20, 80), new)
    assert out.shape == new
    assert out.dtype == np.float32
    margin = int(np.ceil(new[1] / 80)) + 3
    inner = (slice(None), slice(margin, -margin))
    assert np.abs(out - ramp(*new))[inner].max() < 2e-3


def test_shrinking_smooths_first():
    checker = np.indices((64, 64)).sum(axis=0) % 2
    out = resize(checker.astype(np.float32), (16, 16))
    assert np.abs(out - 0.5).max() < 0.1


def test_mean_is_kept():
    rng = np.random.default_rng(0)
    data = rng.random((90, 120)).astype(np.float32)
    assert resize(data, (30, 40)).mean() == pytest.approx(data.mean(), abs=3e-3)


def test_nearest_makes_no_new_values():
    mask = np.zeros((9, 9), np.uint8)
    mask[3:6, 3:6] = 7
    out = resize(mask, (27, 18), order=0)
    assert out.dtype == np.uint8
    assert set(np.unique(out)) == {0, 7}
    assert np.array_equal(out[::3][:, ::2], mask)
    assert np.array_equal(resize(out, (9, 9), order=0), mask)


def test_channels_go_through_one_by_one():
    rng = np.random.default_rng(0)
    data = rng.random((3, 20, 30)).astype(np.float32)
    for order in (0, 1):
        out = resize(data, (12, 45), order=order)
        for c in range(3):
            assert np.allclose(out[c], resize(data[c], (12, 45), order=order))


def test_resample_makes_square_pixels_over_the_same_field():
    out = resample_slice(ramp(100, 80), (0.8, 1.5), 1.0)
    assert out.shape == (80, 120)
    assert resample_slice(ramp(100, 80), (0.8, 0.8), 0.8).shape == (100, 80)


def test_there_and_back():
    y, x = np.indices((64, 64))
    blob = np.exp(-((y - 30) ** 2 + (x - 37) ** 2) / 120).astype(np.float32)
    small = resample_slice(blob, (1, 1), 1.6)
    assert np.abs(resize(small, (64, 64)) - blob).max() < 0.05


@pytest.mark.parametrize(("spacing", "target"), [((0, 1), 1), ((1, 1), 0)])
def test_refusals(spacing, target):
    with pytest.raises(GeometryError, match="above 0 mm"):
        resample_slice(ramp(4, 4), spacing, target)


def test_no_pixels():
    with pytest.raises(GeometryError, match="at least one pixel"):
        resize(ramp(4, 4), (0, 4))


@pytest.mark.parametrize("new", [(24, 31), (7, 90), (80, 160)])
def test_bicubic_is_pillows(new):
    from PIL import Image

    rng = np.random.default_rng(0)
    data = rng.random((40, 80)).astype(np.float32)
    rows, columns = new
    theirs = np.asarray(
        Image.fromarray(data).resize((columns, rows), Image.Resampling.BICUBIC)
    )
    ours = resize(data, new, order=3)
    assert ours.dtype == np.float32
    # Beyond the values of the picture Pillow's floats go on; ours are cut off.
    expected = theirs.clip(data.min(), data.max())
    np.testing.assert_allclose(ours, expected, atol=2e-6)
    assert data.min() <= ours.min() <= ours.max() <= data.max()


def test_bicubic_of_channels_is_that_of_each():
    data = np.random.default_rng(1).random((3, 20, 30)).astype(np.float32)
    out = resize(data, (12, 45), order=3)
    for c in range(3):
        np.testing.assert_allclose(
            out[c], resize(data[c], (12, 45), order=3), atol=1e-6
        )
