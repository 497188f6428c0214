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
