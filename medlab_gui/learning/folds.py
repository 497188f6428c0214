"""Which slices teach and which judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.learning.dataset import SliceKey

__all__ = ["split_slices", "without_neighbours"]


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


def without_neighbours(
    training: Sequence[SliceKey], validation: Sequence[SliceKey]
) -> list[SliceKey]:
    """Return the training slices that do not touch a validation slice."""
    judges = {(k.series_uid, k.slice_index + d) for k in validation for d in (-1, 0, 1)}
    return [k for k in training if (k.series_uid, k.slice_index) not in judges]
