from __future__ import annotations

import numpy as np
import pytest

from medlab_gui.learning.statistics import FEWEST_PAIRS, holm, paired_test, summarise


def test_mean_and_spread_by_hand():
    found = summarise([0.5, None, 0.7, 0.9])
    assert (found.n, found.n_without) == (3, 1)
    assert found.mean == pytest.approx(0.7)
    assert found.sd == pytest.approx(0.2)
    assert 0.5 <= found.low < 0.7 < found.high <= 0.9


def test_too_few_to_say():
    assert summarise([]).mean is None
    assert summarise([None, None]).n_without == 2
    one = summarise([0.4])
    assert (one.mean, one.sd, one.low) == (0.4, None, None)
    patient = summarise([0.4, 0.5, 0.6], ["p", "p", "p"])
    assert patient.sd == pytest.approx(0.1)
    assert patient.low is None


def test_interval_is_scipys_and_repeats():
    from scipy.stats import bootstrap

    values = np.random.default_rng(1).gamma(2, 1, 40)
    found = summarise(values.tolist())
    theirs = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=3
    ).confidence_interval
    # Both are drawn at random; this is what 10,000 draws leave.
    assert found.low == pytest.approx(theirs.low, abs=0.02)
    assert found.high == pytest.approx(theirs.high, abs=0.02)
    assert summarise(values.tolist()) == found


def test_slices_of_one_patient_count_as_one_patient():
    """Ten copies of each patient's slice must not make us surer."""
    values = np.random.default_rng(2).normal(size=12)
    alone = summarise(values.tolist())
    copied = summarise(
        np.repeat(values, 10).tolist(), np.repeat(np.arange(12), 10).astype(str)
    )
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_wilcoxon_is_scipys_exact_one():
    from scipy.stats import wilcoxon

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 14))
    b += 0.5
    groups = [str(n) for n in range(14)]
    found = paired_test(a.tolist(), b.tolist(), groups)
    assert found.n == 14
    assert found.difference == pytest.approx((b - a).mean())
    assert found.p == pytest.approx(wilcoxon(b - a, method="exact").pvalue)
    # The smallest that six pairs can give: all signs alike, two sides.
    six = paired_test([0.0] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], groups[:6])
    assert six.p == pytest.approx(2 / 2**6)


def test_tests_that_are_not_made():
    few = FEWEST_PAIRS - 1
    names = [str(n) for n in range(few)]
    assert paired_test([0.1] * few, [0.5] * few, names).p is None
    nothing = paired_test([None, 0.1], [0.2, None], ["a", "b"])
    assert (nothing.n, nothing.difference, nothing.p) == (0, None, None)
    # Sixty slices of one patient are one pair.
    assert paired_test([0.1] * 60, [0.5] * 60, ["p"] * 60).p is None
    same = paired_test([0.3] * 8, [0.3] * 8, [str(n) for n in range(8)])
    assert (same.p, same.difference) == (1.0, 0.0)


def test_ties_and_zeros_are_ranked():
    a = [0.0] * 10
    b = [0.0, 0.0, 0.1, 0.1, 0.1, 0.2, 0.2, -0.1, 0.3, 0.4]
    found = paired_test(a, b, [str(n) for n in range(10)])
    assert 0 < found.p < 0.1


def test_holm_by_hand():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_interval_of_thousands_is_drawn_in_parts(monkeypatch):
    """In parts or at once: the same dice, the same interval."""
    from medlab_gui.learning import statistics

    values = np.random.default_rng(5).normal(size=301).tolist()
    whole = summarise(values)
    monkeypatch.setattr(statistics, "_AT_ONCE", 301 * 7 + 5)
    assert summarise(values) == whole


def brute_force(changes):
    """Try all signs of Pratt's ranks."""
    from itertools import product

    from scipy.stats import rankdata

    changes = np.array(changes)
    all_ranks = rankdata(np.abs(changes))
    ranks, seen = all_ranks[changes != 0], all_ranks[changes > 0].sum()
    sums = np.array([np.dot(ranks, s) for s in product((0, 1), repeat=len(ranks))])
    return min(1.0, 2 * min((sums >= seen).mean(), (sums <= seen).mean()))


@pytest.mark.parametrize(
    "changes",
    [
        (0, 0, 1, 1, 1, 2, 2, -1, 3, 4),
        (0, 0, 0, 0, 0, 0, 0, 5),
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1),
        (2, -2, 2, -2, 3, -3),
        (1, 2, 3, 4, 5, 6, -7, 8, 9, 10, 11, 12, 13),
        (0, -1, -1, -2, -2, -2, -3, 4, 0, -5, -5, -6, 1),
    ],
)
def test_with_ties_and_zeros_few_patients_get_the_exact_distribution(changes):
    names = [str(n) for n in range(len(changes))]
    found = paired_test([0.0] * len(names), [c / 10 for c in changes], names)
    assert found.p == pytest.approx(brute_force(changes), abs=1e-12)
    assert found.exact is True


def test_random_ties_are_exact_too():
    rng = np.random.default_rng(3)
    for n in rng.integers(6, 14, 30):
        changes = rng.integers(-3, 5, n)
        found = paired_test([0.0] * n, changes.tolist(), [str(k) for k in range(n)])
        assert found.p == pytest.approx(brute_force(changes.tolist()), abs=1e-12)


def test_ties_are_seen_behind_the_last_digits():
    """0.3 - 0.2 and 0.4 - 0.3 are one tenth; 0.1 + 0.2 - 0.3 is none."""
    names = [str(n) for n in range(7)]
    found = paired_test(
        [0.2, 0.3, 0.5, 0.7, 0.3, 0.1, 0.4], [0.3, 0.4, 0.6, 0.6, 0.1 + 0.2, 0.3, 0.7],
        names,
    )  # fmt: skip
    assert found.p == pytest.approx(brute_force((1, 1, 1, -1, 0, 2, 3)), abs=1e-12)


def test_many_patients_get_the_normal_approximation_which_is_near():
    from medlab_gui.learning.statistics import MOST_EXACT

    rng = np.random.default_rng(8)
    p = {}
    for n in (MOST_EXACT, MOST_EXACT + 1):
        changes = (rng.integers(-5, 8, n) / 10).tolist()
        names = [str(k) for k in range(n)]
        found = paired_test([0.0] * n, changes, names)
        assert found.exact is (n == MOST_EXACT)
        from scipy.stats import wilcoxon

        normal = wilcoxon(changes, zero_method="pratt", method="asymptotic").pvalue
        p[n] = found.p, normal
    assert p[MOST_EXACT][0] == pytest.approx(p[MOST_EXACT][1], rel=0.1)
    assert p[MOST_EXACT + 1][0] == pytest.approx(p[MOST_EXACT + 1][1])
