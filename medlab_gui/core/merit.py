"""The one figure by which weights are judged: chosen, adopted or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BALANCED", "measure", "merit", "spread"]

BALANCED = "balanced_accuracy"
"""Key of a classifier's figure; masks have ``"mean_dice"``."""


def merit(scores: Mapping[str, Any] | None) -> float | None:
    """Return the figure by which scores are judged, 0 to 1.

    Parameters
    ----------
    scores : mapping or None
        What `learning.evaluate.evaluate_slices` or
        `learning.slice_scores.evaluate_classifier` gave, or an epoch of a run's curves.

    Returns
    -------
    float or None
        The mean Dice of masks. Of a classifier the balanced accuracy: with F1, the
        class that happens to be the larger one would decide. Classifiers that an older
        MedLab judged have their mean F1 there. None where nothing was judged.
    """
    return _number(scores, BALANCED, "mean_dice")


def spread(scores: Mapping[str, Any] | None) -> float | None:
    """Return the standard deviation of `merit` over the folds, where there are any."""
    return _number(scores, f"sd_{BALANCED}", "sd_dice")


def measure(scores: Mapping[str, Any]) -> str:
    """Return what `merit` is of these scores: ``"mean Dice"``, say."""
    return "balanced accuracy" if BALANCED in scores else "mean Dice"


def _number(scores: Mapping[str, Any] | None, *keys: str) -> float | None:
    for key in keys:
        value = (scores or {}).get(key)
        if isinstance(value, int | float):
            return float(value)
    return None
