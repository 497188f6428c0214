"""Where voxels are: shape, and the map from indices to patient millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Grid", "Reorientation"]

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_SHORTEST, _LONGEST = 1e-100, 1e100
"""Beyond these, in mm, the square of a length is 0 or infinite."""
_RIGHT_ANGLE = 1e-9  # a cosine that is no more is none


@dataclass(frozen=True, eq=False)
class Grid:
    """A lattice of voxels in the patient.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along ``(k, j, i)``, that is ``(Z, Y, X)`` of the array.
    affine : ndarray of float64, shape (4, 4)
        Maps ``(k, j, i, 1)`` to millimetres in DICOM's patient system LPS: x grows
        to the patient's left, y to the back (posterior), z to the head (superior).
        ``affine[:3, 0]`` is therefore the step from one slice to the next.
    frame_of_reference : str, optional
        DICOM Frame of Reference UID. Grids of different frames are never the same.

    Raises
    ------
    GeometryError
        If the shape is not three positive numbers, or the affine is not a finite,
        invertible 4x4 matrix with last row ``0 0 0 1``.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    frame_of_reference: str | None = field(default=None)

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            msg = f"A grid needs three positive sizes (Z, Y, X); found {self.shape}."
            raise GeometryError(msg)
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4):
            msg = f"A grid needs a 4x4 affine; found shape {affine.shape}."
            raise GeometryError(msg)
        if not np.all(np.isfinite(affine)):
            msg = "Numbers of the affine of a grid must be finite; some are not."
            raise GeometryError(msg)
        if affine[3].tolist() != [0, 0, 0, 1]:
            msg = f"The last row of an affine must be 0 0 0 1; found {affine[3]}."
            raise GeometryError(msg)
        # By hand: a project's list makes hundreds, and numpy takes some times as long.
        a, b, c = affine[:3, :3].T.tolist()
        if _volume_of_directions(a, b, c) < 1e-4:
            msg = "The axes of the image do not span a volume (zero or parallel axes)."
            raise GeometryError(msg)
        lengths = [math.hypot(*axis) for axis in (a, b, c)]
        if not _SHORTEST < min(lengths) <= max(lengths) < _LONGEST:
            shown = " x ".join(f"{v:.4g}" for v in lengths)
            msg = f"A voxel cannot measure {shown} mm."
            raise GeometryError(msg)
        affine.flags.writeable = False
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_spacing(
        cls,
        shape: Sequence[int],
        spacing: Sequence[float],
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        frame_of_reference: str | None = None,
    ) -> Grid:
        """Return an axial grid whose axes run to S, P and L.

        Parameters
        ----------
        shape, spacing : sequences of 3
            Along ``(k, j, i)``; spacing in mm.
        origin : sequence of 3 floats
            LPS position ``(x, y, z)`` in mm of the voxel ``(0, 0, 0)``.
        frame_of_reference : str, optional
            DICOM Frame of Reference UID.
        """
        dz, dy, dx = spacing
        affine = np.eye(4)
        affine[:3, :3] = [[0, 0, dx], [0, dy, 0], [dz, 0, 0]]
        affine[:3, 3] = origin
        z, y, x = (int(n) for n in shape)
        return cls((z, y, x), affine, frame_of_reference)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.frame_of_reference == other.frame_of_reference
            and np.array_equal(self.affine, other.affine)
        )

    def __hash__(self) -> int:
        unsigned = self.affine + 0.0  # -0.0 equals 0.0, but has other bytes
        return hash((self.shape, self.frame_of_reference, unsigned.tobytes()))

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Distance ``(dz, dy, dx)`` in mm from a voxel to the next on each axis."""
        dz, dy, dx = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return dz, dy, dx

    @cached_property
    def steps_mm(self) -> NDArray[np.float64]:
        """Steps in LPS mm from a voxel to the next, one row for each of (k, j, i)."""
        return self.affine[:3, :3].T

    @cached_property
    def heights(self) -> tuple[float, float, float]:
        """Distance in mm from a layer of voxels to the next, across each of (k, j, i).

        At right angles to the layers: where the gantry was tilted, slices lie nearer to
        each other than ``spacing``, which runs along the table.
        """
        # A row of the inverse is the gradient of an index: layers per mm, at its best.
        gradients = np.linalg.inv(self.affine[:3, :3])
        dz, dy, dx = (float(1 / v) for v in np.linalg.norm(gradients, axis=1))
        return dz, dy, dx

    @cached_property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in cubic millimetres."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def is_slanted(self) -> bool:
        """Whether its axes are not at right angles, by 2.5 degrees or more."""
        return self.voxel_volume_mm3 < 0.999 * float(np.prod(self.spacing))

    def to_mm(self, index: Any) -> NDArray[np.float64]:
        """Return LPS mm (x, y, z) of indices (k, j, i); both of shape ``(..., 3)``."""
        index = np.asarray(index, dtype=np.float64)
        mm: NDArray[np.float64] = index @ self.affine[:3, :3].T + self.affine[:3, 3]
        return mm

    def to_index(self, mm: Any) -> NDArray[np.float64]:
        """Return fractional indices (k, j, i) of LPS mm (x, y, z), ``(..., 3)``."""
        offset = np.asarray(mm, dtype=np.float64) - self.affine[:3, 3]
        index: NDArray[np.float64] = offset @ np.linalg.inv(self.affine[:3, :3]).T
        return index

    def same_as(self, other: Grid, tol: float = 1e-3) -> bool:
        """Tell whether both grids put every voxel at the same place.

        Parameters
        ----------
        other : Grid
            The grid to compare with.
        tol : float
            Largest distance in mm by which any corner may differ.

        Returns
        -------
        bool
            False where shapes differ, where both name a frame of reference and the
            two differ, or where a corner is further off than ``tol``.
        """
        if self.shape != other.shape:
            return False
        frames = (self.frame_of_reference, other.frame_of_reference)
        if None not in frames and frames[0] != frames[1]:
            return False
        last = np.array(self.shape) - 1
        corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        distance = np.linalg.norm(
            self.to_mm(corners * last) - other.to_mm(corners * last), axis=1
        )
        return bool(distance.max() <= tol)

    @cached_property
    def axis_letters(self) -> tuple[str, str, str]:
        """Nearest patient direction in which each of ``(k, j, i)`` grows.

        Letters are L/R, P/A, S/I; no two axes get letters of the same pair.
        """
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        letters = [
            _LETTERS[world][int(directions[world, axis] > 0)]
            for axis, world in enumerate(_nearest_axes(np.abs(directions)))
        ]
        return letters[0], letters[1], letters[2]

    @property
    def orientation(self) -> str:
        """Letters of the axes i, j, k, e.g. ``"LPS"`` for a plain axial CT."""
        k, j, i = self.axis_letters
        return i + j + k

    @cached_property
    def is_oblique(self) -> bool:
        """Whether an axis is over 0.5 degrees off its nearest patient direction."""
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return bool(np.any(np.abs(directions).max(axis=0) < np.cos(np.radians(0.5))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for storing."""
        return {
            "shape": list(self.shape),
            "affine": self.affine.tolist(),
            "frame_of_reference": self.frame_of_reference,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Grid:
        """Rebuild what `to_dict` returned."""
        z, y, x = data["shape"]
        return cls((z, y, x), np.array(data["affine"]), data["frame_of_reference"])

    def canonical(self) -> Reorientation:
        """Return the permutation and flips that make this grid nearest to S, P, L.

        On the resulting grid ``k`` grows to the head, ``j`` to the back and ``i`` to
        the patient's left: slices are axial and look as a radiologist expects them
        (patient's right on the viewer's left, front up). Nothing is interpolated.
        """
        pairs = {"S": 0, "I": 0, "P": 1, "A": 1, "L": 2, "R": 2}
        source_of: list[int] = [0, 0, 0]
        flip = [False, False, False]
        for axis, letter in enumerate(self.axis_letters):
            target = pairs[letter]
            source_of[target] = axis
            flip[target] = letter in "IAR"
        return Reorientation(
            source=self,
            axes=(source_of[0], source_of[1], source_of[2]),
            flips=(flip[0], flip[1], flip[2]),
        )


def _nearest_axes(cosines: NDArray[np.float64]) -> list[int]:
    """Return for each axis of the image the axis of the patient that it is nearest to.

    The nearest pair first. On a slanted grid what is left for the last one may be at
    right angles to it; then all three are chosen together.

    Parameters
    ----------
    cosines : ndarray of float64, shape (3, 3)
        Absolute, axes of the patient in rows.
    """
    left, found = cosines.copy(), [0, 0, 0]
    for _ in range(3):
        world, axis = np.unravel_index(np.argmax(left), (3, 3))
        if left[world, axis] < _RIGHT_ANGLE:
            columns = range(3)
            return max(
                map(list, permutations(range(3))),
                key=lambda worlds: math.prod(cosines[worlds, columns]),
            )
        found[axis] = int(world)
        left[world, :] = left[:, axis] = 0
    return found


def _volume_of_directions(a: list[float], b: list[float], c: list[float]) -> float:
    """Return the volume that three vectors of length 1 span; 0 where one has none."""
    lengths = [math.hypot(*v) for v in (a, b, c)]
    if min(lengths) <= 0:
        return 0.0
    (a0, a1, a2), (b0, b1, b2), (c0, c1, c2) = (
        [x / n for x in v] for v, n in zip((a, b, c), lengths, strict=True)
    )
    return abs(
        a0 * (b1 * c2 - b2 * c1) - a1 * (b0 * c2 - b2 * c0) + a2 * (b0 * c1 - b1 * c0)
    )


@dataclass(frozen=True)
class Reorientation:
    """Axes taken in another order and direction; exact both ways.

    Parameters
    ----------
    source : Grid
        The grid as stored in the file.
    axes : tuple of int
        ``axes[n]`` is the source axis that becomes axis ``n``.
    flips : tuple of bool
        Whether axis ``n`` of the result runs against its source axis.
    """

    source: Grid
    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    @cached_property
    def grid(self) -> Grid:
        """The grid after reorientation."""
        affine = self.source.affine
        shape = [self.source.shape[a] for a in self.axes]
        result = np.eye(4)
        result[:3, 3] = affine[:3, 3]
        for n, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            step = affine[:3, axis]
            result[:3, n] = -step if flip else step
            if flip:
                result[:3, 3] += step * (shape[n] - 1)
        return Grid(
            (shape[0], shape[1], shape[2]), result, self.source.frame_of_reference
        )

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.axes == (0, 1, 2) and not any(self.flips)

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of an array ``(Z, Y, X)`` on ``source``, put on ``grid``."""
        if array.shape != self.source.shape:
            msg = f"Array {array.shape} does not fit the grid {self.source.shape}."
            raise GeometryError(msg)
        slices = tuple(slice(None, None, -1) if f else slice(None) for f in self.flips)
        return array.transpose(self.axes)[slices]

    def restore(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of an array on ``grid``, put back on ``source``."""
        if array.shape != self.grid.shape:
            msg = f"Array {array.shape} does not fit the grid {self.grid.shape}."
            raise GeometryError(msg)
        slices = tuple(slice(None, None, -1) if f else slice(None) for f in self.flips)
        return array[slices].transpose(np.argsort(self.axes))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for storing beside a series."""
        return {
            **self.source.to_dict(),
            "axes": list(self.axes),
            "flips": list(self.flips),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Reorientation:
        """Rebuild what `to_dict` returned."""
        a, b, c = data["axes"]
        f, g, h = data["flips"]
        source = Grid.from_dict(data)
        return cls(source, (a, b, c), (bool(f), bool(g), bool(h)))
