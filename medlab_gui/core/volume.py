"""Arrays on grids: pictures, masks, predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid, Reorientation
    from medlab_gui.core.labels import LabelScheme

__all__ = ["LabelMap", "Prediction", "Volume"]


def _check(name: str, array: NDArray[Any], grid: Grid) -> None:
    if array.shape != grid.shape:
        msg = (
            f"The {name} has the shape {array.shape} but its grid has {grid.shape}; "
            "they must be the same."
        )
        raise GeometryError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A scan: intensities on a grid.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        Integers or floats in ``units``, rescaled as the file says. Not copied.
    grid : Grid
        Where the voxels are.
    modality : str
        DICOM modality, ``"CT"``, ``"MR"``, ...; ``"OT"`` where unknown.
    units : str or None
        ``"HU"`` for CT, ``"SUV"``, or None for arbitrary units.
    series_uid : str
        DICOM Series Instance UID, or one derived from the content of the file.
    """

    data: NDArray[Any]
    grid: Grid
    modality: str
    units: str | None
    series_uid: str

    def __post_init__(self) -> None:
        _check("volume", self.data, self.grid)

    def reoriented(self, how: Reorientation) -> Volume:
        """Return the same scan with its axes permuted and flipped (a view)."""
        return replace(self, data=how.apply(self.data), grid=how.grid)


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """A mask: class values on a grid. Never interpolated, never filtered.

    Parameters
    ----------
    data : ndarray of uint8, shape (Z, Y, X)
        Values of ``scheme``; 0 background, 255 ignore. Not copied.
    grid : Grid
        Where the voxels are.
    scheme : LabelScheme
        What the values mean.
    confirmed : ndarray of bool, shape (Z,), optional
        Slices whose every voxel a person has looked at. None means all False.
    """

    data: NDArray[np.uint8]
    grid: Grid
    scheme: LabelScheme
    confirmed: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        _check("mask", self.data, self.grid)
        if self.data.dtype != np.uint8:
            msg = f"A mask must be uint8; found {self.data.dtype}."
            raise GeometryError(msg)
        if self.confirmed is None:
            confirmed = np.zeros(self.grid.shape[0], dtype=np.bool_)
            object.__setattr__(self, "confirmed", confirmed)
        elif self.confirmed.shape != self.grid.shape[:1]:
            msg = f"There are {self.grid.shape[0]} slices, not {self.confirmed.shape}."
            raise GeometryError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a network said about a scan.

    Parameters
    ----------
    labels : LabelMap
        The most probable class of each voxel.
    entropy : ndarray of float16, shape (Z, Y, X)
        ``-sum p log p / log C`` in [0, 1]; 0 is certain, 1 is uniform.
    checkpoint_id : str
        Which weights said so.
    probs : ndarray of float16, shape (C, Z, Y, X), optional
        Class probabilities, kept only when asked for.
    """

    labels: LabelMap
    entropy: NDArray[np.float16]
    checkpoint_id: str
    probs: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        _check("entropy", self.entropy, self.labels.grid)
