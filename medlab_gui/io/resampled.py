"""A series resampled onto a regular grid: which grid, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.records import Problem, Severity
from medlab_gui.core.slices import SliceStack
from medlab_gui.imaging.regrid import free_value, regrid, slice_sources
from medlab_gui.io.geometry_doctor import measure_distances
from medlab_gui.io.restack import with_applied
from medlab_gui.io.series import derived_uid
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.display import Display
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.series import FileSeries

__all__ = ["Resampled", "resample"]

_MOST_GROWTH = 4
"""How many times as many voxels a resampled scan may have."""

_ANSWERED = {
    "straighten": ("gantry-tilt", "shifted-slices"),
    "even-grid": ("missing-slices", "uneven-spacing"),
}


@dataclass(frozen=True, slots=True)
class Resampled:
    """How voxels are resampled when they are read (a `Derivation`).

    Parameters
    ----------
    source : FileSeries
        As measured.
    stack : SliceStack
        Where its slices lie.
    grid : Grid
        Where they are wanted.
    bridged : tuple of bool
        Between which neighbours it is right to interpolate.
    """

    source: FileSeries
    stack: SliceStack
    grid: Grid
    bridged: tuple[bool, ...]

    def apply(
        self,
        data: NDArray[Any],
        display: Display,
        progress: ProgressCallback | None = None,
    ) -> tuple[NDArray[Any], Display]:
        """Return the resampled voxels, and which value of theirs means nothing.

        What was not measured, whole slices and parts of others, gets a value of its
        own (`free_value`), which takes the place of the file's filling values.
        """
        dtype, fill = free_value(data, display.padding)
        made = regrid(
            data.astype(dtype, copy=False),
            self.stack,
            self.grid,
            self.bridged,
            fill=fill,
            padding=display.padding,
            progress=progress,
        )
        if not np.any(made == fill):
            return made.astype(data.dtype, copy=False), display
        return made, replace(display, padding=(fill, fill))


def resample(series: FileSeries, codes: Sequence[str]) -> FileSeries:
    """Return the series on a straight grid, an even grid or both.

    In-plane axes and pixel size stay as they are, so that slices which were measured at
    a place of the new grid keep their pixels.

    Parameters
    ----------
    series : FileSeries
        With a grid.
    codes : sequence of str
        ``"straighten"``, ``"even-grid"`` or both.

    Raises
    ------
    GeometryError
        If its axes or slices do not allow it.
    """
    stack = _stack(series)
    distances = measure_distances(stack.along)
    problems = {p.code for p in series.problems}
    uneven = problems & {"missing-slices", "uneven-spacing", "overlapping-blocks"}
    if "straighten" in codes and "even-grid" not in codes and uneven:
        msg = (
            "The slices are not evenly spaced either, so they cannot be put on a "
            "straight grid alone; choose even-grid as well."
        )
        raise GeometryError(msg, path=series.files[0])
    grid = _target(
        stack,
        distances.median if "even-grid" in codes else None,
        straight="straighten" in codes,
        reference=None if series.grid is None else series.grid.frame_of_reference,
    )
    if np.prod(grid.shape) > _MOST_GROWTH * np.prod(stack.shape) + 1e6:
        msg = (
            f"A regular grid for these slices would have {_times(grid.shape)} voxels, "
            "far more than were measured; keep them as measured, or use the longest "
            "regular part."
        )
        raise GeometryError(msg, path=series.files[0])
    sources = slice_sources(stack, grid, distances.bridged)
    empty = [k for k, s in enumerate(sources) if not s.slices]
    blended = sum(len(s.slices) == 2 for s in sources)
    answered = [c for code in codes for c in _ANSWERED[code]]
    kept = [p for p in series.problems if p.code not in answered]
    told = [
        Problem(
            "resampled",
            Severity.NOTE,
            "The series was resampled as you asked: a mask that is made on it belongs "
            "to the resampled grid, not to the slices of the files.",
        )
    ]
    if empty:
        told.append(
            Problem(
                "not-measured",
                Severity.WARNING,
                f"{counted(len(empty), 'slice was', 'slices were')} never measured: "
                "the place is filled and hatched, no figure of grey values counts it, "
                "and volumes across it are a guess.",
            )
        )
    done = replace(
        series,
        uid=derived_uid(series.uid, *codes),
        n_slices=grid.shape[0],
        shape=grid.shape,
        grid=grid,
        problems=(*kept, *told),
        part=", ".join(filter(None, (series.part, "resampled"))),
        derivation=Resampled(series, stack, grid, distances.bridged),
        spare=(),
    )
    assert series.grid is not None  # or there would be no stack
    details = {
        "source": stack.to_dict(),
        "source_grid": series.grid.to_dict(),
        "not_measured": empty,
    }
    for code in codes:
        if code == "straighten":
            effect = (
                f"Slices were moved within their planes onto a straight grid of "
                f"{_times(grid.shape)} voxels (linear interpolation)."
            )
        else:
            effect = (
                f"{len(stack.origins)} slices were put on an even grid of "
                f"{grid.shape[0]} slices {grid.spacing[0]:.4g} mm apart: {blended} "
                f"interpolated, {len(empty)} not measured."
            )
        done = with_applied(done, code, effect, **details)
    return done


def _times(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)


def _stack(series: FileSeries) -> SliceStack:
    if series.grid is None:
        msg = "A series that is no volume cannot be resampled."
        raise GeometryError(msg, path=series.files[0])
    own = series.derivation is None and len(series.frames) == series.shape[0]
    if series.format != "dicom" or not own:
        return SliceStack.from_grid(series.grid)
    return SliceStack(
        series.grid.shape[1:],
        np.array([f.position for f in series.frames], dtype=np.float64),
        np.array(series.grid.affine[:3, 1]),
        np.array(series.grid.affine[:3, 2]),
    )


def _target(
    stack: SliceStack, step_mm: float | None, *, straight: bool, reference: str | None
) -> Grid:
    """Return a grid that holds all slices, with their rows and columns."""
    along = stack.along
    length = float(along[-1] - along[0])
    n = len(along) if step_mm is None else max(2, round(length / step_mm) + 1)
    step_mm = length / (n - 1)
    if straight:
        step = stack.normal * step_mm
    else:
        whole = stack.origins[-1] - stack.origins[0]
        step = whole / (whole @ stack.normal) * step_mm
    # Where each slice's first pixel lies, in pixels of the grid that begins at slice 0.
    heights = (along - along[0]) / step_mm
    offsets = stack.in_plane(stack.origins - stack.origins[0] - np.outer(heights, step))
    low = np.floor(offsets.min(axis=0) + 1e-3).astype(int)
    high = np.ceil(offsets.max(axis=0) - 1e-3).astype(int)
    origin = stack.origins[0] + stack.column_step * low[0] + stack.row_step * low[1]
    rows, columns = (int(v) for v in np.array(stack.size) + high - low)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = stack.column_step
    affine[:3, 2] = stack.row_step
    affine[:3, 3] = origin
    return Grid((n, rows, columns), affine, reference)
