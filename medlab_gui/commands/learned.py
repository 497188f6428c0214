"""What weights learned from: slices that taught them cannot judge them.

A slice may be locked after weights learned from it, for instance when more slices are
set aside, or when weights of a cross-validation are put to use. What each training of a
project learned from stands in its run's ``split.json``, so it is known afterwards.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.commands.sources import ProjectSource
from medlab_gui.commands.splits import SPLIT
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from medlab_gui.core.records import Checkpoint
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.store.project import ProjectStore

__all__ = ["Fair", "chosen_by_judges", "fair_judges", "learned_from"]


@dataclass(frozen=True)
class Fair:
    """Slices that can judge several weights alike.

    Parameters
    ----------
    source : ProjectSource
        Those that taught none of them.
    left_out : tuple of str
        Sentences: which weights learned from slices that were left out.
    flattered : tuple of str
        Sentences: which weights learned from other slices of patients who judge, or
        nobody knows from what.
    chosen : str
        A sentence where slices that judge have chosen the epochs of weights, or "".
    """

    source: ProjectSource
    left_out: tuple[str, ...] = ()
    flattered: tuple[str, ...] = ()
    chosen: str = ""

    @property
    def notes(self) -> list[str]:
        """All sentences."""
        return [*self.left_out, *self.flattered, *filter(None, [self.chosen])]

    def check(self) -> None:
        """Refuse to judge where nothing is left to judge by.

        Raises
        ------
        InputError
            If so.
        """
        if self.left_out and not self.source.keys:
            msg = (
                f"{' '.join(self.left_out)} None is left to judge by: lock slices that "
                "no weights learned from, with `medlab lock`."
            )
            raise InputError(msg)


def learned_from(store: ProjectStore, weights: Path) -> frozenset[SliceKey] | None:
    """Return the slices that weights learned from, and those that they began with.

    Parameters
    ----------
    store : ProjectStore
        The project.
    weights : Path
        Their file, in the project or elsewhere.

    Returns
    -------
    frozenset of SliceKey or None
        Slices of the project; none of weights that it did not make. None where a
        training that had a part in it was deleted, so that nobody knows.
    """
    now = _made(store, weights)
    by_id = {c.id: c for c in store.checkpoints()}
    runs = {run.id for run in store.runs()}
    found: set[SliceKey] = set()
    while now is not None:
        if now.run_id is not None:
            taught = None
            if now.run_id in runs:
                taught = _side(_place(store, now), "training")
            if taught is None:
                return None
            found |= taught
        now = by_id.get(now.parent) if now.parent is not None else None
    return frozenset(found)


def fair_judges(
    store: ProjectStore, judges: ProjectSource, weights: Mapping[str, Path]
) -> Fair:
    """Return the slices that taught none of these weights.

    Parameters
    ----------
    store : ProjectStore
        The project.
    judges : ProjectSource
        The slices that would judge.
    weights : mapping of str to Path
        What people call each weights, and their files.
    """
    truth = dict(judges.truth)
    patients = {judges.group(key) for key in judges.keys}
    series = {s.uid for s in store.series_list()}
    left_out, flattered, chosen = [], [], []
    for name, file in weights.items():
        learned = learned_from(store, file)
        if learned is None:
            flattered.append(
                f"What {name!r} learned from is not known, since a training behind it "
                "was deleted or is of an older MedLab: slices that judge may be among "
                "it."
            )
            continue
        if _chose_epoch(store, file) & {*judges.keys}:
            chosen.append(name)
        own = [key for key in judges.keys if key in learned]
        for key in own:
            truth.pop(key, None)
        if own:
            left_out.append(
                f"{name!r} learned from {counted(len(own), 'locked slice')} before "
                "they were locked: left out."
            )
        others = {judges.group(k) for k in learned if k.series_uid in series}
        both = len(others & patients)
        if both:
            flattered.append(
                f"{name!r} learned from other slices of {counted(both, 'patient')} who "
                "judge: its scores flatter."
            )
    return Fair(
        ProjectSource(store, truth),
        tuple(left_out),
        tuple(flattered),
        chosen_by_judges(chosen),
    )


def chosen_by_judges(names: Sequence[str]) -> str:
    """Return a sentence where the slices that judge chose epochs; "" of none."""
    if not names:
        return ""
    who = ", ".join(map(repr, names))
    return (
        f"The slices that judge chose which epoch of {who} was kept, so that scores "
        "flatter a little: for figures to publish keep patients out of the project and "
        "compare on those, with --truth and --images."
    )


def _made(store: ProjectStore, weights: Path) -> Checkpoint | None:
    """Return the checkpoint of the project that a file of weights is."""
    made = {c.blob: c for c in store.checkpoints()}
    return made.get(weights.name) or made.get(_sha256(weights))


def _chose_epoch(store: ProjectStore, weights: Path) -> set[SliceKey]:
    made = _made(store, weights)
    if made is None or made.run_id not in {run.id for run in store.runs()}:
        return set()
    place = _place(store, made)
    # Runs of older versions set none aside: those that judged chose.
    chose = _side(place, "choosers")
    return (_side(place, "validation") or set()) if chose is None else chose


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _place(store: ProjectStore, made: Checkpoint) -> Path:
    """Return the folder of the training, or of the fold, that made weights."""
    folder = store.run_folder(str(made.run_id))
    for file in folder.glob("fold-*/checkpoint.safetensors"):
        if _sha256(file) == made.sha256:
            return file.parent
    return folder


def _side(folder: Path, side: str) -> set[SliceKey] | None:
    from medlab_gui.learning.dataset import SliceKey

    try:
        rows = json.loads((folder / SPLIT).read_text(encoding="utf-8"))[side]
        return {SliceKey(str(r["series_uid"]), int(r["slice_index"])) for r in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return None
