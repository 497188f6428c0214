from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.core.measurements import MAX_POINTS, Kind
from medlab_gui.gui.measure_shapes import (
    box_corners,
    ellipse_ends,
    handle_positions,
    kept_inside,
    near_line,
    outline,
    thinned,
    with_handle_at,
)

SQUARE = (1.0, 1.0)


def test_a_box_has_its_corners_in_order():
    corners = box_corners((2, 3), (8, 5))
    assert corners.tolist() == [[2, 3], [2, 5], [8, 5], [8, 3]]
    sides = np.diff(np.concatenate([corners, corners[:1]]), axis=0)
    assert (np.count_nonzero(sides, axis=1) == 1).all()


def test_the_longer_axis_in_millimetres_comes_first():
    wide = ellipse_ends((0, 0), (10, 20), SQUARE)
    assert wide.tolist() == [[5, 0], [5, 20], [0, 10], [10, 10]]
    # The same pixels, five times as tall: now the rows are the longer axis.
    tall = ellipse_ends((10, 20), (0, 0), (5.0, 1.0))
    assert tall.tolist() == [[0, 10], [10, 10], [5, 0], [5, 20]]


def test_the_line_of_an_ellipse_goes_through_its_ends():
    ends = ellipse_ends((0, 0), (10, 20), SQUARE)
    line = outline(Kind.ELLIPSE, ends)
    for end in ends:
        assert np.abs(line - end).sum(axis=1).min() < 1e-9
    assert np.allclose(line[0], line[-1])
    on = ((line[:, 0] - 5) / 5) ** 2 + ((line[:, 1] - 10) / 10) ** 2
    assert np.allclose(on, 1)


def test_regions_close_and_lines_do_not():
    flat = np.array([(0.0, 0.0), (0.0, 5.0), (4.0, 5.0)])
    assert np.array_equal(outline(Kind.FREEHAND, flat)[-1], flat[0])
    assert len(outline(Kind.ANGLE, flat)) == 3
    assert len(handle_positions(Kind.FREEHAND, flat)) == 0
    assert len(handle_positions(Kind.ANGLE, flat)) == 3


@pytest.mark.parametrize("corner", range(4))
def test_the_opposite_corner_stays(corner: int):
    flat = box_corners((2, 3), (8, 5))
    moved = with_handle_at(Kind.RECTANGLE, flat, corner, (20, 30), SQUARE)
    stays = flat[(corner + 2) % 4].tolist()
    assert stays in moved.tolist()
    assert [20, 30] in moved.tolist()
    assert len(np.unique(moved[:, 0])) == len(np.unique(moved[:, 1])) == 2


@pytest.mark.parametrize("end", range(4))
def test_the_opposite_end_of_an_axis_stays_and_the_ellipse_does_not_turn(end: int):
    flat = ellipse_ends((0, 0), (10, 20), SQUARE)
    moved = with_handle_at(Kind.ELLIPSE, flat, end, (60, 70), SQUARE)
    assert flat[end ^ 1].tolist() in moved.tolist()
    first, second = moved[1] - moved[0], moved[3] - moved[2]
    assert first @ second == pytest.approx(0)
    assert np.linalg.norm(first) >= np.linalg.norm(second)
    assert np.allclose(moved[:2].mean(axis=0), moved[2:].mean(axis=0))
    # The other axis keeps its length.
    lengths = {round(float(np.linalg.norm(v)), 6) for v in (first, second)}
    assert (10.0 if end < 2 else 20.0) in lengths


def test_an_end_or_a_vertex_moves_alone():
    flat = np.array([(0.0, 0.0), (0.0, 5.0), (4.0, 5.0)])
    moved = with_handle_at(Kind.ANGLE, flat, 1, (9, 9), SQUARE)
    assert moved.tolist() == [[0, 0], [9, 9], [4, 5]]
    assert flat[1].tolist() == [0, 5]


def test_positions_come_back_into_the_picture():
    shape = (10, 20)
    each = kept_inside([(-5, 3), (12, 30)], shape, whole=False)
    assert each.tolist() == [[-0.5, 3], [9.5, 19.5]]
    whole = kept_inside([(-5, 3), (-2, 8)], shape, whole=True)
    assert whole.tolist() == [[-0.5, 3], [2.5, 8]]
    right = kept_inside([(1, 17), (3, 25)], shape, whole=True)
    assert right.tolist() == [[1, 11.5], [3, 19.5]]
    inside = [(1.0, 2.0), (3.0, 4.0)]
    assert kept_inside(inside, shape, whole=True).tolist() == [[1, 2], [3, 4]]


def test_near_a_line_is_near_its_segments():
    line = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])
    assert near_line(line, (5, 2), 3)
    assert not near_line(line, (5, 4), 3)
    assert near_line(line, (12, 11), 3)
    # Not beyond its ends.
    assert not near_line(line, (-4, 0), 3)
    assert not near_line(line[:1], (0, 0), 3)
    assert near_line(np.array([(1.0, 1.0), (1.0, 1.0)]), (1, 2), 3)


def test_long_lines_are_thinned_from_end_to_end():
    long = np.stack([np.arange(9000.0), np.zeros(9000)], axis=1)
    short = thinned(long)
    assert len(short) == MAX_POINTS
    assert short[0].tolist() == long[0].tolist()
    assert short[-1].tolist() == long[-1].tolist()
    assert thinned(long[:5]) is not None
    assert len(thinned(long[:5])) == 5
