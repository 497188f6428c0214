"""``medlab evaluate --compare`` on files, weights and scores."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.cli.parser import build_parser
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams, run
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.io import write_image
from medlab_gui.learning.metrics import mask_metrics
from tests.projects import tiny_weights

GRID = Grid.from_spacing((6, 20, 24), (3.0, 1.0, 1.0))


@pytest.fixture
def folders(tmp_path):
    """Three cases; one network a little off, one far off."""
    for name in ("truth", "near", "far", "ct"):
        (tmp_path / name).mkdir()
    for n in range(3):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[1:5, 4:14, 5 + n : 17 + n] = 1
        truth[2:4, 6:9, 8:12] = 2
        near, far = np.roll(truth, 1, 2), np.roll(truth, 4, 1)
        for name, mask in (("truth", truth), ("near", near), ("far", far)):
            write_image(tmp_path / name / f"p{n}.nii.gz", mask, GRID)
        scan = np.where(truth, 80, -40).astype(np.int16)
        write_image(tmp_path / "ct" / f"p{n}_0000.nii.gz", scan, GRID)
    return tmp_path


def places(*names):
    return "\n".join(map(str, names))


def compared(folder, *names, **more):
    values = {
        "compare": places(*(folder / n if "=" not in n else n for n in names)),
        "truth": str(folder / "truth"),
        "output": str(folder / "out"),
        **more,
    }
    return run(EvaluateParams(**values), Context())


def test_masks_are_judged_on_the_same_cases(folders):
    told = compared(
        folders, "near", "far", images=str(folders / "ct"), names="Liver=1,Tumour=2"
    )
    from medlab_gui.io import read_mask

    ours = []
    for n in range(3):
        masks = [read_mask(folders / d / f"p{n}.nii.gz")[0] for d in ("near", "truth")]
        ours.append(mask_metrics(*masks, GRID.spacing, (1, 2)).classes[1].to_dict())
    found = told["networks"]["near"]["classes"]["1"]
    assert found["name"] == "Liver"
    for key, values in ours[0].items():
        assert found[key]["mean"] == pytest.approx(
            np.mean([case[key] for case in ours])
        ), (key, values)
    assert told["n_cases"] == 3
    assert told["worst"][0]["dsc"] <= told["worst"][-1]["dsc"]
    for case in told["worst"]:
        place = f"{case['case']}.nii.gz"
        masks = [read_mask(folders / d / place)[0] for d in ("near", "far", "truth")]
        wrong = sum((m != masks[2]).sum((1, 2)) for m in masks[:2])
        assert wrong[case["slice_index"]] == wrong.max() > 0
    text = EVALUATE.text(told)
    assert "Liver" in text
    assert "report.html" in text
    json.dumps(told)


def test_the_report_is_whole(folders):
    told = compared(folders, "near", "far", images=str(folders / "ct"))
    out = folders / "out"
    assert {p.name for p in out.iterdir()} == set(told["files"])
    assert {
        *("report.html", "tables.txt", "tables.tex", "cases.csv", "tests.csv"),
        *("class-1.csv", "class-2.csv", "overall.csv", "dsc-class-1.svg"),
    } <= set(told["files"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 3 * 3
    assert "<svg" in page
    assert str(folders / "ct" / "p0_0000.nii.gz") in page
    with (out / "cases.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 3 * 2 * 2


def test_folds_are_folders(folders):
    (folders / "cv").mkdir()
    for n in range(3):
        fold = folders / "cv" / f"fold{n % 2 + 1}"
        fold.mkdir(exist_ok=True)
        (folders / "near" / f"p{n}.nii.gz").rename(fold / f"p{n}.nii.gz")
    told = compared(folders, "cv", "far")
    assert "folds.csv" in told["files"]
    table = (folders / "out" / "folds.csv").read_text(encoding="utf-8")
    assert table.startswith("Network,fold1,fold2,")
    twice = folders / "cv" / "fold2" / "p0.nii.gz"
    twice.write_bytes((folders / "far" / "p0.nii.gz").read_bytes())
    with pytest.raises(InputError, match="in fold1 and in fold2"):
        compared(folders, "cv", "far")


def test_ablation_rows_are_named(folders):
    named = (f"none={folders / 'far'}", f"residual+CBAM={folders / 'near'}")
    told = compared(folders, *named, ablation=True)
    rows = (folders / "out" / "ablation.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 9
    assert rows[1].startswith("none,,,,0.")
    assert rows[5].startswith("residual+CBAM,✓,✓,,0.")
    assert "ablation.csv" in told["files"]
    with pytest.raises(InputError, match="'far' is no row of the ablation"):
        compared(folders, "far", named[1], ablation=True)
    again = f"cbam+residual={folders / 'far'}"
    with pytest.raises(InputError, match="the same row"):
        compared(folders, named[1], again, ablation=True)


def test_cases_of_one_patient_count_as_one(folders):
    whose = folders / "whose.csv"
    whose.write_text("case,patient\np0,a\np1,a\np2,a\n", encoding="utf-8")
    told = compared(folders, "near", patients=str(whose))
    assert told["networks"]["near"]["overall"]["dsc"]["low"] is None
    whose.write_text("case,patient\np0,a\np1,a\n", encoding="utf-8")
    with pytest.raises(InputError, match="does not say whose p2 is"):
        compared(folders, "near", patients=str(whose))
    whose.write_text("case,patient\np0,a\np0,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Line 3 .* a case has one patient"):
        compared(folders, "near", patients=str(whose))


def test_weights_predict_and_get_curves(small_project, tmp_path):
    other = tiny_weights(tmp_path / "other.safetensors")
    for name, file in (("t", small_project.mask), ("i", small_project.image)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ball.nii.gz").write_bytes(file.read_bytes())
    told = run(
        EvaluateParams(
            compare=places(f"A={other}"),
            truth=str(tmp_path / "t"),
            images=str(tmp_path / "i"),
            output=str(tmp_path / "out"),
        ),
        Context(),
    )
    assert 0 <= told["networks"]["A"]["auc"]["1"] <= 1
    assert told["networks"]["A"]["overall"]["ece"]["n"] == 1
    assert "roc-class-1.svg" in told["files"]


def test_what_networks_said_while_they_learned_is_shown(
    small_project, tmp_path, caplog
):
    from medlab_gui.learning.capsule import write_capsule
    from medlab_gui.learning.checkpoint import read_meta
    from medlab_gui.learning.dataset import PreparedSlices
    from medlab_gui.learning.kept import keep_step, keep_truth
    from tests.learning.conftest import judge_source, train_spec

    weights = tiny_weights(tmp_path / "unet.safetensors")
    trained = tmp_path / "unet.run"
    trained.mkdir()
    spec = train_spec()
    slices = PreparedSlices(judge_source(), spec.pipeline, None, 3)
    keep_truth(trained, slices, [0, 1])
    keep_step(trained, 600, [slices[n][1] for n in (0, 1)])
    write_capsule(trained, spec, {"scheme": read_meta(weights).scheme.to_dict()})
    out = tmp_path / "out"
    params = EvaluateParams(compare=places(f"A & B={weights}"), output=str(out))
    told = run(params, small_project.ctx)
    assert "kept-1.svg" in told["files"]
    figure = (out / "kept-1.svg").read_text(encoding="utf-8")
    assert "A &amp; B: predictions while it learned" in figure
    assert figure.count("<image") == 4
    assert figure.strip() in (out / "report.html").read_text(encoding="utf-8")
    # A damaged run costs its figure, not the comparison.
    (trained / "kept" / "truth.npz").write_bytes(b"")
    again = replace(params, output=str(tmp_path / "again"))
    assert "kept-1.svg" not in run(again, small_project.ctx)["files"]
    assert "are damaged" in caplog.text


def test_weights_are_compared_on_the_locked_slices(small_project, tmp_path):
    other = tiny_weights(tmp_path / "other.safetensors")
    with small_project.ctx.store() as store:
        current = store.current_checkpoint().id
    params = EvaluateParams(
        compare=places(f"now={current}", other), output=str(tmp_path / "out")
    )
    told = run(params, small_project.ctx)
    assert set(told["networks"]) == {"now", "other"}
    assert told["n_cases"] == 1  # the locked slices 14 to 16 are neighbours
    assert "slices 14-16" in told["worst"][0]["case"]
    # The same weights under two names: the same figures, and no difference.
    now, same = (told["networks"][n]["overall"]["dsc"] for n in ("now", "other"))
    assert now == same
    masks = EvaluateParams(
        compare=places(small_project.mask, other), output=str(tmp_path / "out")
    )
    with pytest.raises(InputError, match="is masks: name the true ones"):
        run(masks, small_project.ctx)


def fold_run(ctx, run_id, folds, weights):
    """Keep a cross-validated run whose folds left these slices out."""
    import shutil

    from medlab_gui.commands.sources import ProjectSource, labelled_keys
    from medlab_gui.commands.splits import Split, write_split
    from medlab_gui.core.records import Run, RunState

    with ctx.store() as store:
        known = labelled_keys(store)
        values = {"spec": {}, "state": RunState.DONE, "seed": 0, "code_version": "0"}
        kind = "cross-validation"
        store.add_run(Run(id=run_id, kind=kind, started="2026-01-01", **values))
        for n, left_out in enumerate(folds, start=1):
            folder = store.run_folder(run_id) / f"fold-{n}"
            folder.mkdir()
            truth = {k: a for k, a in known.items() if k.slice_index in left_out}
            rest = {k: a for k, a in known.items() if k not in truth}
            sides = (ProjectSource(store, rest), ProjectSource(store, truth))
            write_split(folder, Split(*sides, same_patient=True))
            shutil.copy(weights, folder / "checkpoint.safetensors")


def test_cross_validated_runs_are_judged_on_what_was_left_out(small_project, tmp_path):
    ctx, folds = small_project.ctx, ((5, 6, 7), (9, 10))
    for run_id in ("aaa", "bbb"):
        fold_run(ctx, run_id, folds, small_project.weights)
    fold_run(ctx, "ccc", ((5, 6), (9, 10)), small_project.weights)
    output = str(tmp_path / "out")
    told = run(EvaluateParams(compare=places("A=aaa", "B=bbb"), output=output), ctx)
    assert told["n_cases"] == 2
    assert {c["case"].partition(", ")[2] for c in told["worst"]} == {
        "slices 6-8",
        "slices 10-11",
    }
    table = (tmp_path / "out" / "folds.csv").read_text(encoding="utf-8")
    assert table.startswith('Network,fold-1,fold-2,"folds, mean ± SD"')
    with pytest.raises(InputError, match="'A' and 'C' were folded differently"):
        run(EvaluateParams(compare=places("A=aaa", "C=ccc"), output=output), ctx)
    mixed = places("A=aaa", f"now={small_project.weights}")
    with pytest.raises(InputError, match="is a cross-validation, 'now' is not"):
        run(EvaluateParams(compare=mixed, output=output), ctx)
    truth = str(small_project.mask)
    with pytest.raises(InputError, match="leave --truth away"):
        run(EvaluateParams(compare=places("A=aaa"), truth=truth, output=output), ctx)


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
    with (tmp_path / "o" / "cases.csv").open(encoding="utf-8") as file:
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


def test_what_does_not_fit_is_said(folders, tmp_path):
    with pytest.raises(InputError, match="Name a folder for the report"):
        compared(folders, "near", output="")
    with pytest.raises(InputError, match="is what is compared"):
        compared(folders, "near", output=str(folders / "near"))
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    with pytest.raises(InputError, match="--images goes with --compare"):
        run(EvaluateParams(images="x"), Context())
    with pytest.raises(InputError, match="called 'far'"):
        compared(folders, f"far={folders / 'near'}", f"far={folders / 'far'}")
    for names in ("1=2", "Liver", "Liver=x"):
        with pytest.raises(InputError, match="gives classes their names"):
            compared(folders, "near", names=names)
    (folders / "far" / "p1.nii.gz").unlink()
    with pytest.raises(InputError, match=r"'far' has no mask for p1 \(it has p0, p2\)"):
        compared(folders, "near", "far")
    moved = Grid.from_spacing(GRID.shape, GRID.spacing, (9.0, 0.0, 0.0))
    write_image(folders / "far" / "p1.nii.gz", np.zeros(GRID.shape, np.uint8), moved)
    with pytest.raises(GeometryError, match="same grid"):
        compared(folders, "near", "far")
    (folders / "ct" / "p2_0000.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no scan in .* for p2"):
        compared(folders, "near", images=str(folders / "ct"))
    weights = tiny_weights(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="name the scans"):
        compared(folders, f"w={weights}")


# ---- scores of classifiers ----------------------------------------------------------


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
    with (scores / "strong.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = [int(r["truth"]) for r in rows]
    score = [float(r["score"]) for r in rows]
    assert told["auc"]["strong"] == pytest.approx(roc_auc_score(truth, score))
    table = (scores / "out" / "classification.csv").read_text(encoding="utf-8")
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


def test_places_are_gathered_on_the_command_line():
    words = ["evaluate", "--compare", "a b", "B=c,d", "--truth", "t", "--compare", "e"]
    found = build_parser(COMMANDS).parse_args(words)
    assert found.compare == "a b\nB=c,d\ne"
    assert found.truth == "t"


def test_networks_that_were_folded_differently_are_refused(folders):
    for name, where in (("cv", (1, 1, 2)), ("other", (2, 1, 2))):
        for n, fold in enumerate(where):
            target = folders / name / f"fold{fold}"
            target.mkdir(parents=True, exist_ok=True)
            file = folders / "near" / f"p{n}.nii.gz"
            (target / file.name).write_bytes(file.read_bytes())
    with pytest.raises(
        InputError, match="folded differently: the case 'p0' is in fold1"
    ):
        compared(folders, "cv", "other")
    assert compared(folders, "cv", "cv2=" + str(folders / "near"))["n_cases"] == 3


def test_what_fails_leaves_no_folder(folders):
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    assert not (folders / "out").exists()
    (folders / "out").mkdir()
    with pytest.raises(InputError, match="neither a folder of masks"):
        compared(folders, "gone")
    assert (folders / "out").exists(), "that was the user's"


def test_one_networks_probabilities_are_in_memory_at_a_time(small_project, tmp_path):
    """Four networks on a long scan would take four gigabytes of them."""
    import gc
    import weakref

    from medlab_gui.commands import loaded_cases

    alive, most = weakref.WeakSet(), []

    def watched(name, found, slices=slice(None)):
        gc.collect()
        most.append(len(alive))
        made = loaded_cases.Answer(name, found.labels[slices], found.probs[:, slices])
        alive.add(made)
        return made

    for name, file in (("t", small_project.mask), ("i", small_project.image)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ball.nii.gz").write_bytes(file.read_bytes())
    weights = [tiny_weights(tmp_path / f"w{n}.safetensors") for n in range(3)]
    params = EvaluateParams(
        compare=places(*weights),
        truth=str(tmp_path / "t"),
        images=str(tmp_path / "i"),
        output=str(tmp_path / "out"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded_cases.Answer, "of", staticmethod(watched))
        told = run(params, Context())
    assert most == [0, 0, 0]
    assert list(told["networks"]) == ["w0", "w1", "w2"]


def test_folds_of_some_cases_only_are_refused(scores):
    weak, strong = scores / "weak.csv", scores / "strong.csv"
    for file in (weak, strong):
        lines = file.read_text(encoding="utf-8").splitlines()
        lines[4] = lines[4].rpartition(",")[0] + ","
        file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="folds of some cases only: c3"):
        scored(scores)
