"""Shapes of masks: where they are, their border, polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = [
    "border_band",
    "bounding_box",
    "fill_holes",
    "keep_largest",
    "surface",
]


def bounding_box(mask: NDArray[Any]) -> tuple[slice, ...] | None:
    """Return the smallest box that holds all that is not 0.

    Parameters
    ----------
    mask : ndarray, any shape
        0 is outside.

    Returns
    -------
    tuple of slice or None
        One slice for each axis; None where the mask is empty.
    """
    inside = np.asarray(mask) != 0
    box = []
    for axis in range(inside.ndim):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        hits = np.flatnonzero(inside.any(axis=others))
        if hits.size == 0:
            return None
        box.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return tuple(box)


def border_band(mask: NDArray[Any], width_px: float) -> NDArray[np.bool_]:
    """Return the pixels within a distance of a mask's border, on both sides.

    Parameters
    ----------
    mask : ndarray, shape (Y, X) or (Z, Y, X)
        0 is outside. A volume is taken slice by slice.
    width_px : float
        Largest distance in pixels, from the centre of a pixel to the centre of the
        nearest pixel on the other side. 1 is the innermost and the outermost row.

    Returns
    -------
    ndarray of bool
        Same shape as ``mask``.
    """
    inside = np.asarray(mask) != 0
    if inside.ndim == 3:
        band = np.zeros(inside.shape, dtype=np.bool_)
        for k in range(inside.shape[0]):
            band[k] = border_band(inside[k], width_px)
        return band
    band = np.zeros(inside.shape, dtype=np.bool_)
    box = bounding_box(inside)
    if box is None or width_px <= 0:
        return band
    from scipy.ndimage import distance_transform_edt

    margin = int(np.ceil(width_px)) + 1
    grown = tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(box, inside.shape, strict=True)
    )
    crop = inside[grown]
    near = np.zeros(crop.shape, dtype=np.bool_)
    if not crop.all():
        near |= crop & (distance_transform_edt(crop) <= width_px)
        near |= ~crop & (distance_transform_edt(~crop) <= width_px)
    band[grown] = near
    return band


def surface(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the voxels of a mask that touch what is outside.

    A voxel is on the surface where at least one of its neighbours across a face (4 in
    2-D, 6 in 3-D) is 0 or beyond the array.

    Parameters
    ----------
    mask : ndarray, shape (Y, X) or (Z, Y, X)
        0 is outside.

    Returns
    -------
    ndarray of bool
        Same shape as ``mask``, in the order of C.
    """
    inside = np.ascontiguousarray(np.asarray(mask) != 0)
    core = inside.copy()
    for axis in range(inside.ndim):
        # Views with this axis first; they write through.
        ours, theirs = np.moveaxis(core, axis, 0), np.moveaxis(inside, axis, 0)
        ours[1:] &= theirs[:-1]
        ours[:-1] &= theirs[1:]
        ours[0] = ours[-1] = False
    outer: NDArray[np.bool_] = inside & ~core
    return outer


def keep_largest(labels: NDArray[np.uint8], classes: Iterable[int]) -> int:
    """Leave only the largest connected part of each class, in place.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class values; changed. What falls away becomes background (0).
    classes : iterable of int
        Which classes, each on its own. Voxels are connected across faces (6
        neighbours); of parts of the same size the first in the array stays.

    Returns
    -------
    int
        How many voxels fell away.
    """
    from scipy.ndimage import label

    n_removed = 0
    for value in classes:
        box = bounding_box(labels == value)
        if box is None:
            continue
        crop = labels[box]
        parts, n_parts = label(crop == value)
        if n_parts < 2:
            continue
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        lost = (parts > 0) & (parts != sizes.argmax())
        crop[lost] = 0
        n_removed += int(np.count_nonzero(lost))
    return n_removed


def fill_holes(labels: NDArray[np.uint8], classes: Iterable[int]) -> int:
    """Give background that a class encloses to that class, in place.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class values; changed. Other classes inside (a tumour in its liver) stay.
    classes : iterable of int
        Which classes, in this order. A hole is what no path across faces leads out of,
        in three dimensions, without crossing the class; a tunnel is none, and neither
        is what is open at the scan's first or last slice. A scan of one slice is
        taken as a picture.

    Returns
    -------
    int
        How many voxels were filled.
    """
    from scipy.ndimage import binary_fill_holes

    n_filled = 0
    for value in classes:
        box = bounding_box(labels == value)
        if box is None:
            continue
        crop = labels[box]
        # Outside the box there is nothing of the class, so the way out is open there.
        shell = crop[0] == value if len(labels) == 1 else crop == value
        holes = binary_fill_holes(shell).reshape(crop.shape) & (crop == 0)
        crop[holes] = value
        n_filled += int(np.count_nonzero(holes))
    return n_filled
