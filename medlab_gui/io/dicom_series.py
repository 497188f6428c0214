"""Puts DICOM slices together: which belong to one volume, and in what order."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_problems import file_problems, syntax_name
from medlab_gui.io.dicom_stack import SAME_PLACE_MM, Stack, stack_frames
from medlab_gui.io.series import FileSeries, derived_uid
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from pathlib import Path

    from medlab_gui.io.dicom_headers import DicomHeader
    from medlab_gui.io.series import Frame

__all__ = ["group_headers"]

T = TypeVar("T")


def group_headers(headers: Iterable[DicomHeader]) -> list[FileSeries]:
    """Return the series that a heap of DICOM files makes.

    Parameters
    ----------
    headers : iterable of DicomHeader
        In any order, of any number of series.
    """
    by_series: dict[tuple[str, str], list[DicomHeader]] = defaultdict(list)
    for header in headers:
        # Anonymisers may blank the UID: then a folder, a number and a name must do.
        name = header.series_uid or (
            f"{header.path.parent}|{header.number}|{header.modality}|"
            f"{header.description}"
        )
        by_series[header.study_uid, name].append(header)
    result: list[FileSeries] = []
    for group in by_series.values():
        group.sort(key=lambda h: (h.path.parent, h.path.name))
        result += _series(group)
    return result


def _series(headers: list[DicomHeader]) -> list[FileSeries]:
    by_path = {h.path: h for h in headers}
    frames, notes = _without_copies([f for h in headers for f in h.frames])
    parts = [(part, label) for part, label in _split(frames)]
    # The largest part goes by the series' own UID, so that a scan keeps its name
    # although a localiser shares it.
    parts.sort(key=lambda part: -len(part[0]))
    result = []
    for number, (part, labels) in enumerate(parts):
        problems = list(notes)
        problems += _split_notes(labels, len(parts))
        kept, left_out = _one_at_each_place(part)
        problems += left_out
        series_uid = headers[0].series_uid or derived_uid(
            "file", *sorted(f.sop_uid or str(f.path) for f in kept)
        )
        uid = series_uid
        if number:
            uid = derived_uid(series_uid, *(f"{a}={b}" for a, b in labels))
        paths = list(dict.fromkeys(f.path for f in kept))
        result.append(
            _one_series(uid, series_uid, kept, [by_path[p] for p in paths], problems)
        )
    return result


def _without_copies(frames: list[Frame]) -> tuple[list[Frame], list[Problem]]:
    """Leave out files that are copies of another (same SOP Instance UID)."""
    seen: dict[tuple[str, int], Frame] = {}
    copies: list[Path] = []
    for frame in frames:
        key = (frame.sop_uid or str(frame.path), frame.index)
        first = seen.setdefault(key, frame)
        if first is not frame:
            if first.position != frame.position:
                # Broken anonymisers give all slices one UID: these are no copies.
                seen[f"{key[0]} {frame.path}", frame.index] = frame
            else:
                copies.append(frame.path)
    if not copies:
        return frames, []
    names = tuple(dict.fromkeys(p.name for p in copies))
    note = Problem(
        "duplicate-slices",
        Severity.WARNING,
        f"{counted(len(names), 'file is a copy', 'files are copies')} of another in "
        "the same series; each slice is taken once.",
        names,
    )
    return list(seen.values()), [note]


Labels = tuple[tuple[str, str], ...]


def _split(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Take apart what cannot be one volume."""
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
            for part, kind in _by_kind(same_size):
                parts.append((part, (*labels, *kind)))
    return parts


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


def _places(frames: Sequence[Frame]) -> list[Hashable]:
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


def _by_kind(frames: list[Frame]) -> list[tuple[list[Frame], Labels]]:
    """Take apart several volumes at the same place: echoes, phases, points in time."""
    places = _places(frames)
    counts = Counter(places)
    most = max(counts.values())
    if most == 1 or len(counts) == 1:
        return [(frames, ())]
    place_of = {id(f): p for f, p in zip(frames, places, strict=True)}
    names = list(dict.fromkeys(name for f in frames for name, _ in f.kinds))
    for size in (1, 2, 3):
        for chosen in combinations(names, size):
            groups = _by(frames, partial(_kind, names=chosen))
            if len(groups) != most or any(
                len({place_of[id(f)] for f in group}) != len(group)
                for group in groups.values()
            ):
                continue
            return [
                (group, tuple(zip(chosen, map(str, values), strict=True)))
                for values, group in groups.items()
                if isinstance(values, tuple)
            ]
    if set(counts.values()) == {most}:
        # Nothing names the difference; each place has as many, so the order tells.
        rounds: list[list[Frame]] = [[] for _ in range(most)]
        seen: Counter[Hashable] = Counter()
        for frame in sorted(frames, key=lambda f: (f.instance, f.path.name, f.index)):
            place = place_of[id(frame)]
            rounds[seen[place]].append(frame)
            seen[place] += 1
        return [(r, (("order", str(n + 1)),)) for n, r in enumerate(rounds)]
    return [(frames, ())]


def _kind(frame: Frame, *, names: tuple[str, ...]) -> tuple[str, ...]:
    values = dict(frame.kinds)
    return tuple(values.get(name, "") for name in names)


def _one_at_each_place(frames: list[Frame]) -> tuple[list[Frame], list[Problem]]:
    """Keep the first slice at each place where nothing else helps."""
    kept: dict[Hashable, Frame] = {}
    dropped: list[str] = []
    ordered = sorted(frames, key=lambda f: (f.instance, f.path.name, f.index))
    for frame, place in zip(ordered, _places(ordered), strict=True):
        if place in kept:
            dropped.append(frame.path.name)
        else:
            kept[place] = frame
    if not dropped:
        return frames, []
    if len(kept) == 1:
        problem = Problem(
            "not-a-volume",
            Severity.NOT_A_VOLUME,
            f"All {len(frames)} slices lie at the same place (a series in time, or "
            "copies), so they make no volume.",
        )
        return frames, [problem]
    problem = Problem(
        "duplicate-slices",
        Severity.UNSAFE,
        f"{counted(len(dropped), 'slice lies', 'slices lie')} at the same place as "
        "another and nothing in the files says which is meant. The one with the lowest "
        "number is taken at each place; check that this is the picture that you want.",
        tuple(dict.fromkeys(dropped)),
    )
    return list(kept.values()), [problem]


def _split_notes(labels: Labels, n_parts: int) -> list[Problem]:
    notes = []
    names = [name for name, _ in labels]
    if "size" in names:
        notes.append(
            Problem(
                "mixed-size",
                Severity.WARNING,
                "The series mixes pictures of different size, pixel spacing or colour; "
                f"it was taken apart into {n_parts} that are listed on their own.",
            )
        )
    if dict(labels).get("orientation", "none") != "none":
        notes.append(
            Problem(
                "mixed-orientation",
                Severity.WARNING,
                "The series mixes slices of different orientation; it was taken apart "
                f"into {n_parts} that are listed on their own.",
            )
        )
    rest = [(n, v) for n, v in labels if n not in ("size", "orientation")]
    if rest:
        what = ", ".join(
            f"number {v} in the order of the files" if n == "order" else f"{n} {v}"
            for n, v in rest
        )
        notes.append(
            Problem(
                "several-volumes",
                Severity.WARNING if rest[0][0] == "order" else Severity.NOTE,
                f"The series holds several volumes at the same place; this one is "
                f"{what}. Each is listed on its own.",
            )
        )
    return notes


def _one_series(
    uid: str,
    series_uid: str,
    frames: list[Frame],
    headers: list[DicomHeader],
    problems: list[Problem],
) -> FileSeries:
    first = headers[0]
    if any(p.code == "not-a-volume" for p in problems):
        stack = Stack(tuple(frames), None, ())
    else:
        stack = stack_frames(frames, tilt=first.tilt)
    problems += file_problems(headers)
    problems += stack.problems
    layout = frames[0].layout
    grid = stack.grid
    if any(p.severity is Severity.NOT_A_VOLUME for p in problems):
        grid = None
    windows = [h.window for h in headers if h.window is not None]
    return FileSeries(
        uid=uid,
        study_uid=first.study_uid or derived_uid("study", series_uid),
        modality=first.modality,
        description=first.description,
        patient_name=first.patient_name,
        patient_key=first.patient_key,
        study_date=first.study_date,
        study_description=first.study_description,
        n_slices=len(frames),
        shape=(len(frames), layout.rows, layout.columns),
        grid=grid,
        units=first.units if all(h.units == first.units for h in headers) else None,
        transfer_syntax=syntax_name(first.transfer_syntax),
        format="dicom",
        files=tuple(dict.fromkeys(f.path for f in stack.frames)),
        problems=tuple(problems),
        window=windows[len(windows) // 2] if windows else None,
        original_uid=series_uid,
        number=first.number,
        frames=stack.frames,
    )
