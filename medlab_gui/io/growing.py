"""Files that are still being written while they are looked at: a copy, a scanner.

A file that is short of pixels tells so itself (``truncated``). What does not is a
series of which slices have yet to come, and a file that was given its length before
its content. So what is imported must have lain still for a moment, and its folder must
be as it was when it was looked through.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError
from medlab_gui.core.own_files import is_of_project
from medlab_gui.io.archives import origin
from medlab_gui.io.companions import is_named_companion
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from medlab_gui.io.series import FileSeries

    Contents = dict[Path, tuple[int, frozenset[str]]]
    Stamps = dict[Path, tuple[int, int]]
    State = tuple[int, int, int]

__all__ = [
    "SETTLE_S",
    "contents_of",
    "folders_of",
    "maybe_growing",
    "refuse_growing",
    "refuse_rewritten",
    "state_of",
    "that_matter",
]

SETTLE_S = 1.5
"""How long files must have lain still, seconds."""
_LOOK_S = 0.05
_JUST_NOW_S = 60.0
"""How long after its last change a file may still be in the middle of a copy."""


def folders_of(files: Iterable[str]) -> set[Path]:
    """Return the folders in which files lie."""
    # Of thousands: a path takes longer to take apart and to compare than its text.
    return {Path(p) for p in {os.path.dirname(f) for f in files}}  # noqa: PTH120


def contents_of(folders: Iterable[Path]) -> Contents:
    """Return what is in folders: their times of change (ns), and names of files."""
    found: Contents = {}
    for folder in folders:
        try:
            found[folder] = folder.stat().st_mtime_ns, _names(folder)
        except OSError:
            continue  # what cannot be listed is told elsewhere
    return found


def refuse_growing(
    series: FileSeries,
    check: Callable[[], object],
    *,
    read_since: float | None = None,
) -> bool:
    """Make sure that nobody is writing the files of a series.

    Waits until they have lain still for `SETTLE_S`, which they mostly have.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it.
    check : callable
        Called while it waits; may raise to cancel.
    read_since : float, optional
        When reading its voxels began (`time.time`), if it has begun already.

    Returns
    -------
    bool
        Whether voxels that were read before have to be read again.

    Raises
    ------
    InputError
        If a file changes, or has since its header was read, or others appear beside the
        slices.
    """
    files = {origin(f) for f in series.files}
    if files != set(series.files):
        return False  # unpacked by MedLab; the archive was whole
    _refuse_new(series)
    refuse_rewritten(series)
    before = _stamps((*files, *series.contents))
    newest = max((t for t, _ in before.values()), default=0) / 1e9
    age = time.time() - newest
    if 0 <= age < SETTLE_S:
        until = time.monotonic() + SETTLE_S - age
        while time.monotonic() < until:
            check()
            time.sleep(_LOOK_S)
        _refuse_new(series)
        # What came or went beside them is told by its name: it may be a project's.
        if _stamps(files) != {f: at for f, at in before.items() if f in files}:
            raise _growing(series, "a file changed while MedLab looked at it")
    return read_since is not None and newest > read_since - SETTLE_S


def refuse_rewritten(series: FileSeries) -> None:
    """Make sure that headers say what they said when they were read.

    A list of what a folder holds may stand on the screen for hours. Voxels of new files
    under the headers of old ones would have wrong values, or lie in a wrong place.

    Parameters
    ----------
    series : FileSeries
        As `scan` found it.

    Raises
    ------
    InputError
        If a file has another state than then, and another header.
    """
    changed = [f for f in series.files if _is_changed(series, f)]
    others = _with_other_headers(series, changed)
    if not others:
        return
    what = f"{others[0].name} says"
    if len(others) > 1:
        what = f"{len(others)} of its {len(series.files)} files say"
    msg = (
        f"{series.name}: {what} something else about the scan than when MedLab looked "
        "through it; another program has written to it since. Nothing was imported. "
        "Open the file or folder again."
    )
    raise InputError(msg, path=others[0])


def state_of(file: Path, facts: os.stat_result | None = None) -> State:
    """Return size in bytes, and times in ns at which content and entry changed.

    The latter tells of a program that sets the old time of its files again.

    Parameters
    ----------
    file : Path
        It is looked at.
    facts : os.stat_result, optional
        What the system says of it, where that was asked for already.

    Raises
    ------
    OSError
        If it is not there.
    """
    if facts is None:
        facts = file.stat()
    entered = facts.st_ctime_ns  # on Windows the time at which it was made
    if sys.platform == "win32":
        from medlab_gui.io.change_times import change_time_ns

        entered = change_time_ns(file) or entered
    return facts.st_size, facts.st_mtime_ns, entered


def _is_changed(series: FileSeries, file: Path) -> bool:
    then = series.looked.get(str(file))
    try:
        return then is not None and state_of(file) != then
    except OSError:
        return False  # what reads it tells so


def _with_other_headers(series: FileSeries, changed: list[Path]) -> list[Path]:
    """Return the files of which is understood something else than then.

    What a file means may follow from what lies beside it: of a stack the distance of
    slices, of PET the time to which activity is corrected. So they are looked at
    together; those beside them too where that does not give the same.
    """
    from medlab_gui.io.scan import scan_files

    if not changed:
        return []
    then = _understood(series, changed)
    now = _all_understood(scan_files(series.files), changed)
    if any(then[f] - now[f] for f in changed):
        folders = folders_of(map(str, series.files))
        beside = [f for f in map(Path, series.looked) if f.parent in folders]
        now = _all_understood(scan_files(beside), changed)
    return [f for f in changed if then[f] - now[f]]


def _all_understood(
    found: Iterable[FileSeries], files: list[Path]
) -> dict[Path, set[Hashable]]:
    result: dict[Path, set[Hashable]] = {f: set() for f in files}
    for series in found:
        for file, facts in _understood(series, files).items():
            result[file] |= facts
    return result


def _understood(series: FileSeries, files: list[Path]) -> dict[Path, set[Hashable]]:
    """Return what of each file counts: of a DICOM file frame by frame."""
    from medlab_gui.io.file_stamps import as_understood

    whose = series.original_uid, series.patient_key, series.units
    result: dict[Path, set[Hashable]] = {f: set() for f in files}
    for frame in series.frames:
        if frame.path in result:
            result[frame.path].add((whose, *as_understood([frame])))
    if not series.frames:
        lies = None if series.grid is None else series.grid.affine.tobytes()
        whole = (whose, series.volume_index, series.shape, lies)
        for file in set(files).intersection(series.files):
            result[file].add(whole)
    return result


def _refuse_new(series: FileSeries) -> None:
    for folder, (changed, names) in series.contents.items():
        try:
            if folder.stat().st_mtime_ns == changed:
                continue
            n_new = len(_names(folder) - names)
        except OSError:
            continue  # gone: what reads the slices tells so
        if n_new:
            what = f"{counted(n_new, 'file has', 'files have')} appeared"
            raise _growing(series, f"{what} since it was looked through")


def that_matter(names: Iterable[str]) -> frozenset[str]:
    """Return the names of files that may be slices."""
    return frozenset(
        n for n in names if not (is_named_companion(n) or is_of_project(n))
    )


def maybe_growing(files: Iterable[Path]) -> str:
    """Return what to say of files that lack something: they may still be copied.

    Parameters
    ----------
    files : iterable of Path
        Not those in an archive.

    Returns
    -------
    str
        A sentence with a space before it, or "" where all have lain still for long.
    """
    newest = max((t for t, _ in _stamps(files).values()), default=0) / 1e9
    if not 0 <= time.time() - newest < _JUST_NOW_S:
        return ""
    return (
        " It was written a moment ago: if it is still being copied, wait until that "
        "has finished and try again."
    )


def _names(folder: Path) -> frozenset[str]:
    with os.scandir(folder) as entries:
        return that_matter(e.name for e in entries if not e.is_dir())


def _stamps(places: Iterable[Path]) -> Stamps:
    found: Stamps = {}
    for place in places:
        try:
            about = place.stat()
        except OSError:
            continue
        found[place] = about.st_mtime_ns, about.st_size
    return found


def _growing(series: FileSeries, what: str) -> InputError:
    where = series.files[0].parent if len(series.files) > 1 else series.files[0]
    msg = (
        f"{where} is still being written: {what}. Nothing was imported. Wait until the "
        "copy or the scanner has finished, and open it again."
    )
    return InputError(msg, path=where)
