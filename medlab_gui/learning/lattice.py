"""Steps from voxel to voxel in mm, at right angles or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Lattice"]

_STRAIGHT = 1e-4
"""Cosine up to which two axes are taken for right-angled: direction cosines come with
few digits, and no distance changes by more than a ten-thousandth of itself."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where voxels are to one another.

    Parameters
    ----------
    steps : ndarray of float64, shape (n, n)
        Millimetres from a voxel to the next, one row for each axis, in a frame that is
        turned so that nothing is above the diagonal. ``index @ steps`` are places in
        mm; where the axes are at right angles, ``steps`` is diagonal.
    """

    steps: NDArray[np.float64]

    @classmethod
    def of(cls, spacing: Sequence[float] | NDArray[Any], n_axes: int) -> Lattice:
        """Return the lattice of voxels so far apart.

        Parameters
        ----------
        spacing : sequence of float, or ndarray of float, shape (n_axes, 3)
            Millimetres between voxels along each axis, which are at right angles then;
            or the step along each axis as a vector in mm, as `Grid.steps_mm` has it.
        n_axes : int
            Of the array.

        Raises
        ------
        GeometryError
            If there are not as many as axes, one is not above 0, or they do not span
            the space between the voxels.
        """
        given = np.asarray(spacing, dtype=np.float64)
        sizes = np.linalg.norm(given, axis=1) if given.ndim == 2 else given
        if sizes.shape != (n_axes,) or not (sizes > 0).all():
            shown = tuple(np.round(sizes, 6).tolist())
            msg = (
                f"Masks with {n_axes} axes need as many positive spacings in mm; found "
                f"{shown}."
            )
            raise GeometryError(msg)
        if given.ndim == 1:
            return cls(np.diag(sizes))
        units = given / sizes[:, np.newaxis]
        if np.abs(np.triu(units @ units.T, 1)).max(initial=0.0) <= _STRAIGHT:
            return cls(np.diag(sizes))
        try:
            # |index @ steps|^2 = index G index^T, with G the products of the steps.
            steps = np.linalg.cholesky(given @ given.T)
        except np.linalg.LinAlgError as error:
            msg = "The axes of the masks are parallel; there is no space between them."
            raise GeometryError(msg) from error
        return cls(np.asarray(steps, dtype=np.float64))

    def without(self, axis: int) -> Lattice:
        """Return the lattice of the other axes."""
        rest = np.delete(self.steps, axis, axis=0)
        return Lattice.of(rest, len(rest))

    @cached_property
    def straight(self) -> NDArray[np.float64] | None:
        """Millimetres along each axis, shape (n,); None if not at right angles."""
        sizes: NDArray[np.float64] = np.diag(self.steps)
        return sizes if np.array_equal(np.diag(sizes), self.steps) else None

    @property
    def cell(self) -> float:
        """Volume (or area) of a voxel, in mm^n."""
        return float(np.diag(self.steps).prod())

    @property
    def heights(self) -> NDArray[np.float64]:
        """Distance in mm between neighbouring layers of voxels across each axis."""
        if self.straight is not None:
            return self.straight
        found: NDArray[np.float64] = 1 / np.linalg.norm(
            np.linalg.inv(self.steps), axis=0
        )
        return found

    def places(self, index: NDArray[Any]) -> NDArray[np.float64]:
        """Return places in mm of indices, both of shape ``(..., n)``."""
        found: NDArray[np.float64] = index @ self.steps
        return found
