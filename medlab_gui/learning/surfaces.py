"""Distances between the surfaces of two masks, in mm.

**Surface** means: voxels of the mask that share a face with a voxel outside it; beyond
the edge of the array counts as outside. A scan of one slice is taken as a picture:
its pixels have four neighbours, and its upper and lower face are no surface. Distances
go from voxel centre to centre in the patient, also where the axes of the array are not
at right angles (a tilted gantry), and every surface voxel counts alike. (DeepMind's
`surface-distance` takes the faces between voxels instead and weights them by their
area, so that its figures differ; MONAI and medpy take voxels as we do. SimpleITK's
Hausdorff filter takes whole objects, not surfaces: what lies inside the other object is
at distance 0 there.)
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.imaging.masks import bounding_box, surface
from medlab_gui.learning.lattice import Lattice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SurfaceDistances", "surface_distances"]

_SHELL_VOXELS = 600
"""Neighbours that are looked at one by one before the far ones are searched for."""

_DENSE, _DENSE_SHELLS = 16, 40
"""One query in so many voxels, or more: all are shifted at once, so often at most."""

_LEAF = 100
"""Points in a leaf of the tree; measured to be faster than scipy's 16."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """How far each surface voxel of one mask is from the other's surface.

    Parameters
    ----------
    from_s, from_t : ndarray of float64, shapes (|B_S|,) and (|B_T|,)
        Distances in mm; neither is empty.

    References
    ----------
    Heimann et al.: Comparison and evaluation of methods for liver segmentation from CT
    datasets. IEEE Trans. Med. Imaging 28 (2009). Nikolov et al.: Clinically applicable
    segmentation of head and neck anatomy for radiotherapy. J. Med. Internet Res. 23
    (2021), for the normalised surface distance. Maier-Hein et al.: Metrics reloaded.
    Nature Methods 21 (2024), for the 95th percentile of each direction.
    """

    from_s: NDArray[np.float64]
    from_t: NDArray[np.float64]

    @property
    def hd_mm(self) -> float:
        """Hausdorff distance: the largest distance, either way."""
        return float(max(self.from_s.max(), self.from_t.max()))

    @property
    def hd95_mm(self) -> float:
        """The larger of the 95th percentiles of both directions (interpolated)."""
        return float(
            max(np.percentile(self.from_s, 95), np.percentile(self.from_t, 95))
        )

    @property
    def asd_mm(self) -> float:
        """Mean over all surface voxels of both masks."""
        n = self.from_s.size + self.from_t.size
        return float((self.from_s.sum() + self.from_t.sum()) / n)

    @property
    def rmsd_mm(self) -> float:
        """Root of the mean square over all surface voxels of both masks."""
        n = self.from_s.size + self.from_t.size
        total = np.square(self.from_s).sum() + np.square(self.from_t).sum()
        return float(np.sqrt(total / n))

    def nsd(self, tolerance_mm: float) -> float:
        """Share of the surface voxels of both masks within a tolerance, 0 to 1."""
        n = self.from_s.size + self.from_t.size
        # A distance of exactly the tolerance is within it, whatever the last digit.
        most = tolerance_mm * (1 + 1e-12)
        near = np.count_nonzero(self.from_s <= most)
        return float((near + np.count_nonzero(self.from_t <= most)) / n)


def surface_distances(
    s: NDArray[np.bool_],
    t: NDArray[np.bool_],
    spacing: Sequence[float] | NDArray[np.float64],
) -> SurfaceDistances:
    """Return how far each surface voxel of one mask is from the other's surface.

    Exact: each distance is the smallest Euclidean one. Near neighbours are looked up in
    the array, nearest first, which is where nearly all of a good prediction and of
    noise ends; what is left is searched for in a tree or, where that is most of the
    volume and its axes are at right angles, taken from one distance transform.

    Parameters
    ----------
    s, t : ndarray of bool, same shape, 2 or 3 axes
        Two masks; neither is empty.
    spacing : sequence of float, or ndarray of float, shape (n_axes, 3)
        Millimetres between voxels along each axis, or the steps themselves; see
        `Lattice.of`.

    Returns
    -------
    SurfaceDistances
        In no particular order.

    Raises
    ------
    GeometryError
        If the spacing does not fit the masks.
    """
    lattice = Lattice.of(spacing, s.ndim)
    if s.ndim == 3 and 1 in s.shape:
        flat = s.shape.index(1)
        s, t, lattice = s.squeeze(flat), t.squeeze(flat), lattice.without(flat)
    box = bounding_box(s | t)
    if box is None:
        msg = "Empty masks have no surface."
        raise ValueError(msg)
    b_s, b_t = surface(s[box]), surface(t[box])
    with ThreadPoolExecutor(1) as other:  # numpy and scipy let go of Python's lock
        from_t = other.submit(_nearest, b_t, b_s, lattice)
        return SurfaceDistances(_nearest(b_s, b_t, lattice), from_t.result())


def _shells(
    lattice: Lattice,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return all steps within a radius, nearest first, their mm, and the reach."""
    n_axes = len(lattice.steps)
    ball = 4 / 3 * np.pi if n_axes == 3 else np.pi
    radius = (_SHELL_VOXELS * lattice.cell / ball) ** (1 / n_axes)
    reach = np.floor(radius / lattice.heights).astype(np.int64)
    axes = [np.arange(-n, n + 1) for n in reach]
    steps = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, n_axes)
    lengths = np.sqrt(np.square(lattice.places(steps)).sum(axis=-1))
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] <= radius]
    return steps[order], lengths[order], reach


def _nearest(
    queries: NDArray[np.bool_], targets: NDArray[np.bool_], lattice: Lattice
) -> NDArray[np.float64]:
    """Return the distance of each query voxel to the nearest target, in any order."""
    steps, lengths, reach = _shells(lattice)
    # Padded, so that no step leads round the end of a row into the next one.
    room = [(int(n), int(n)) for n in reach]
    padded = np.pad(queries, room)
    strides = np.array(padded.strides)
    jumps = steps @ strides
    left, is_target = padded.ravel(), np.pad(targets, room).ravel()
    near, places = _look_up(left, is_target, jumps, lengths, int(reach @ strides))
    if not places.size:
        return near
    points = np.stack(np.unravel_index(places, padded.shape), -1) - reach
    return np.concatenate([near, _far(points, targets, lattice)])


def _look_up(
    left: NDArray[np.bool_],
    is_target: NDArray[np.bool_],
    jumps: NDArray[np.int64],
    lengths: NDArray[np.float64],
    margin: int,
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distances of near queries, and the places of the others."""
    inner = slice(margin, left.size - margin)
    n_left = np.count_nonzero(left)
    places: NDArray[np.intp] | None = None
    found = [np.empty(0)]
    for n, (jump, length) in enumerate(zip(jumps.tolist(), lengths, strict=True)):
        if places is None and n_left * _DENSE < left.size:
            places = np.flatnonzero(left)
        if not n_left or (places is None and n >= _DENSE_SHELLS):
            break
        if places is None:
            here = left[inner]
            hits = here & is_target[inner.start + jump : inner.stop + jump]
            here ^= hits
        else:
            hits = is_target[places + jump]
            places = places[~hits]
        n_hits = np.count_nonzero(hits)
        found.append(np.full(n_hits, length))
        n_left -= n_hits
    if places is None:
        places = np.flatnonzero(left)
    return np.concatenate(found), places


def _far(
    points: NDArray[np.int64], targets: NDArray[np.bool_], lattice: Lattice
) -> NDArray[np.float64]:
    n_targets = np.count_nonzero(targets)
    # About what a query and a point of the tree cost, in voxels of the transform, which
    # knows no other axes than those at right angles.
    dense = 10 * len(points) + 3 * n_targets > targets.size
    if dense and lattice.straight is not None:
        from scipy.ndimage import distance_transform_edt

        everywhere = distance_transform_edt(~targets, sampling=lattice.straight)
        found: NDArray[np.float64] = everywhere[tuple(points.T)]
        return found
    from scipy.spatial import cKDTree

    # A balanced tree takes longer to make than it saves.
    tree = cKDTree(
        lattice.places(np.argwhere(targets)), leafsize=_LEAF, balanced_tree=False
    )
    found, _ = tree.query(lattice.places(points), workers=os.cpu_count() or 1)
    return found
