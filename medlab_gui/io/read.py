"""From a series in files to a `Volume`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.core.errors import DamagedFileError, GeometryError, InputError
from medlab_gui.io.scan import scan
from medlab_gui.io.series import FileSeries
from medlab_gui.io.stream import VolumeStream, place_of
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from medlab_gui.core.volume import Volume
    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = ["open_stream", "read_checked", "read_one", "read_volume"]

_DAMAGE = {"truncated"}
_NOT_GEOMETRY = {"no-codec", "colour", "complex", "no-numbers", "unknown-bits"}


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
    return read_checked(series, progress=progress)[1]


def read_checked(
    series: FileSeries,
    *,
    progress: ProgressCallback | None = None,
    stream: VolumeStream | None = None,
) -> tuple[FileSeries, Volume]:
    """Read the voxels of a series, and what only they can tell about it.

    A scan looks at a part of large NIfTI, NRRD and MetaImage files. Voxels that hold
    no number, or all the same one, are found when all of them are read.

    Parameters
    ----------
    series, progress
        As for `read_volume`.
    stream : VolumeStream, optional
        One that reads this series already; it is waited for.

    Returns
    -------
    FileSeries
        The series with the problems of its voxels, and which of them a resampling
        filled (``display.padding``).
    Volume
        As `read_volume` returns it.

    Raises
    ------
    MedlabError
        As `read_volume`.
    """
    refuse_blocked(series)
    if stream is None:
        stream = VolumeStream(series, start_at=-1)
    volume = stream.wait(progress)
    if stream.problems or stream.display != series.display:
        problems = (*series.problems, *stream.problems)
        series = replace(series, problems=problems, display=stream.display)
    return series, volume


def open_stream(
    source: FileSeries | str | os.PathLike[str],
    series_uid: str | None = None,
    *,
    start_at: int | None = None,
    on_filled: Callable[[VolumeStream, tuple[int, ...]], None] | None = None,
    on_end: Callable[[VolumeStream, Exception | None], None] | None = None,
    progress: ProgressCallback | None = None,
) -> VolumeStream:
    """Begin to read a series, to look at it while the rest comes in.

    Parameters
    ----------
    source : FileSeries or path
        As `scan` found it; or a file or folder, which is scanned first.
    series_uid : str, optional
        Which series, where there are several at a path.
    start_at, on_filled, on_end
        As for `VolumeStream`.
    progress : callable, optional
        Called while a path is scanned.

    Returns
    -------
    VolumeStream
        At once (after the scan); reading goes on by itself.

    Raises
    ------
    MedlabError
        What `scan`, `read_one` and `read_volume` raise before the first voxel is read.
    """
    series = (
        source
        if isinstance(source, FileSeries)
        else _choose(source, series_uid, progress)
    )
    refuse_blocked(series)
    return VolumeStream(series, start_at=start_at, on_filled=on_filled, on_end=on_end)


def refuse_blocked(series: FileSeries) -> None:
    """Raise what keeps a series from being read as a volume, if something does."""
    problem = series.blocking
    if problem is None:
        return
    where = place_of(series)
    name = series.description or series.uid
    message = f"The series {name!r} in {where} cannot be opened. {problem.message}"
    if problem.code in _DAMAGE:
        raise DamagedFileError(message, path=where)
    if problem.code in _NOT_GEOMETRY:
        raise InputError(message, path=where)
    raise GeometryError(message, path=where)


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
    chosen = _choose(path, series_uid, progress)
    return read_checked(chosen, progress=progress)


def _choose(
    path: str | os.PathLike[str],
    series_uid: str | None,
    progress: ProgressCallback | None,
) -> FileSeries:
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
                f"There are {len(found)} series in {path}; say which one you mean "
                f"(--series UID). {_listed(found)}"
            )
            raise InputError(msg)
        chosen = sound[0]
    return chosen


def _listed(found: tuple[FileSeries, ...]) -> str:
    lines = [
        f"{s.uid} ({s.modality}, {counted(s.n_slices, 'slice', 'slices')}"
        + (f", {s.name})" if s.description or s.part else ")")
        for s in found[:8]
    ]
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return f"There are: {'; '.join(lines)}{more}."
