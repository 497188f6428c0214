"""Which files of a series are copies of others, and whose pictures they are."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from medlab_gui.io.dicom_headers import DicomHeader
    from medlab_gui.io.series import Frame

__all__ = ["n_people", "names_differ", "without_copies"]

_SAMPLE_BYTES = 4096


def without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Problem]]:
    """Leave out files that are copies of another (same SOP Instance UID).

    Broken anonymisers give all slices one UID, and programs that change pixels may
    leave it as it is; so copies are at the same place and have the same pixels, too.

    Parameters
    ----------
    frames : sequence of Frame
        Of one series.

    Returns
    -------
    list of Frame, list of Problem
        Each slice once, and what to tell.
    """
    seen: dict[tuple[str, int], Frame] = {}
    copies: list[Path] = []
    n_changed = 0
    for frame in frames:
        key = (frame.sop_uid or str(frame.path), frame.index)
        first = seen.setdefault(key, frame)
        if first is frame:
            continue
        same_place = (first.position, first.kinds) == (frame.position, frame.kinds)
        if same_place and _same_pixels(first, frame):
            copies.append(frame.path)
        else:
            seen[f"{key[0]} {frame.path}", frame.index] = frame
            n_changed += same_place
    problems = []
    if copies:
        names = tuple(dict.fromkeys(p.name for p in copies))
        problems.append(
            Problem(
                "duplicate-slices",
                Severity.WARNING,
                f"{counted(len(names), 'file is a copy', 'files are copies')} of "
                "another in the same series; each slice is taken once.",
                names,
            )
        )
    if n_changed:
        problems.append(
            Problem(
                "same-number-other-pixels",
                Severity.WARNING,
                f"{counted(n_changed, 'picture has', 'pictures have')} the number (SOP "
                "Instance UID) and the place of another, but other pixels: a program "
                "changed them and kept the number. They are no copies; make sure which "
                "of them you want.",
            )
        )
    return list(seen.values()), problems


def _same_pixels(one: Frame, other: Frame) -> bool:
    """Tell whether a piece of the pixels is the same; true where neither is read."""
    if one.layout != other.layout:
        return False
    try:
        return _piece(one) == _piece(other)
    except OSError:
        return True  # what is wrong with the file is told elsewhere


def _piece(frame: Frame) -> bytes:
    """Return bytes of the middle of a picture, or of a packed file's end."""
    layout = frame.layout
    with frame.path.open("rb", buffering=0) as file:
        if frame.offset is not None:
            n_pixels = layout.rows * layout.columns * layout.samples
            file.seek(frame.offset + n_pixels * layout.bits_allocated // 16)
        else:
            end = file.seek(0, 2)
            file.seek(max(0, end - _SAMPLE_BYTES))
        return file.read(_SAMPLE_BYTES)


def n_people(names: Iterable[str]) -> int:
    """Return of how many people these may be the names.

    Case, order, punctuation and what only one of two names has do not count: ``MEIER^
    ANNA^^^`` is ``Meier, Anna Maria``.
    """
    people: list[frozenset[str]] = []
    words = {frozenset(re.findall(r"\w+", name.casefold())) for name in names}
    for name in sorted(words, key=len, reverse=True):
        if name and not any(name <= known for known in people):
            people.append(name)
    return len(people)


def names_differ(headers: Iterable[DicomHeader]) -> dict[str, int]:
    """Return the patients, by their keys, whose files name more than one person."""
    names: dict[str, set[str]] = defaultdict(set)
    for header in headers:
        names[header.patient_key].add(header.patient_name)
    found = {key: n_people(n) for key, n in names.items() if len(n) > 1}
    return {key: n for key, n in found.items() if n > 1}
