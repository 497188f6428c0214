"""A small copy of a scan, through which rays are cast (`imaging.rendering`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["Scene", "make_scene", "small_labels"]

_MOST_VOXELS = 160


@dataclass(frozen=True, eq=False)
class Scene:
    """A small copy of a scan, ready for rays.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
        Blocks of the scan, of each its brightest voxel, with a border of one block
        that is as dark as the darkest.
    factors : tuple of int
        Voxels of the scan for a block, along ``(k, j, i)``.
    to_index : ndarray of float64, shape (3, 4)
        From LPS mm to indices of ``volume``.
    center : ndarray of float64, shape (3,)
        Middle of the scan in LPS mm.
    radius : float
        mm from there to the farthest corner.
    block_mm : float
        Shortest side of a block.
    """

    volume: NDArray[Any]
    factors: tuple[int, int, int]
    to_index: NDArray[np.float64]
    center: NDArray[np.float64]
    radius: float
    block_mm: float


def make_scene(
    data: NDArray[Any], grid: Grid, check: Callable[[], object] = lambda: None
) -> Scene:
    """Return a small copy of a scan.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        Grey values; voxels without a value (NaN) count as the darkest.
    grid : Grid
        Where they are.
    check : callable
        Called now and then; may raise to cancel.
    """
    longest = max(n * s for n, s in zip(grid.shape, grid.spacing, strict=True))
    block = longest / _MOST_VOXELS
    a, b, c = (
        min(n, max(1, round(block / s)))
        for n, s in zip(grid.shape, grid.spacing, strict=True)
    )
    shape = tuple(-(-n // f) for n, f in zip(grid.shape, (a, b, c), strict=True))
    small = np.empty(shape, np.float32 if data.dtype.kind == "f" else data.dtype)
    rows, columns = np.arange(0, grid.shape[1], b), np.arange(0, grid.shape[2], c)
    for k in range(shape[0]):
        check()
        part = np.asarray(data[k * a : (k + 1) * a])
        if part.dtype.kind == "f":
            part = np.nan_to_num(part, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        peak = np.maximum.reduceat(part.max(axis=0), rows, axis=0)
        small[k] = np.maximum.reduceat(peak, columns, axis=1)
    if small.dtype.kind == "f":
        finite = small[np.isfinite(small)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        small = np.nan_to_num(small, nan=low, posinf=high, neginf=low)
    volume = np.pad(small, 1, constant_values=small.min())
    back = np.linalg.inv(grid.affine)[:3]
    # the middle of the first block, and the border before it
    factors = np.array([a, b, c], dtype=np.float64)
    back[:, 3] += 0.5 - factors / 2
    to_index = back / factors[:, np.newaxis] + np.array([[0, 0, 0, 1.0]] * 3)
    ends = np.array(grid.shape) - 0.5
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    mm = grid.to_mm(corners * (ends + 0.5) - 0.5)
    center = mm.mean(axis=0)
    radius = float(np.linalg.norm(mm - center, axis=1).max())
    smallest = min(s * f for s, f in zip(grid.spacing, (a, b, c), strict=True))
    return Scene(volume, (a, b, c), to_index, center, radius, float(smallest))


def small_labels(labels: NDArray[np.uint8], scene: Scene) -> NDArray[np.uint8]:
    """Return the label in the middle of every block of a scene.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Classes of the scan that the scene was made from.
    scene : Scene
        Its blocks.

    Returns
    -------
    ndarray of uint8
        Of the shape of ``scene.volume``, whose outermost layer is 0.
    """
    middle = tuple(
        np.minimum(np.arange(n - 2) * f + f // 2, size - 1)
        for n, f, size in zip(
            scene.volume.shape, scene.factors, labels.shape, strict=True
        )
    )
    found = np.zeros(scene.volume.shape, np.uint8)
    found[1:-1, 1:-1, 1:-1] = labels[np.ix_(*middle)]
    return found
