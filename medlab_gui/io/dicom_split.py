"""Takes apart the frames of a DICOM series that cannot be one volume.

Four things keep frames apart wherever they lie: direction, size, whether they say where
they are, and what `dicom_kinds.ESSENTIAL` names. The rest is looked at only where
several frames lie at one place, since an echo time or a trigger may well differ from
slice to slice.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from medlab_gui.io.dicom_kinds import ESSENTIAL
from medlab_gui.io.dicom_times import by_clock, by_number

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from medlab_gui.io.series import Frame

__all__ = ["SAME_PLACE_MM", "Labels", "one_each", "places", "split_frames"]

SAME_PLACE_MM = 0.01
"""Slices nearer than this lie at the same place."""

T = TypeVar("T")
Labels = tuple[tuple[str, str], ...]
"""What tells a part from the others: names of kinds (or more) and values."""


def split_frames(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Return the parts of a series that may each be one volume.

    Parameters
    ----------
    frames : list of Frame
        Of one series, in any order.

    Returns
    -------
    list of (list of Frame, Labels)
        Each part, and what tells it from the others: ``("orientation", ...)``,
        ``("position", ...)``, ``("size", ...)``, the name of a kind, or ``("order",
        n)`` where nothing but the order of the files does.
    """
    parts: list[tuple[list[Frame], Labels]] = []
    # 1e-3 of a unit vector is 0.06 degrees.
    by_direction = _cluster(frames, lambda f: f.orientation, 1e-3)
    for direction, same_direction in by_direction:
        turned: Labels = ()
        if len(by_direction) > 1:
            turned = (("orientation", direction),)
        by_size = _cluster(same_direction, _size, 1e-3)
        for size, same_size in by_size:
            labels = turned
            if len(by_size) > 1:
                labels = (*turned, ("size", size))
            for same_kind, kind in _by_essentials(same_size):
                for placed, label in _by_place(same_kind):
                    parts += [
                        (part, (*labels, *kind, *label, *more))
                        for part, more in _by_kind(placed)
                    ]
    return parts


def _by_place(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Set frames apart that do not say where they are, if others do."""
    lost = [f for f in frames if f.position is None]
    if not lost or len(lost) == len(frames):
        return [(frames, ())]
    placed = [f for f in frames if f.position is not None]
    return [(placed, (("position", "known"),)), (lost, (("position", "none"),))]


def places(frames: Sequence[Frame]) -> list[Hashable]:
    """Return a key for each frame; frames at the same place have the same key."""
    if any(f.position is None for f in frames):
        return list(range(len(frames)))
    positions = np.array([f.position for f in frames])
    # Along the axis on which they spread most, few are near one another.
    axis = int(np.argmax(np.ptp(positions, axis=0)))
    order = np.argsort(positions[:, axis], kind="stable")
    keys: list[Hashable] = [0] * len(frames)
    open_places: list[tuple[list[float], int]] = []
    n_places = 0
    for n in order:
        here = positions[n].tolist()
        open_places = [
            p for p in open_places if here[axis] - p[0][axis] <= SAME_PLACE_MM
        ]
        for there, place in open_places:
            if math.dist(here, there) <= SAME_PLACE_MM:
                keys[n] = place
                break
        else:
            keys[n] = n_places
            open_places.append((here, n_places))
            n_places += 1
    return keys


def one_each(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Return each frame as a part of its own, with what tells it from the others."""
    if len(frames) == 1:
        return [(frames, ())]
    names = _differing(frames)
    for size in (1, 2, 3):
        for chosen in combinations(names, size):
            groups = _by(frames, partial(_kind, names=chosen))
            if len(groups) == len(frames):
                return _labelled(groups, chosen)
    ordered = sorted(frames, key=lambda f: (f.instance, f.path.name, f.index))
    return [([f], (("order", str(n + 1)),)) for n, f in enumerate(ordered)]


def _by(items: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _size(frame: Frame) -> tuple[float, ...]:
    layout = frame.layout
    spacing = frame.pixel_spacing or (0.0, 0.0)
    return float(layout.rows), float(layout.columns), float(layout.is_grey), *spacing


def _cluster(
    frames: list[Frame],
    vector: Callable[[Frame], tuple[float, ...] | None],
    tolerance: float,
) -> list[tuple[str, list[Frame]]]:
    """Group frames whose vectors are the same but for rounding."""
    clusters: list[tuple[tuple[float, ...] | None, list[Frame]]] = []
    for frame in frames:
        here = vector(frame)
        for there, members in clusters:
            if there == here or (
                there is not None
                and here is not None
                and max(abs(a - b) for a, b in zip(there, here, strict=True))
                < tolerance
            ):
                members.append(frame)
                break
        else:
            clusters.append((here, [frame]))
    return [
        ("none" if v is None else ",".join(f"{x:.3f}" for x in v), members)
        for v, members in clusters
    ]


def _kind(frame: Frame, *, names: tuple[str, ...]) -> tuple[str, ...]:
    values = dict(frame.kinds)
    return tuple(values.get(name, "") for name in names)


def _differing(frames: list[Frame]) -> list[str]:
    """Return the kinds that are not the same for all frames."""
    names = list(dict.fromkeys(name for f in frames for name, _ in f.kinds))
    return [n for n in names if len({_kind(f, names=(n,)) for f in frames}) > 1]


def _essentials(frame: Frame, *, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is never mixed; pages are pages, of whatever kind."""
    return tuple(
        "page" if name == "page" and value else value
        for name, value in zip(names, _kind(frame, names=names), strict=True)
    )


def _by_essentials(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    groups = _by(frames, partial(_essentials, names=ESSENTIAL))
    if len(groups) == 1 or len(groups) == len(frames):
        # Where each slice has a "stack" of its own, the word is not used as meant.
        names = tuple(n for n in ESSENTIAL if n != "stack")
        groups = _by(frames, partial(_essentials, names=names))
    else:
        names = ESSENTIAL
    columns = list(zip(*groups, strict=True)) if groups else []
    differing = [n for n, column in enumerate(columns) if len(set(column)) > 1]
    return [
        (group, tuple((names[n], str(values[n])) for n in differing))
        for values, group in groups.items()
        if isinstance(values, tuple)
    ]


def _by_kind(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Take apart several volumes at the same place: echoes, phases, points in time."""
    keys = places(frames)
    counts = Counter(keys)
    most = max(counts.values())
    if most == 1 or len(counts) == 1:
        return [(frames, ())]
    place_of = {id(f): p for f, p in zip(frames, keys, strict=True)}
    names = _differing(frames)
    for size in (1, 2, 3):
        for chosen in combinations(names, size):
            groups = _by(frames, partial(_kind, names=chosen))
            if len(groups) == most and _is_clean(groups.values(), place_of):
                return _labelled(groups, chosen)
    rough = _roughly(frames, names, place_of, most)
    if rough is not None:
        return [
            (part, (*labels, *more))
            for group, labels in rough
            for part, more in _by_kind(group)
        ]
    timed = by_clock(frames, keys, "acquired")
    if timed is not None:
        return [(v, (("point in time", str(n)),)) for n, v in enumerate(timed, 1)]
    created = by_clock(frames, keys, "created")
    if created is not None:
        return [(v, (("order", str(n)),)) for n, v in enumerate(created, 1)]
    if set(counts.values()) == {most}:
        # Nothing names the difference; each place has as many, so the order tells.
        rounds: list[list[Frame]] = [[] for _ in range(most)]
        seen: Counter[Hashable] = Counter()
        for frame in sorted(frames, key=lambda f: (f.instance, f.path.name, f.index)):
            place = place_of[id(frame)]
            rounds[seen[place]].append(frame)
            seen[place] += 1
        return [(r, (("order", str(n + 1)),)) for n, r in enumerate(rounds)]
    numbered = by_number(frames, keys)
    if numbered is not None:
        return [(v, (("order", str(n)),)) for n, v in enumerate(numbered, 1)]
    return [(frames, ())]


def _is_clean(groups: Iterable[list[Frame]], place_of: dict[int, Hashable]) -> bool:
    """Tell whether no group has two frames at one place."""
    return all(len({place_of[id(f)] for f in g}) == len(g) for g in groups)


def _labelled(
    groups: dict[Hashable, list[Frame]], names: tuple[str, ...]
) -> list[tuple[list[Frame], Labels]]:
    return [
        (group, tuple(zip(names, map(str, values), strict=True)))
        for values, group in groups.items()
        if isinstance(values, tuple)
    ]


def _roughly(
    frames: list[Frame],
    names: list[str],
    place_of: dict[int, Hashable],
    most: int,
) -> list[tuple[list[Frame], Labels]] | None:
    """Split by the kind that leaves the fewest at one place, if groups stay whole."""
    best: tuple[int, int, str] | None = None
    for name in names:
        groups = _by(frames, partial(_kind, names=(name,)))
        if not 1 < len(groups) <= most:
            continue
        # A kind that scatters the slices of one volume is not what tells them apart.
        n_places = len(set(place_of.values()))
        if min(len({place_of[id(f)] for f in g}) for g in groups.values()) < n_places:
            continue
        left = max(
            max(Counter(place_of[id(f)] for f in g).values()) for g in groups.values()
        )
        if left < most and (best is None or (left, len(groups)) < best[:2]):
            best = (left, len(groups), name)
    if best is None:
        return None
    chosen = (best[2],)
    return _labelled(_by(frames, partial(_kind, names=chosen)), chosen)
