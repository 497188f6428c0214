"""Figures of the pixels that a person has put a line round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.measurements import Kind, Values, check_on_grid
from medlab_gui.core.outlines import pixels_in_ellipse, pixels_in_polygon
from medlab_gui.imaging.padding import is_padding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.measurements import Measurement

__all__ = ["measure", "region_box", "region_mask"]


def _in_plane(measurement: Measurement, grid: Grid) -> NDArray[np.float64]:
    """Return the points as fractional ``(row, column)`` of the slice."""
    index = grid.to_index(measurement.points)
    return np.asarray(index[:, list(measurement.plane.axes)])


def _extent(measurement: Measurement, points: NDArray[np.float64]) -> NDArray[Any]:
    """Return the smallest and largest row and column, shape (2, 2)."""
    if measurement.kind is not Kind.ELLIPSE:
        return np.stack([points.min(axis=0), points.max(axis=0)])
    center = points.mean(axis=0)
    half = np.stack([points[1] - points[0], points[3] - points[2]]) / 2
    reach = np.sqrt((half**2).sum(axis=0))
    return np.stack([center - reach, center + reach])


def region_box(measurement: Measurement, grid: Grid) -> tuple[slice, slice]:
    """Return the rows and columns of the slice that hold the pixels of a region.

    Parameters
    ----------
    measurement : Measurement
        A region.
    grid : Grid
        Working grid of its series.
    """
    low, high = _extent(measurement, _in_plane(measurement, grid))
    shape = [grid.shape[a] for a in measurement.plane.axes]
    rows, columns = (
        slice(min(max(0, int(np.floor(a))), n), min(max(0, int(np.ceil(b)) + 1), n))
        for a, b, n in zip(low, high, shape, strict=True)
    )
    return rows, columns


def region_mask(measurement: Measurement, grid: Grid) -> NDArray[np.bool_]:
    """Return which pixels of `region_box` belong to a region.

    A pixel belongs to it when its centre lies inside the outline or on it. Of an
    outline that crosses itself everything counts that it winds round.

    Parameters
    ----------
    measurement : Measurement
        A region.
    grid : Grid
        Working grid of its series.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Empty in one direction where the region lies outside the picture.
    """
    box = region_box(measurement, grid)
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    shape = (max(0, shape[0]), max(0, shape[1]))
    points = _in_plane(measurement, grid) - [box[0].start, box[1].start]
    if measurement.kind is Kind.ELLIPSE:
        center = points.mean(axis=0)
        first, second = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
        return pixels_in_ellipse(shape, center, first, second)
    return pixels_in_polygon(shape, points)


def measure(
    measurement: Measurement,
    data: NDArray[Any],
    grid: Grid,
    units: str | None = None,
    padding: tuple[float, float] | None = None,
) -> Values:
    """Return what a measurement comes to.

    Parameters
    ----------
    measurement : Measurement
        What was drawn.
    data : ndarray, shape (Z, Y, X)
        The scan on the working grid; only the pixels of the region are read. Voxels
        without a finite value are left out.
    grid : Grid
        Working grid of the series.
    units : str or None
        Of the values.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture
        (`core.display.Display.padding`): nothing was measured there, so they are left
        out, and counted.

    Raises
    ------
    GeometryError
        If the measurement is not on the slice that it names.
    """
    check_on_grid(measurement, grid)
    if not measurement.kind.is_region:
        return Values(measurement.length_mm, measurement.angle_deg)
    rows, columns = region_box(measurement, grid)
    mask = region_mask(measurement, grid)
    where: list[Any] = [slice(None)] * 3
    where[measurement.plane.axis] = measurement.slice_index
    for axis, part in zip(measurement.plane.axes, (rows, columns), strict=True):
        where[axis] = part
    found = np.asarray(data[tuple(where)], dtype=np.float64)[mask]
    fills = is_padding(found, padding)
    if fills is not None:
        found = found[~fills]
    found = found[np.isfinite(found)]
    n = int(found.size)
    # The picture ends half a pixel beyond the outermost centres.
    low, high = _extent(measurement, _in_plane(measurement, grid))
    last = np.array([grid.shape[a] for a in measurement.plane.axes]) - 0.5
    is_cut = bool((low < -0.5 - 1e-6).any() or (high > last + 1e-6).any())
    return Values(
        area_mm2=measurement.area_mm2,
        n_pixels=n,
        mean=float(found.mean()) if n else None,
        sd=float(found.std(ddof=1)) if n > 1 else None,
        low=float(found.min()) if n else None,
        high=float(found.max()) if n else None,
        units=units,
        is_cut=is_cut,
        n_filled=0 if fills is None else int(fills.sum()),
    )
