from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from medlab_gui.learning.scored import ClassifiedCases, classified_tables, scored_tables


def made(n=120, n_classes=4, folds=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    probs = {}
    for name, strength in (("A", 1.0), ("B", 3.0)):
        logits = rng.normal(0, 1, (n, n_classes))
        logits[np.arange(n), truth] += strength
        shares = np.exp(logits)
        probs[name] = shares / shares.sum(axis=1, keepdims=True)
    return ClassifiedCases(
        classes=("none", "x", "y", "z")[:n_classes],
        names=tuple(f"c{k}" for k in range(n)),
        truth=truth,
        patients=tuple(f"p{k // 2}" for k in range(n)),
        folds=tuple(f"fold-{k % folds + 1}" for k in range(n)) if folds else ("",) * n,
        probs=probs,
    )


def test_means_over_classes_are_scikit_learns():
    cases = made(folds=0)
    whole, confusion, *each = classified_tables(cases)
    assert whole.head == ("Network", "ACC %", "AUC", "P %", "R %", "F1 %")
    for row in whole.rows:
        p = cases.probs[row[0]]
        said = p.argmax(axis=1)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            cases.truth, said, average="macro"
        )
        auc = metrics.roc_auc_score(cases.truth, p, multi_class="ovr")
        accuracy = metrics.accuracy_score(cases.truth, said)
        percents = [100 * v for v in (accuracy, precision, recall, f1)]
        assert row[1:] == (
            f"{percents[0]:.2f}",
            f"{auc:.4f}",
            *(f"{v:.2f}" for v in percents[1:]),
        )
    counts = metrics.confusion_matrix(cases.truth, cases.probs["A"].argmax(axis=1))
    assert [list(map(int, r[2:])) for r in confusion.rows[:4]] == counts.tolist()
    assert [t.label for t in each] == ["class-0", "class-1", "class-2", "class-3"]
    assert each[1].title.startswith("x against all others: 120 cases of 60 patients")


@pytest.mark.parametrize("n_folds", [2, 3])
def test_folds_and_their_mean(n_folds):
    cases = made(folds=n_folds)
    whole, folds, *_ = classified_tables(cases)
    assert folds.label == "folds"
    names = [("A", f"fold-{n + 1}") for n in range(n_folds)]
    assert [r[:2] for r in folds.rows[:n_folds]] == names
    own = np.array(cases.folds) == "fold-2"
    said = cases.probs["B"].argmax(axis=1)[own]
    right = 100 * metrics.accuracy_score(cases.truth[own], said)
    assert folds.rows[n_folds + 1][2] == f"{right:.2f}"
    values = [float(r[2]) for r in folds.rows[:n_folds]]
    mean, _, deviation = whole.rows[0][1].partition(" ± ")
    assert float(mean) == pytest.approx(np.mean(values), abs=0.01)
    assert float(deviation) == pytest.approx(np.std(values, ddof=1), abs=0.02)


def test_two_classes_are_the_papers_table_fold_by_fold():
    cases = made(n_classes=2).against_all(1)
    table, folds, tests = scored_tables(cases)
    assert table.label == "classification"
    assert (folds.label, len(folds.rows)) == ("folds", 6)
    assert tests.label == "tests"
    p = cases.scores["A"]
    f1 = [
        100 * metrics.f1_score(cases.truth[own], p[own] >= 0.5)
        for own in (np.array(cases.folds) == f"fold-{n}" for n in (1, 2, 3))
    ]
    assert [float(r[6]) for r in folds.rows[:3]] == pytest.approx(f1, abs=0.006)


def without(cases, value):
    """The same cases, those of one class shown as class 1."""
    return replace(cases, truth=np.where(cases.truth == value, 1, cases.truth))


def test_a_class_that_never_occurs_has_no_table():
    """It would hold no figure; but who takes a case for it is told."""
    cases = without(made(n=60, folds=0), 0)
    whole, confusion, *each = classified_tables(cases)
    assert [t.label for t in each] == ["class-1", "class-2", "class-3"]
    assert not any("none against" in t.title for t in each)
    assert whole.rows[0][2] != "–"
    assert [r[:2] for r in confusion.rows] == [(n, c) for n in "AB" for c in "xyz"]
    assert confusion.head[2] == "said none"
    said = cases.probs["A"].argmax(axis=1)
    assert sum(int(r[2]) for r in confusion.rows[:3]) == (said == 0).sum() > 0
    assert "No case shows none." in confusion.notes[0]
    assert "No case" not in classified_tables(made(n=60, folds=0))[1].notes[0]
