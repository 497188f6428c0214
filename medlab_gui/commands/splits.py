"""Who teaches and who judges in a project: drawn once, by patient, and written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.sources import (
    ProjectSource,
    labelled_keys,
    locked_source,
    training_source,
)
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import DamagedFileError
from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "JUDGES_CHOSE",
    "SPLIT",
    "Split",
    "draw_split",
    "fold_sources",
    "read_split",
    "unjudged",
    "write_split",
]

SPLIT = "split.json"
"""Name of the file in a run's folder."""
JUDGES_CHOSE = "The slices that judge chose the epoch, too: scores flatter a little."


@dataclass(frozen=True)
class Split:
    """Slices that teach and slices that judge, with pinned truth.

    Parameters
    ----------
    training, validation : ProjectSource
        The two sides.
    same_patient : bool
        Whether they are of one patient, since there is no other.
    note : str
        What was left out, and why; may be empty.
    choosers : ProjectSource or None
        Slices that choose the epoch, and neither teach nor judge; none of them where
        the last epoch is kept. None where those that judge choose, as in older runs.
    """

    training: ProjectSource
    validation: ProjectSource
    same_patient: bool
    note: str = ""
    choosers: ProjectSource | None = None


def draw_split(store: ProjectStore, seed: int, *, by_class: bool = False) -> Split:
    """Return who teaches and who judges; the locked slices judge, and never teach.

    Where none is locked yet, about a fifth of the labelled slices is locked first, for
    good. Other slices of a patient who judges are left out where anybody else can
    teach, and so are slices that look like a judging one.

    Parameters
    ----------
    store : ProjectStore
        The project.
    seed : int
        Of the draw.
    by_class : bool
        For classifiers: have each class on both sides where the patients allow it, and
        say in the note where they do not.

    Raises
    ------
    InputError
        If too little is labelled.
    """
    training = training_source(store, seed=seed, by_class=by_class)
    split = _apart(store, training.truth, locked_source(store))
    if not by_class:
        return split
    unseen = unjudged(store, split, "slices that judge")
    unseen += unseen and " Lock slices that do, with `medlab lock`."
    return replace(split, note=f"{split.note} {unseen}".strip())


def unjudged(store: ProjectStore, split: Split, judges: str) -> str:
    """Return a sentence that names classes which teach but do not judge, or "".

    Parameters
    ----------
    store : ProjectStore
        The project.
    split : Split
        Of a classifier's training.
    judges : str
        What to call the slices that judge.
    """
    from medlab_gui.learning.whole_slices import shown_classes

    seen = {*shown_classes(split.validation)} - {IGNORE}
    unseen = {*shown_classes(split.training)} - {IGNORE} - seen
    if not unseen:
        return ""
    answers = store.scheme().answers
    names = ", ".join(answers[value] for value in sorted(unseen))
    return f"None of the {judges} shows {names}: how well that is told is not judged."


def _apart(
    store: ProjectStore, truth: Mapping[SliceKey, str], validation: ProjectSource
) -> Split:
    from medlab_gui.learning.duplicates import look_alikes, merged_groups
    from medlab_gui.learning.folds import without_neighbours

    whole = ProjectSource(store, truth)
    everybody = ProjectSource(store, {**truth, **validation.truth})
    # A scan that was taken in twice is one patient, whose other slices judge as well.
    for patients in (
        dict(zip(everybody.keys, merged_groups(everybody), strict=True)),
        {key: everybody.group(key) for key in everybody.keys},
    ):
        judges = {patients[key] for key in validation.keys}
        teaching = [key for key in whole.keys if patients[key] not in judges]
        if teaching:
            break
    same_patient = not teaching
    if same_patient:
        teaching = without_neighbours(whole.keys, validation.keys) or list(whole.keys)
    alike = look_alikes(whole, teaching, validation.keys)
    # Where everything looks alike (phantoms, one still picture) nothing would be left.
    if len(alike) < len(teaching):
        teaching = [key for key in teaching if key not in alike]
    else:
        alike = set()
    left_out = len(whole.keys) - len(teaching)
    note = ""
    if left_out:
        why = (
            ("is next to a slice that judges, or looks like one")
            if left_out == 1
            else "are next to slices that judge, or look like one"
        )
        if not same_patient:
            why = (
                "belongs to a patient who judges, or looks like a slice that judges"
                if left_out == 1
                else "belong to patients who judge, or look like a slice that judges"
            )
        note = f"Of {counted(len(whole.keys), 'labelled slice')} {left_out} {why}: "
        note += "left out, so that the scores are fair."
    own = ProjectSource(store, {key: truth[key] for key in teaching})
    return Split(own, validation, same_patient, note)


def fold_sources(
    store: ProjectStore, n_folds: int, seed: int, *, by_class: bool = False
) -> list[Split]:
    """Return the splits of a cross-validation over all slices that are not locked.

    Parameters
    ----------
    store : ProjectStore
        The project.
    n_folds, seed : int
        How many, and of the draw.
    by_class : bool
        As in `draw_split`.

    Raises
    ------
    InputError
        If there are too few patients, or slices of one patient.
    """
    from medlab_gui.learning.duplicates import merged_groups
    from medlab_gui.learning.folds import fold_splits
    from medlab_gui.learning.whole_slices import shown_classes

    truth = labelled_keys(store)
    whole = ProjectSource(store, truth)
    groups = merged_groups(whole)
    shown = shown_classes(whole) if by_class else None
    splits = fold_splits(list(whole.keys), groups, n_folds, seed, shown)
    same_patient = len(set(groups)) == 1
    locked = locked_source(store)
    judges = {locked.group(key) for key in locked.keys}
    found = []
    for n, (learn, judge) in enumerate(splits, start=1):
        note = (
            f"Fold {n} of {n_folds} of a cross-validation: "
            f"{counted(len(judge), 'slice')} that it left out give its score."
        )
        if judges & {whole.group(key) for key in learn}:
            note += (
                " It learned from other slices of patients who have locked slices: on "
                "those its scores flatter."
            )
        found.append(
            Split(
                ProjectSource(store, {k: truth[k] for k in learn}),
                ProjectSource(store, {k: truth[k] for k in judge}),
                # Patients merged for looking alike count as one, and are not parted.
                same_patient,
                note,
            )
        )
    return found


def write_split(folder: Path, split: Split) -> None:
    """Write a split into a run's folder, for its resumption and repetition."""
    from medlab_gui.core.whole_files import write_whole

    content = {
        "training": _rows(split.training),
        "validation": _rows(split.validation),
        "same_patient": split.same_patient,
        "note": split.note,
    }
    if split.choosers is not None:
        content["choosers"] = _rows(split.choosers)
    write_whole(folder / SPLIT, json.dumps(content, indent=1).encode())


def _rows(source: ProjectSource) -> list[dict[str, Any]]:
    return [
        {
            "series_uid": key.series_uid,
            "slice_index": key.slice_index,
            "annotation": source.truth[key],
        }
        for key in source.keys
    ]


def read_split(store: ProjectStore, folder: Path) -> Split | None:
    """Return the split that a run was made with, or None if it wrote none down.

    Raises
    ------
    DamagedFileError
        If the file cannot be read.
    """
    path = folder / SPLIT
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        chosen, note = None, str(content["note"])
        if "choosers" in content:
            chosen = ProjectSource(store, _truth(content["choosers"]))
        elif JUDGES_CHOSE not in note:  # of an older MedLab, which did not say it
            note = f"{note} {JUDGES_CHOSE}".strip()
        return Split(
            ProjectSource(store, _truth(content["training"])),
            ProjectSource(store, _truth(content["validation"])),
            bool(content["same_patient"]),
            note,
            chosen,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"The split of the run in {folder} is damaged; start a new run."
        raise DamagedFileError(msg, path=path) from error


def _truth(rows: Iterable[dict[str, Any]]) -> dict[SliceKey, str]:
    from medlab_gui.learning.dataset import SliceKey

    return {
        SliceKey(str(r["series_uid"]), int(r["slice_index"])): str(r["annotation"])
        for r in rows
    }
