"""Takes points in time apart that nothing in the files names, slices of which may lack.

Times of the clock tell them apart where volumes were taken one after the other; so do
the numbers of slices, where they follow one rule throughout. Whatever is less than
certain is left together, and told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from medlab_gui.io.series import Frame

    Groups = dict[Hashable, list[Frame]]
    Numbers = NDArray[np.int64]

__all__ = ["by_clock", "by_number", "seconds_of"]

_DAY_S = 24 * 3600.0
_HALF_A_DAY_S = _DAY_S / 2
_FEWEST_PLACES = 4
_time_of_day = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?)").fullmatch


def seconds_of(time: str) -> float | None:
    """Return the seconds since midnight of a DICOM time; None where it is none.

    Parameters
    ----------
    time : str
        ``HHMMSS`` or ``HHMMSS.FFFFFF``; what is less exact tells no slices apart.
    """
    match = _time_of_day(time.strip(" \0"))
    if match is None:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), float(match[3])
    if hours > 23 or minutes > 59 or seconds >= 61:
        return None
    return 3600.0 * hours + 60.0 * minutes + seconds


def by_clock(
    frames: Sequence[Frame], places: Sequence[Hashable], which: str
) -> list[list[Frame]] | None:
    """Part volumes that were taken one after the other.

    The places that have a slice of each volume say when each of them was taken. Other
    slices go where their time belongs, if that leaves no doubt.

    Parameters
    ----------
    frames : sequence of Frame
        Of one series.
    places : sequence of hashable
        Of each frame; the same for frames at the same place.
    which : str
        Name of the time: ``"acquired"`` or ``"created"``.

    Returns
    -------
    list of list of Frame, or None
        Each volume, in the order of time; None where times do not tell.
    """
    if any(getattr(f, which) is None for f in frames):
        return None

    first_of_all = _first_time([float(getattr(f, which)) for f in frames])

    def time(frame: Frame) -> float:
        found = float(getattr(frame, which))
        return found if found >= first_of_all else found + _DAY_S

    at = _grouped(frames, places)
    most = max(map(len, at.values()))
    whole = [sorted(g, key=time) for g in at.values() if len(g) == most]
    if 2 * len(whole) < len(at):
        return None
    times = np.array([[time(f) for f in g] for g in whole])
    first, last = times.min(axis=0), times.max(axis=0)
    if np.any(last[:-1] >= first[1:]) or last[-1] - first[0] > _HALF_A_DAY_S:
        return None
    middle = times.mean(axis=0)
    early, late = float((first - middle).min()), float((last - middle).max())
    volumes: list[list[Frame]] = [[] for _ in range(most)]
    for group in at.values():
        ordered = sorted(group, key=time)
        numbers: list[int] | None = list(range(most))
        if len(group) < most:
            numbers = _places_in_time([time(f) for f in ordered], middle, early, late)
        if numbers is None:
            return None
        for frame, n in zip(ordered, numbers, strict=True):
            volumes[n].append(frame)
    return volumes


def _first_time(times: list[float]) -> float:
    """Return the time of day at which a series began, which may run over midnight.

    Where nothing was taken for more than half a day, it began after that.
    """
    known = np.unique(times)
    pauses = np.diff(np.r_[known, known[0] + _DAY_S])
    longest = int(np.argmax(pauses))
    if pauses[longest] <= _HALF_A_DAY_S:
        return 0.0
    return float(known[(longest + 1) % len(known)])


def _places_in_time(
    times: list[float], middle: NDArray[np.float64], early: float, late: float
) -> list[int] | None:
    """Return which volumes the slices at a place are of, if only one answer is likely.

    A place comes at the same time after the middle of each volume.

    Parameters
    ----------
    times : list of float
        Of the slices at a place, growing.
    middle : ndarray of float64
        Of each volume.
    early, late : float
        Between which times after the middle the other places come.
    """
    gaps = np.diff(middle)
    answers: list[tuple[float, list[int]]] = []
    for start in range(len(middle)):
        after = times[0] - float(middle[start])
        off = np.abs(np.array(times)[:, np.newaxis] - after - middle)
        numbers = [int(n) for n in off.argmin(axis=1)]
        steady = off.min(axis=1).max() <= 0.1 * gaps.min()
        if steady and len(set(numbers)) == len(numbers) and abs(after) < gaps.max():
            answers.append((max(early - after, after - late, 0.0), numbers))
    answers.sort()
    if not answers or (len(answers) > 1 and answers[0][0] > 0.25 * answers[1][0]):
        return None
    return answers[0][1]


def by_number(
    frames: Sequence[Frame], places: Sequence[Hashable]
) -> list[list[Frame]] | None:
    """Part volumes by the numbers of their slices, if these follow one rule.

    Parameters
    ----------
    frames, places
        As for `by_clock`; frames with a position.

    Returns
    -------
    list of list of Frame, or None
        Each volume, in the order of numbers. None where there is no rule, or more
        than one.
    """
    at = _grouped(frames, places)
    most, n_places = max(map(len, at.values())), len(at)
    numbers = np.array([f.instance for f in frames])
    if n_places < _FEWEST_PLACES or len(np.unique(numbers)) < len(numbers):
        return None
    whole = sum(len(g) == most for g in at.values())
    if 2 * whole < n_places:
        return None
    rank_of = _ranks(at)
    ranks = np.array([rank_of[p] for p in places])
    found: list[tuple[int, ...]] = []
    for turned in (ranks, n_places - 1 - ranks):
        for rule in (_volume_after_volume, _place_after_place, _runs):
            volume = rule(numbers, turned, most, n_places)
            if volume is not None:
                found.append(tuple(int(v) for v in volume))
        if found:
            break
    if len(set(found)) != 1:
        return None
    volumes: list[list[Frame]] = [[] for _ in range(most)]
    for frame, n in zip(frames, found[0], strict=True):
        volumes[n].append(frame)
    clean = all(len(v) > 1 for v in volumes)
    return volumes if clean else None


def _volume_after_volume(
    numbers: Numbers, ranks: Numbers, most: int, n_places: int
) -> Numbers | None:
    """Take numbers for volume * places + place, counted from anywhere."""
    start = numbers - ranks
    if np.ptp(start % n_places):
        return None
    volume = (start - start.min()) // n_places
    return volume if np.array_equal(np.unique(volume), np.arange(most)) else None


def _place_after_place(
    numbers: Numbers, ranks: Numbers, most: int, n_places: int
) -> Numbers | None:
    """Take numbers for place * volumes + volume, counted from anywhere."""
    volume = numbers - ranks * most
    volume = volume - volume.min()
    return volume if volume.max() == most - 1 else None


def _runs(numbers: Numbers, ranks: Numbers, most: int, n_places: int) -> Numbers | None:
    """Take each volume for a run along the places; numbers may be without a gap."""
    order = np.argsort(numbers)
    begins = np.r_[False, np.diff(ranks[order]) <= 0]
    run = np.cumsum(begins)
    if run[-1] != most - 1:
        return None
    if 2 * np.count_nonzero(np.bincount(run) == n_places) < most:
        return None
    volume = np.empty_like(run)
    volume[order] = run
    return volume


def _grouped(frames: Sequence[Frame], places: Sequence[Hashable]) -> Groups:
    at: Groups = defaultdict(list)
    for frame, place in zip(frames, places, strict=True):
        at[place].append(frame)
    return at


def _ranks(at: Groups) -> dict[Hashable, int]:
    """Return the number of each place along the line on which the places lie."""
    positions = {place: np.array(group[0].position) for place, group in at.items()}
    spread = np.ptp(np.array(list(positions.values())), axis=0)
    axis = int(np.argmax(spread))
    ordered = sorted(positions, key=lambda place: float(positions[place][axis]))
    return {place: n for n, place in enumerate(ordered)}
