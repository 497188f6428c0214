"""Several slices shown as one: the brightest, the darkest or the mean of each ray."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.i18n import N_, _, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PROJECTION_NAMES", "THICKNESSES", "Projection", "Slab", "project"]

THICKNESSES = (3.0, 5.0, 10.0, 20.0, 30.0, 50.0)
"""Offered thicknesses in mm."""


class Projection(StrEnum):
    """What becomes of the values along a ray."""

    NONE = "none"
    MIP = "max"
    MINIP = "min"
    MEAN = "mean"


PROJECTION_NAMES = {
    Projection.NONE: N_("Single slice"),
    Projection.MIP: N_("MIP (brightest)"),
    Projection.MINIP: N_("MinIP (darkest)"),
    Projection.MEAN: N_("Mean"),
}

_SHORT = {
    Projection.MIP: N_("MIP"),
    Projection.MINIP: N_("MinIP"),
    Projection.MEAN: N_("mean"),
}


@dataclass(frozen=True)
class Slab:
    """How thick what a pane shows is.

    Parameters
    ----------
    projection : Projection
        NONE shows the slice alone.
    mm : float
        Thickness: the slices whose middle is at most half of it away.
    """

    projection: Projection = Projection.NONE
    mm: float = 10.0

    @property
    def is_on(self) -> bool:
        """Whether more than one slice is asked for."""
        return self.projection is not Projection.NONE

    def reach(self, spacing: float) -> int:
        """Return how many slices on either side take part.

        Parameters
        ----------
        spacing : float
            Distance in mm from a slice to the next.
        """
        return int(self.mm / 2 / spacing + 1e-6) if self.is_on else 0

    @property
    def short(self) -> str:
        """What becomes of the values, in a word; empty for a single slice."""
        return _(_SHORT[self.projection]) if self.is_on else ""

    def badge(self, spacing: float) -> str:
        """Return what is written on the picture; empty for a single slice."""
        if not self.is_on:
            return ""
        slices = counted(2 * self.reach(spacing) + 1, "1 slice", "{n} slices")
        return _("slab {mm:g} mm {kind}, {slices}").format(
            mm=self.mm, kind=self.short, slices=slices
        )


def project(
    data: NDArray[Any], axis: int, index: int, reach: int, projection: Projection
) -> NDArray[Any]:
    """Return one slice of a volume, or several of them as one.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        Grey values.
    axis : int
        Along which the slices are numbered.
    index : int
        The middle one.
    reach : int
        How many on either side take part; at the ends of the volume fewer do.
    projection : Projection
        What becomes of them.

    Returns
    -------
    ndarray, 2-D
        The remaining axes in their order; float32 for the mean.
    """
    where: list[int | slice] = [slice(None)] * 3
    if reach == 0 or projection is Projection.NONE:
        # Not `np.take`: of a scan whose axes are turned it would copy the whole first.
        where[axis] = index
        return np.array(data[tuple(where)], order="C")
    where[axis] = slice(max(0, index - reach), index + reach + 1)
    part = data[tuple(where)]
    if projection is Projection.MEAN:
        return np.asarray(part.mean(axis=axis, dtype=np.float32))
    # fmax and fmin pass over voxels without a value (NaN)
    best = np.fmax if projection is Projection.MIP else np.fmin
    return np.asarray(best.reduce(part, axis=axis))
