"""Slices that were locked after weights had learned from them."""

from __future__ import annotations

import json

import pytest

from medlab_gui.commands.checkpoints import register_weights
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams
from medlab_gui.commands.evaluate import run as evaluate
from medlab_gui.commands.learned import learned_from
from medlab_gui.commands.runs_ import DeleteRunParams, run_delete
from medlab_gui.commands.save import LockParams, run_lock
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.core.errors import InputError
from medlab_gui.core.records import Run, RunState
from tests.projects import tiny_weights


def trained(project, tmp_path, name, slices, parent=None, fold=0, chose=()):
    """Add weights of a run that learned from these slices (numbered from 1).

    Their epoch was chosen by those of ``chose``.
    """
    import torch

    from medlab_gui.learning.checkpoint import load_checkpoint, save_checkpoint

    meta, state = load_checkpoint(tiny_weights(tmp_path / f"{name}.safetensors"))
    torch.manual_seed(len(name) + sum(slices))
    state = {k: v + torch.rand(1) if v.is_floating_point() else v
             for k, v in state.items()}  # fmt: skip
    path = tmp_path / f"{name}.safetensors"
    save_checkpoint(path, state, meta)
    with project.ctx.store() as store:
        if name not in {r.id for r in store.runs()}:
            told = (RunState.DONE, 0, "0", "2026-01-01T00:00:00+00:00")
            store.add_run(Run(name, "train", {}, *told))
        folder = store.run_folder(name)
        if fold:
            folder = folder / f"fold-{fold}"
            folder.mkdir()
            (folder / "checkpoint.safetensors").write_bytes(path.read_bytes())
        annotation = store.latest_annotation(project.series_uid).id
        content = {"same_patient": True, "note": ""} | {
            side: [
                {"series_uid": project.series_uid, "slice_index": k - 1,
                 "annotation": annotation}
                for k in own
            ]
            for side, own in (("training", slices), ("validation", chose))
        }  # fmt: skip
        (folder / "split.json").write_text(json.dumps(content))
        return register_weights(store, path, name=name, run_id=name, parent=parent)


def test_slices_that_taught_do_not_judge(small_project, tmp_path):
    made = trained(small_project, tmp_path, "early", [6, 7, 14])
    told = evaluate(EvaluateParams(checkpoint=made.id), small_project.ctx)
    judged = [row["slice_index"] for row in told["locked"]["per_slice"]]
    assert judged == [14, 15], "13 (slice 14) taught"
    words = EVALUATE.text(told)
    assert "learned from 1 locked slice before they were locked: left out" in words
    assert "other slices of 1 patient who judge" in words
    # The same file elsewhere is the same weights.
    file = str(tmp_path / "early.safetensors")
    again = evaluate(EvaluateParams(checkpoint=file), small_project.ctx)
    assert again["locked"]["n_slices"] == 2


def test_who_chose_the_epoch_is_told(small_project, tmp_path):
    made = trained(small_project, tmp_path, "picky", [6], chose=[14, 15, 16])
    told = evaluate(EvaluateParams(checkpoint=made.id), small_project.ctx)
    assert told["locked"]["n_slices"] == 3, "they did not teach"
    assert "which epoch of 'tiny' was kept" in EVALUATE.text(told)
    other = trained(small_project, tmp_path, "another", [6], chose=[7])
    out = str(tmp_path / "report")
    compared = f"A={made.id}\nB={other.id}"
    both = evaluate(EvaluateParams(compare=compared, output=out), small_project.ctx)
    (said,) = [note for note in both["notes"] if "was kept" in note]
    assert "epoch of 'A' was kept" in said


def test_what_weights_began_with_counts(small_project, tmp_path):
    first = trained(small_project, tmp_path, "first", [14])
    second = trained(small_project, tmp_path, "second", [6, 15], parent=first.id)
    with small_project.ctx.store() as store:
        known = learned_from(store, store.blob_path(second.blob))
    assert {k.slice_index for k in known} == {5, 13, 14}
    told = evaluate(EvaluateParams(checkpoint=second.id), small_project.ctx)
    assert told["locked"]["n_slices"] == 1


def test_each_fold_has_its_own(small_project, tmp_path):
    one = trained(small_project, tmp_path, "folded", [6, 7], fold=1)
    two = trained(small_project, tmp_path, "folded", [8, 9], fold=2)
    with small_project.ctx.store() as store:
        for made, slices in ((one, {5, 6}), (two, {7, 8})):
            known = learned_from(store, store.blob_path(made.blob))
            assert {k.slice_index for k in known} == slices


def test_nothing_left_to_judge_by(small_project, tmp_path):
    made = trained(small_project, tmp_path, "all", [14, 15, 16])
    with pytest.raises(InputError, match="None is left to judge by: lock slices"):
        evaluate(EvaluateParams(checkpoint=made.id), small_project.ctx)
    out = tmp_path / "report"
    with pytest.raises(InputError, match="None is left to judge by"):
        evaluate(EvaluateParams(compare=made.id, output=str(out)), small_project.ctx)
    assert not out.exists()


def test_what_is_not_known_any_more_is_said(small_project, tmp_path):
    made = trained(small_project, tmp_path, "gone", [14])
    with small_project.ctx.store() as store:
        store.adopt(made.id, "me", "for a test")
    run_delete(DeleteRunParams("gone"), small_project.ctx)
    told = evaluate(EvaluateParams(), small_project.ctx)
    assert told["locked"]["n_slices"] == 3
    assert "learned from is not known" in EVALUATE.text(told)


def test_all_networks_of_a_comparison_are_judged_by_the_same(small_project, tmp_path):
    made = trained(small_project, tmp_path, "early", [14])
    out = tmp_path / "report"
    compared = f"A={made.id}\nB={small_project.weights}"
    told = evaluate(
        EvaluateParams(compare=compared, output=str(out)), small_project.ctx
    )
    assert told["worst"][0]["slice_index"] in (14, 15)
    assert told["notes"][0].startswith("'A' learned from 1 locked slice before")
    assert told["notes"][0] in EVALUATE.text(told)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "learned from 1 locked slice before" in page
    assert "What was compared" in page
    table = (out / "networks.csv").read_text(encoding="utf-8-sig").splitlines()
    assert table[0].startswith("Network,what it is,began with,learned from")
    assert [row.split(",")[:2] for row in table[1:]] == [
        ["A", "unet (width 0.0625)"],
        ["B", "unet (width 0.0625)"],
    ]
    assert table[1].rpartition(",")[2] == made.sha256[:8]
    assert "slices 15-16" in (out / "cases.csv").read_text(encoding="utf-8")


def quick(**changes):
    values = {"epochs_head": 0, "epochs_all": 1, "augment": False, **changes}
    return TrainParams(set="warmup_steps=0", **values)


@pytest.mark.slow
def test_old_weights_do_not_win_by_slices_that_they_know(small_project):
    first = train(quick(lr_all=1e-7, adopt="never"), small_project.ctx)
    run_lock(LockParams(small_project.series_uid, "7-8"), small_project.ctx)
    second = train(quick(init=first["checkpoint"]), small_project.ctx)
    for which in ("old", "new"):
        rows = second["comparison"][which]["per_slice"]
        assert [row["slice_index"] for row in rows] == [13, 14, 15]
    said = [n for n in second["notes"] if "before they were locked" in n]
    assert len(said) == 1
    assert not [n for n in second["notes"] if "chose which epoch" in n], "both alike"
    assert "learned from 2 locked slices" in said[0]


@pytest.mark.slow
def test_where_every_judge_taught_nothing_is_adopted(small_project, tmp_path):
    made = trained(small_project, tmp_path, "all", [14, 15, 16])
    told = train(quick(init=made.id), small_project.ctx)
    assert not told["adopted"]
    assert "old" not in told["comparison"], "it would look comparable"
    assert told["comparison"]["reason"].startswith("Kept aside: mean Dice")
    assert "learned from every slice that judges" in told["comparison"]["reason"]


@pytest.mark.slow
def test_folds_that_judge_what_their_beginning_knew(small_project):
    first = train(quick(lr_all=1e-7, adopt="never"), small_project.ctx)
    told = train(quick(init=first["checkpoint"], folds=2), small_project.ctx)
    assert "learned from 7 of these 8 slices: the scores flatter" in told["reason"]
    fresh = train(quick(folds=2), small_project.ctx)
    assert "flatter" not in fresh["reason"]
