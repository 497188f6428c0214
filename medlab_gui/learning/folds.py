"""Which slices teach and which judge."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.learning.dataset import SliceKey

__all__ = ["fold_splits", "split_slices", "without_neighbours"]


def split_slices(
    keys: Sequence[SliceKey], groups: Sequence[str], fraction: float, seed: int
) -> tuple[list[SliceKey], list[SliceKey]]:
    """Split slices into those that teach and those that judge.

    With several patients whole patients are taken, in random order, until at least
    ``fraction`` of the slices judge. With one patient it is a contiguous block at a
    random place, and the slices next to it are left out of both, as neighbours look
    nearly the same; where that would leave nothing to learn from, they stay.

    Parameters
    ----------
    keys : sequence of SliceKey
        The labelled slices; their order does not matter.
    groups : sequence of str
        The patient of each.
    fraction : float
        Share that judges, above 0 and below 1.
    seed : int
        The same seed gives the same split.

    Returns
    -------
    training, validation : list of SliceKey
        Sorted; neither is empty.

    Raises
    ------
    InputError
        If there are fewer than two slices, or the fraction is out of range.
    """
    if len(keys) < 2 or len(keys) != len(groups) or not 0 < fraction < 1:
        msg = (
            "A split needs at least two labelled slices and a fraction between 0 and "
            f"1; found {len(keys)} slices and {fraction}."
        )
        raise InputError(msg)
    rng = np.random.default_rng(seed)
    pairs = sorted(zip(keys, groups, strict=True))
    names = sorted(set(groups))
    wanted = max(1, round(fraction * len(pairs)))
    if len(names) > 1:
        judges: set[str] = set()
        chosen: list[SliceKey] = []
        for name in rng.permutation(names)[:-1].tolist():
            if len(chosen) < wanted:
                judges.add(name)
                chosen += [k for k, group in pairs if group == name]
        return [k for k, group in pairs if group not in judges], sorted(chosen)
    ordered = [k for k, _ in pairs]
    first = int(rng.integers(len(ordered) - wanted + 1))
    validation = ordered[first : first + wanted]
    rest = ordered[:first] + ordered[first + wanted :]
    return without_neighbours(rest, validation) or rest, validation


def fold_splits(
    keys: Sequence[SliceKey], groups: Sequence[str], n_folds: int, seed: int
) -> list[tuple[list[SliceKey], list[SliceKey]]]:
    """Return the splits of a cross-validation: every slice judges in one of them.

    Patients are drawn in random order, and each goes to the fold that has the fewest
    slices so far. With one patient the folds are contiguous blocks, and slices next to
    a block are left out of what is learned from.

    Parameters
    ----------
    keys : sequence of SliceKey
        The labelled slices; their order does not matter.
    groups : sequence of str
        The patient of each.
    n_folds : int
        How many.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of (training, validation)
        As in `split_slices`.

    Raises
    ------
    InputError
        If there are fewer than two folds, or fewer patients or slices than folds.
    """
    pairs = sorted(zip(keys, groups, strict=True))
    names = sorted(set(groups))
    if len(names) == 1 and 2 <= n_folds <= len(pairs) // 2:
        ordered = [key for key, _ in pairs]
        edges = np.linspace(0, len(ordered), n_folds + 1).round().astype(int).tolist()
        blocks = [ordered[a:b] for a, b in pairwise(edges)]
        return [(_others(ordered, block), block) for block in blocks]
    if not 2 <= n_folds <= len(names):
        there = "1 patient" if len(names) == 1 else f"{len(names)} patients"
        msg = (
            f"{n_folds} folds cannot be made of {len(pairs)} labelled slices of "
            f"{there}: each fold needs a patient of its own (two slices where there "
            "is one patient), and there are at least two folds."
        )
        raise InputError(msg)
    sizes = [0] * n_folds
    fold_of: dict[str, int] = {}
    for name in np.random.default_rng(seed).permutation(names).tolist():
        fold_of[name] = fold = sizes.index(min(sizes))
        sizes[fold] += sum(group == name for group in groups)
    return [
        (
            [key for key, group in pairs if fold_of[group] != fold],
            [key for key, group in pairs if fold_of[group] == fold],
        )
        for fold in range(n_folds)
    ]


def _others(ordered: Sequence[SliceKey], block: Sequence[SliceKey]) -> list[SliceKey]:
    judges = set(block)
    rest = [key for key in ordered if key not in judges]
    return without_neighbours(rest, block) or rest


def without_neighbours(
    training: Sequence[SliceKey], validation: Sequence[SliceKey]
) -> list[SliceKey]:
    """Return the training slices that do not touch a validation slice."""
    judges = {(k.series_uid, k.slice_index + d) for k in validation for d in (-1, 0, 1)}
    return [k for k in training if (k.series_uid, k.slice_index) not in judges]
