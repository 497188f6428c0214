"""Classifiers beside each other: ROC, AUC and calls, as the MRI paper shows them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.learning.comparison import in_order
from medlab_gui.learning.comparison_tables import probability
from medlab_gui.learning.figures import Reader
from medlab_gui.learning.roc import Calls, calls, delong, roc
from medlab_gui.learning.statistics import holm
from medlab_gui.learning.tables import MISSING, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["ScoredCases", "reader_of", "scored_tables"]

AUC_DRAWS = 1_000
"""Resamples of the bootstrap of AUC, each of which ranks all cases."""

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class ScoredCases:
    """Cases that are positive or not, and each network's score of them.

    Parameters
    ----------
    names : tuple of str
        Of the cases.
    truth : ndarray of bool, shape (n,)
        Which are positive.
    patients : tuple of str
        Whose each case is.
    folds : tuple of str
        Fold of each; empty words where there is no cross-validation.
    scores : dict of str to ndarray of float64, shape (n,)
        Network to its probability of each case, 0 to 1.
    """

    names: tuple[str, ...]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    scores: dict[str, NDArray[np.float64]]


def reader_of(cases: ScoredCases, name: str, answers: Mapping[str, float]) -> Reader:
    """Return a reader for the ROC plot: a point for yes and no, else a curve.

    Parameters
    ----------
    cases : ScoredCases
        What was read.
    name : str
        Of the reader.
    answers : mapping of str to float
        Case to 0 or 1, or to a degree of certainty; the cases that this reader read.
    """
    read = np.array([n in answers for n in cases.names])
    truth = cases.truth[read]
    said = np.array([answers[n] for n in cases.names if n in answers], np.float64)
    if set(said.tolist()) <= {0.0, 1.0}:
        found = calls(truth, said > 0)
        fpr = None if found.specificity is None else 1 - found.specificity
        return Reader(name, fpr, found.recall)
    return Reader(name, curve=roc(truth, said))


def _auc(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    curve = roc(truth, score)
    return None if curve is None else curve.auc


def _resampled(
    cases: ScoredCases, figure: Callable[[NDArray[np.intp]], float | None]
) -> tuple[float, float] | None:
    """Return the 95 % interval of a figure when patients are drawn again."""
    _, owner = np.unique(np.array(cases.patients), return_inverse=True)
    n = int(owner.max()) + 1
    if n < 2:
        return None
    members = [np.flatnonzero(owner == p) for p in range(n)]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(AUC_DRAWS):
        drawn = np.concatenate([members[p] for p in rng.integers(0, n, n)])
        value = figure(drawn)
        if value is not None:  # a draw of one kind alone has no curve
            found.append(value)
    if len(found) < AUC_DRAWS // 2:
        return None
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def scored_tables(cases: ScoredCases) -> list[Table]:
    """Return the MRI paper's table, and the networks against each other."""
    tables = [_network_table(cases)]
    if len(cases.scores) > 1:
        tables.append(_pairs_table(cases))
    return tables


def _figures(
    cases: ScoredCases, name: str, chosen: NDArray[np.bool_]
) -> dict[str, float | None]:
    truth, score = cases.truth[chosen], cases.scores[name][chosen]
    found: Calls = calls(truth, score >= THRESHOLD)
    return {
        "ACC %": found.accuracy,
        "AUC": _auc(truth, score),
        "P %": found.precision,
        "R %": found.recall,
        "F1 %": found.f1,
    }


def _shown(title: str, values: list[float | None]) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return MISSING
    factor, digits = (100, 2) if title.endswith("%") else (1, 4)
    text = f"{factor * np.mean(known):.{digits}f}"
    if len(known) > 1:
        text += f" ± {factor * np.std(known, ddof=1):.{digits}f}"
    # Folds of one kind alone have no curve, and must not go unnoticed.
    return text if len(known) == len(values) else f"{text} (n={len(known)})"


def _network_table(cases: ScoredCases) -> Table:
    folds = in_order({f for f in cases.folds if f})
    fold_of = np.array(cases.folds)
    parts = [fold_of == f for f in folds] or [np.ones(len(cases.names), np.bool_)]
    rows = []
    titles: tuple[str, ...] = ()
    for name in cases.scores:
        found = [_figures(cases, name, part) for part in parts]
        titles = tuple(found[0])
        score = cases.scores[name]

        def area(
            drawn: NDArray[np.intp], score: NDArray[np.float64] = score
        ) -> float | None:
            return _auc(cases.truth[drawn], score[drawn])

        interval = _resampled(cases, area)
        told = (
            MISSING if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
        )
        cells = [_shown(t, [f[t] for f in found]) for t in titles]
        rows.append((name, *cells, told))
    n_patients = len(set(cases.patients))
    over = f"mean ± SD over {len(folds)} folds, " if folds else ""
    return Table(
        f"Classification: {over}{len(cases.names)} cases of {n_patients} patients, "
        f"{int(cases.truth.sum())} positive",
        ("Network", *titles, "95 % CI of AUC"),
        tuple(rows),
        (
            "Columns as in Li, Ye et al.; positive from a probability of "
            f"{THRESHOLD:g}. Interval: of all cases together, percentile bootstrap, "
            f"{AUC_DRAWS:,} draws of patients.",
        ),
        "classification",
    )


def _pairs_table(cases: ScoredCases) -> Table:
    own = len(set(cases.patients)) == len(cases.names)
    rows, p_values = [], []
    for a, b in combinations(cases.scores, 2):
        one, other = cases.scores[a], cases.scores[b]

        def change(
            drawn: NDArray[np.intp],
            one: NDArray[np.float64] = one,
            other: NDArray[np.float64] = other,
        ) -> float | None:
            first = _auc(cases.truth[drawn], one[drawn])
            second = _auc(cases.truth[drawn], other[drawn])
            return None if first is None or second is None else second - first

        whole = change(np.arange(len(cases.names)))
        interval = _resampled(cases, change)
        p_values.append(delong(cases.truth, one, other) if own else None)
        told = (
            MISSING if interval is None else f"{interval[0]:+.4f} to {interval[1]:+.4f}"
        )
        rows.append(
            (f"{b} against {a}", MISSING if whole is None else f"{whole:+.4f}", told)
        )
    corrected = holm(p_values)
    return Table(
        "Is the difference more than chance?",
        ("Networks", "difference of AUC", "95 % CI", "p (DeLong)", "p (Holm)"),
        tuple(
            (*row, probability(p), probability(c))
            for row, p, c in zip(rows, p_values, corrected, strict=True)
        ),
        (
            "Interval: percentile bootstrap of the difference, patients drawn. "
            "DeLong's test takes cases for independent; it is made where each patient "
            "has one.",
        ),
        "tests",
    )
