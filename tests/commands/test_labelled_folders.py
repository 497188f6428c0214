"""Classifiers on folders of pictures that are named after what they show."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from medlab_gui.commands.classes import ClassesParams
from medlab_gui.commands.classes import run as set_classes
from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EvaluateParams
from medlab_gui.commands.evaluate import run as evaluate
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.predict import PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.queue_ import QueueParams, run_queue
from medlab_gui.commands.save import (
    AnnotateParams,
    LockParams,
    run_annotate,
    run_lock,
)
from medlab_gui.commands.score import ScoreParams, run_score
from medlab_gui.commands.sources import labelled_keys
from medlab_gui.commands.splits import draw_split, fold_sources, unjudged
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.core.errors import InputError
from tests.learning.test_classifier import written

CLASSES = ("Bright", "Dim")
LEVELS = {"dim": 90, "bright": 200, "normal": 20}


def picture(seed, level):
    """A field of its own pattern, more or less bright."""
    rng = np.random.default_rng(seed)
    small = rng.normal(level, 45, (9, 9)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC)


@pytest.fixture
def folders(tmp_path):
    place = tmp_path / "truth"
    for number, (name, level) in enumerate(LEVELS.items()):
        (place / name).mkdir(parents=True)
        for k in range(7):
            picture(100 * number + k, level).save(place / name / f"{k}.png")
    return place


@pytest.fixture
def weights(tmp_path):
    return [
        written(tmp_path / f"{name}.safetensors", CLASSES, seed=seed)[0]
        for name, seed in (("A", 0), ("B", 5))
    ]


def compared(place, weights, output, **more):
    params = EvaluateParams(
        compare="\n".join(map(str, weights)), truth=str(place), output=str(output)
    )
    return evaluate(
        replace(params, **{"map_truth": "normal=0", **more}),
        Context(str(output / "none")),
    )


def test_several_classes_get_the_papers_figures(folders, weights, tmp_path):
    told = compared(folders, weights, tmp_path / "out")
    assert told["n_cases"] == 21
    for made in (tmp_path / "out").iterdir():
        marked = made.read_bytes().startswith(b"\xef\xbb\xbf")
        assert marked == (made.suffix == ".csv"), f"{made.name}: Excel needs the mark"
    with (tmp_path / "out" / "cases.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    truth = np.array([("none", "Bright", "Dim").index(r["truth"]) for r in rows])
    assert np.bincount(truth).tolist() == [7, 7, 7]
    assert rows[0]["case"] == "bright/0.png"
    for name in ("A", "B"):
        answers = ("none", "Bright", "Dim")
        probs = np.array([[float(r[f"{name}: {c}"]) for c in answers] for r in rows])
        for value, c in enumerate(answers):
            expected = metrics.roc_auc_score(truth == value, probs[:, value])
            assert told["auc"][name][c] == pytest.approx(expected)
        assert name in told["tables"][0]
    assert {"roc-class-0.svg", "roc-class-2.svg", "report.html", "folds.csv"} & set(
        told["files"]
    ) == {"roc-class-0.svg", "roc-class-2.svg", "report.html"}
    # The report lists all, that of which a network is least right first.
    right = [min(float(r[f"{n}: {r['truth']}"]) for n in ("A", "B")) for r in rows]
    worst = rows[int(np.argmin(right))]["case"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    listed = page[page.index("Probability of the true class") :]
    assert listed.index(f">{worst}<") == min(
        listed.index(f">{r['case']}<") for r in rows
    )
    assert (folders / worst).as_uri() in listed, "a click opens it"
    assert {c["path"] for c in told["worst"]} == {
        str(folders / r["case"]) for r in rows
    }
    # One file alone gets the same answer from `medlab predict`.
    one = predict(
        PredictParams(str(folders / "dim" / "3.png"), checkpoint=str(weights[0])),
        Context(str(tmp_path / "none")),
    )["slices"][0]
    row = next(r for r in rows if r["case"] == "dim/3.png")
    assert one["probabilities"]["Dim"] == pytest.approx(float(row["A: Dim"]), abs=1e-5)


def test_two_classes_get_readers_on_the_plot(folders, tmp_path):
    path, _ = written(tmp_path / "one.safetensors", ("Bright",))
    readers = tmp_path / "readers.csv"
    names = [f"{c}/{k}.png" for c in ("bright", "dim") for k in range(7)]
    lines = [f"Ann,{name},{int('bright' in name)}" for name in names]
    # Bea takes one of three bright ones for dim, and two of four dim ones for bright.
    said = {"bright/0.png": 0.4, "bright/1.png": 0.9, "bright/2.png": 1}
    said |= {"dim/0.png": 0.8, "dim/1.png": 0.5, "dim/2.png": 0, "dim/3.png": 0.1}
    lines += [f"Bea,{name},{score}" for name, score in said.items()]
    readers.write_text("\n".join(["reader,case,score", *lines]))
    told = compared(
        folders,
        [path],
        tmp_path / "out",
        map_truth="normal=0,dim=0",
        readers=str(readers),
    )
    assert set(told["auc"]) == {"one"}
    assert "Ann" in (tmp_path / "out" / "roc.svg").read_text(encoding="utf-8")
    assert "14 positive" not in told["tables"][0]
    assert "7 positive" in told["tables"][0]
    with (tmp_path / "out" / "readers.csv").open(encoding="utf-8-sig") as file:
        ann, bea = csv.DictReader(file)
    assert (ann["Reader"], ann["cases"]) == ("Ann", "14")
    assert {ann["ACC %"], ann["P %"], ann["R %"], ann["F1 %"]} == {"100.00"}
    truth = ["bright" in name for name in said]
    assert bea["cases"] == "7"
    assert float(bea["AUC"]) == pytest.approx(
        metrics.roc_auc_score(truth, list(said.values())), abs=1e-4
    )
    assert (bea["ACC %"], bea["P %"], bea["R %"]) == ("57.14", "50.00", "66.67")


def test_copies_and_named_patients_count_as_one(folders, weights, tmp_path):
    picture(2, LEVELS["dim"]).save(folders / "dim" / "copy.png")
    told = compared(folders, weights[:1], tmp_path / "out")
    assert "22 cases of 21 patients" in told["tables"][0]
    (folders / "dim" / "anna").mkdir()
    for name in ("copy.png", "0.png"):
        (folders / "dim" / name).rename(folders / "dim" / "anna" / name)
    compared(folders, weights[:1], tmp_path / "two")
    with (tmp_path / "two" / "cases.csv").open(encoding="utf-8-sig") as file:
        patients = {r["case"]: r["patient"] for r in csv.DictReader(file)}
    assert patients["dim/anna/copy.png"] == patients["dim/anna/0.png"] == "anna"
    assert patients["dim/1.png"] == "dim/1.png"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"map_truth": ""}, "The folder normal is no class.*--map-truth normal=1"),
        ({"map_truth": "normal=7"}, "the weights know the classes 0 none, 1 Bright"),
        ({"images": "."}, "leave --images out"),
        ({"readers": "r.csv"}, "tell 3 apart"),
        ({"ablation": True}, "without --images, --names and --ablation"),
        ({"truth": "nowhere"}, "nowhere does not exist"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(folders, weights, tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        compared(folders, weights, tmp_path / "out", **changes)


def test_other_folders_get_a_sentence(folders, weights, tmp_path):
    with pytest.raises(InputError, match="holds no folders"):
        compared(folders / "dim", weights, tmp_path / "out")
    (folders / "bright_").mkdir()
    with pytest.raises(InputError, match="Did you mean 'bright'"):
        compared(folders, weights, tmp_path / "out")
    (folders / "bright_").rename(folders / "Background")
    with pytest.raises(InputError, match="holds no pictures"):
        compared(folders, weights, tmp_path / "out")


# ---- pictures in a project ----------------------------------------------------------


@pytest.fixture
def ctx(folders, tmp_path):
    """A project of labelled pictures of different patients, one of them twice."""
    picture(2, LEVELS["dim"]).save(folders / "dim" / "copy.png")
    ctx = Context(str(tmp_path / "project"))
    taken = import_(ImportParams(str(folders), remedy="different-patients"), ctx)
    set_classes(ClassesParams("Bright;Dim"), ctx)
    for one in taken["series"]:
        assert [r["code"] for r in one["remedies"]] == ["different-patients"]
        assert "one-patient" not in {p["code"] for p in one["problems"]}
        name = one["description"]
        shows = "none" if name == "normal" else name
        run_annotate(AnnotateParams(one["uid"], shows=shows), ctx)
    return ctx


def test_whole_slices_are_labelled(ctx):
    with ctx.store() as store:
        found = {
            s.description: np.unique(
                store.annotation_mask(store.latest_annotation(s.uid))
            ).tolist()
            for s in store.series_list()
        }
        uid = store.series_list()[0].uid
        assert all(
            len(store.latest_annotation(s.uid).confirmed) == s.n_slices
            for s in store.series_list()
        )
    assert found == {"bright": [1], "dim": [2], "normal": [0]}
    with pytest.raises(InputError, match=r"no class 'brigt'.*Did you mean 'bright'"):
        run_annotate(AnnotateParams(uid, shows="brigt"), ctx)
    with pytest.raises(InputError, match="Name either a file"):
        run_annotate(AnnotateParams(uid), ctx)


def test_pictures_of_different_patients_are_parted_but_copies_are_not(ctx):
    with ctx.store() as store:
        dim = next(s.uid for s in store.series_list() if s.description == "dim")
        splits = fold_sources(store, 5, seed=0)
        whole = {k for s in splits for k in s.validation.keys}
        assert len(whole) == 22
        for split in splits:
            judges = {(k.series_uid, k.slice_index) for k in split.validation.keys}
            # Slices 2 and 7 (copy.png) of one folder are one picture.
            assert ((dim, 2) in judges) == ((dim, 7) in judges)
            patients = {split.training.group(k) for k in split.training.keys}
            assert len(patients) == len(split.training.keys)


def shown(split, store):
    """The classes on both sides of a split: bright 1, dim 2, normal 0."""
    named = {s.uid: s.description for s in store.series_list()}
    return [
        Counter(named[key.series_uid] for key in side.keys)
        for side in (split.training, split.validation)
    ]


def test_a_classifiers_split_has_each_class_on_both_sides(ctx, tmp_path):
    """And its share on both is as equal as can be."""
    with ctx.store() as store:
        normal = next(s.uid for s in store.series_list() if s.description == "normal")
        n_normal = sum(key.series_uid == normal for key in labelled_keys(store))
        for seed in range(8):
            for fold in fold_sources(store, 2, seed, by_class=True):
                teach, judge = shown(fold, store)
                assert teach.keys() == judge.keys() == {"bright", "dim", "normal"}
                assert abs(judge["normal"] - n_normal / 2) < 1
                assert unjudged(store, fold, "slices that judge") == ""
        split = draw_split(store, 0, by_class=True)
        assert len(shown(split, store)[1]) == 3
        assert "how well" not in split.note


def test_a_class_that_no_slice_judges_is_named(ctx):
    with ctx.store() as store:
        bright = next(s.uid for s in store.series_list() if s.description == "bright")
    run_lock(LockParams(bright, "1-2"), ctx)
    with ctx.store() as store:
        split = draw_split(store, 0, by_class=True)
        note = split.note
        assert "None of the slices that judge shows none, Dim: how well" in note
        assert "`medlab lock`" in note
        assert "how well" not in draw_split(store, 0).note


def test_unsaid_a_folder_is_one_patient(folders, tmp_path):
    ctx = Context(str(tmp_path / "plain"))
    taken = import_(ImportParams(str(folders)), ctx)["series"]
    problems = {p["code"]: p for p in taken[0]["problems"]}
    assert "--remedy different-patients" in problems["one-patient"]["message"]
    with ctx.store() as store:
        assert not any(s.are_apart for s in store.series_list())


def test_cross_validated_and_judged_fold_by_fold(ctx, folders, tmp_path):
    made = []
    for name in ("alexnet", "alexnet"):
        tiny = (
            f"network.name={name},network.options.width=0.0625,encoder_weights=,"
            f"phases.0.trainable=all,resize=64,batch=8,phases.0.lr=0.00{len(made) + 1}"
        )
        made.append(
            train(
                TrainParams(preset="mri-lesion", set=tiny, epochs_all=2, folds=2), ctx
            )
        )
    assert "Cross-validated with 2 folds: balanced accuracy" in made[0]["reason"]
    places = "\n".join(f"{n}={m['run']}" for n, m in zip("AB", made, strict=True))
    told = evaluate(EvaluateParams(compare=places, output=str(tmp_path / "own")), ctx)
    assert told["n_cases"] == 22, "each picture judged once, by who never saw it"
    assert "mean ± SD over 2 folds, 22 cases of 21 patients" in told["tables"][0]
    lowest = [case["probability"] for case in told["worst"]]
    assert lowest == sorted(lowest)
    with ctx.store() as store:
        every = {(k.series_uid, k.slice_index) for k in labelled_keys(store)}
    assert {(c["series_uid"], c["slice_index"]) for c in told["worst"]} == every
    made = tmp_path / "own" / "folds.csv"
    folds = made.read_text(encoding="utf-8-sig").splitlines()
    assert folds[0] == "Network,fold,ACC %,AUC,P %,R %,F1 %"
    assert [line.split(",")[:2] for line in folds[1:5]] == [
        ["A", "fold-1"],
        ["A", "fold-2"],
        ["B", "fold-1"],
        ["B", "fold-2"],
    ]
    outside = EvaluateParams(
        compare=places,
        truth=str(folders),
        map_truth="normal=0",
        output=str(tmp_path / "outside"),
    )
    told = evaluate(outside, ctx)
    assert told["n_cases"] == 2 * 22, "each fold's weights on every case"
    assert all(Path(case["path"]).is_file() for case in told["worst"]), "it opens"


def test_unrelated_pictures_do_not_lower_each_other(ctx, weights, folders, tmp_path):
    fresh = Context(str(tmp_path / "fresh"))
    import_(ImportParams(str(folders / "dim"), remedy="different-patients"), fresh)
    set_classes(ClassesParams("Bright;Dim"), fresh)
    run_score(ScoreParams(checkpoint=str(weights[0])), fresh)
    items = run_queue(QueueParams(limit=100), fresh)["items"]
    assert len(items) == 8
    for item in items:
        assert item["priority"] == pytest.approx(item["score"], abs=0.15)
    scores = [i["score"] for i in items]
    assert scores == sorted(scores, reverse=True)
