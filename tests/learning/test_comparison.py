from __future__ import annotations

import csv
import io
from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata

from medlab_gui.learning.comparison import (
    MEASURES,
    Case,
    Comparison,
    Judged,
    in_order,
)
from medlab_gui.learning.comparison_tables import (
    ablation_table,
    cases_table,
    chance_table,
    class_tables,
    comparison_tables,
    folds_table,
    overall_table,
    probability,
    repeats_table,
)
from medlab_gui.learning.metrics import mask_metrics
from medlab_gui.learning.statistics import Summary


def judged(n_right):
    """Ten voxels of class 1 of which so many are found, and none of class 2."""
    truth, found = np.zeros((2, 1, 4, 12), np.uint8)
    truth[0, 1, :10] = 1
    found[0, 1, :n_right] = 1
    return Judged(mask_metrics(found, truth, (1, 1, 1), (1, 2)))


def comparison(rights, **more):
    cases = tuple(
        Case(f"p{n}", f"p{n}", f"/scans/p{n}", f"fold{n % 2 + 1}")
        for n in range(len(next(iter(rights.values()))))
    )
    return Comparison(
        networks=tuple(rights),
        cases=cases,
        classes={1: "Liver", 2: "Tumour"},
        judged={
            (name, case.name): judged(n)
            for name, own in rights.items()
            for case, n in zip(cases, own, strict=True)
        },
        tolerance_mm=2.0,
        **more,
    )


TWO = {"old": [5, 6, 7, 5, 6, 7, 4], "new": [8, 9, 9, 8, 10, 9, 0]}


def dsc(n):
    return 2 * n / (10 + n)


def test_means_are_those_of_the_cases():
    found = comparison(TWO)
    values = [dsc(n) for n in TWO["old"]]
    summary = found.summary("old", "dsc", 1)
    assert summary.mean == pytest.approx(np.mean(values))
    assert summary.sd == pytest.approx(np.std(values, ddof=1))
    nothing = found.summary("old", "dsc", 2)
    assert (nothing.n, nothing.n_without, nothing.mean) == (0, 7, None)
    # The empty class does not pull the mean over the classes down.
    assert found.summary("old", "dsc").mean == pytest.approx(np.mean(values))


def test_the_liver_table_has_the_papers_columns():
    table, empty = class_tables(comparison(TWO))
    assert table.head[2] == "DSC %"
    wanted = ("VOE %", "RVD %", "ASD mm", "RMSD mm")
    assert set(wanted) < set(table.head)
    old, new = table.rows
    mean, sd = (100 * f([dsc(n) for n in TWO["old"]]) for f in (np.mean, np.std))
    assert old[2] == f"{mean:.2f} ± {sd * np.sqrt(7 / 6):.2f}"
    assert old[1] == new[1] == "7"
    # One case has no distances, since nothing was found there: that is told.
    asd = table.head.index("ASD mm")
    assert "(n=6)" in new[asd]
    assert "(n=" not in old[asd]
    assert empty.rows[0][2:] == ("–",) * (len(empty.head) - 2)


def test_without_a_pixel_size_nothing_is_called_mm():
    table, _ = class_tables(comparison(TWO, has_mm=False))
    assert not any("mm" in title for title in table.head)


def test_the_mandible_table_and_the_eight_rows():
    assert overall_table(comparison(TWO)).head[1:5] == ("ACC", "P", "R", "MIoU")
    switches = {"old": (), "new": ("transfer", "residual")}
    table = ablation_table(comparison(TWO, switches=switches))
    assert len(table.rows) == 8
    assert table.rows[0][0] == "old"
    assert table.rows[0][1:4] == ("", "", "")
    assert table.rows[5][0] == "new"
    assert table.rows[5][1:4] == ("✓", "", "✓")
    assert table.rows[7][0] == "not run"
    assert set(table.rows[7][4:-1]) == {"–"}
    assert [row[-1] for row in table.rows][::7] == ["0.8330", "0.9448"]


def test_a_row_of_the_ablation_may_have_several_trainings():
    rights = {"none 0": TWO["old"], "none 1": TWO["new"], "cbam": TWO["new"]}
    switches = {"none 0": (), "none 1": (), "cbam": ("cbam",)}
    found = comparison(rights, switches=switches, repeats={"none": list(rights)[:2]})
    table = ablation_table(found)
    assert "over the trainings" in table.title
    number, score = table.head.index("trainings"), table.head.index("DSC %")
    means = [100 * np.mean([dsc(n) for n in TWO[which]]) for which in ("old", "new")]
    none, cbam = table.rows[0], table.rows[2]
    assert (none[0], none[number]) == ("none", "2")
    assert none[score] == f"{np.mean(means):.2f} ± {np.std(means, ddof=1):.2f}"
    assert (cbam[0], cbam[number]) == ("cbam", "1")
    assert cbam[score] == f"{means[1]:.2f}", "one training has no spread"
    assert table.rows[1][:2] == ("not run", "✓")
    assert table.rows[1][number] == "0"


def test_folds_are_weighed_alike():
    found = comparison(TWO)
    table = folds_table(found)
    assert table.head == ("Network", "fold1", "fold2", "folds, mean ± SD")
    odd, even = (np.mean([dsc(n) for n in TWO["old"][k::2]]) for k in (0, 1))
    assert table.rows[0][1] == f"{100 * odd:.2f}"
    assert table.rows[0][3].startswith(f"{50 * (odd + even):.2f} ±")


def test_two_networks_are_tested_on_the_same_patients():
    table = chance_table(comparison(TWO))
    change = [dsc(b) - dsc(a) for a, b in zip(TWO["old"], TWO["new"], strict=True)]
    _name, n, difference, p, corrected = table.rows[0]
    assert n == "7"
    assert difference == f"{100 * np.mean(change):+.2f}"
    # Two patients changed alike, so there is a tie: all signs, counted.
    sizes = rankdata(np.abs(np.round(change, 9)))
    signs = np.array(list(product((-1, 1), repeat=7)))
    sums = signs @ (sizes * (np.abs(change) > 1e-9))
    seen = np.sign(np.round(change, 9)) @ sizes
    assert p == probability(np.mean(np.abs(sums) >= abs(seen) - 1e-9))
    assert corrected == p
    (note,) = table.notes
    assert note.endswith("Its p is exact, with ties and zeros as well.")
    many = {k: n * 8 for k, n in TWO.items()}
    (note,) = chance_table(comparison(many)).notes
    assert note.endswith("With more than 50 patients p is the normal approximation.")
    three = chance_table(comparison({**TWO, "third": TWO["old"]}))
    assert len(three.rows) == 3
    assert {row[3] for row in three.rows} > {"1.0000"}


def test_every_case_is_written_unrounded():
    rows = list(csv.DictReader(io.StringIO(cases_table(comparison(TWO)).to_csv())))
    assert len(rows) == 7 * 2 * 2
    first = rows[0]
    assert float(first["dsc"]) == dsc(5)
    assert (first["case"], first["network"], first["class"]) == ("p0", "old", "Liver")
    assert first["path"] == "/scans/p0"
    assert rows[1]["dsc"] == ""


def test_worst_first_and_the_order_of_the_report():
    found = comparison(TWO)
    assert found.worst_first()[0][0].name == "p6"
    labels = [t.label for t in comparison_tables(found, ablation=False)]
    assert labels == ["class-1", "class-2", "overall", "folds", "tests"]


def test_figures_are_shown_with_their_digits():
    assert MEASURES["dsc"].spread(Summary(3, 0, 0.91234, 0.02, 0.9, 0.92)) == (
        "91.23 ± 2.00"
    )
    assert MEASURES["dsc"].spread(Summary(0, 3, None, None, None, None)) == "–"
    assert [probability(p) for p in (None, 0.00001, 0.04)] == ["–", "<0.0001", "0.0400"]


def test_seeds_count_once_by_their_mean():
    alike = {"a 0": TWO["old"], "a 1": TWO["new"], "b": TWO["new"]}
    found = comparison(alike, repeats={"a": ("a 0", "a 1")})
    assert found.trainings == {"a": ("a 0", "a 1"), "b": ("b",)}
    means = [
        [np.mean([dsc(n) for n in TWO[which]]) for which in ("old", "new")],
        [np.mean([dsc(n) for n in TWO["new"]])],
    ]
    table = repeats_table(found)
    both, one = table.rows
    sd = 100 * np.std(means[0], ddof=1)
    assert both[:3] == ("a", "2", f"{100 * np.mean(means[0]):.2f} ± {sd:.2f}")
    low, high = (f"{100 * f(means[0]):.2f}" for f in (min, max))
    assert both[3] == f"{low} to {high}"
    assert one[:3] == ("b", "1", f"{100 * means[1][0]:.2f}")
    tests = chance_table(found)
    assert [row[0] for row in tests.rows] == ["b against a"]
    pairs = zip(TWO["old"], TWO["new"], strict=True)
    halves = [(dsc(old) + dsc(new)) / 2 for old, new in pairs]
    change = np.mean([dsc(n) for n in TWO["new"]]) - np.mean(halves)
    assert tests.rows[0][2] == f"{100 * change:+.2f}"
    assert "takes part once" in tests.notes[0]
    labels = [t.label for t in comparison_tables(found)]
    assert labels[-2:] == ["repeats", "tests"]
    assert "repeats" not in [t.label for t in comparison_tables(comparison(TWO))]
    # Seeds of one network alone have nothing to be tested against.
    alone = comparison(TWO, repeats={"all": ("old", "new")})
    assert "tests" not in [t.label for t in comparison_tables(alone)]


def test_what_a_seed_alone_parts_is_found(tmp_path):
    from dataclasses import replace

    from medlab_gui.commands.contenders import Masks, Weights, check_ablation, repeats
    from medlab_gui.core.errors import InputError
    from medlab_gui.learning.checkpoint import read_meta
    from tests.projects import tiny_weights

    meta = read_meta(tiny_weights(tmp_path / "w.safetensors"))

    def weights(name, **recipe):
        card = {"recipe": {"seed": 0, "batch": 4, **recipe}, "data": ["x"]}
        return Weights(name, tmp_path, replace(meta, card=card))

    found = repeats(
        [
            weights("U-Net, seed 10"),
            weights("U-Net, seed 11", seed=11, keep_at=[5]),
            weights("resnet50-0", batch=2),
            weights("resnet50-1", batch=2, seed=1),
            weights("other", batch=3),
            Masks("masks", {}),
            Weights("bare", tmp_path, replace(meta, card={})),
        ]
    )
    assert found == {
        "U-Net": ("U-Net, seed 10", "U-Net, seed 11"),
        "resnet50": ("resnet50-0", "resnet50-1"),
    }
    nameless = [weights("x"), weights("y", seed=1), weights("z", batch=8)]
    assert repeats(nameless) == {"x": ("x", "y")}
    one, other, unlike = (
        weights(name, seed=seed, batch=batch)
        for name, seed, batch in (("none", 0, 4), ("None", 1, 4), ("none ", 1, 8))
    )
    check_ablation([one, other])
    with pytest.raises(InputError, match=r"same row of the ablation .* not by their"):
        check_ablation([one, unlike])


def test_folds_are_in_the_order_of_their_numbers():
    assert in_order({"fold10", "fold2", "fold1"}) == ("fold1", "fold2", "fold10")


def test_nothing_is_minus_nothing():
    assert MEASURES["rvd"].shown(-0.001) == "0.00"
