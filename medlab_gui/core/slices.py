"""Parallel slices wherever they lie: evenly spaced or not, shifted or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid

__all__ = ["SliceStack"]


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Slices with the same axes, each at its own place.

    Parameters
    ----------
    size : tuple of int
        Rows and columns.
    origins : ndarray of float64, shape (n, 3)
        LPS mm of the centre of each slice's first pixel. They are in the order of the
        array, and their distance along ``normal`` grows.
    column_step, row_step : ndarray of float64, shape (3,)
        LPS mm from a row to the next and from a column to the next; at right angles.

    Raises
    ------
    GeometryError
        If the axes are not at right angles, or the slices not in order.
    """

    size: tuple[int, int]
    origins: NDArray[np.float64]
    column_step: NDArray[np.float64]
    row_step: NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = np.linalg.norm(self.column_step), np.linalg.norm(self.row_step)
        if min(lengths) <= 0 or (
            abs(self.column_step @ self.row_step) > 1e-3 * lengths[0] * lengths[1]
        ):
            msg = (
                "The rows and columns of the slices are not at right angles, so they "
                "cannot be resampled."
            )
            raise GeometryError(msg)
        if len(self.origins) > 1 and np.diff(self.along).min() <= 0:
            msg = "The slices are not in the order of their positions."
            raise GeometryError(msg)

    @classmethod
    def from_grid(cls, grid: Grid) -> SliceStack:
        """Return the slices (axis k) of a grid, sheared or not."""
        index = np.zeros((grid.shape[0], 3))
        index[:, 0] = np.arange(grid.shape[0])
        return cls(
            grid.shape[1:],
            grid.to_mm(index),
            np.array(grid.affine[:3, 1]),
            np.array(grid.affine[:3, 2]),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array that holds the slices."""
        return len(self.origins), *self.size

    @cached_property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector at right angles to the slices, along which they are ordered."""
        normal: NDArray[np.float64] = np.cross(self.row_step, self.column_step)
        normal = normal / np.linalg.norm(normal)
        whole = self.origins[-1] - self.origins[0]
        return -normal if whole @ normal < 0 else normal

    @cached_property
    def along(self) -> NDArray[np.float64]:
        """Position of each slice along ``normal`` in mm, shape (n,)."""
        return self.origins @ self.normal

    def in_plane(self, mm: Any) -> NDArray[np.float64]:
        """Return LPS vectors as fractional (rows, columns), shape ``(..., 2)``."""
        axes = np.stack(
            [
                self.column_step / (self.column_step @ self.column_step),
                self.row_step / (self.row_step @ self.row_step),
            ]
        )
        offsets: NDArray[np.float64] = np.asarray(mm, dtype=np.float64) @ axes.T
        return offsets

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "size": list(self.size),
            "origins": self.origins.tolist(),
            "column_step": self.column_step.tolist(),
            "row_step": self.row_step.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SliceStack:
        """Rebuild what `to_dict` returned."""
        rows, columns = data["size"]
        return cls(
            (int(rows), int(columns)),
            np.array(data["origins"], dtype=np.float64),
            np.array(data["column_step"], dtype=np.float64),
            np.array(data["row_step"], dtype=np.float64),
        )
