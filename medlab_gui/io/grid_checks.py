"""What is odd about a grid, whatever file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from medlab_gui.core.geometry import Grid

__all__ = ["KEPT_SLANTED", "shear_problems", "spacing_problems"]

KEPT_SLANTED = (
    "Nothing is resampled: MedLab draws the slices where they were taken, and lengths, "
    "angles, areas, volumes and distances between surfaces are true. Other programs "
    "and networks that look across slices take the slices for straight; for those, "
    "resample onto a straight grid."
)
"""What a slant means for whoever looks at the scan."""


def spacing_problems(grid: Grid) -> list[Problem]:
    """Report voxels smaller or larger than any scanner makes them."""
    dz, dy, dx = grid.spacing
    if min(grid.spacing) >= 0.01 and max(dy, dx) <= 20 and dz <= 100:
        return []
    message = (
        f"The file gives voxels of {dz:.4g} x {dy:.4g} x {dx:.4g} mm, which no scanner "
        "makes; do not measure before it is clear why."
    )
    return [Problem("absurd-spacing", Severity.UNSAFE, message)]


def shear_problems(grid: Grid) -> list[Problem]:
    """Report axes that are not at right angles, for files of ready-made volumes."""
    if not grid.is_slanted:
        return []
    message = (
        "The axes of the volume are not at right angles (a tilted scanner, or a "
        f"registration). {KEPT_SLANTED}"
    )
    return [Problem("gantry-tilt", Severity.WARNING, message)]
