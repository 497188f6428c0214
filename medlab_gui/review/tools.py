"""Drawing tools on arrays, for `ReviewSession.apply`; no widget is needed.

Each returns a `Drawing`, the box of the slice and its new voxels, or None where
nothing would be drawn. Points are ``(row, column)`` in pixels, the centre of the first
pixel being ``(0, 0)``; lengths are in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Drawing", "brush", "disc", "eraser", "fill", "polygon"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What a tool would draw.

    Parameters
    ----------
    slices : tuple of slice
        Where in the mask: ``(k, j, i)``.
    after : ndarray of uint8, shape (1, rows, columns) of the box
        The new voxels.
    """

    slices: tuple[slice, slice, slice]
    after: NDArray[np.uint8]


def disc(
    shape_yx: tuple[int, int],
    points: Sequence[Point],
    radius_mm: float,
    spacing_yx: tuple[float, float],
) -> tuple[tuple[slice, slice], NDArray[np.bool_]] | None:
    """Return the pixels that a round brush covers on its way.

    A pixel is covered if its centre is within the radius of the way, measured in mm;
    the pixel under the brush always is.

    Parameters
    ----------
    shape_yx : tuple of int
        Rows and columns of the slice.
    points : sequence of (float, float)
        The way; one point for a single dab.
    radius_mm : float
        Of the brush.
    spacing_yx : tuple of float
        Size of a pixel in mm.

    Returns
    -------
    (slice, slice), ndarray of bool
        Box in the slice and the pixels in it; None where the way is off the slice.

    Raises
    ------
    InputError
        If the radius or the spacing is not above 0.
    """
    if radius_mm <= 0 or min(spacing_yx) <= 0:
        msg = f"A brush needs a radius above 0 mm; found {radius_mm}."
        raise InputError(msg)
    way = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    spacing = np.asarray(spacing_yx, dtype=np.float64)
    if way.size == 0:
        return None
    reach = np.maximum(radius_mm / spacing, 0.5)
    low = np.maximum(np.floor(way.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(way.max(axis=0) + reach) + 1, shape_yx).astype(int)
    if np.any(low >= high):
        return None
    rows = np.arange(low[0], high[0])[:, np.newaxis] * spacing[0]
    columns = np.arange(low[1], high[1])[np.newaxis, :] * spacing[1]
    covered = np.zeros((high[0] - low[0], high[1] - low[1]), np.bool_)
    starts = way if len(way) == 1 else way[:-1]
    stops = way if len(way) == 1 else way[1:]
    for start, stop in zip(starts * spacing, stops * spacing, strict=True):
        covered |= _distance2(rows, columns, start, stop) <= radius_mm**2
    for row, column in np.rint(way).astype(int):
        if low[0] <= row < high[0] and low[1] <= column < high[1]:
            covered[row - low[0], column - low[1]] = True
    if not covered.any():
        return None
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
    return box, covered


def _distance2(
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    start: NDArray[np.float64],
    stop: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the squared distance in mm of each pixel from a straight piece."""
    step = stop - start
    length2 = float(step @ step)
    along = np.zeros(())
    if length2 > 0:
        along = (rows - start[0]) * step[0] + (columns - start[1]) * step[1]
        along = np.clip(along / length2, 0, 1)
    distance: NDArray[np.float64] = (rows - start[0] - along * step[0]) ** 2 + (
        columns - start[1] - along * step[1]
    ) ** 2
    return distance


def brush(
    mask: NDArray[np.uint8],
    k: int,
    points: Sequence[Point],
    radius_mm: float,
    spacing_yx: tuple[float, float],
    value: int,
    *,
    only: int | None = None,
) -> Drawing | None:
    """Paint a value along a way on a slice.

    Parameters
    ----------
    mask : ndarray of uint8, shape (Z, Y, X)
        The mask; not changed.
    k : int
        The slice.
    points, radius_mm, spacing_yx
        See `disc`.
    value : int
        What to paint.
    only : int or None
        Paint over voxels of this value only.
    """
    found = disc((mask.shape[1], mask.shape[2]), points, radius_mm, spacing_yx)
    if found is None:
        return None
    (rows, columns), covered = found
    return _drawn(mask, k, rows, columns, covered, value, only)


def eraser(
    mask: NDArray[np.uint8],
    k: int,
    points: Sequence[Point],
    radius_mm: float,
    spacing_yx: tuple[float, float],
    *,
    only: int | None = None,
) -> Drawing | None:
    """Set voxels along a way to background; ``only`` spares all other classes."""
    return brush(mask, k, points, radius_mm, spacing_yx, 0, only=only)


def fill(mask: NDArray[np.uint8], k: int, point: Point, value: int) -> Drawing | None:
    """Give a value to the patch of one class around a point, within its slice.

    Pixels belong to the patch if they share an edge with it; a diagonal does not leak.

    Parameters
    ----------
    mask : ndarray of uint8, shape (Z, Y, X)
        The mask; not changed.
    k : int
        The slice.
    point : (float, float)
        Row and column where the patch is touched.
    value : int
        Its new value.
    """
    row, column = round(point[0]), round(point[1])
    inside = 0 <= row < mask.shape[1] and 0 <= column < mask.shape[2]
    if not inside or mask[k, row, column] == value:
        return None
    from skimage.segmentation import flood

    patch = flood(mask[k], (row, column), connectivity=1)
    return _drawn(mask, k, slice(None), slice(None), patch, value, None)


def polygon(
    mask: NDArray[np.uint8],
    k: int,
    vertices: Sequence[Point],
    value: int,
    *,
    only: int | None = None,
) -> Drawing | None:
    """Paint a value inside a closed outline on a slice.

    Parameters
    ----------
    mask : ndarray of uint8, shape (Z, Y, X)
        The mask; not changed.
    k : int
        The slice.
    vertices : sequence of (float, float)
        The outline, at least three points; it is closed by itself.
    value : int
        What to paint.
    only : int or None
        Paint over voxels of this value only.
    """
    if len(vertices) < 3:
        return None
    from medlab_gui.imaging.masks import fill_polygon

    inside = fill_polygon((mask.shape[1], mask.shape[2]), vertices)
    return _drawn(mask, k, slice(None), slice(None), inside, value, only)


def _drawn(
    mask: NDArray[np.uint8],
    k: int,
    rows: slice,
    columns: slice,
    where: NDArray[np.bool_],
    value: int,
    only: int | None,
) -> Drawing | None:
    if not 0 <= k < mask.shape[0]:
        msg = f"The series has the slices 1 to {mask.shape[0]}, not {k + 1}."
        raise InputError(msg)
    box = (slice(k, k + 1), rows, columns)
    after = mask[box].copy()
    if only is not None:
        where = where & (after[0] == only)
    where = where & (after[0] != value)
    if not where.any():
        return None
    after[0][where] = value
    return Drawing(box, after)
