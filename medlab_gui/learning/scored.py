"""Classifiers beside each other: ROC, AUC and calls, as the MRI paper shows them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.learning.comparison import in_order
from medlab_gui.learning.comparison_tables import probability
from medlab_gui.learning.figures import Reader
from medlab_gui.learning.roc import Calls, calls, delong, roc
from medlab_gui.learning.statistics import holm, mean_known
from medlab_gui.learning.tables import MISSING, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = [
    "CasePlace",
    "ClassifiedCases",
    "ScoredCases",
    "classified_tables",
    "reader_of",
    "readers_table",
    "scored_tables",
]

AUC_DRAWS = 1_000
"""Resamples of the bootstrap of AUC, each of which ranks all cases."""

THRESHOLD = 0.5

_Figures = dict[str, "float | None"]
"""Title of a column to its value."""


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
    called : dict of str to ndarray of bool, shape (n,)
        Network to the cases that it calls positive; by default those with a probability
        of at least one half.
    positive : str
        What is positive, where it has a name.
    """

    names: tuple[str, ...]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    scores: dict[str, NDArray[np.float64]]
    called: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    positive: str = ""

    def calls_of(self, name: str) -> NDArray[np.bool_]:
        """Return which cases a network calls positive, bool, shape (n,)."""
        if name in self.called:
            return self.called[name]
        return np.asarray(self.scores[name] >= THRESHOLD)


@dataclass(frozen=True)
class CasePlace:
    """What opens a case.

    Parameters
    ----------
    path : str
        Of its file, or of what its series was imported from; empty where there is none.
    series_uid : str
        Its series, of slices of a project; else empty.
    slice_index : int
        Its slice, from 0.
    """

    path: str = ""
    series_uid: str = ""
    slice_index: int = 0


@dataclass(frozen=True, eq=False)
class ClassifiedCases:
    """Cases of several classes, and what each network says of them.

    Parameters
    ----------
    classes : tuple of str
        Names of the C classes, that of value 0 first.
    names : tuple of str
        Of the cases.
    truth : ndarray of int, shape (n,)
        Value of the class of each.
    patients, folds : tuple of str
        As in `ScoredCases`.
    probs : dict of str to ndarray of float, shape (n, C)
        Network to its probabilities.
    notes : tuple of str
        Sentences: what is not among the cases, and what flatters.
    places : tuple of CasePlace
        What opens each case; none where nothing does.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    truth: NDArray[np.int64]
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    probs: dict[str, NDArray[np.float64]]
    notes: tuple[str, ...] = ()
    places: tuple[CasePlace, ...] = ()

    def against_all(self, value: int) -> ScoredCases:
        """Return one class against all others; a case belongs to its likeliest."""
        return ScoredCases(
            names=self.names,
            truth=np.asarray(self.truth == value),
            patients=self.patients,
            folds=self.folds,
            scores={n: np.asarray(p[:, value]) for n, p in self.probs.items()},
            called={n: p.argmax(axis=1) == value for n, p in self.probs.items()},
            positive=self.classes[value],
        )


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


def readers_table(
    cases: ScoredCases, answers: Mapping[str, Mapping[str, float]]
) -> Table:
    """Return how right readers are, each on the cases that he read.

    Parameters
    ----------
    cases : ScoredCases
        What was read.
    answers : mapping of str to mapping of str to float
        Reader to case to 0 or 1, or a degree of certainty.
    """
    rows = []
    titles: tuple[str, ...] = ()
    for name, own in answers.items():
        read = np.array([n in own for n in cases.names])
        said = np.array([own.get(n, 0.0) for n in cases.names], np.float64)
        as_network = replace(cases, scores={name: said}, called={})
        found = _figures(as_network, name, read)
        titles = tuple(found)
        cells = [_shown(title, [value]) for title, value in found.items()]
        rows.append((name, str(int(read.sum())), *cells))
    return Table(
        "Readers",
        ("Reader", "cases", *titles),
        tuple(rows),
        (
            f"Positive from {THRESHOLD:g} on. The AUC of answers of yes and no is the "
            "area below the lines through their one point.",
        ),
        "readers",
    )


def scored_tables(cases: ScoredCases) -> list[Table]:
    """Return the MRI paper's table, and the networks against each other."""
    tables = _network_tables(cases)
    if len(cases.scores) > 1:
        tables.append(_pairs_table(cases))
    return tables


def _figures(cases: ScoredCases, name: str, chosen: NDArray[np.bool_]) -> _Figures:
    truth, score = cases.truth[chosen], cases.scores[name][chosen]
    found: Calls = calls(truth, cases.calls_of(name)[chosen])
    return {
        "ACC %": found.accuracy,
        "AUC": _auc(truth, score),
        "P %": found.precision,
        "R %": found.recall,
        "F1 %": found.f1,
    }


def _cases(cases: ScoredCases | ClassifiedCases) -> str:
    """Return how many cases there are, and of how many patients."""
    n, n_patients = len(cases.names), len(set(cases.patients))
    return f"{n} case{'s' * (n != 1)} of {n_patients} patient{'s' * (n_patients != 1)}"


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


def classified_tables(cases: ClassifiedCases) -> list[Table]:
    """Return the tables of several classes: all together, each against all others.

    A class that no case shows is told of, but has no table: it would hold no figure.
    """
    each = [cases.against_all(v) for v in range(len(cases.classes))]
    tables = [*_mean_tables(cases, each), _share_table(cases)]
    for value, one in enumerate(each):
        if one.truth.any():
            tables.append(replace(_network_tables(one)[0], label=f"class-{value}"))
    return tables


def _parts(folds: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    """Return the cases of each fold; all of them where there are no folds."""
    own = np.array(folds)
    names = in_order({f for f in folds if f})
    return {f: own == f for f in names} or {"": np.ones(len(folds), np.bool_)}


def _mean_tables(cases: ClassifiedCases, each: list[ScoredCases]) -> list[Table]:
    parts = _parts(cases.folds)
    rows = []
    titles: tuple[str, ...] = ()
    by_fold: dict[str, list[_Figures]] = {}
    for name, probs in cases.probs.items():
        right = probs.argmax(axis=1) == cases.truth
        found = []
        for part in parts.values():
            own = [_figures(one, name, part) for one in each]
            titles = tuple(own[0])
            means = {t: mean_known(f[t] for f in own) for t in titles}
            found.append({**means, "ACC %": float(np.mean(right[part]))})
        by_fold[name] = found
        rows.append((name, *(_shown(t, [f[t] for f in found]) for t in titles)))
    counts = np.bincount(cases.truth, minlength=len(cases.classes))
    held = ", ".join(
        f"{n} {name}" for n, name in zip(counts, cases.classes, strict=True)
    )
    over = f"mean ± SD over {len(parts)} folds, " if len(parts) > 1 else ""
    whole = Table(
        f"Classification: {over}{_cases(cases)} ({held})",
        ("Network", *titles),
        tuple(rows),
        (
            "ACC is the share of cases whose likeliest class is right. AUC, P, R and "
            "F1 are means over the classes, each against all others; a class that has "
            "no such figure is left out of its mean.",
        ),
        "classification",
    )
    return [whole, *_folds_table(list(parts), by_fold)]


def _folds_table(folds: list[str], found: dict[str, list[_Figures]]) -> list[Table]:
    """Return each network's figures fold by fold; nothing where there are no folds."""
    if folds == [""]:
        return []
    titles = next(iter(found.values()))[0]
    rows = [
        (name, fold, *(_shown(title, [own[title]]) for title in titles))
        for name, figures in found.items()
        for fold, own in zip(folds, figures, strict=True)
    ]
    head = ("Network", "fold", *titles)
    return [Table("Each fold", head, tuple(rows), label="folds")]


def _share_table(cases: ClassifiedCases) -> Table:
    """Return what was taken for what: counts of cases."""
    rows = []
    for name, probs in cases.probs.items():
        said = probs.argmax(axis=1)
        for value in np.unique(cases.truth):
            title, own = cases.classes[value], said[cases.truth == value]
            counts = np.bincount(own, minlength=len(cases.classes))
            rows.append((name, title, *(str(n) for n in counts)))
    absent = [c for v, c in enumerate(cases.classes) if not (cases.truth == v).any()]
    told = f" No case shows {' or '.join(absent)}." if absent else ""
    return Table(
        "What was taken for what",
        ("Network", "truth", *(f"said {c}" for c in cases.classes)),
        tuple(rows),
        (f"Numbers of cases.{told}",),
        "confusion",
    )


def _network_tables(cases: ScoredCases) -> list[Table]:
    split = _parts(cases.folds)
    folds, parts = [f for f in split if f], list(split.values())
    rows = []
    by_fold: dict[str, list[_Figures]] = {}
    titles: tuple[str, ...] = ()
    for name in cases.scores:
        found = by_fold[name] = [_figures(cases, name, part) for part in parts]
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
    over = f"mean ± SD over {len(folds)} folds, " if folds else ""
    what = f"{cases.positive} against all others" if cases.positive else ""
    whole = Table(
        f"{what or 'Classification'}: {over}{_cases(cases)}, "
        f"{int(cases.truth.sum())} positive",
        ("Network", *titles, "95 % CI of AUC"),
        tuple(rows),
        (
            "Columns as in Li, Ye et al.; positive "
            f"{'where likeliest' if cases.called else f'from {THRESHOLD:g} on'}. "
            f"Interval: of all cases together, percentile bootstrap, "
            f"{AUC_DRAWS:,} draws of patients.",
        ),
        "classification",
    )
    return [whole, *_folds_table(list(split), by_fold)]


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
