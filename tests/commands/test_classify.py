"""Classifiers through the verbs: predict, adopt, score, evaluate, fine-tune."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.accept import ACCEPT, AcceptParams, run_accept
from medlab_gui.commands.adopt import ADOPT, AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.command import Context
from medlab_gui.commands.compare import CompareParams
from medlab_gui.commands.compare import run as compare
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams
from medlab_gui.commands.evaluate import run as evaluate
from medlab_gui.commands.list_ import LIST, ListParams
from medlab_gui.commands.predict import PREDICT, PredictParams
from medlab_gui.commands.predict import run as predict
from medlab_gui.commands.save import (
    AnnotateParams,
    LockParams,
    run_annotate,
    run_lock,
)
from medlab_gui.commands.score import ScoreParams, run_score
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.core.errors import InputError, MedlabError
from tests.projects import label_empty_slices, make_small_project, tiny_weights


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_small_project(tmp_path_factory.mktemp("original"))


@pytest.fixture
def project(original, tmp_path):
    shutil.copytree(original.folder, tmp_path / "project")
    return replace(original, folder=tmp_path / "project")


@pytest.fixture
def weights(tmp_path):
    return tiny_weights(tmp_path / "alex.safetensors", network="alexnet")


def test_a_file_gets_a_table(original, weights, tmp_path):
    table, data = tmp_path / "t.csv", tmp_path / "t.json"
    ctx = Context(str(tmp_path / "none"))
    asked = PredictParams(str(original.image), checkpoint=str(weights))
    told = predict(asked, ctx)
    assert (told["n_slices"], told["series_uid"], told["output"]) == (24, None, None)
    assert "nothing about where" in told["limits"]
    assert not (tmp_path / "none").exists(), "no project for a file"
    for row in told["slices"]:
        probs = row["probabilities"]
        assert list(probs) == ["none", "Liver", "Spleen"]
        assert sum(probs.values()) == pytest.approx(1, abs=1e-5)
        assert probs[row["name"]] == row["probability"] == max(probs.values())
        p = np.array(list(probs.values()))
        expected = -(p * np.log(p)).sum() / np.log(3)
        assert row["entropy"] == pytest.approx(expected, abs=1e-4)
    assert [r["slice"] for r in told["slices"]] == list(range(1, 25))
    assert sum(c["n_slices"] for c in told["classes"]) == 24
    words = PREDICT.text(told)
    assert "24 slices" in words
    assert words.endswith("to correct.")

    predict(replace(asked, output=str(table)), ctx)
    assert table.read_bytes().startswith(b"\xef\xbb\xbf"), "Excel knows UTF-8 by it"
    with table.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("slice", "class", "name", "probability", "entropy"),
        *("p none", "p Liver", "p Spleen"),
    ]
    assert [float(r["p Liver"]) for r in rows] == [
        r["probabilities"]["Liver"] for r in told["slices"]
    ]
    predict(replace(asked, output=str(data)), ctx)
    assert json.loads(data.read_text())["slices"] == told["slices"]


def test_pictures_are_named(weights, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "p").mkdir()
    for name in ("b10", "b9"):
        image = Image.fromarray(rng.integers(0, 255, (70, 70), np.uint8))
        image.save(tmp_path / "p" / f"{name}.png")
    asked = PredictParams(str(tmp_path / "p"), checkpoint=str(weights))
    told = predict(asked, Context(str(tmp_path / "none")))
    assert [r["file"] for r in told["slices"]] == ["b9.png", "b10.png"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"output": "m.nii.gz"}, "a classifier's: it draws no mask.*csv or .json"),
        ({"entropy": "e.nii.gz"}, "--entropy is about masks"),
        ({"probability": "p.nii.gz"}, "--probability is about masks"),
        ({"largest_component": "all"}, "--largest-component is about masks"),
        ({"tiles": 64}, "tiles mean nothing"),
        ({"crf": True}, "a CRF mean nothing"),
        ({"axes": "all"}, "sagittal slices mean nothing"),
        ({"dropout_passes": 3}, "no dropout"),
    ],
)
def test_what_only_masks_have_gets_a_sentence(original, weights, changes, said):
    for place in (str(original.image), original.series_uid):
        params = PredictParams(place, checkpoint=str(weights), **changes)
        with pytest.raises(MedlabError, match=said):
            predict(params, original.ctx)


def test_in_a_project_it_is_kept_beside_the_masks(project, weights):
    masks = predict(PredictParams(project.series_uid), project.ctx)
    told = predict(
        PredictParams(project.series_uid, checkpoint=str(weights), flips="left-right"),
        project.ctx,
    )
    with project.ctx.store() as store:
        assert store.latest_prediction(project.series_uid).id == masks["prediction"]
        kept = store.latest_classification(project.series_uid)
        assert kept.id == told["classification"]
        assert kept.classes == ("none", "Liver", "Spleen")
        probs = store.array(kept.probs_blob)
        assert store.health() == []
    assert (kept.options["flips"], kept.options["tiles"]) == ("left-right", 0)
    shown = [list(r["probabilities"].values()) for r in told["slices"]]
    np.testing.assert_allclose(probs, shown, atol=1e-6)
    listed = list_project(project)
    assert listed["series"][0]["classification"]["id"] == kept.id
    assert "flips left-right" in LIST.text(listed)


def list_project(project):
    from medlab_gui.commands.list_ import run as list_

    return list_(ListParams(), project.ctx)


def test_a_file_is_asked_of_the_projects_weights(project, weights):
    used = adopt(AdoptParams(str(weights)), project.ctx)["checkpoint"]
    adopt(AdoptParams("previous"), project.ctx)
    asked = PredictParams(str(project.image), checkpoint=used)
    told = predict(asked, project.ctx)
    assert (told["checkpoint"], told["classification"]) == (used, None)
    by_path = predict(replace(asked, checkpoint=str(weights)), project.ctx)
    assert told["slices"] == by_path["slices"]
    with pytest.raises(MedlabError, match=r"no weights 'nobody'.*medlab list"):
        predict(replace(asked, checkpoint="nobody"), project.ctx)


def test_adopted_it_ranks_the_queue_by_its_entropy(project, weights):
    used = adopt(AdoptParams(str(weights)), project.ctx)
    assert "no mask is drawn" in ADOPT.text(used)
    told = run_score(ScoreParams(), project.ctx)
    assert told["scored"] == 24
    found = predict(PredictParams(project.series_uid), project.ctx)
    entropy = {r["slice"]: r["entropy"] for r in found["slices"]}
    for item in told["items"]:
        assert item["score"] == pytest.approx(entropy[item["slice"]], abs=1e-5)
        name = next(r for r in found["slices"] if r["slice"] == item["slice"])["name"]
        assert item["reason"].startswith(name)
    with project.ctx.store() as store:
        assert {s.method for s in store.scores(used["checkpoint"])} == {"entropy-slice"}
        assert store.latest_prediction(project.series_uid) is None
    back = adopt(AdoptParams("previous"), project.ctx)
    assert "no mask" not in ADOPT.text(back)
    assert predict(PredictParams(project.series_uid), project.ctx)["prediction"]


def test_accepting_takes_over_what_the_classifier_in_use_says(project, weights):
    predict(PredictParams(project.series_uid), project.ctx)
    adopt(AdoptParams(str(weights)), project.ctx)
    told = run_score(ScoreParams(), project.ctx)["items"]
    with project.ctx.store() as store:
        stored = store.latest_classification(project.series_uid)
        probs = store.array(stored.probs_blob)
        k = told[0]["slice_index"]
        probs = np.full_like(probs, 0.1)
        probs[:, 2] = 0.8
        store.add_classification(
            project.series_uid, stored.checkpoint_id, stored.classes, probs
        )
    made = run_accept(AcceptParams(project.series_uid, k + 1), project.ctx)
    assert made["from_prediction"]
    assert "as predicted" in ACCEPT.text(made)
    adopt(AdoptParams("previous"), project.ctx)
    masks = run_accept(AcceptParams(project.series_uid, told[1]["slice"]), project.ctx)
    with project.ctx.store() as store:
        mask = store.annotation_mask(store.latest_annotation(project.series_uid))
        predicted = store.latest_prediction(project.series_uid)
        own = store.array(predicted.labels_blob)[told[1]["slice_index"]]
        assert store.health() == []
    assert np.unique(mask[k]).tolist() == [2], "the slice as a whole"
    assert masks["from_prediction"]
    np.testing.assert_array_equal(mask[told[1]["slice_index"]], own)


def test_one_slice_under_two_recipes_gets_a_sentence(project, weights):
    adopt(AdoptParams(str(weights)), project.ctx)
    with pytest.raises(MedlabError, match="says what a whole slice shows"):
        compare(CompareParams(project.series_uid, "3"), project.ctx)


def test_it_is_judged_on_the_locked_slices(project, weights):
    adopt(AdoptParams(str(weights)), project.ctx)
    told = evaluate(EvaluateParams(), project.ctx)
    scores = told["locked"]
    assert scores["n_slices"] == 3
    assert {"accuracy", "auc", "precision", "recall", "dice"} <= set(scores)
    assert "What 3 locked slices show: accuracy" in EVALUATE.text(told)


def lock_an_empty_slice(project):
    """The project's own locked slices all show liver."""
    uid = project.series_uid
    run_annotate(AnnotateParams(uid, shows="none", slices="24"), project.ctx)
    run_lock(LockParams(uid, "24"), project.ctx)


def test_judges_of_one_class_put_nothing_to_use(project, weights):
    """Who always says that class would be perfect."""
    label_empty_slices(project)
    adopt(AdoptParams(str(weights)), project.ctx)
    made = train(TrainParams(epochs_head=0, epochs_all=1, batch=4), project.ctx)
    comparison = made["comparison"]
    assert {"old", "new"} <= set(comparison)
    assert not made["adopted"]
    if comparison["new"]["recall"]["Liver"] >= comparison["old"]["recall"]["Liver"]:
        assert "All slices that judge show Liver" in comparison["reason"]


def test_it_is_fine_tuned_and_adopted_if_not_worse(project, weights):
    lock_an_empty_slice(project)
    label_empty_slices(project)
    adopt(AdoptParams(str(weights)), project.ctx)
    made = train(TrainParams(epochs_head=0, epochs_all=1, batch=4), project.ctx)
    comparison = made["comparison"]
    assert {"old", "new"} <= set(comparison)
    assert "balanced accuracy" in comparison["reason"]
    with project.ctx.store() as store:
        run = store.run(made["run"])
        assert (run.kind, run.spec["loss"]) == ("fine-tune", "ce")
        now = store.current_checkpoint().id
    old, new = (comparison[side]["balanced_accuracy"] for side in ("old", "new"))
    fit = new >= old and new > 0.5
    assert made["adopted"] == fit == (now == made["checkpoint"])


def test_who_guesses_is_not_put_to_use_unasked(project, weights, monkeypatch):
    """Nothing is in use to be better than, or only another guess."""
    import medlab_gui.commands.judging

    rows = [{"series_uid": "1", "slice_index": k, "dice": {name: 1.0}}
            for k, name in enumerate(("Liver", "none"))]  # fmt: skip
    scores = {"dice": {"Liver": 0.9}, "mean_dice": 0.9, "balanced_accuracy": 0.5}
    lock_an_empty_slice(project)
    label_empty_slices(project)
    adopt(AdoptParams(str(weights)), project.ctx)
    monkeypatch.setattr(
        medlab_gui.commands.judging,
        "judged",
        lambda *_given: {**scores, "n_slices": 2, "per_slice": rows},
    )
    made = train(TrainParams(epochs_head=0, epochs_all=1, batch=4), project.ctx)
    assert not made["adopted"]
    assert made["comparison"]["reason"].startswith(
        "Kept aside: balanced accuracy 0.5000 -> 0.5000. A balanced accuracy of 0.50 "
        "is no better than guessing among 2 classes"
    )


def test_who_says_the_same_of_all_is_not_adopted(project, weights, monkeypatch):
    """Of ten slices eight are of one class: its F1 alone was better for saying so."""
    import medlab_gui.commands.judging

    def judged(path, *_args):
        keen = path.name == "checkpoint.safetensors"
        rows = [{"series_uid": "1", "slice_index": k, "dice": {name: 1.0}}
                for k, name in enumerate(("Liver", "none"))]  # fmt: skip
        return {
            "dice": {"Liver": 0.889 if keen else 0.857},
            "mean_dice": 0.889 if keen else 0.857,
            "balanced_accuracy": 0.5 if keen else 0.875,
            "n_slices": 10,
            "per_slice": rows,
        }

    lock_an_empty_slice(project)
    label_empty_slices(project)
    adopt(AdoptParams(str(weights)), project.ctx)
    monkeypatch.setattr(medlab_gui.commands.judging, "judged", judged)
    made = train(TrainParams(epochs_head=0, epochs_all=1, batch=4), project.ctx)
    assert not made["adopted"]
    assert made["comparison"]["reason"] == (
        "Refused: balanced accuracy would fall from 0.8750 to 0.5000."
    )
    told = adopt(AdoptParams(made["checkpoint"]), project.ctx)
    assert "Refused: balanced accuracy" in told["reason"], "said once more"


def test_masks_and_classes_do_not_replace_each_other_unasked(project):
    label_empty_slices(project)
    tiny = (
        "network.name=alexnet,network.options.width=0.0625,encoder_weights=,"
        "phases.0.trainable=all,resize=64"
    )
    params = TrainParams(preset="mri-lesion", set=tiny, epochs_all=1, folds=0)
    made = train(params, project.ctx)
    assert not made["adopted"]
    assert (
        "It is a classifier of slices, and what is in use"
        in (made["comparison"]["reason"])
    )
    with project.ctx.store() as store:
        kept = store.checkpoint(made["checkpoint"])
        assert kept.resize.pixels == 64
        assert store.current_checkpoint().network.name == "unet"
    adopt(AdoptParams(made["checkpoint"]), project.ctx)
    found = predict(PredictParams(project.series_uid), project.ctx)
    assert found["network"] == "alexnet"


def test_the_preset_is_folded_unless_asked_not_to(project):
    with pytest.raises(InputError, match="cannot be made of"):
        train(
            TrainParams(
                preset="mri-lesion",
                set="network.options.width=0.0625,encoder_weights=",
            ),
            project.ctx,
        )
    assert list_project(project)["runs"] == []
