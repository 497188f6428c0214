"""Whether the files of a series are those that the project has under its UID."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.commands.values import counted
from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.records import Series
    from medlab_gui.core.volume import Volume
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io import FileSeries
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "DIFFERS",
    "apart_from_known",
    "beside_known",
    "earlier_content",
    "other_patient",
    "source_of",
    "unread",
]

DIFFERS = "differs-from-project"
"""Code of the problem of a series that lies beside another of its UID."""


def source_of(found: FileSeries) -> str:
    """Return the folder of a series' files, or its only file."""
    from medlab_gui.io.archives import origin

    first = origin(found.files[0])
    return str(first.parent if len(found.files) > 1 else first)


def apart_from_known(store: ProjectStore, series: FileSeries) -> FileSeries:
    """Return a series under a UID of its own where the project has another grid.

    So it is where a part of a series was taken in first, such as one slice of it, or
    what had come of it until then. The masks made on what is there belong to it.
    Nothing is read.

    Parameters
    ----------
    store : ProjectStore
        The project.
    series : FileSeries
        What `io.scan` found.

    Returns
    -------
    FileSeries
        The same one where the project does not have it, or has it on the same grid.
    """
    if series.grid is None or not store.has_series(series.uid):
        return series
    there = store.series(series.uid).reorientation.source
    if there.same_as(series.grid):
        return series
    here = counted(series.n_slices, "slice")
    place = series.grid.affine.round(3).tolist()
    return _beside(
        series,
        "The project has this series already, with another geometry "
        f"({counted(there.shape[0], 'slice')}; {here} in these files).",
        here,
        repr((series.grid.shape, place)),
    )


def beside_known(
    store: ProjectStore,
    series: FileSeries,
    stamp: str,
    progress: ProgressCallback | None = None,
) -> FileSeries:
    """Return what the project has of a series, or what its files are beside that.

    Files in the state in which they were last read are what they were then. Of others
    all voxels are read and compared: their sender may have mended them, or another
    program have written them anew where they lay.

    Parameters
    ----------
    store : ProjectStore
        The project, which has ``series.uid``.
    series : FileSeries
        As `apart_from_known` returned it.
    stamp : str
        State of its files (`io.file_stamps`).
    progress : callable, optional
        Called as ``progress(done, total, message)`` while they are read.

    Returns
    -------
    FileSeries
        The same one where the voxels are the same. Else under the UID of the series of
        the project that has these, or a new one where none has.

    Raises
    ------
    MedlabError
        If they have to be read and cannot be.
    """
    from medlab_gui.io import read_checked

    known = store.stamped(stamp) if stamp else None
    if known == series.uid:
        return series
    if known is not None:
        return _as_recorded(series, store.series(known))
    record = store.series(series.uid)
    _, volume = read_checked(series, progress=progress)
    changed = _other_slices(store, record, volume)
    if not changed and record.units == volume.units:
        return series
    for other in store.series_list(record.study_uid):
        if (
            any(p.code == DIFFERS for p in other.problems)
            and other.reorientation.source.same_as(volume.grid)
            and other.units == volume.units
            and not _other_slices(store, other, volume)
        ):
            return _as_recorded(series, other)
    digest = sha256(repr((volume.units, volume.data.dtype.str)).encode())
    for plane in volume.data:
        digest.update(np.ascontiguousarray(plane).tobytes())
    how = f"other units ({volume.units or 'none'}, not {record.units or 'none'})"
    if changed:
        of = counted(series.n_slices, "slice")
        how = f"other grey values in {len(changed)} of {of}"
    said = f"The project has this series already, with {how}."
    if record.source == source_of(series):
        said = f"These files have {how} than when the project took them in."
    part = "other values" if changed else "other units"
    return _beside(series, said, part, digest.hexdigest(), _files_of(series, changed))


def _beside(
    series: FileSeries, said: str, part: str, key: str, files: Sequence[Path] = ()
) -> FileSeries:
    from medlab_gui.io.series import derived_uid

    told = Problem(
        DIFFERS,
        Severity.WARNING,
        f"{said} What the project has is left as it is, with its masks; these files "
        "are a series of their own beside it, without masks.",
        tuple(f.name for f in files),
    )
    return replace(
        series,
        uid=derived_uid(series.uid, "beside", key),
        part=", ".join(p for p in (series.part, part) if p),
        problems=(*series.problems, told),
    )


def _as_recorded(series: FileSeries, record: Series) -> FileSeries:
    """Return a series as the one of the project that has its voxels."""
    told = [p for p in record.problems if p.code == DIFFERS]
    return replace(
        series,
        uid=record.uid,
        description=record.description,
        part="",
        problems=(*(p for p in series.problems if p.code != DIFFERS), *told),
    )


def _other_slices(store: ProjectStore, record: Series, volume: Volume) -> list[int]:
    """Return which slices of the file's own grid have other values."""
    kept = record.reorientation.restore(store.array(record.blob))
    return [
        k
        for k, (old, new) in enumerate(zip(kept, volume.data, strict=True))
        if not _same(old, new)
    ]


def _same(old: NDArray[Any], new: NDArray[Any]) -> bool:
    if np.array_equal(old, new):
        return True
    floats = old.dtype.kind == "f" and new.dtype.kind == "f"
    return floats and np.array_equal(old, new, equal_nan=True)


def _files_of(series: FileSeries, slices: Sequence[int]) -> list[Path]:
    """Return the files of slices, where each has its own."""
    from medlab_gui.io.archives import origin

    if len(series.files) < 2 or len(series.frames) != series.n_slices:
        return []
    return list(dict.fromkeys(origin(series.frames[k].path) for k in slices))


def other_patient(store: ProjectStore, series: FileSeries) -> Problem | None:
    """Return what to say where files name another patient than the project does."""
    if series.format != "dicom" or not store.has_series(series.uid):
        return None
    study = store.study(store.series(series.uid).study_uid)
    if study.patient_key == series.patient_key:
        return None
    return Problem(
        "patient-differs",
        Severity.WARNING,
        "These files name another patient than the one under whom the project has this "
        f"study (pseudonyms {series.patient_key} and {study.patient_key}). The project "
        "keeps the first. Find out which is right; where it is the new one, import the "
        "files into a new project.",
    )


def unread(why: str) -> Problem:
    """Return what to say of files that are not readable any more."""
    return Problem(
        "files-unreadable",
        Severity.WARNING,
        "These files cannot be compared with what the project has of them, which is "
        f"shown. {why}",
    )


def earlier_content(store: ProjectStore, series: FileSeries) -> Problem | None:
    """Return what to say where a file had other content when the project took it in.

    A file without UIDs is known by its content, so that it is a new series then. It
    lies where the old one lay, and its masks are not to be looked for in vain.
    """
    if series.format == "dicom":
        return None
    if store.has_series(series.uid):
        told = store.series(series.uid).problems
        return next((p for p in told if p.code == DIFFERS), None)
    applied = [a.code for a in series.applied]
    for record in store.series_from(source_of(series)):
        is_the_same = record.description == series.name
        if is_the_same and [a.code for a in record.remedies] == applied:
            return Problem(
                DIFFERS,
                Severity.WARNING,
                f"{series.files[0].name} was written anew since the project took it "
                "in. What the project has is left as it is, with its masks; the file "
                "as it is now is a series of its own beside it, without masks.",
            )
    return None
