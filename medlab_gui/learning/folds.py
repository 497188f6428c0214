"""Which slices teach and which judge."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.learning.dataset import SliceKey

__all__ = ["fold_splits", "split_slices", "without_neighbours"]


_DRAWS = 1000
"""So often a split by classes is drawn; the best of the draws is taken."""


def split_slices(
    keys: Sequence[SliceKey],
    groups: Sequence[str],
    fraction: float,
    seed: int,
    shown: Sequence[int] | None = None,
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
    shown : sequence of int, optional
        The class of each slice, 255 where it has none. Of many draws that one is taken
        which has the most classes on both sides, and of those the one whose share of
        each class is nearest to ``fraction``. Patients are not parted for it.

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
            f"1; found {len(keys)} and {fraction}."
        )
        raise InputError(msg)
    rng = np.random.default_rng(seed)
    pairs = sorted(zip(keys, groups, strict=True))
    ordered = [k for k, _ in pairs]
    classes = _one_hot(keys, shown)
    names = sorted(set(groups))
    wanted = max(1, round(fraction * len(pairs)))
    if len(names) == 1:
        return _best_block(rng, ordered, wanted, classes)
    member = np.searchsorted(names, [group for _, group in pairs])
    sizes = np.bincount(member)
    shares = np.zeros((len(names), classes.shape[1]))
    np.add.at(shares, member, classes)
    draws = []
    for _ in range(1 if shown is None else _DRAWS):
        order = rng.permutation(len(names))
        # Somebody is left to learn from, however many slices the others have.
        n_judges = 1 + int(np.searchsorted(np.cumsum(sizes[order])[:-2], wanted))
        judges = order[:n_judges]
        found = _unlike(shares[judges].sum(0), shares.sum(0), fraction)
        draws.append((found, judges))
    judges = min(draws, key=lambda draw: draw[0])[1]
    is_judge = np.isin(member, judges).tolist()
    return (
        [k for k, judge in zip(ordered, is_judge, strict=True) if not judge],
        [k for k, judge in zip(ordered, is_judge, strict=True) if judge],
    )


def _best_block(
    rng: np.random.Generator,
    ordered: list[SliceKey],
    wanted: int,
    classes: NDArray[np.float64],
) -> tuple[list[SliceKey], list[SliceKey]]:
    """Return the rest and a block of slices, at a random place or the best of all."""
    places = [int(rng.integers(len(ordered) - wanted + 1))]
    if classes.shape[1]:
        places = rng.permutation(len(ordered) - wanted + 1).tolist()

    def unlike(first: int) -> tuple[int, float]:
        part = classes[first : first + wanted].sum(0)
        return _unlike(part, classes.sum(0), wanted / len(ordered))

    first = min(places, key=unlike)
    validation = ordered[first : first + wanted]
    rest = ordered[:first] + ordered[first + wanted :]
    return without_neighbours(rest, validation) or rest, validation


def _one_hot(
    keys: Sequence[SliceKey], shown: Sequence[int] | None
) -> NDArray[np.float64]:
    """Return which class each slice is of, in the order of the slices; (n, classes)."""
    if shown is None:
        return np.zeros((len(keys), 0))
    found = np.array([c for _, c in sorted(zip(keys, shown, strict=True))])
    values = np.unique(found[found != IGNORE])
    one_hot: NDArray[np.float64] = (found[:, None] == values).astype(np.float64)
    return one_hot


def _unlike(
    part: NDArray[np.float64], whole: NDArray[np.float64], fraction: float
) -> tuple[int, float]:
    """Return how many classes are on one side only, and how far shares are from it."""
    one_sided = int(((part == 0) | (part == whole)).sum())
    return one_sided, round(float(((part / whole - fraction) ** 2).sum()), 9)


def fold_splits(
    keys: Sequence[SliceKey],
    groups: Sequence[str],
    n_folds: int,
    seed: int,
    shown: Sequence[int] | None = None,
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
    shown : sequence of int, optional
        The class of each slice, 255 where it has none. Patients of the rarest classes
        are dealt first, each to the fold that has the least of what he shows.

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
        slices = f"{len(pairs)} labelled slice{'s' * (len(pairs) != 1)}"
        msg = (
            f"{n_folds} folds cannot be made of {slices} of {there}: each fold needs "
            "a patient of its own (two slices where there "
            "is one patient), and there are at least two folds."
        )
        raise InputError(msg)
    member = np.searchsorted(names, [group for _, group in pairs])
    sizes = np.bincount(member)
    classes = _one_hot(keys, shown)
    shares = np.zeros((len(names), classes.shape[1]))
    np.add.at(shares, member, classes / classes.sum(0))
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    if shown is not None:
        order.sort(key=lambda n: -shares[n].max(initial=0) / sizes[n])
    held, n_held = np.zeros((n_folds, classes.shape[1])), [0] * n_folds
    fold_of: dict[str, int] = {}
    for n in order:
        much = (held @ shares[n]).round(9).tolist()
        fold = min(range(n_folds), key=lambda f: (much[f], n_held[f]))
        fold_of[names[n]] = fold
        held[fold] += shares[n]
        n_held[fold] += int(sizes[n])
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
