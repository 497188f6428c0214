"""Slices at odd places put onto a regular grid, and masks back onto the slices.

Linear interpolation and nothing more: a value of the result is a weighted mean of at
most two pixels along each axis, so it never leaves the range of the scan. A voxel for
which any of those pixels was not measured is not measured itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.imaging.padding import is_padding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.slices import SliceStack
    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = ["SliceSource", "free_value", "labels_to_stack", "regrid", "slice_sources"]

_SAME_SLICE = 0.01
"""Share of the slice distance within which a measured slice is taken as it is."""
_NEAR_SLICE = 0.1
"""The same beside a gap, where there is nothing to interpolate with."""
_SAME_PIXEL = 1e-3
"""Share of a pixel by which a shift may be off a whole number of pixels."""


@dataclass(frozen=True, slots=True)
class SliceSource:
    """Which slices of the stack a slice of the grid is made from.

    Parameters
    ----------
    slices : tuple of int
        None (not measured), one or two.
    weight : float
        Share of the second.
    """

    slices: tuple[int, ...]
    weight: float = 0.0


def _check_parallel(stack: SliceStack, grid: Grid) -> None:
    same = np.allclose(
        grid.affine[:3, 1:3].T, [stack.column_step, stack.row_step], rtol=0, atol=1e-6
    )
    if not same or stack.normal @ grid.affine[:3, 0] <= 0:
        msg = "The grid's rows and columns must be those of the slices."
        raise GeometryError(msg)


def slice_sources(
    stack: SliceStack, grid: Grid, bridged: Sequence[bool]
) -> list[SliceSource]:
    """Return what each slice of a grid is made from.

    Parameters
    ----------
    stack : SliceStack
        Where the slices were measured.
    grid : Grid
        With the same rows and columns as the stack.
    bridged : sequence of bool, length n - 1
        Whether it is right to interpolate between slice n and the next.
    """
    _check_parallel(stack, grid)
    along = stack.along
    step = float(grid.affine[:3, 0] @ stack.normal)
    result = []
    for k in range(grid.shape[0]):
        here = float(grid.to_mm((k, 0, 0)) @ stack.normal)
        nearest = int(np.argmin(np.abs(along - here)))
        off = abs(along[nearest] - here)
        below = int(np.searchsorted(along, here)) - 1
        within = 0 <= below < len(along) - 1
        if off <= _SAME_SLICE * step:
            result.append(SliceSource((nearest,)))
        elif within and bridged[below]:
            weight = (here - along[below]) / (along[below + 1] - along[below])
            result.append(SliceSource((below, below + 1), float(weight)))
        elif off <= _NEAR_SLICE * step:
            result.append(SliceSource((nearest,)))
        else:
            result.append(SliceSource(()))
    return result


def free_value(
    data: NDArray[Any], padding: tuple[float, float] | None = None
) -> tuple[np.dtype[Any], float]:
    """Return a value that no measured voxel has, for what was not measured.

    One below the lowest that was measured: dark in every window, and near enough to
    the scan's values to stretch nothing where somebody overlooks what it means.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        Finite grey values.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture already.

    Returns
    -------
    dtype
        That holds it and all of ``data``: a wider one where the scan uses every value
        of its own.
    float
        The value.
    """
    lowest: Any = None
    for plane in data:
        fills = is_padding(plane, padding)
        known = plane if fills is None else plane[~fills]
        if known.size and (lowest is None or known.min() < lowest):
            lowest = known.min()
    if lowest is None:  # nothing but filling
        lowest = data.min()
    if data.dtype.kind == "f":
        one_less = np.floor(lowest) - data.dtype.type(1)
        if not one_less < lowest:  # so large that one less is no other number
            one_less = np.nextafter(lowest, data.dtype.type(-np.inf))
        return data.dtype, float(one_less)
    below = int(lowest) - 1
    for dtype in (data.dtype, np.dtype(np.int16)):
        limits = np.iinfo(dtype)
        if limits.min <= below and int(data.max()) <= limits.max:
            return dtype, float(below)
    return np.dtype(np.float32), float(below)


def regrid(
    data: NDArray[Any],
    stack: SliceStack,
    grid: Grid,
    bridged: Sequence[bool],
    *,
    fill: float | None = None,
    padding: tuple[float, float] | None = None,
    progress: ProgressCallback | None = None,
) -> NDArray[Any]:
    """Return slices on a regular grid with the same rows and columns.

    Parameters
    ----------
    data : ndarray, shape ``stack.shape``
        The slices.
    stack : SliceStack
        Where they lie.
    grid : Grid
        Where they are wanted.
    bridged : sequence of bool
        As in `slice_sources`.
    fill : float, optional
        For what was not measured; the lowest value of ``data`` where not given.
    padding : tuple of float, optional
        Lowest and highest of the values of ``data`` that only fill the picture: they
        were not measured either.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each slice.

    Returns
    -------
    ndarray, shape ``grid.shape``
        Of the dtype of ``data``; whole numbers are rounded.
    """
    if data.shape != stack.shape:
        msg = f"An array of {data.shape} does not fit slices of {stack.shape}."
        raise GeometryError(msg)
    sources = slice_sources(stack, grid, bridged)
    empty = data.min() if fill is None else fill
    result = np.full(grid.shape, empty, data.dtype)
    for k, source in enumerate(sources):
        origin = grid.to_mm((k, 0, 0))
        parts = []
        for n in source.slices:
            shift = stack.in_plane(origin - stack.origins[n])
            parts.append(_moved(data[n], padding, (shift[0], shift[1]), grid.shape[1:]))
        if parts:
            value, measured = parts[0]
            if len(parts) == 2:
                other, also = parts[1]
                value = value + (other - value) * source.weight
                measured = measured & also
            if data.dtype.kind in "iu":
                value = np.rint(value)
            np.copyto(result[k], value.astype(data.dtype), where=measured)
        if progress is not None:
            progress(k + 1, grid.shape[0], "Resampling")
    return result


def _moved(
    plane: NDArray[Any],
    padding: tuple[float, float] | None,
    shift: tuple[float, float],
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the plane at ``index + shift``, and where that was measured."""
    value = plane.astype(np.float64)
    fills = is_padding(plane, padding)
    measured = np.ones(size, np.bool_)
    for axis in (0, 1):
        whole = round(shift[axis])
        fraction = 0.0
        if abs(shift[axis] - whole) > _SAME_PIXEL:
            whole = int(np.floor(shift[axis]))
            fraction = shift[axis] - whole
        first = np.arange(size[axis]) + whole
        last = plane.shape[axis] - 1
        inside = (first >= 0) & (first + (fraction > 0) <= last)
        low = np.take(value, np.clip(first, 0, last), axis=axis)
        if fraction:
            high = np.take(value, np.clip(first + 1, 0, last), axis=axis)
            low += (high - low) * fraction
        value = low
        measured &= inside[:, None] if axis == 0 else inside
        if fills is not None:
            near = np.take(fills, np.clip(first, 0, last), axis=axis)
            if fraction:
                near |= np.take(fills, np.clip(first + 1, 0, last), axis=axis)
            fills = near
    return value, measured if fills is None else measured & ~fills


def labels_to_stack(
    labels: NDArray[np.uint8], grid: Grid, stack: SliceStack
) -> NDArray[np.uint8]:
    """Return a mask made on a resampled grid on the slices as they were measured.

    Each pixel gets the value of the voxel that it lies in (nearest neighbour), and 0
    where there is none.

    Parameters
    ----------
    labels : ndarray of uint8, shape ``grid.shape``
        The mask.
    grid : Grid
        With the same rows and columns as the stack.
    stack : SliceStack
        Where the slices were measured.

    Returns
    -------
    ndarray of uint8, shape ``stack.shape``
        The mask on the slices.
    """
    _check_parallel(stack, grid)
    result = np.zeros(stack.shape, labels.dtype)
    first = float(grid.to_mm((0, 0, 0)) @ stack.normal)
    step = float(grid.affine[:3, 0] @ stack.normal)
    for n, origin in enumerate(stack.origins):
        k = round((stack.along[n] - first) / step)
        if not 0 <= k < grid.shape[0]:
            continue
        shift = np.rint(stack.in_plane(origin - grid.to_mm((k, 0, 0)))).astype(int)
        rows = np.arange(stack.size[0]) + shift[0]
        columns = np.arange(stack.size[1]) + shift[1]
        good_rows = (rows >= 0) & (rows < grid.shape[1])
        good_columns = (columns >= 0) & (columns < grid.shape[2])
        result[n][np.ix_(good_rows, good_columns)] = labels[k][
            np.ix_(rows[good_rows], columns[good_columns])
        ]
    return result
