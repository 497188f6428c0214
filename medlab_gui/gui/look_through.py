"""Looks through files and folders for series, away from the Qt thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.io import FileSeries

__all__ = ["Group", "Looked", "group_of", "look_through"]

Group = tuple[str, str]
"""Study and series, as the files call them."""

_TELL_S = 0.03
"""A file takes a tenth of a millisecond, and to tell of it nearly as long."""


@dataclass(frozen=True)
class Looked:
    """What came of looking through files and folders.

    Parameters
    ----------
    series : tuple of FileSeries
        At least one.
    failures : tuple of MedlabError
        Of places in which there is none, where there were several places.
    n_read, n_files : int
        How many files were looked into, and how many there are in the places that were
        come to: fewer than these where the search was stopped.
    """

    series: tuple[FileSeries, ...]
    failures: tuple[MedlabError, ...] = ()
    n_read: int = 0
    n_files: int = 0


def group_of(series: FileSeries) -> Group:
    """Return the group of a series; one may be taken apart into several series."""
    return series.study_uid, series.original_uid


def _searches(paths: Sequence[Path]) -> list[tuple[Path, frozenset[Path]]]:
    """Return where to look for what was dropped, and for which files there.

    Slices are files: several that lie in one folder are looked for in that folder, so
    that what they are part of opens whole; but not what else lies there.
    """
    files: dict[Path, list[Path]] = {}
    for path in paths:
        if path.is_file():
            files.setdefault(path.parent, []).append(path)
    several = {place: frozenset(f) for place, f in files.items() if len(f) > 1}
    alone = [path for path in paths if path.parent not in several or path.is_dir()]
    return [*several.items(), *((path, frozenset()) for path in alone)]


def look_through(paths: Sequence[Path], ctx: JobContext) -> Looked:
    """Scan paths one after the other.

    What was met travels with the reports of progress, a whole group (what the files
    call one series) at a time: it may be taken apart when more of it is known. Where
    the job is stopped among the files, what was found by then is returned.

    Raises
    ------
    MedlabError
        If there is no series anywhere: what is wrong with the first of the places.
    """
    from medlab_gui.io import scan

    met: dict[Group, list[FileSeries]] = {}
    told = 0.0
    wanted: frozenset[Path] = frozenset()

    def is_wanted(series: FileSeries) -> bool:
        return not wanted or not wanted.isdisjoint(series.files)

    def found(series: FileSeries) -> None:
        if is_wanted(series):
            met.setdefault(group_of(series), []).append(series)

    def progress(done: float, total: float = 0, message: str = "") -> None:
        nonlocal told
        now = time.monotonic()
        if not met and now - told < _TELL_S:
            ctx.check()
            return
        told = now
        data = {"found": {k: tuple(v) for k, v in met.items()}} if met else None
        met.clear()
        ctx.progress(done, total, message, data)

    series: dict[str, FileSeries] = {}
    failures: list[MedlabError] = []
    of_several: list[MedlabError] = []
    searches = _searches(paths)
    n_places, n_read, n_files = len(searches), 0, 0
    for n, (place, wanted) in enumerate(searches):
        held: set[Path] = set()
        try:
            ctx.check()
            result = scan(
                place,
                nested=not wanted,
                progress=progress,
                found=found,
                stopped=lambda: ctx.is_cancelled,
            )
        except Cancelled:  # while files were listed, or unpacked
            if not series:
                raise
            break
        except MedlabError as error:
            if not wanted:
                (failures if n < n_places else of_several).append(error)
        else:
            here = [s for s in result.series if is_wanted(s)]
            series.update((s.uid, s) for s in here)
            held = {file for s in here for file in s.files}
            n_read, n_files = n_read + result.n_read, n_files + result.n_files
        # Archives and indices are looked into where they are opened themselves, and
        # each file that is no scan has a reason of its own.
        searches += [(file, frozenset()) for file in sorted(wanted - held)]
    if not series:
        ctx.check()
        raise (failures + of_several)[0]
    # A licence or a note that was taken along with the slices is not worth a word.
    return Looked(tuple(series.values()), tuple(failures), n_read, n_files)
