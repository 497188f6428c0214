"""The papers' tables, of networks that were judged on the same cases."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.learning.comparison import MEASURES
from medlab_gui.learning.statistics import (
    DRAWS,
    FEWEST_PAIRS,
    MOST_EXACT,
    holm,
    paired_test,
    summarise,
)
from medlab_gui.learning.tables import MISSING, Table
from medlab_gui.networks.ablation import ABLATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.learning.comparison import Comparison
    from medlab_gui.learning.statistics import PairedTest

__all__ = [
    "ablation_table",
    "cases_table",
    "chance_table",
    "class_tables",
    "comparison_tables",
    "folds_table",
    "overall_table",
    "probability",
    "repeats_table",
]


def _titles(keys: Sequence[str], has_mm: bool) -> tuple[str, ...]:
    titles = [MEASURES[k].title for k in keys]
    return tuple(titles if has_mm else [t.replace(" mm", " px") for t in titles])


def class_tables(comparison: Comparison) -> list[Table]:
    """Return the liver paper's table for each class: mean ± SD over the cases."""
    keys = ("dsc", "voe", "rvd", "asd_mm", "rmsd_mm", "hd95_mm", "hd_mm", "nsd")
    unit = "mm" if comparison.has_mm else "px"
    made: list[Table] = []
    for value, name in comparison.classes.items():
        # Once; the tables stand below one another.
        notes = _class_notes(comparison, unit) if not made else ()
        rows = []
        for network in comparison.networks:
            found = [comparison.summary(network, k, value) for k in keys]
            low, high = found[0].low, found[0].high
            interval = (
                MISSING
                if low is None or high is None
                else f"{100 * low:.2f} to {100 * high:.2f}"
            )
            n = found[0].n
            cells = [MEASURES[k].spread(f, n) for k, f in zip(keys, found, strict=True)]
            rows.append((network, str(n), cells[0], interval, *cells[1:]))
        titles = _titles(keys, comparison.has_mm)
        made.append(
            Table(
                f"{name}: mean ± SD over the cases that have it, of "
                f"{_counted(comparison)}",
                ("Network", "cases", titles[0], "95 % CI of DSC", *titles[1:]),
                tuple(rows),
                notes,
                f"class-{value}",
            )
        )
    return made


def _class_notes(comparison: Comparison, unit: str) -> tuple[str, ...]:
    return (
        "Columns as in Duan et al. 2020, table 2. Where truth and prediction are both "
        "empty a case has no figure; where one is empty DSC and NSD are 0 and it has "
        "no distances: a figure over fewer cases than the DSC says n=. NSD at "
        f"{comparison.tolerance_mm:g} {unit}.",
        f"Intervals: percentile bootstrap, {DRAWS:,} draws of patients.",
    )


def _counted(comparison: Comparison) -> str:
    n, groups = len(comparison.cases), {c.group for c in comparison.cases}
    cases = f"{n} case{'s' * (n != 1)}"
    m = len(groups)
    return cases if m == n else f"{cases} of {m} patient{'s' * (m != 1)}"


def _overall_keys(comparison: Comparison) -> list[str]:
    keys = ["accuracy", "precision", "recall", "miou", "dsc"]
    if any(j.ece is not None for j in comparison.judged.values()):
        keys.append("ece")
    return keys


def _auc(comparison: Comparison, network: str) -> str:
    known = [
        roc.auc for (name, _value), roc in comparison.rocs.items() if name == network
    ]
    return f"{np.mean(known):.4f}" if known else MISSING


def overall_table(comparison: Comparison) -> Table:
    """Return the mandible paper's table: ACC, P, R and MIoU over the cases."""
    keys = _overall_keys(comparison)
    rows = []
    for network in comparison.networks:
        cells = [MEASURES[k].spread(comparison.summary(network, k)) for k in keys]
        aucs = [_auc(comparison, network)] if comparison.rocs else []
        rows.append((network, *cells, *aucs))
    notes = [
        "Columns as in Fang et al. 2024, table 1: ACC over all voxels, MIoU with "
        "background; P, R and DSC are means over the classes."
    ]
    if "ece" in keys:
        notes.append(
            "ECE: expected calibration error, 15 bins of the largest probability."
        )
    if comparison.rocs:
        notes.append("AUC: over all voxels of all cases, mean over the classes.")
    return Table(
        f"All classes: mean ± SD over {_counted(comparison)}",
        (
            "Network",
            *(MEASURES[k].title for k in keys),
            *(["AUC"] if comparison.rocs else []),
        ),
        tuple(rows),
        tuple(notes),
        "overall",
    )


def ablation_table(comparison: Comparison) -> Table:
    """Return the eight rows of the mandible paper; rows that nobody ran are empty.

    Where there are trainings that differ in the seed alone, figures are mean ± SD over
    the trainings of a row, else over the cases.
    """
    keys = ["accuracy", "precision", "recall", "miou", "dsc"]
    by_switches = {
        tuple(sorted(comparison.switches[own[0]])): (name, own)
        for name, own in comparison.trainings.items()
        if own[0] in comparison.switches
    }
    several = bool(comparison.repeats)
    rows = []
    for row in ABLATION:
        parts = {
            "residual": row.residual,
            "cbam": row.attention,
            "transfer": row.transfer,
        }
        switched = tuple(sorted(s for s, is_on in parts.items() if is_on))
        name, own = by_switches.get(switched, ("not run", ()))
        ticks = tuple("✓" if is_on else "" for is_on in parts.values())
        number = (str(len(own)),) * several
        cells = (_spread(comparison, own, k, over_trainings=several) for k in keys)
        paper = f"{row.paper_miou:.4f}"
        rows.append((name, *ticks, *number, *cells, paper))
    over = "the trainings, each by its mean over " if several else ""
    return Table(
        f"Ablation: mean ± SD over {over}{_counted(comparison)}",
        (
            *("Network", "residual encoder", "CBAM", "transfer learning"),
            *(("trainings",) * several),
            *(MEASURES[k].title for k in keys),
            "paper's MIoU",
        ),
        tuple(rows),
        (
            "Rows as in Fang et al. 2024, table 2; the last column is the paper's, on "
            "its own data: for reference, not to be compared with ours.",
        ),
        "ablation",
    )


def _spread(
    comparison: Comparison, trainings: Sequence[str], key: str, *, over_trainings: bool
) -> str:
    """Return mean ± SD of a figure, over the trainings or over the cases of one."""
    if not trainings:
        return MISSING
    found = [comparison.summary(name, key) for name in trainings]
    if over_trainings:
        return MEASURES[key].spread(summarise([one.mean for one in found]))
    return MEASURES[key].spread(found[0])


def folds_table(comparison: Comparison) -> Table:
    """Return the mean DSC of each fold, and mean ± SD over the folds."""
    rows = []
    measure = MEASURES["dsc"]
    for network in comparison.networks:
        means = [
            comparison.summary(network, "dsc", fold=fold).mean
            for fold in comparison.folds
        ]
        rows.append(
            (
                network,
                *(measure.shown(m) for m in means),
                measure.spread(summarise(means)),
            )
        )
    return Table(
        "Cross-validation: mean DSC % of each fold's cases",
        ("Network", *comparison.folds, "folds, mean ± SD"),
        tuple(rows),
        ("The last column weighs folds alike, whatever their number of cases.",),
        "folds",
    )


def repeats_table(comparison: Comparison) -> Table:
    """Return how much figures depend on the seed: mean ± SD over the trainings."""
    keys = ("dsc", "miou", "asd_mm", "rmsd_mm")
    rows = []
    for name, networks in comparison.trainings.items():
        means = [comparison.summary(n, "dsc").mean for n in networks]
        known = [v for v in means if v is not None]
        low, high = (min(known), max(known)) if known else (None, None)
        shown = MEASURES["dsc"].shown
        over = [_spread(comparison, networks, k, over_trainings=True) for k in keys]
        row = (name, str(len(networks)), over[0], f"{shown(low)} to {shown(high)}")
        rows.append((*row, *over[1:]))
    dsc, *others = _titles(keys, comparison.has_mm)
    return Table(
        "Trained with several seeds: mean ± SD over the trainings",
        ("Network", "trainings", dsc, "lowest to highest", *others),
        tuple(rows),
        (
            "Of each training the mean over the cases (and classes) counts once: this "
            "is how far chance in the training alone moves the tables above. Cases "
            "without a figure are left out, in each training its own.",
        ),
        "repeats",
    )


def chance_table(comparison: Comparison) -> Table:
    """Return a paired test of every two networks, on each case's mean DSC."""
    groups = [c.group for c in comparison.cases]
    trained = comparison.trainings
    found = {
        name: comparison.mean_values(networks, "dsc")
        for name, networks in trained.items()
    }
    pairs = list(combinations(trained, 2))
    tests = [paired_test(found[a], found[b], groups) for a, b in pairs]
    corrected = holm([t.p for t in tests])
    rows = tuple(
        (
            f"{b} against {a}",
            str(test.n),
            MISSING if test.difference is None else f"{100 * test.difference:+z.2f}",
            probability(test.p),
            probability(p),
        )
        for (a, b), test, p in zip(pairs, tests, corrected, strict=True)
    )
    return Table(
        "Is the difference more than chance?",
        ("Networks", "patients", "difference of DSC, points", "p", "p (Holm)"),
        rows,
        (
            "Wilcoxon signed-rank test, two-sided, of the mean DSC over the classes, "
            "averaged by patient; zeros after Pratt; corrected for all pairs after "
            f"Holm. With fewer than {FEWEST_PAIRS} patients it is not made."
            + _distribution(tests)
            + " What was trained with several seeds takes part once, by its mean."
            * bool(comparison.repeats),
        ),
        "tests",
    )


def _distribution(tests: Sequence[PairedTest]) -> str:
    """Say which null distribution the p-values are of."""
    kinds = {test.exact for test in tests} - {None}
    if kinds == {True}:
        return " Its p is exact, with ties and zeros as well."
    if kinds == {False}:
        return f" With more than {MOST_EXACT} patients p is the normal approximation."
    if kinds:
        return (
            f" Up to {MOST_EXACT} patients p is exact, with ties and zeros as well; "
            "with more it is the normal approximation."
        )
    return ""


def probability(p: float | None) -> str:
    """Return a p-value as it is printed."""
    if p is None:
        return MISSING
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


def cases_table(comparison: Comparison) -> Table:
    """Return every figure of every case, not rounded, for other programs."""
    keys = [k for k in MEASURES if k not in ("accuracy", "miou", "ece")]
    whole = ["accuracy", "miou", "ece"]
    rows = []
    for case in comparison.cases:
        for network in comparison.networks:
            judged = comparison.judged[network, case.name]
            shared = [_raw(judged.figure(k, None)) for k in whole]
            for value, name in comparison.classes.items():
                own = [_raw(judged.figure(k, value)) for k in keys]
                rows.append(
                    (
                        *(case.name, case.group, case.fold, network, name),
                        *own,
                        *shared,
                        case.path,
                    )
                )
    return Table(
        "Every case",
        ("case", "patient", "fold", "network", "class", *keys, *whole, "path"),
        tuple(rows),
        label="cases",
    )


def _raw(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def comparison_tables(comparison: Comparison, *, ablation: bool = False) -> list[Table]:
    """Return the tables of a report, in its order (without the table of cases)."""
    tables = [*class_tables(comparison), overall_table(comparison)]
    if ablation:
        tables.append(ablation_table(comparison))
    if comparison.folds:
        tables.append(folds_table(comparison))
    if comparison.repeats:
        tables.append(repeats_table(comparison))
    if len(comparison.trainings) > 1:
        tables.append(chance_table(comparison))
    return tables
