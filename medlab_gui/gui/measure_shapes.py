"""Shapes of measurements in a slice: how they are drawn, moved and hit.

Positions are ``flat``: ``(row, column)`` in pixels of the slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.measurements import MAX_POINTS, Kind

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Flat = NDArray[np.float64]

__all__ = [
    "box_corners",
    "ellipse_ends",
    "handle_positions",
    "kept_inside",
    "near_line",
    "outline",
    "thinned",
    "with_handle_at",
]

_ROUND = np.linspace(0, 2 * np.pi, 97)


def box_corners(one: ArrayLike, other: ArrayLike) -> Flat:
    """Return the corners in order of a box along the picture's edges."""
    (r0, c0), (r1, c1) = np.asarray(one, float), np.asarray(other, float)
    return np.array([(r0, c0), (r0, c1), (r1, c1), (r1, c0)])


def ellipse_ends(one: ArrayLike, other: ArrayLike, pixel_mm: ArrayLike) -> Flat:
    """Return the ends of the axes of the ellipse in a box, the longer axis first.

    Parameters
    ----------
    one, other : array_like, shape (2,)
        Opposite corners of the box.
    pixel_mm : array_like, shape (2,)
        Height and width of a pixel in mm: which axis is longer is a matter of mm.
    """
    corners = np.stack([np.asarray(one, float), np.asarray(other, float)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    across = [(middle[0], low[1]), (middle[0], high[1])]
    along = [(low[0], middle[1]), (high[0], middle[1])]
    tall, wide = (high - low) * np.asarray(pixel_mm, float)
    return np.array(along + across if tall > wide else across + along)


def outline(kind: Kind, flat: Flat) -> Flat:
    """Return the line that is drawn; regions come back to their start."""
    if kind is Kind.ELLIPSE:
        middle = flat.mean(axis=0)
        first, second = (flat[1] - flat[0]) / 2, (flat[3] - flat[2]) / 2
        cos, sin = np.cos(_ROUND)[:, None], np.sin(_ROUND)[:, None]
        return np.asarray(middle + cos * first + sin * second)
    if kind.is_region:
        return np.concatenate([flat, flat[:1]])
    return flat


def handle_positions(kind: Kind, flat: Flat) -> Flat:
    """Return where a shape can be taken hold of; a freehand line moves as a whole."""
    return flat[:0] if kind is Kind.FREEHAND else flat


def with_handle_at(
    kind: Kind, flat: Flat, handle: int, at: ArrayLike, pixel_mm: ArrayLike
) -> Flat:
    """Return a shape with one of its handles elsewhere.

    The opposite corner of a rectangle and the opposite end of an ellipse's axis stay.
    """
    place = np.asarray(at, dtype=np.float64)
    if kind is Kind.RECTANGLE:
        return box_corners(flat[(handle + 2) % 4], place)
    if kind is Kind.ELLIPSE:
        return _ellipse_with(flat, handle, place, pixel_mm)
    moved = flat.copy()
    moved[handle] = place
    return moved


def _ellipse_with(flat: Flat, handle: int, place: Flat, pixel_mm: ArrayLike) -> Flat:
    pairs = [flat[:2].copy(), flat[2:].copy()]
    mine, other = pairs[handle // 2], pairs[1 - handle // 2]
    fixed = mine[1 - handle % 2]
    axis = mine[handle % 2] - fixed
    # Along its own axis only, so that the ellipse does not turn.
    share = float((place - fixed) @ axis) / float(axis @ axis)
    mine[handle % 2] = fixed + share * axis
    other += mine.mean(axis=0) - other.mean(axis=0)
    scale = np.asarray(pixel_mm, float)
    lengths = [float(np.linalg.norm((p[1] - p[0]) * scale)) for p in pairs]
    if lengths[1] > lengths[0]:
        pairs.reverse()
    return np.concatenate(pairs)


def kept_inside(flat: ArrayLike, shape: tuple[int, int], *, whole: bool) -> Flat:
    """Return positions brought back into the picture.

    Parameters
    ----------
    flat : array_like, shape (n, 2)
        Positions.
    shape : tuple of int
        Rows and columns; the picture ends half a pixel beyond the outermost centres.
    whole : bool
        Move all together, so that the shape stays as it is.
    """
    positions = np.asarray(flat, dtype=np.float64)
    last = np.asarray(shape, dtype=np.float64) - 0.5
    if not whole:
        return np.clip(positions, -0.5, last)
    low, high = positions.min(axis=0), positions.max(axis=0)
    shift = np.maximum(-0.5 - low, 0.0) + np.minimum(last - high, 0.0)
    return np.asarray(positions + shift)


def thinned(flat: Flat) -> Flat:
    """Return a line with at most as many points as are kept."""
    if len(flat) <= MAX_POINTS:
        return flat
    chosen = np.linspace(0, len(flat) - 1, MAX_POINTS).round().astype(np.intp)
    return flat[chosen]


def near_line(line: NDArray[np.float64], at: ArrayLike, reach: float) -> bool:
    """Tell whether a point is within reach of a line.

    Parameters
    ----------
    line : ndarray, shape (n, 2)
        Its corners.
    at : array_like, shape (2,)
        The point.
    reach : float
        In the same unit.
    """
    point = np.asarray(at, dtype=np.float64)
    if len(line) < 2:
        return False
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - start) * step).sum(axis=1) / length, 0.0, 1.0)
    away = start + share[:, None] * step - point
    return bool(((away**2).sum(axis=1) <= reach**2).any())
