"""The slices that judge do not choose the epoch that they judge."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medlab_gui.commands.choosers import set_aside
from medlab_gui.commands.classes import ClassesParams
from medlab_gui.commands.classes import run as set_classes
from medlab_gui.commands.command import Context
from medlab_gui.commands.evaluate import EVALUATE, EvaluateParams
from medlab_gui.commands.evaluate import run as evaluate
from medlab_gui.commands.import_ import ImportParams
from medlab_gui.commands.import_ import run as import_
from medlab_gui.commands.save import AnnotateParams, LockParams, run_annotate, run_lock
from medlab_gui.commands.splits import draw_split, fold_sources, read_split, write_split
from medlab_gui.commands.train import TrainParams
from medlab_gui.commands.train import run as train
from medlab_gui.core.geometry import Grid
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import TrainSpec
from medlab_gui.learning.capsule import read_capsule
from medlab_gui.learning.checkpoint import read_meta
from medlab_gui.learning.trainer import Trainer

SPEC = TrainSpec(NetworkSpec("unet", 1, 2, {"width": 1 / 16}))
TINY = "network.options.width=0.0625,warmup_steps=0,inplane_mm=4"


def scans(folder, n_patients, n_slices=8):
    """A project of balls at other places in noise, all slices labelled."""
    from medlab_gui.io import write_image

    folder.mkdir(parents=True, exist_ok=True)
    ctx = Context(str(folder / "project"))
    for n in range(n_patients):
        rng = np.random.default_rng(n)
        z, y, x = np.mgrid[:n_slices, :40, :40]
        at = rng.integers(12, 28, 2)
        ball = (z - 4) ** 2 + (y - at[0]) ** 2 + (x - at[1]) ** 2 < 80
        noise = rng.normal(0, 25, ball.shape)
        grid = Grid.from_spacing(ball.shape, (4.0, 2.0, 2.0))
        image, mask = folder / f"p{n}.nii", folder / f"p{n}_mask.nii"
        write_image(image, (np.where(ball, 90, -60) + noise).astype(np.int16), grid)
        write_image(mask, ball.astype(np.uint8), grid)
        uid = import_(ImportParams(str(image)), ctx)["series"][0]["uid"]
        if n == 0:
            set_classes(ClassesParams("Ball"), ctx)
        run_annotate(AnnotateParams(uid, str(mask), slices=f"1-{n_slices}"), ctx)
    return ctx


@pytest.fixture(scope="module")
def six_patients(tmp_path_factory):
    return scans(tmp_path_factory.mktemp("six"), 6)


@pytest.fixture
def six(six_patients, tmp_path):
    """Six patients with eight labelled slices each."""
    import shutil

    shutil.copytree(six_patients.project, tmp_path / "project")
    return Context(str(tmp_path / "project"))


def sides(split):
    return split.training, split.choosers, split.validation


def test_whole_patients_choose_who_neither_teach_nor_judge(six):
    with six.store() as store:
        drawn = draw_split(store, 0)
        split = set_aside(store, drawn, SPEC)
        patients = [{side.group(k) for k in side.keys} for side in sides(split)]
        assert all(patients)
        assert sum(map(len, patients)) == len(set.union(*patients)) == 6
        assert split.validation.truth == drawn.validation.truth
        both = {**split.training.truth, **split.choosers.truth}
        assert both == drawn.training.truth
        n_all, n_aside = len(both), len(split.choosers.keys)
        note = f"Of {n_all} slices to learn from {n_aside} chose the epoch instead"
        assert note in split.note
        again = set_aside(store, draw_split(store, 0), SPEC)
        assert again.choosers.truth == split.choosers.truth, "seeded"
        others = [
            set_aside(store, drawn, replace(SPEC, seed=n)).choosers.truth
            for n in range(1, 6)
        ]
        assert any(other != split.choosers.truth for other in others)


def test_it_is_written_down_and_read_back(six, tmp_path):
    with six.store() as store:
        drawn = draw_split(store, 0)
        for choice in ("set-aside", "last", "judges"):
            split = set_aside(store, drawn, replace(SPEC, epoch_choice=choice))
            write_split(tmp_path, split)
            again = read_split(store, tmp_path)
            assert (again.choosers is None) == (choice == "judges")
            if again.choosers is not None:
                assert again.choosers.truth == split.choosers.truth
        assert "scores flatter" in again.note


def test_each_fold_sets_its_own_aside(six):
    with six.store() as store:
        for fold in fold_sources(store, 3, 0):
            split = set_aside(store, fold, SPEC)
            keys = [set(side.keys) for side in sides(split)]
            assert all(keys)
            assert not keys[0] & keys[1]
            assert not (keys[0] | keys[1]) & keys[2]


def test_of_one_patient_it_is_a_block_without_its_neighbours(tmp_path):
    ctx = scans(tmp_path / "one", 1, n_slices=40)
    with ctx.store() as store:
        drawn = draw_split(store, 0)
        split = set_aside(store, drawn, SPEC)
        chose = [k.slice_index for k in split.choosers.keys]
        assert chose == list(range(chose[0], chose[0] + len(chose)))
        near = set(range(chose[0] - 1, chose[-1] + 2))
        assert not near & {k.slice_index for k in split.training.keys}
        assert "a block of slices" in split.note


def test_of_few_slices_none_is_set_aside(small_project):
    with small_project.ctx.store() as store:
        split = set_aside(store, draw_split(store, 0), SPEC)
        assert split.choosers.keys == ()
        assert indices(split.training) == list(range(5, 12))
        assert "7 slices to learn from are too few" in split.note


def indices(source):
    return [k.slice_index for k in source.keys]


def test_no_class_is_lost_to_the_choice(six):
    """One patient alone shows the second class: he has to teach."""
    set_classes(ClassesParams("Ball;Rare"), six)
    with six.store() as store:
        teaching = {k.series_uid for k in draw_split(store, 0).training.keys}
    for uid in sorted(teaching):
        run_annotate(AnnotateParams(uid, shows="Rare", slices="8"), six)
        with six.store() as store:
            for seed in range(4):
                spec = replace(SPEC, network=NetworkSpec("unet", 1, 3), seed=seed)
                split = set_aside(store, draw_split(store, 0), spec)
                masks = [split.training.labels(k) for k in split.training.keys]
                assert np.unique(masks).tolist() == [0, 1, 2]
        run_annotate(AnnotateParams(uid, shows="Ball", slices="8"), six)


def test_judges_choose_nothing_and_are_not_looked_at(six, monkeypatch):
    """What they say of an epoch reaches neither the curves nor what is kept."""
    looked = []
    begin = Trainer.begin

    def spied(self, *args):
        begin(self, *args)
        looked.append(list(self.watched.keys))

    monkeypatch.setattr(Trainer, "begin", spied)
    told = train(
        TrainParams(preset="quick-cpu", set=TINY, epochs_all=3, adopt="never"), six
    )
    with six.store() as store:
        folder = store.run_folder(told["run"])
        split = read_split(store, folder)
        made = store.checkpoint(told["checkpoint"])
    assert looked == [list(split.choosers.keys)]
    history = json.loads((folder / "history.json").read_text())
    best = max(history, key=lambda row: (row["mean_dice"], -row["val_loss"]))
    meta = read_meta(folder / "checkpoint.safetensors")
    assert meta.epoch == best["epoch"]
    assert meta.metrics["validation"]["n_slices"] == len(split.validation.keys)
    _spec, content = read_capsule(folder)
    prints = content["data"]["choosers"]
    assert [(p["series_uid"], p["slice_index"]) for p in prints] == [
        (k.series_uid, k.slice_index) for k in split.choosers.keys
    ]
    card = (folder / "checkpoint.md").read_text()
    assert f"{len(split.choosers.keys)} others chose the epoch to keep" in card
    assert "Slices that had no part in the training" in card
    assert any("chose the epoch instead" in note for note in told["notes"])
    judged = evaluate(EvaluateParams(checkpoint=made.id), six)
    assert "which epoch" not in EVALUATE.text(judged), "they judge fairly"
    # Locked later, those that chose are known for it.
    chose = split.choosers.keys[0]
    run_lock(LockParams(chose.series_uid, str(chose.slice_index + 1)), six)
    judged = evaluate(EvaluateParams(checkpoint=made.id), six)
    assert "which epoch" in EVALUATE.text(judged)
    assert train(TrainParams(replay=told["run"]), six)["same"]


def test_it_goes_on_bit_for_bit_with_those_that_chose(six, monkeypatch):
    asked = TrainParams(preset="quick-cpu", set=TINY, epochs_all=3, adopt="never")
    whole = train(asked, six)
    one_epoch = Trainer.one_epoch

    def stopped(self):
        if self.state.n_done == 1:
            raise Cancelled
        return one_epoch(self)

    monkeypatch.setattr(Trainer, "one_epoch", stopped)
    with pytest.raises(Cancelled):
        train(asked, six)
    monkeypatch.setattr(Trainer, "one_epoch", one_epoch)
    with six.store() as store:
        run = store.runs()[-1].id
    train(TrainParams(resume=run), six)
    with six.store() as store:
        first, again = (
            (store.run_folder(r) / "checkpoint.safetensors", store.run_folder(r))
            for r in (whole["run"], run)
        )
    from medlab_gui.learning.capsule import compare_runs

    assert compare_runs(first[1], again[1])["same"]


@pytest.mark.parametrize("choice", ["last", "judges"])
def test_the_other_choices(six, choice):
    told = train(
        TrainParams(
            preset="quick-cpu",
            set=f"{TINY},epoch_choice={choice},phases.0.lr=0.03,patience=1",
            epochs_all=4,
            adopt="never",
        ),
        six,
    )
    with six.store() as store:
        folder = store.run_folder(told["run"])
        made = store.checkpoint(told["checkpoint"])
    history = json.loads((folder / "history.json").read_text())
    kept = read_meta(folder / "checkpoint.safetensors").epoch
    judged = EVALUATE.text(evaluate(EvaluateParams(checkpoint=made.id), six))
    if choice == "last":
        assert len(history) == kept == 4, "nothing ends it early"
        assert any("no phase ends early" in note for note in told["notes"])
        assert any("The last epoch was kept" in note for note in told["notes"])
        assert "which epoch" not in judged
    else:
        best = max(history, key=lambda row: (row["mean_dice"], -row["val_loss"]))
        assert kept == best["epoch"]
        assert any("scores flatter a little" in note for note in told["notes"])
        assert "which epoch" in judged
