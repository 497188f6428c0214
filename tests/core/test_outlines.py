from __future__ import annotations

import math

import numpy as np
import pytest

from medlab_gui.core.outlines import (
    enclosed_area,
    pixels_in_ellipse,
    pixels_in_polygon,
)

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]


def turned(points, degrees: float) -> np.ndarray:
    a = math.radians(degrees)
    return np.asarray(points) @ [
        [math.cos(a), -math.sin(a)],
        [math.sin(a), math.cos(a)],
    ]


@pytest.mark.parametrize("degrees", [0, 17, 45, 90])
@pytest.mark.parametrize("backwards", [False, True])
def test_areas_that_are_known(degrees: float, backwards: bool):
    corners = turned(SQUARE, degrees)
    corners = corners[::-1] if backwards else corners
    assert enclosed_area(corners) == pytest.approx(100)


def test_both_loops_of_an_eight_count():
    assert enclosed_area([(0, 0), (4, 4), (4, 0), (0, 4)]) == pytest.approx(8)


def test_an_overlap_counts_once():
    assert enclosed_area([*SQUARE, *SQUARE]) == pytest.approx(100)
    # The hand overshoots its start by a small square.
    over = [(0, 0), (10, 0), (10, 10), (0, 10), (0, -1), (1, -1), (1, 1), (0, 1)]
    whole = 100 + 1 * 1
    assert enclosed_area(over) == pytest.approx(whole)


def test_a_star_counts_with_its_middle():
    angles = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
    star = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # A pentagram of radius 1, by its formula.
    inner = math.cos(math.radians(72)) / math.cos(math.radians(36))
    known = 5 * inner * math.sin(math.radians(36))
    assert enclosed_area(star) == pytest.approx(known)


def test_lines_and_points_enclose_nothing():
    assert enclosed_area([]) == 0
    assert enclosed_area([(0, 0), (5, 5)]) == 0
    assert enclosed_area([(0, 0), (5, 5), (9, 9)]) == pytest.approx(0)
    assert enclosed_area([(0, 3), (5, 3), (9, 3)]) == 0


def test_simple_outlines_agree_with_scikit_image():
    from skimage.draw import polygon2mask
    from skimage.measure import grid_points_in_poly

    rng = np.random.default_rng(3)
    for _ in range(60):
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 30)))
        reach = rng.uniform(2, 25, angles.size)
        middle = rng.uniform(-5, 45, 2)
        star = middle + np.stack([reach * np.sin(angles), reach * np.cos(angles)], 1)
        ours = pixels_in_polygon((40, 36), star)
        labels = grid_points_in_poly((40, 36), star, binarize=False)
        # 0 outside, 1 inside; no corner is drawn on a centre.
        if np.diff(np.append(angles, angles[0] + 2 * np.pi)).max() < np.pi:
            assert np.array_equal(ours, labels != 0)
            assert np.array_equal(ours, polygon2mask((40, 36), star))


def test_centres_on_the_line_count_on_every_side():
    ours = pixels_in_polygon((10, 10), [(2, 3), (2, 7), (6, 7), (6, 3)])
    expected = np.zeros((10, 10), bool)
    expected[2:7, 3:8] = True
    assert np.array_equal(ours, expected)
    # The way through millimetres leaves rounding behind.
    shaken = np.array([(2, 3), (2, 7), (6, 7), (6, 3)]) + 3e-8
    assert np.array_equal(pixels_in_polygon((10, 10), shaken), expected)
    off = np.array([(2, 3), (2, 7), (6, 7), (6, 3)]) + 0.01
    expected = np.zeros((10, 10), bool)
    expected[3:7, 4:8] = True
    assert np.array_equal(pixels_in_polygon((10, 10), off), expected)
    diamond = pixels_in_polygon((9, 9), [(1, 4), (4, 7), (7, 4), (4, 1)])
    rows, columns = np.indices((9, 9)) - 4
    assert np.array_equal(diamond, np.abs(rows) + np.abs(columns) <= 3)


def test_what_is_outside_the_picture_is_left_out():
    whole = pixels_in_polygon((20, 20), [(-5, -5), (-5, 40), (40, 40), (40, -5)])
    assert whole.all()
    assert not pixels_in_polygon((20, 20), [(30, 30), (30, 40), (40, 40)]).any()
    assert not pixels_in_polygon((20, 20), [(2, -9), (2, -3), (9, -3)]).any()
    part = pixels_in_polygon((20, 20), [(-3, 5), (-3, 9), (4, 9), (4, 5)])
    assert part.sum() == 5 * 5
    assert pixels_in_polygon((5, 5), [(1, 1), (2, 2)]).sum() == 0


def test_pixels_of_crossing_lines_are_those_of_the_area():
    star = 50 + 45 * turned(
        [
            (math.sin(4 * math.pi * n / 5), math.cos(4 * math.pi * n / 5))
            for n in range(5)
        ],
        11,
    )
    fine = pixels_in_polygon((101, 101), star)
    assert fine.sum() == pytest.approx(enclosed_area(star), rel=0.01)
    assert fine[50, 50]


def test_an_ellipse_by_its_equation():
    rows, columns = np.indices((40, 50))
    ours = pixels_in_ellipse((40, 50), (20, 25), (0, 12), (7, 0))
    expected = ((columns - 25) / 12) ** 2 + ((rows - 20) / 7) ** 2 <= 1
    assert np.array_equal(ours, expected)
    assert ours[20, 37]
    assert ours[27, 25]
    assert not ours[20, 38]


def test_a_turned_ellipse_agrees_with_scikit_image():
    from skimage.draw import ellipse

    first, second = turned([(0, 15.3)], 30)[0], turned([(8.7, 0)], 30)[0]
    ours = pixels_in_ellipse((60, 60), (30.2, 29.7), first, second)
    theirs = np.zeros((60, 60), bool)
    angle = math.atan2(-first[0], first[1])
    theirs[ellipse(30.2, 29.7, 8.7, 15.3, shape=(60, 60), rotation=angle)] = True
    assert np.array_equal(ours, theirs)
    assert ours.sum() == pytest.approx(math.pi * 15.3 * 8.7, rel=0.01)


def test_conjugate_half_axes_are_the_same_ellipse():
    first, second = np.array([0.0, 12.0]), np.array([7.0, 0.0])
    cos, sin = math.cos(0.7), math.sin(0.7)
    one = pixels_in_ellipse((40, 50), (20.3, 25.1), first, second)
    other = pixels_in_ellipse(
        (40, 50), (20.3, 25.1), first * cos + second * sin, second * cos - first * sin
    )
    assert np.array_equal(one, other)


def test_an_ellipse_out_of_the_picture_or_flat_is_empty():
    assert not pixels_in_ellipse((10, 10), (-20, 5), (3, 0), (0, 3)).any()
    assert not pixels_in_ellipse((10, 10), (50, 5), (3, 0), (0, 3)).any()
    assert not pixels_in_ellipse((10, 10), (5, 5), (3, 0), (6, 0)).any()
