"""Receiver operating characteristics, and what a threshold makes of a score.

A threshold calls positive whatever scores at least as much. The curve has a point for
each score that occurs, joined by straight lines; AUC is the area below, which is the
probability that a positive scores higher than a negative, ties counting one half.
Where there are only positives or only negatives there is no curve.

References
----------
Hanley, McNeil: The meaning and use of the area under a receiver operating
characteristic (ROC) curve. Radiology 143 (1982). DeLong et al.: Comparing the areas
under two or more correlated ROC curves. Biometrics 44 (1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Calls",
    "Roc",
    "VoxelScores",
    "balanced_accuracy",
    "calls",
    "delong",
    "roc",
]

_N_HALVES = 0x3C00 + 1
"""Numbers from 0 to 1 that float16 has; as bits they are 0, 1, 2, ... in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """A curve of true over false positives.

    Parameters
    ----------
    fpr, tpr : ndarray of float64, shape (n,)
        From (0, 0) to (1, 1).
    auc : float
        Area below, 0 to 1.
    n_positive, n_negative : int
        How many it was made from.
    """

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    auc: float
    n_positive: int
    n_negative: int


def roc(truth: ArrayLike, score: ArrayLike) -> Roc | None:
    """Return the curve of a score.

    Parameters
    ----------
    truth : array_like of bool, shape (n,)
        Which are positive.
    score : array_like of float, shape (n,)
        Larger means rather positive; finite.

    Returns
    -------
    Roc or None
        None where there are no positives or no negatives.

    Raises
    ------
    InputError
        If a score is not finite.
    """
    positive = np.asarray(truth, bool).ravel()
    scores = np.asarray(score, np.float64).ravel()
    if not np.isfinite(scores).all():
        msg = "A score is not a finite number, so that it has no place on a ROC curve."
        raise InputError(msg)
    _, place = np.unique(scores, return_inverse=True)
    n = int(place.max(initial=-1)) + 1
    return _curve(
        np.bincount(place[positive], minlength=n),
        np.bincount(place[~positive], minlength=n),
    )


def _curve(positive: NDArray[Any], negative: NDArray[Any]) -> Roc | None:
    """Return the curve of counts at the same scores, smallest score first."""
    n_positive, n_negative = int(positive.sum()), int(negative.sum())
    if not n_positive or not n_negative:
        return None
    occurs = np.flatnonzero(positive + negative)[::-1]
    tpr = np.concatenate([[0], np.cumsum(positive[occurs])]) / n_positive
    fpr = np.concatenate([[0], np.cumsum(negative[occurs])]) / n_negative
    auc = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1])) / 2)
    return Roc(fpr, tpr, auc, n_positive, n_negative)


class VoxelScores:
    """Gathers the scores of millions of voxels in a few kilobytes, without rounding.

    Probabilities are kept as float16, which has only 15,361 values from 0 to 1: they
    are counted.
    """

    def __init__(self) -> None:
        self._positive = np.zeros(_N_HALVES, np.int64)
        self._negative = np.zeros(_N_HALVES, np.int64)

    def add(self, truth: NDArray[np.bool_], probability: NDArray[np.float16]) -> None:
        """Take voxels in.

        Parameters
        ----------
        truth : ndarray of bool
            Which are of the class.
        probability : ndarray of float16, same shape
            Of the class, 0 to 1.
        """
        if probability.dtype != np.float16:
            msg = f"Probabilities are float16 here, not {probability.dtype}."
            raise TypeError(msg)
        # -0.0 has the sign bit set.
        bits = np.minimum(np.abs(probability), np.float16(1)).view(np.uint16)
        self._positive += np.bincount(bits[truth], minlength=_N_HALVES)
        self._negative += np.bincount(bits[~truth], minlength=_N_HALVES)

    def roc(self) -> Roc | None:
        """Return the curve of all that was added."""
        return _curve(self._positive, self._negative)


@dataclass(frozen=True, slots=True)
class Calls:
    """What a threshold makes of scores; None where the denominator is 0.

    Parameters
    ----------
    accuracy, precision, recall, specificity, f1 : float or None
        Between 0 and 1.
    """

    accuracy: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    f1: float | None


def calls(truth: ArrayLike, positive: ArrayLike) -> Calls:
    """Return how good yes-or-no answers are.

    Parameters
    ----------
    truth, positive : array_like of bool, shape (n,)
        What is, and what was said.
    """
    t, p = np.asarray(truth, bool), np.asarray(positive, bool)
    tp, tn = int((t & p).sum()), int((~t & ~p).sum())
    fp, fn = int((~t & p).sum()), int((t & ~p).sum())

    def ratio(above: int, below: int) -> float | None:
        return above / below if below else None

    return Calls(
        accuracy=ratio(tp + tn, t.size),
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, tp + fn),
        specificity=ratio(tn, tn + fp),
        f1=ratio(2 * tp, 2 * tp + fp + fn),
    )


def balanced_accuracy(truth: ArrayLike, said: ArrayLike) -> float | None:
    """Return the mean, over the classes that are there, of the share found of each.

    A classifier that always says the same has 1 / n of n classes, however many cases
    the largest of them has.

    Parameters
    ----------
    truth, said : array_like of int, shape (n,)
        The class of each case, and the answer.

    Returns
    -------
    float or None
        0 to 1; None without a case.

    References
    ----------
    Brodersen et al.: The balanced accuracy and its posterior distribution. ICPR 2010.
    """
    t, s = np.asarray(truth), np.asarray(said)
    found = [float(np.mean(s[t == value] == value)) for value in np.unique(t)]
    return float(np.mean(found)) if found else None


def delong(truth: ArrayLike, one: ArrayLike, other: ArrayLike) -> float | None:
    """Return the two-sided p-value that two scores of the same cases have one AUC.

    Parameters
    ----------
    truth : array_like of bool, shape (n,)
        Which are positive.
    one, other : array_like of float, shape (n,)
        Two scores of the same cases.

    Returns
    -------
    float or None
        None with fewer than two positives or negatives; 1.0 where nothing differs.

    References
    ----------
    DeLong et al., Biometrics 44 (1988).
    """
    t = np.asarray(truth, bool)
    if min(t.sum(), (~t).sum()) < 2:
        return None
    placed = [_placements(t, np.asarray(s, np.float64)) for s in (one, other)]
    v10 = np.stack([p[0] for p in placed])
    v01 = np.stack([p[1] for p in placed])
    spread = np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]
    variance = float(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    difference = float(v10[0].mean() - v10[1].mean())
    if variance <= 1e-18:
        return 1.0 if abs(difference) < 1e-12 else 0.0
    from math import erfc, sqrt

    return erfc(abs(difference) / sqrt(2 * variance))


def _placements(
    positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of the other kind that each positive and negative beats."""
    from scipy.stats import rankdata

    high, low = scores[positive], scores[~positive]
    ranks = rankdata(np.concatenate([high, low]))
    v10 = (ranks[: high.size] - rankdata(high)) / low.size
    v01 = 1 - (ranks[high.size :] - rankdata(low)) / high.size
    return v10, v01
