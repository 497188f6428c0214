"""From a series in files to a `Volume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import (
    DamagedFileError,
    GeometryError,
    InputError,
    ResourceError,
)
from medlab_gui.core.volume import Volume
from medlab_gui.io.scan import scan

if TYPE_CHECKING:
    import os

    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.series import FileSeries

__all__ = ["read_one", "read_volume"]

_DAMAGE = {"truncated"}
_NOT_GEOMETRY = {"no-codec", "colour", "complex", "no-numbers"}


def read_volume(
    series: FileSeries, *, progress: ProgressCallback | None = None
) -> Volume:
    """Read the voxels of a series.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it.
    progress : callable, optional
        Called as ``progress(done, total, message)`` once per slice.

    Returns
    -------
    Volume
        On the *native* grid; values rescaled as the files say, int16 (or uint8) where
        they fit exactly, else float32.

    Raises
    ------
    DamagedFileError
        If a file is incomplete, has gone or does not decode.
    GeometryError
        If the slices do not make a volume.
    InputError
        If the pixels cannot be read here (colour, a codec that is lacking).
    ResourceError
        If there is not enough memory.
    """
    if series.derivation is not None and series.grid is not None:
        stored = read_volume(series.derivation.source, progress=progress)
        derived = series.derivation.apply(stored.data, progress)
        return Volume(derived, series.grid, series.modality, series.units, series.uid)
    where = series.files[0].parent if len(series.files) > 1 else series.files[0]
    problem = series.blocking
    if problem is not None:
        name = series.description or series.uid
        message = f"The series {name!r} in {where} cannot be opened. {problem.message}"
        if problem.code in _DAMAGE:
            raise DamagedFileError(message, path=where)
        if problem.code in _NOT_GEOMETRY:
            raise InputError(message, path=where)
        raise GeometryError(message, path=where)
    assert series.grid is not None  # None only where a problem blocks
    try:
        if series.format == "dicom":
            from medlab_gui.io.dicom_pixels import read_dicom_voxels

            data = read_dicom_voxels(series, progress=progress)
        else:
            if progress is not None:
                progress(0, 1, "Reading the file")
            if series.format == "nifti":
                from medlab_gui.io.nifti import read_nifti_voxels

                data = read_nifti_voxels(series.files[0])
            else:
                from medlab_gui.io.itk_files import read_itk_voxels

                data = read_itk_voxels(series.files[0], series.format)
            if progress is not None:
                progress(1, 1, "Reading the file")
    except MemoryError as error:
        needed = np.prod(series.shape, dtype=np.int64) * 4 / 2**30
        message = (
            f"There is not enough memory for {where}: {series.shape} voxels need up to "
            f"{needed:.1f} GB. Close other programs or use a machine with more memory."
        )
        raise ResourceError(message, path=where) from error
    except OSError as error:
        message = f"{where} cannot be read any more: {error.strerror or error}."
        raise DamagedFileError(message, path=where) from error
    return Volume(data, series.grid, series.modality, series.units, series.uid)


def read_one(
    path: str | os.PathLike[str],
    series_uid: str | None = None,
    *,
    progress: ProgressCallback | None = None,
) -> tuple[FileSeries, Volume]:
    """Read the only series at a path, or the one that is named.

    Parameters
    ----------
    path : path
        A file or folder.
    series_uid : str, optional
        Which series, where there are several.
    progress : callable, optional
        Called as ``progress(done, total, message)``.

    Raises
    ------
    InputError
        If several series are there and none is named, or the named one is not there.
        Besides what `scan` and `read_volume` raise.
    """
    found = scan(path, progress=progress).series
    chosen: FileSeries
    if series_uid is not None:
        hits = [s for s in found if s.uid == series_uid]
        hits = hits or [s for s in found if s.original_uid == series_uid]
        if not hits:
            msg = f"There is no series {series_uid} in {path}. {_listed(found)}"
            raise InputError(msg)
        chosen = hits[0]
    elif len(found) == 1:
        chosen = found[0]
    else:
        sound = [s for s in found if s.blocking is None]
        if len(sound) != 1:
            msg = (
                f"There are {len(found)} series in {path}; say which one you mean. "
                f"{_listed(found)}"
            )
            raise InputError(msg)
        chosen = sound[0]
    return chosen, read_volume(chosen, progress=progress)


def _listed(found: tuple[FileSeries, ...]) -> str:
    lines = [
        f"{s.uid} ({s.modality}, {s.n_slices} slices"
        + (f", {s.description})" if s.description else ")")
        for s in found[:8]
    ]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"There are: {'; '.join(lines)}{more}."
