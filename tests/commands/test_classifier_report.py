"""``medlab evaluate --compare`` on classifiers and on scores."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams, run
from medlab_gui.core.errors import InputError
from tests.commands.conftest import places
from tests.projects import tiny_weights


@pytest.fixture
def classifiers(tmp_path):
    """A project of one class, and two tiny untrained classifiers."""
    import torch

    from medlab_gui.commands.classes import ClassesParams
    from medlab_gui.commands.classes import run as set_classes
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_
    from medlab_gui.commands.save import (
        AnnotateParams,
        LockParams,
        run_annotate,
        run_lock,
    )
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.specs import NetworkSpec, PipelineSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta, save_checkpoint
    from medlab_gui.networks import build_classifier
    from tests.projects import ball_files

    image, mask = ball_files(tmp_path)
    ctx = Context(str(tmp_path / "project"))
    uid = import_(ImportParams(str(image)), ctx)["series"][0]["uid"]
    set_classes(ClassesParams("Ball"), ctx)
    run_annotate(AnnotateParams(uid, str(mask), slices="1-16"), ctx)
    run_lock(LockParams(uid, "1-8"), ctx)
    spec = NetworkSpec("alexnet", n_classes=2, options={"width": 0.0625})
    files = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        meta = CheckpointMeta(
            network=spec,
            pipeline=PipelineSpec(),
            inplane_mm=None,
            scheme=LabelScheme.from_names("One", ["Ball"]),
            name=f"classifier {seed}",
        )
        files.append(tmp_path / f"c{seed}.safetensors")
        save_checkpoint(files[-1], build_classifier(spec).state_dict(), meta)
    return ctx, files, mask


def test_classifiers_weights_are_compared_on_slices(classifiers, tmp_path):
    from sklearn.metrics import roc_auc_score

    from medlab_gui.io import read_mask

    ctx, files, mask = classifiers
    told = run(EvaluateParams(compare=places(*files), output=str(tmp_path / "o")), ctx)
    assert told["n_cases"] == 8
    with (tmp_path / "o" / "cases.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    shows = read_mask(mask)[0][:8].any(axis=(1, 2))
    assert [int(r["truth"]) for r in rows] == shows.astype(int).tolist()
    assert {True, False} == set(shows.tolist())
    scores = [float(r["c0"]) for r in rows]
    assert all(0 <= s <= 1 for s in scores)
    assert told["auc"]["c0"] == pytest.approx(roc_auc_score(shows, scores))
    network = tiny_weights(tmp_path / "net.safetensors", ("Ball",))
    mixed = EvaluateParams(
        compare=places(files[0], network), output=str(tmp_path / "o2")
    )
    with pytest.raises(InputError, match="'c0' is a classifier, 'net' draws masks"):
        run(mixed, ctx)


def test_a_case_of_a_project_is_called_as_people_call_it(classifiers, tmp_path):
    """By series, patient and slice, with a link; readers' answers name it so, too."""
    ctx, files, _mask = classifiers
    params = EvaluateParams(compare=places(files[0]), output=str(tmp_path / "o"))
    told = run(params, ctx)
    with ctx.store() as store:
        (series,) = store.series_list()
        patient = store.studies()[0].patient_key
    assert series.description
    title = f"{series.description} (patient {patient[:8]}), slice "
    called = [case["case"] for case in told["worst"]]
    assert sorted(called) == [f"{title}{k}" for k in range(1, 9)]
    for case in told["worst"]:
        assert case["case"] == f"{title}{case['slice_index'] + 1}"
        assert (case["series_uid"], case["path"]) == (series.uid, series.source)
    page = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert f">{title}3</a>" in page, "a link, as other cases have"
    assert series.uid not in page
    with (tmp_path / "readers.csv").open("w", encoding="utf-8", newline="") as file:
        answers = [["Ann", name, n % 2] for n, name in enumerate(called)]
        csv.writer(file).writerows([["reader", "case", "score"], *answers])
    run(replace(params, readers=str(tmp_path / "readers.csv")), ctx)
    assert "Ann" in (tmp_path / "o" / "readers.csv").read_text(encoding="utf-8-sig")


@pytest.fixture
def scores(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.random(80) < 0.4
    for name, strength in (("weak", 0.8), ("strong", 2.5)):
        score = 1 / (1 + np.exp(-rng.normal(strength * (truth - 0.5), 1)))
        lines = [f"c{n},{int(truth[n])},{score[n]:.5f},{n % 5}" for n in range(80)]
        text = "\n".join(["case,truth,score,fold", *lines])
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    said = [f"R1,c{n},{int(truth[n])}" for n in range(80)]
    text = "\n".join(["reader,case,score", *said])
    (tmp_path / "readers.csv").write_text(text, encoding="utf-8")
    return tmp_path


def scored(folder, **more):
    names = places(folder / "weak.csv", folder / "strong.csv")
    return run(
        EvaluateParams(compare=names, output=str(folder / "out"), **more), Context()
    )


def test_classifiers_get_the_mri_papers_table(scores):
    from sklearn.metrics import roc_auc_score

    told = scored(scores, readers=str(scores / "readers.csv"))
    with (scores / "strong.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    truth = [int(r["truth"]) for r in rows]
    score = [float(r["score"]) for r in rows]
    assert told["auc"]["strong"] == pytest.approx(roc_auc_score(truth, score))
    table = (scores / "out" / "classification.csv").read_text(encoding="utf-8-sig")
    assert table.splitlines()[0] == "Network,ACC %,AUC,P %,R %,F1 %,95 % CI of AUC"
    folds = [
        np.mean(
            [
                (s >= 0.5) == t
                for s, t, r in zip(score, truth, rows, strict=True)
                if r["fold"] == str(f)
            ]
        )
        for f in range(5)
    ]
    assert f"{100 * np.mean(folds):.2f} ± {100 * np.std(folds, ddof=1):.2f}" in table
    assert "DeLong" in EVALUATE.text(told)
    figure = (scores / "out" / "roc.svg").read_text(encoding="utf-8")
    assert "R1: 1.000 at 0.000" in figure


def test_scores_that_are_wrong_are_named(scores):
    strong = scores / "strong.csv"
    good = strong.read_text(encoding="utf-8")
    for wrong, said in (
        (good.replace("case,truth", "name,truth"), "has no column case"),
        (good + "\nc0,1,0.5,0", "the case 'c0' is there twice"),
        (good.replace("\nc7,", "\nother,"), "only one of them has c7, other"),
        (good + "\nc99,2,0.5,0", "truth is 0 or 1; found '2'"),
        (good + "\nc99,1,1.5,0", "no probability"),
        (good + "\nc99,1,nan,0", "not a number"),
        ("case,truth,score", "no rows"),
    ):
        strong.write_text(wrong, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            scored(scores)
    strong.write_text(good, encoding="utf-8")
    (scores / "readers.csv").write_text("reader,case,score\nR,c500,1", "utf-8")
    with pytest.raises(InputError, match="no network has a score of the case 'c500'"):
        scored(scores, readers=str(scores / "readers.csv"))
    with pytest.raises(InputError, match="come with truth and patients"):
        scored(scores, truth="x")


def test_folds_of_some_cases_only_are_refused(scores):
    weak, strong = scores / "weak.csv", scores / "strong.csv"
    for file in (weak, strong):
        lines = file.read_text(encoding="utf-8").splitlines()
        lines[4] = lines[4].rpartition(",")[0] + ","
        file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="folds of some cases only: c3"):
        scored(scores)
