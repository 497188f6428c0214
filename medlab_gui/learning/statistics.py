"""Means, spreads, intervals and tests over cases.

A case without a figure (see the rules for empty masks in `learning.metrics`) takes no
part, and the number of those that did is told. Cases of one patient are not
independent: the bootstrap draws whole patients, and a test compares patients' means.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DRAWS",
    "FEWEST_PAIRS",
    "MOST_EXACT",
    "PairedTest",
    "Summary",
    "holm",
    "mean_known",
    "paired_test",
    "summarise",
]

DRAWS = 10_000
"""Resamples of the bootstrap."""

_AT_ONCE = 1 << 22
"""Numbers that are drawn at a time."""

FEWEST_PAIRS = 6
"""With fewer, no outcome of the signed-rank test reaches 0.05: it is not made."""

MOST_EXACT = 50
"""With more patients the signed-rank test takes the normal approximation."""

_DIGITS = 12
"""Decimals of differences that count: what is apart beyond them is a tie."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure over cases.

    Parameters
    ----------
    n : int
        Cases that have it.
    n_without : int
        Cases that have it not.
    mean, sd : float or None
        SD is the sample's (n - 1); None for fewer than two.
    low, high : float or None
        95 % percentile bootstrap interval of the mean, by patients; None for fewer than
        two patients.
    """

    n: int
    n_without: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)


def mean_known(values: Iterable[float | None]) -> float | None:
    """Return the mean of the figures that are defined; None where none is."""
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def summarise(
    values: Sequence[float | None], groups: Sequence[str] | None = None, seed: int = 0
) -> Summary:
    """Return mean, standard deviation and confidence interval of cases.

    Parameters
    ----------
    values : sequence of float or None
        One for each case.
    groups : sequence of str, optional
        Whose case it is; each its own by default.
    seed : int
        Of the bootstrap: same seed, same interval.

    References
    ----------
    Efron, Tibshirani: An introduction to the bootstrap (1993), chapter 13; whole
    clusters are drawn as in Davison, Hinkley (1997), chapter 3.8.
    """
    owners = [str(n) for n in range(len(values))] if groups is None else list(groups)
    known = [(v, g) for v, g in zip(values, owners, strict=True) if v is not None]
    n = len(known)
    if not n:
        return Summary(0, len(values), None, None, None, None)
    figures = np.array([v for v, _g in known], np.float64)
    low = high = None
    sums, counts = _by_group(figures, [g for _v, g in known])
    if len(sums) > 1:
        means = _resampled(sums, counts, seed)
        low, high = (float(v) for v in np.percentile(means, (2.5, 97.5)))
    return Summary(
        n=n,
        n_without=len(values) - n,
        mean=float(figures.mean()),
        sd=float(figures.std(ddof=1)) if n > 1 else None,
        low=low,
        high=high,
    )


def _resampled(
    sums: NDArray[np.float64], counts: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return the mean of each draw of groups."""
    rng = np.random.default_rng(seed)
    means = []
    # In parts: thousands of groups would take gigabytes.
    at_once = max(1, _AT_ONCE // sums.size)
    for n in range(0, DRAWS, at_once):
        drawn = rng.integers(0, sums.size, (min(at_once, DRAWS - n), sums.size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _by_group(
    figures: NDArray[np.float64], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    _, place = np.unique(np.array(groups), return_inverse=True)
    sums = np.zeros(int(place.max()) + 1)
    np.add.at(sums, place, figures)
    return sums, np.bincount(place).astype(np.int64)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two networks on the same patients.

    Parameters
    ----------
    n : int
        Patients for whom both have a figure.
    difference : float or None
        Mean of the second minus the first, over patients.
    p : float or None
        Two-sided, of the Wilcoxon signed-rank test; None where there are fewer than
        `FEWEST_PAIRS` patients.
    exact : bool or None
        Whether p is of the exact distribution; None where there is no p.
    """

    n: int
    difference: float | None
    p: float | None
    exact: bool | None = None


def paired_test(
    one: Sequence[float | None], other: Sequence[float | None], groups: Sequence[str]
) -> PairedTest:
    """Test whether two networks differ, by the Wilcoxon signed-rank test.

    Cases that either has no figure for are left out, what remains is averaged by
    patient, and patients with no difference are ranked and then left out (Pratt). Up to
    `MOST_EXACT` patients p is exact, with ties and zeros as well: each difference that
    is not zero could as well have had the other sign. With more it is the normal
    approximation.

    Parameters
    ----------
    one, other : sequence of float or None
        Of the same cases in the same order.
    groups : sequence of str
        The patient of each case.

    References
    ----------
    Wilcoxon: Individual comparisons by ranking methods. Biometrics 1 (1945).
    Pratt: Remarks on zeros and ties. J. Am. Stat. Assoc. 54 (1959).
    """
    both = [
        (a, b, g)
        for a, b, g in zip(one, other, groups, strict=True)
        if a is not None and b is not None
    ]
    if not both:
        return PairedTest(0, None, None)
    owners = [g for _a, _b, g in both]
    change = np.array([b - a for a, b, _g in both], np.float64)
    sums, counts = _by_group(change, owners)
    changes = sums / counts
    p = exact = None
    if len(changes) >= FEWEST_PAIRS:
        rounded = np.round(changes, _DIGITS)
        exact = len(changes) <= MOST_EXACT
        p = _exact(rounded) if exact else _normal(rounded)
    return PairedTest(len(changes), float(changes.mean()), p, exact)


def _exact(changes: NDArray[np.float64]) -> float:
    """Return the two-sided p of Pratt's ranks, over all signs they could have had."""
    from scipy.stats import rankdata

    # Twice the ranks are whole numbers, as tied ones share a half.
    ranks = np.rint(2 * rankdata(np.abs(changes))).astype(np.int64)
    known = changes != 0
    seen = int(ranks[changes > 0].sum())
    share = np.ones(1)  # of all signs that give each sum of positive ranks
    for rank in ranks[known]:
        nothing = np.zeros(rank)
        share = (np.append(share, nothing) + np.append(nothing, share)) / 2
    return float(min(1.0, 2 * min(share[: seen + 1].sum(), share[seen:].sum())))


def _normal(changes: NDArray[np.float64]) -> float:
    if not changes.any():
        return 1.0
    from scipy.stats import wilcoxon

    made = wilcoxon(changes, zero_method="pratt", method="asymptotic")
    return float(made.pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected for how many there are (Holm's step-down rule).

    Parameters
    ----------
    p_values : sequence of float or None
        None where no test was made; it stays None and does not count.

    References
    ----------
    Holm: A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6
    (1979).
    """
    made = sorted((p, n) for n, p in enumerate(p_values) if p is not None)
    result: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, n) in enumerate(made):
        largest = max(largest, min(1.0, p * (len(made) - rank)))
        result[n] = largest
    return result
