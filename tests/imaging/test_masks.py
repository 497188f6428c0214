import numpy as np
import pytest

from medlab_gui.imaging import border_band, bounding_box, fill_polygon, surface


def test_bounding_box():
    mask = np.zeros((5, 6, 7), np.uint8)
    assert bounding_box(mask) is None
    mask[1, 2, 3] = 4
    mask[3, 5, 3] = 1
    assert bounding_box(mask) == (slice(1, 4), slice(2, 6), slice(3, 4))


def brute_band(mask, width):
    """Reckon the definition pixel by pixel."""
    inside, outside = np.argwhere(mask), np.argwhere(~mask)
    band = np.zeros(mask.shape, bool)
    for here, others in ((inside, outside), (outside, inside)):
        for point in here:
            distance = np.linalg.norm(others - point, axis=1)
            band[tuple(point)] = distance.size > 0 and distance.min() <= width
    return band


@pytest.mark.parametrize("width", [1, 1.5, 3, 10])
def test_band_is_all_within_the_distance(width):
    rng = np.random.default_rng(0)
    mask = np.zeros((24, 30), bool)
    mask[5:16, 8:20] = True
    mask[0:4, 25:30] = True
    mask[rng.integers(0, 24, 5), rng.integers(0, 30, 5)] = True
    assert np.array_equal(border_band(mask, width), brute_band(mask, width))


def test_band_of_nothing_and_of_everything():
    assert not border_band(np.zeros((4, 4)), 2).any()
    assert not border_band(np.ones((4, 4)), 2).any()
    assert not border_band(np.eye(4), 0).any()


def test_band_of_a_volume_is_slice_by_slice():
    mask = np.zeros((3, 12, 12), np.uint8)
    mask[1, 4:8, 4:8] = 2
    band = border_band(mask, 1)
    assert not band[0].any()
    assert not band[2].any()
    assert np.array_equal(band[1], border_band(mask[1], 1))
    assert band[1].sum() == 12 + 16


def test_surface_of_a_box():
    mask = np.zeros((7, 8, 9), np.uint8)
    mask[2:6, 1:6, 3:8] = 3
    points = np.argwhere(surface(mask))
    assert points.shape == (4 * 5 * 5 - 2 * 3 * 3, 3)
    inner = (points > [2, 1, 3]).all(axis=1) & (points < [5, 5, 7]).all(axis=1)
    assert not inner.any()
    assert all(mask[tuple(p)] for p in points)


def test_surface_at_the_edge_of_the_array_and_of_nothing():
    assert surface(np.ones((3, 3, 3))).sum() == 26
    assert not surface(np.zeros((3, 3))).any()
    assert surface(np.ones((1, 1))).tolist() == [[True]]


def test_polygon():
    filled = fill_polygon((10, 12), [(1.5, 2.5), (1.5, 7.5), (5.5, 7.5), (5.5, 2.5)])
    expected = np.zeros((10, 12), bool)
    expected[2:6, 3:8] = True
    assert np.array_equal(filled, expected)
    assert not fill_polygon((10, 12), [(1, 1), (5, 5)]).any()
    assert fill_polygon((4, 4), [(-9, -9), (-9, 30), (30, 30), (30, -9)]).all()
