"""One slice of a series in files, to know it by before anything else is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.geometry import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.io.series import FileSeries

__all__ = ["middle_slice"]

_MOST_VOXELS = 1 << 25
"""Of files that can only be read whole; larger ones have no picture before opening."""


def middle_slice(
    series: FileSeries,
) -> tuple[NDArray[Any], tuple[float, float]] | None:
    """Read the slice in the middle, the way up in which it will be shown.

    Slices that are nearly axial are turned as the working grid has them; others are
    shown as they were taken.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it, or as it is known so far.

    Returns
    -------
    (ndarray, shape (Y, X); (dy, dx) in mm), or None
        None where the whole of a large file would have to be read for it.

    Raises
    ------
    MedlabError
        If the slice cannot be read.
    """
    n = series.shape[0]
    how = series.grid.canonical() if series.grid is not None else None
    axial = how is not None and how.axes[0] == 0
    k = n // 2
    if how is not None and axial and how.flips[0]:
        k = n - 1 - k
    if series.format == "dicom" and series.derivation is None and series.frames:
        from medlab_gui.io.dicom_pixels import SliceFiller

        frame = series.frames[min(k, len(series.frames) - 1)]
        rows, columns = frame.layout.rows, frame.layout.columns
        one = replace(series, frames=(frame,), shape=(1, rows, columns), n_slices=1)
        filler = SliceFiller(one)
        filler.fill(0)
        picture: NDArray[Any] = filler.data[0]
    elif series.blocking is None and np.prod(series.shape) <= _MOST_VOXELS:
        from medlab_gui.io.stream import VolumeStream

        picture = VolumeStream(series, start_at=-1).wait().data[k]
    else:
        return None
    if series.grid is None:
        frame_spacing = series.frames[0].pixel_spacing if series.frames else None
        return picture, frame_spacing or (1.0, 1.0)
    if how is None or not axial:
        return picture, series.grid.spacing[1:]
    plane = Grid((1, *picture.shape), series.grid.affine).canonical()
    return plane.apply(picture[np.newaxis])[0], plane.grid.spacing[1:]
