import numpy as np
import pytest

from medlab_gui.imaging import (
    border_band,
    bounding_box,
    fill_holes,
    keep_largest,
    surface,
)


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


def shells() -> np.ndarray:
    """A hollow ball of class 1 around a ball of class 2, an island, and a tunnel."""
    z, y, x = np.mgrid[:24, :40, :60]
    r = np.sqrt((z - 12) ** 2 + (y - 20) ** 2 + (x - 20) ** 2)
    labels = np.zeros(r.shape, np.uint8)
    labels[r < 11] = 1
    labels[r < 7] = 0
    labels[r < 4] = 2
    labels[5:9, 5:9, 50:54] = 1
    labels[2, 30, 50] = 2
    labels[10:20, 20:30, 45:55] = 3
    labels[:, 24:26, 49:51] = 0  # through class 3 from end to end
    return labels


def test_only_the_largest_part_of_the_classes_that_are_named_stays():
    labels = shells()
    was = labels.copy()
    assert keep_largest(labels, [1]) == 64
    assert (labels[5:9, 5:9, 50:54] == 0).all()
    assert labels[2, 30, 50] == 2, "class 2 was not named"
    island = (slice(5, 9), slice(5, 9), slice(50, 54))
    was[island] = 0
    np.testing.assert_array_equal(labels, was)
    assert keep_largest(labels, [1, 2, 3]) == 1
    assert labels[2, 30, 50] == 0
    assert keep_largest(labels, [1, 2, 3]) == 0
    assert keep_largest(labels, [9]) == 0


def test_corners_do_not_connect():
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[0, 0, :2] = labels[1, 1, 2] = 1
    assert keep_largest(labels, [1]) == 1
    assert labels.sum() == 2


def test_the_largest_part_is_simpleitks_too():
    sitk = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(4)
    labels = (rng.random((12, 30, 30)) < 0.3).astype(np.uint8)
    parts = sitk.RelabelComponent(
        sitk.ConnectedComponent(sitk.GetImageFromArray(labels))
    )
    expected = sitk.GetArrayFromImage(parts) == 1
    keep_largest(labels, [1])
    np.testing.assert_array_equal(labels == 1, expected)


def test_holes_are_filled_around_what_lies_in_them():
    labels = shells()
    z, y, x = np.mgrid[:24, :40, :60]
    r = np.sqrt((z - 12) ** 2 + (y - 20) ** 2 + (x - 20) ** 2)
    hollow = (r < 7) & (r >= 4)
    assert fill_holes(labels, [1, 3]) == hollow.sum()
    assert (labels[hollow] == 1).all()
    assert (labels[r < 4] == 2).all()
    assert (labels[:, 24:26, 49:51] == 0).all(), "a tunnel is open"


def test_a_hole_of_a_single_slice_is_one_in_the_picture():
    ring = np.zeros((1, 9, 9), np.uint8)
    ring[0, 2:7, 2:7] = 1
    ring[0, 4, 4] = 0
    assert fill_holes(ring, [1]) == 1
    assert ring[0, 4, 4] == 1
    thick = np.zeros((3, 9, 9), np.uint8)
    thick[:, 2:7, 2:7] = 1
    thick[:, 4, 4] = 0
    assert fill_holes(thick, [1]) == 0, "open at the first and the last slice"
