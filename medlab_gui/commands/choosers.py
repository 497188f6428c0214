"""Which slices choose the epoch of a training in a project.

Slices that judge must not choose what they judge, or their scores flatter: a part of
those to learn from is set aside for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.commands.sources import ProjectSource
from medlab_gui.commands.splits import JUDGES_CHOSE
from medlab_gui.commands.values import counted
from medlab_gui.networks import is_classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.commands.splits import Split
    from medlab_gui.core.training import TrainSpec
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.store.project import ProjectStore

__all__ = ["set_aside"]

FEWEST = 20
"""Of fewer slices to learn from every one is needed, and too few could choose."""
SHARE = 0.15
MOST = 1 / 3
"""More than this share is too dear, however few patients there are."""


def set_aside(store: ProjectStore, split: Split, spec: TrainSpec) -> Split:
    """Return a split with the slices that choose the epoch, as its recipe wants it.

    Parameters
    ----------
    store : ProjectStore
        The project.
    split : Split
        Who teaches and who judges.
    spec : TrainSpec
        Its ``epoch_choice``, and its seed.

    Returns
    -------
    Split
        With ``choosers`` and a note about them. They are whole patients where there are
        three or more to learn from, else a block of slices without its neighbours; no
        class is missing from what is left to learn from.
    """
    if spec.epoch_choice == "judges":
        return _noted(split, JUDGES_CHOSE)
    nobody = replace(split, choosers=ProjectSource(store, {}))
    if spec.epoch_choice == "last":
        return _noted(nobody, "The last epoch was kept, as the recipe wants it.")
    n = len(split.training.keys)
    if n < FEWEST:
        note = (
            f"{counted(n, 'slice')} to learn from are too few to set some aside for "
            "the choice of the epoch: the last one was kept."
        )
        return _noted(nobody, note)
    for learn, choose, who in _draws(split, spec):
        if len(choose) > MOST * n or _classes(store, split, learn) != _classes(
            store, split, split.training.keys
        ):
            continue
        note = (
            f"Of {counted(n, 'slice')} to learn from {len(choose)} chose the epoch "
            f"instead ({who}); those that judge had no part in it."
        )
        apart = replace(
            split,
            training=_part(store, split, learn),
            choosers=_part(store, split, choose),
        )
        return _noted(apart, note)
    note = (
        "No slices can be set aside for the choice of the epoch without losing a class "
        "to learn: the last one was kept."
    )
    return _noted(nobody, note)


def _draws(
    split: Split, spec: TrainSpec
) -> list[tuple[list[SliceKey], list[SliceKey], str]]:
    """Return ways to set slices aside, the better one first."""
    from medlab_gui.learning.duplicates import merged_groups
    from medlab_gui.learning.folds import split_slices
    from medlab_gui.learning.whole_slices import shown_classes

    source = split.training
    keys, groups = list(source.keys), merged_groups(source)
    shown = shown_classes(source) if is_classifier(spec.network) else None
    ways = [(["one"] * len(keys), "a block of slices")]
    if len(set(groups)) > 2:
        ways.insert(0, (groups, "of patients of their own"))
    return [(*split_slices(keys, g, SHARE, spec.seed, shown), who) for g, who in ways]


def _part(store: ProjectStore, split: Split, keys: Sequence[SliceKey]) -> ProjectSource:
    return ProjectSource(store, {key: split.training.truth[key] for key in keys})


def _classes(store: ProjectStore, split: Split, keys: Sequence[SliceKey]) -> set[int]:
    from medlab_gui.learning.check import check_values

    return check_values(_part(store, split, keys), store.scheme())


def _noted(split: Split, note: str) -> Split:
    return replace(split, note=f"{split.note} {note}".strip())
