"""Numbers and places in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from medlab_gui.core.geometry import Grid

__all__ = ["counted", "placed", "sized"]

_TURNED_DEGREES = 0.05


def counted(n: int, one: str, many: str) -> str:
    """Return ``"1 slice is"`` or ``"3 slices are"``."""
    return f"{n:,} {one if n == 1 else many}"


def sized(n_bytes: int) -> str:
    """Return ``"3.2 GB"``, ``"40 MB"`` or ``"12 kB"``."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{max(1, round(n_bytes / 1024))} kB"


def placed(grid: Grid) -> str:
    """Return where voxels are, so that no two grids that differ read alike.

    Parameters
    ----------
    grid : Grid
        Any.

    Returns
    -------
    str
        Such as ``"9 x 18 x 20 voxels of 3 x 0.8 x 0.8 mm (Z x Y x X), axes LPS turned
        by 21.3 degrees, from (-10.0, -5.0, -20.0) mm"``.
    """
    size = " x ".join(str(n) for n in grid.shape)
    spacing = " x ".join(f"{v:.4g}" for v in grid.spacing)
    corner = ", ".join(f"{v:.1f}" for v in grid.affine[:3, 3])
    cosines = np.abs(grid.affine[:3, :3] / grid.spacing).max(axis=0)
    degrees = float(np.degrees(np.arccos(min(1.0, float(cosines.min())))))
    turned = f" turned by {degrees:.3g} degrees" if degrees > _TURNED_DEGREES else ""
    return (
        f"{size} voxels of {spacing} mm (Z x Y x X), axes {grid.orientation}{turned}, "
        f"from ({corner}) mm"
    )
