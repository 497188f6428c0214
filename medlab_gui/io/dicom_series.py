"""Puts DICOM slices together: which belong to one volume, and in what order."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_copies import names_differ, without_copies
from medlab_gui.io.dicom_high_bit import settle_high_bit
from medlab_gui.io.dicom_joined import join_lone_slices
from medlab_gui.io.dicom_mosaic import can_unpack, is_mosaic, unpacked
from medlab_gui.io.dicom_names import part_names
from medlab_gui.io.dicom_problems import file_problems, syntax_name
from medlab_gui.io.dicom_split import one_each, places, split_frames
from medlab_gui.io.dicom_stack import Stack, stack_frames
from medlab_gui.io.series import FileSeries, derived_uid, pseudonym
from medlab_gui.io.suv import with_suv
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from medlab_gui.core.display import Display
    from medlab_gui.io.dicom_headers import DicomHeader
    from medlab_gui.io.dicom_split import Labels
    from medlab_gui.io.series import Frame

__all__ = ["group_headers", "one_at_each_place"]

_ORDER_ALONE = ", since nothing else in them tells which slices belong together"


def group_headers(headers: Iterable[DicomHeader]) -> list[FileSeries]:
    """Return the series that a heap of DICOM files makes.

    Parameters
    ----------
    headers : iterable of DicomHeader
        In any order, of any number of series.
    """
    by_series: dict[tuple[str, str], list[DicomHeader]] = defaultdict(list)
    headers = list(headers)
    for header in headers:
        by_series[_series_key(header)].append(header)
    result: list[FileSeries] = []
    groups, joined = join_lone_slices(by_series.values())
    for group in groups:
        group.sort(key=lambda h: (h.path.parent, h.path.name))
        found = _series(group)
        if group[0].series_uid in joined:
            why = joined[group[0].series_uid]
            found = [replace(s, problems=(why, *s.problems)) for s in found]
        result += found
    named = Counter(group[0].series_uid for key, group in by_series.items() if key[1])
    for n, series in enumerate(result):
        if series.original_uid and named[series.original_uid] > 1:
            told = _patients_differ(named[series.original_uid])
            result[n] = replace(series, problems=(*series.problems, told))
    named_twice = names_differ(headers)
    for n, series in enumerate(result):
        mixed = any(p.code == "names-differ" for p in series.problems)
        if series.patient_key in named_twice and not mixed:
            told = _names_differ(named_twice[series.patient_key], "the series here")
            result[n] = replace(series, problems=(*series.problems, told))
    seen: set[str] = set()
    for n, series in enumerate(result):
        if series.uid in seen:
            # Two patients with one UID: a broken anonymiser.
            uid = derived_uid(series.uid, series.patient_key)
            result[n] = series = replace(series, uid=uid)
        seen.add(series.uid)
    return result


def _patients_differ(n_patients: int) -> Problem:
    return Problem(
        "patients-differ",
        Severity.WARNING,
        f"{n_patients} patients here have a series of this number (Series Instance "
        "UID), which must be unique; they are kept apart. Make sure whose picture "
        "this is.",
    )


def _names_differ(n_people: int, where: str) -> Problem:
    return Problem(
        "names-differ",
        Severity.WARNING,
        f"Under one patient ID {where} name {n_people} different patients. The ID is "
        "believed; make sure whose picture this is.",
    )


def _series_key(header: DicomHeader) -> tuple[str, str]:
    """Return what files of one series have in common.

    The UID of a series is enough, whatever the study's: some writers make up a new
    study for each file. Patients are kept apart all the same.
    """
    unnamed = header.patient_key in (pseudonym("study", header.study_uid), "unknown")
    if header.series_uid:
        return header.series_uid, "" if unnamed else header.patient_key
    # Anonymisers may blank the UID: then a folder, a number and a name must do.
    return header.study_uid, (
        f"{header.path.parent}|{header.number}|{header.modality}|{header.description}"
    )


def _series(headers: list[DicomHeader]) -> list[FileSeries]:
    by_path = {h.path: h for h in headers}
    frames, notes = without_copies([f for h in headers for f in h.frames])
    incomplete = {h.path for h in headers if h.cut_short}
    settled, odd = settle_high_bit(frames, incomplete)
    frames = list(settled)
    notes += odd
    for n_people in names_differ(headers).values():
        notes.append(_names_differ(n_people, "the files of this one series"))
    n_studies = len({h.study_uid for h in headers})
    if n_studies > 1:
        notes.append(
            Problem(
                "studies-differ",
                Severity.NOTE,
                f"The files of this series name {n_studies} different studies; they "
                "are taken as one series of one study.",
            )
        )
    parts = []
    for part, labels in split_frames(frames):
        if can_unpack(part[0]):
            parts += [(p, (*labels, *more)) for p, more in one_each(part)]
        else:
            parts.append((part, labels))
    # The largest part goes by the series' own UID, so that a scan keeps its name
    # although a localiser shares it.
    parts.sort(key=lambda part: -len(part[0]))
    names = part_names(parts)
    result = []
    for number, (part, labels) in enumerate(parts):
        kept, spare, left_out = one_at_each_place(part)
        problems = [*notes, *_split_notes(labels, len(parts)), *left_out]
        series_uid = headers[0].series_uid or derived_uid(
            "file", *sorted(f.sop_uid or str(f.path) for f in kept)
        )
        uid = series_uid
        if number:
            uid = derived_uid(series_uid, *(f"{a}={b}" for a, b in labels))
        paths = list(dict.fromkeys(f.path for f in kept))
        series = replace(
            _one_series(uid, series_uid, kept, [by_path[p] for p in paths], problems),
            part=names[number],
            spare=tuple(spare),
        )
        result.append(unpacked(series) or series)
    return result


def one_at_each_place(
    frames: list[Frame], *, last: bool = False
) -> tuple[list[Frame], list[Frame], list[Problem]]:
    """Keep one slice at each place where nothing says which is meant.

    Parameters
    ----------
    frames : list of Frame
        Of one part of a series.
    last : bool
        Keep the one with the highest number, not the lowest.

    Returns
    -------
    list of Frame, list of Frame, list of Problem
        What is kept, what is spare, and what to tell.
    """
    if is_mosaic(frames[0]):
        return frames, [], []  # not slices; why they stay so is said elsewhere
    kept: dict[Hashable, Frame] = {}
    spare: list[Frame] = []
    ordered = sorted(frames, key=lambda f: (f.instance, f.path.name, f.index))
    if last:
        ordered.reverse()
    at = places(ordered)
    for frame, place in zip(ordered, at, strict=True):
        if place in kept:
            spare.append(frame)
        else:
            kept[place] = frame
    if not spare:
        return frames, [], []
    if len(kept) == 1:
        problem = Problem(
            "not-a-volume",
            Severity.NOT_A_VOLUME,
            f"All {len(frames)} slices lie at the same place (a series in time, or "
            "copies), so they make no volume.",
        )
        return frames, [], [problem]
    taken = f"The one with the {'highest' if last else 'lowest'} number is taken"
    message = (
        f"{counted(len(spare), 'slice lies', 'slices lie')} at the same place as "
        f"another and nothing in the files says which is meant. {taken} at each place; "
        "check that this is the picture that you want."
    )
    counts = Counter(at).values()
    most = max(counts)
    n_whole = sum(n == most for n in counts)
    if 2 * n_whole > len(counts):
        message = (
            f"At {n_whole} of {len(counts)} places there are {most} slices, as in a "
            f"series of {most} points in time, and fewer elsewhere: slices are "
            "missing, and neither times nor numbers in the files say of which volume, "
            f"so that the volumes cannot be told apart. {taken} at each place, which "
            "may mix them. Fetch the series again from where it came from."
        )
    problem = Problem(
        "duplicate-slices",
        Severity.UNSAFE,
        message,
        tuple(dict.fromkeys(f.path.name for f in spare)),
    )
    return list(kept.values()), spare, [problem]


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
    if "position" in names:
        lost = dict(labels)["position"] == "none"
        notes.append(
            Problem(
                "mixed-position",
                Severity.WARNING,
                "Some pictures of the series do not say where in the patient they were "
                "taken; they are listed on their own"
                + (", and these are they." if lost else ", and this is the rest."),
            )
        )
    apart = ("size", "orientation", "position")
    rest = [(n, v) for n, v in labels if n not in apart]
    if rest:
        what = ", ".join(_label_text(n, v) for n, v in rest)
        notes.append(
            Problem(
                "several-volumes",
                Severity.WARNING if rest[0][0] == "order" else Severity.NOTE,
                f"The series holds several volumes at the same place; this one is "
                f"{what}{_ORDER_ALONE if rest[0][0] == 'order' else ''}. Each is "
                "listed on its own.",
            )
        )
    return notes


def _label_text(name: str, value: str) -> str:
    if name == "order":
        return f"number {value} in the order of the files"
    return f"{name} {value}" if value else f"the one without {name}"


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
    # An enhanced object may hold several volumes, each with windows of its own.
    windows = [f.window for f in stack.frames if f.window is not None]
    windows = windows or [h.window for h in headers if h.window is not None]
    found = FileSeries(
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
        tilt=first.tilt,
        display=_display(headers),
    )
    return with_suv(found) if first.modality == "PT" else found


def _display(headers: list[DicomHeader]) -> Display:
    """Return what holds for all files; filling values only where they agree."""
    display = headers[len(headers) // 2].display
    if any(h.display.padding != display.padding for h in headers):
        display = replace(display, padding=None)
    return display
