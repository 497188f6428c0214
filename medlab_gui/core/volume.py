"""A scan: an array on a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Grid, Reorientation

__all__ = ["Volume"]


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
        if self.data.shape != self.grid.shape:
            msg = (
                f"The volume has the shape {self.data.shape} but its grid has "
                f"{self.grid.shape}; they must be the same."
            )
            raise GeometryError(msg)

    def reoriented(self, how: Reorientation) -> Volume:
        """Return the same scan with its axes permuted and flipped (a view)."""
        return replace(self, data=how.apply(self.data), grid=how.grid)
