"""Files that cannot be read, told to the series that they may be slices of.

A slice whose file was cut off leaves a gap that the geometry shows, unless it is the
first or the last one: then nothing but the file itself tells that the scan is shorter
than it was.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.archives import origin
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.io.archives import Unpacked
    from medlab_gui.io.series import FileSeries

__all__ = ["lost_in_archive", "may_be_slice", "with_lost_slices"]

_HEAD_BYTES = 1 << 16
_SERIES_UID = re.compile(rb"\x20\x00\x0e\x00(?:UI..|..\x00\x00)([0-9.]{5,64})", re.S)
"""Series Instance UID (0020,000E), explicit or implicit, little endian."""
_NAMED = 3


def may_be_slice(path: Path, *, damaged: bool) -> bool:
    """Tell whether a file that no picture comes from may have been a DICOM slice.

    Parameters
    ----------
    path : Path
        What could not be read.
    damaged : bool
        Whether it is broken or cannot be opened; else it holds something else.

    Returns
    -------
    bool
        True for what is marked as DICOM and broken, and for what is named like DICOM
        (``.dcm``; no ending or a number) and holds something else, or nothing but
        zeros. False for sound DICOM without a picture.
    """
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    named = ending in (".dcm", ".ima")
    maybe = named or not ending or ending[1:].isdecimal()
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return damaged and maybe
    if head[128:132] == b"DICM":
        return damaged
    return named or (maybe and (damaged or not any(head)))


def lost_in_archive(unpacked: Unpacked) -> tuple[list[Path], list[str]]:
    """Return what slices an archive may have held that could not be unpacked.

    Parameters
    ----------
    unpacked : Unpacked
        An archive, and what was left out of it.

    Returns
    -------
    files : list of Path
        Where members would be that are named like slices.
    sentences : list of str
        On archives that end too early, so that nobody knows what they held.
    """
    files, sentences = [], []
    for one in unpacked.ignored:
        place = unpacked.folder / one.path.relative_to(unpacked.archive)
        if f"{one.path.name} is damaged" in one.reason:
            sentences.append(one.reason)
        elif may_be_slice(place, damaged=True):
            files.append(place)
    return files, sentences


def with_lost_slices(
    series: Sequence[FileSeries],
    lost: Sequence[Path],
    broken_archives: Sequence[str] = (),
) -> list[FileSeries]:
    """Return series that say which files they may lack.

    Parameters
    ----------
    series : sequence of FileSeries
        All of a scan.
    lost : sequence of Path
        Files that are damaged or cannot be opened. One whose header still names its
        series belongs to that; another one to the DICOM series in its folder.
    broken_archives : sequence of str
        See `lost_in_archive`; they may have held slices of any DICOM series.

    Returns
    -------
    list of FileSeries
        In the same order.
    """
    if not lost and not broken_archives:
        return list(series)
    beside: dict[Path, set[str]] = defaultdict(set)
    for one in series:
        if one.format == "dicom":
            for file in one.files:
                for folder in _folders(file):
                    beside[folder].add(one.original_uid)
    certain: dict[str, list[str]] = defaultdict(list)
    doubtful: dict[str, list[str]] = defaultdict(list)
    known = {one.original_uid for one in series}
    archives = tuple(broken_archives)
    for path in lost:
        uid = _series_uid(path)
        uids = {uid} if uid in known else beside[path.parent]
        for each in uids:
            (certain if len(uids) == 1 else doubtful)[each].append(path.name)
    return [
        _told(one, certain[one.original_uid], doubtful[one.original_uid], archives)
        if one.format == "dicom"
        else one
        for one in series
    ]


def _folders(file: Path) -> set[Path]:
    """Return where a file lies, and where it lay that was packed on its own."""
    packed = origin(file).parent
    return {file.parent, packed.parent} if packed.is_file() else {file.parent}


def _series_uid(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = _SERIES_UID.search(file.read(_HEAD_BYTES))
    except OSError:
        return ""
    return found[1].decode("ascii") if found is not None else ""


def _told(
    one: FileSeries,
    certain: list[str],
    doubtful: list[str],
    broken_archives: tuple[str, ...],
) -> FileSeries:
    problems = [
        Problem(
            "unreadable-files",
            Severity.WARNING,
            f"{reason} Slices of this series may be among what is lost.",
        )
        for reason in broken_archives
    ]
    if certain:
        message = (
            f"{counted(len(certain), 'file', 'files')} that seem"
            f"{'s' if len(certain) == 1 else ''} to belong to this series cannot be "
            f"read and {'was' if len(certain) == 1 else 'were'} left out: "
            f"{_listed(certain)}. Slices may be missing, also at the ends where no gap "
            "shows it. Fetch or export the scan again."
        )
        problems.append(
            Problem("unreadable-files", Severity.WARNING, message, tuple(certain))
        )
    if doubtful:
        message = (
            f"{counted(len(doubtful), 'file', 'files')} beside this series cannot be "
            "read, and which series of the folder "
            f"{'it belongs' if len(doubtful) == 1 else 'they belong'} to cannot be "
            f"told: {_listed(doubtful)}."
        )
        problems.append(
            Problem("unreadable-files", Severity.NOTE, message, tuple(doubtful))
        )
    return replace(one, problems=(*one.problems, *problems)) if problems else one


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
