"""What a closed line encloses: its area, and the pixels whose centres lie in it.

One rule for both: a point is inside where the line winds round it at all (non-zero
winding). The two loops of an eight both count, and where a hand overshoots the start of
its own line the overlap counts once. A pixel counts when its centre is inside or on the
line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ON_LINE", "enclosed_area", "pixels_in_ellipse", "pixels_in_polygon"]

ON_LINE = 1e-6
"""A pixel's centre this close to the line, in pixels, is on it."""


def enclosed_area(corners: ArrayLike) -> float:
    """Return the area that a closed line winds round.

    Parameters
    ----------
    corners : array_like of float, shape (n, 2)
        Corners in order, in a plane with one unit of length; the last is joined to the
        first. The line may cross itself.

    Returns
    -------
    float
        In squares of that unit; 0 for fewer than three corners.

    Notes
    -----
    The plane is cut into strips at the height of every corner and every crossing. In a
    strip no two edges cross, so that it is a row of trapezoids.
    """
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    if len(points) < 3:
        return 0.0
    start, stop = points, np.roll(points, -1, axis=0)
    steep = start[:, 1] != stop[:, 1]
    start, stop = start[steep], stop[steep]
    if len(start) == 0:
        return 0.0
    heights = np.unique(np.concatenate([start[:, 1], _crossing_heights(start, stop)]))
    slope = (stop[:, 0] - start[:, 0]) / (stop[:, 1] - start[:, 1])
    low = np.minimum(start[:, 1], stop[:, 1])
    high = np.maximum(start[:, 1], stop[:, 1])
    turn = np.where(stop[:, 1] > start[:, 1], 1, -1)
    area = 0.0
    for bottom, top in pairwise(heights):
        middle = (bottom + top) / 2
        there = (low < middle) & (high > middle)
        x = start[there, 0] + slope[there] * (middle - start[there, 1])
        order = np.argsort(x, kind="stable")
        inside = np.cumsum(turn[there][order])[:-1] != 0
        area += float(np.diff(x[order])[inside].sum() * (top - bottom))
    return area


def _crossing_heights(
    start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the heights at which edges cross other edges."""
    along = stop - start
    heights = []
    for n in range(len(start) - 1):
        others, theirs = start[n + 1 :], along[n + 1 :]
        cross = along[n, 0] * theirs[:, 1] - along[n, 1] * theirs[:, 0]
        between = others - start[n]
        with np.errstate(divide="ignore", invalid="ignore"):
            mine = (between[:, 0] * theirs[:, 1] - between[:, 1] * theirs[:, 0]) / cross
            other = (between[:, 0] * along[n, 1] - between[:, 1] * along[n, 0]) / cross
        hit = (mine > 0) & (mine < 1) & (other > 0) & (other < 1)
        heights.append(start[n, 1] + mine[hit] * along[n, 1])
    return np.concatenate(heights) if heights else np.zeros(0)


def pixels_in_polygon(shape: tuple[int, int], corners: ArrayLike) -> NDArray[np.bool_]:
    """Return the pixels whose centres a closed line winds round, or touches.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the picture.
    corners : array_like of float, shape (n, 2)
        Corners ``(row, column)``; whole numbers are centres of pixels. They may lie
        outside the picture.

    Returns
    -------
    ndarray of bool, shape ``shape``
        Empty for fewer than three corners.
    """
    inside = np.zeros(shape, dtype=np.bool_)
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    if len(points) < 3:
        return inside
    rows, columns = shape
    # One column more: what is to the right of the picture turns nothing in it.
    turns = np.zeros((rows, columns + 1), dtype=np.int32)
    touched = inside.copy()
    for (r0, c0), (r1, c1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if abs(r1 - r0) <= ON_LINE:
            _touch_level(touched, (r0 + r1) / 2, c0, c1)
        if r0 == r1:
            continue
        # A line through a row's centres turns those at or beyond it; its lower end
        # belongs to it and its upper end to the next one.
        first, last = sorted((r0, r1))
        crossed = np.arange(max(0, int(np.ceil(first))), min(rows, int(np.ceil(last))))
        at = c0 + (crossed - r0) * ((c1 - c0) / (r1 - r0))
        where = np.clip(np.ceil(at), 0, columns).astype(np.intp)
        turns[crossed, where] += 1 if r1 > r0 else -1
        _touch(touched, (r0, c0), (r1, c1))
    inside = np.cumsum(turns[:, :-1], axis=1) != 0
    result: NDArray[np.bool_] = inside | touched
    return result


def _touch_level(
    touched: NDArray[np.bool_], row: float, one: float, other: float
) -> None:
    """Mark the centres on an edge along a row."""
    nearest = round(row)
    if abs(row - nearest) <= ON_LINE and 0 <= nearest < touched.shape[0]:
        first, last = sorted((one, other))
        first = max(0, int(np.ceil(first - ON_LINE)))
        last = min(touched.shape[1] - 1, int(np.floor(last + ON_LINE)))
        touched[nearest, first : max(0, last + 1)] = True


def _touch(
    touched: NDArray[np.bool_], one: tuple[float, float], other: tuple[float, float]
) -> None:
    """Mark the centres on an edge that crosses rows."""
    (r0, c0), (r1, c1) = one, other
    first, last = sorted((r0, r1))
    rows = np.arange(
        max(0, int(np.ceil(first - ON_LINE))),
        min(touched.shape[0] - 1, int(np.floor(last + ON_LINE))) + 1,
    )
    share = np.clip((rows - r0) / (r1 - r0), 0.0, 1.0)
    at = c0 + share * (c1 - c0)
    nearest = np.round(at)
    on = (np.abs(at - nearest) <= ON_LINE) & (nearest >= 0)
    on &= nearest < touched.shape[1]
    touched[rows[on], nearest[on].astype(np.intp)] = True


def pixels_in_ellipse(
    shape: tuple[int, int], center: ArrayLike, first: ArrayLike, second: ArrayLike
) -> NDArray[np.bool_]:
    """Return the pixels whose centres lie in an ellipse or on it.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the picture.
    center : array_like of float, shape (2,)
        ``(row, column)``.
    first, second : array_like of float, shape (2,)
        Two conjugate half axes, as steps from the centre: the ellipse is
        ``center + first * cos(t) + second * sin(t)``.

    Returns
    -------
    ndarray of bool, shape ``shape``
        Empty where the half axes are parallel.
    """
    inside = np.zeros(shape, dtype=np.bool_)
    middle = np.asarray(center, dtype=np.float64)
    axes = np.stack([np.asarray(first, float), np.asarray(second, float)], axis=1)
    if abs(np.linalg.det(axes)) < 1e-12:
        return inside
    reach = np.sqrt((axes**2).sum(axis=1)) + ON_LINE
    box = tuple(
        slice(max(0, int(np.ceil(m - r))), max(0, int(np.floor(m + r)) + 1))
        for m, r in zip(middle, reach, strict=True)
    )
    rows = np.arange(shape[0])[box[0], None] - middle[0]
    columns = np.arange(shape[1])[None, box[1]] - middle[1]
    (a, b), (c, d) = np.linalg.inv(axes)
    far = (a * rows + b * columns) ** 2 + (c * rows + d * columns) ** 2
    inside[box] = far <= 1 + ON_LINE
    return inside
