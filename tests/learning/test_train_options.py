"""What a recipe may ask for beside phases: each option does what it says."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import LossTerm, Phase
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.dataset import ArraySource
from medlab_gui.learning.kept import read_kept
from medlab_gui.learning.registered_weights import add_weights
from medlab_gui.learning.train import train
from tests.learning.conftest import (
    SCHEME,
    disc_scan,
    disc_source,
    judge_source,
    train_spec,
)
from tests.learning.test_train import Stopped, same, stop_after

PLAIN = NetworkSpec("msf_fcn", 1, 3, {"width": 1 / 64})
"""Without batch statistics: gradients of portions add up exactly."""
EVERYTHING = {
    "phases": (Phase("head", 1, 3e-3, "head"), Phase("all", 0, 3e-3, steps=5)),
    "loss": (LossTerm("dice_plain"), LossTerm("focal", 0.5, {"gamma": 1.5})),
    "class_weights": (0.5, 1.0, 2.0),
    "batch": 2,
    "optimiser": "adamw",
    "weight_decay": 0.01,
    "schedule": "plateau",
    "plateau_epochs": 1,
    "decay": 0.5,
    "warmup_steps": 2,
    "clip_norm": 1.0,
    "ema": 0.9,
    "patch": 32,
    "augment": "four-of-six",
    "keep_at": (2, 6),
    "keep_slices": 2,
}


def run(folder, spec, **options):
    return train(
        spec,
        SCHEME,
        disc_source(6, seed=1),
        judge_source(),
        folder=folder,
        device="cpu",
        **options,
    )


def weights(result):
    return load_checkpoint(result.checkpoint)[1]


@pytest.mark.parametrize("n_calls", [1, 3, 5, 7])
def test_with_everything_on_a_stopped_training_goes_on_bit_for_bit(tmp_path, n_calls):
    spec = train_spec(**EVERYTHING)
    whole = run(tmp_path / "whole", spec)
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", spec, progress=stop_after(n_calls))
    resumed = run(tmp_path / "stopped", spec, resume=True)
    assert resumed.history == whole.history
    assert same(weights(resumed), weights(whole))
    for name in ("truth.npz", "step_000002.npz", "step_000006.npz"):
        one = (tmp_path / "whole" / "kept" / name).read_bytes()
        assert (tmp_path / "stopped" / "kept" / name).read_bytes() == one


def test_a_phase_of_steps_ends_within_an_epoch(tmp_path):
    spec = train_spec(phases=(Phase("all", 0, 1e-3, steps=5),), batch=2)
    result = run(tmp_path, spec)
    assert [h["step"] for h in result.history] == [3, 5]


def test_accumulated_batches_are_one_step_of_the_larger_batch(tmp_path):
    common = {"network": PLAIN, "loss": "ce", "optimiser": "sgd", "augment": "none"}
    large = run(tmp_path / "a", train_spec(batch=4, **common))
    small = run(tmp_path / "b", train_spec(batch=2, accumulate=2, **common))
    assert [h["step"] for h in small.history] == [h["step"] for h in large.history]
    for name, one in weights(large).items():
        assert torch.allclose(one, weights(small)[name], atol=1e-6), name


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns(tmp_path, optimiser):
    rate = 0.1 if optimiser == "sgd" else 1e-2
    spec = train_spec(
        phases=(Phase("all", 8, rate),), optimiser=optimiser, augment="none"
    )
    history = run(tmp_path, spec).history
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_a_step_of_sgd_by_hand(tmp_path):
    """One step of one batch: weights move by the rate times the clipped gradient."""
    common = {
        "network": PLAIN,
        "batch": 6,
        "optimiser": "sgd",
        "augment": "none",
        "phases": (Phase("all", 1, 0.5),),
    }
    start = run(
        tmp_path / "a", train_spec(**{**common, "phases": (Phase("all", 1, 1e-9),)})
    )
    free = run(tmp_path / "b", train_spec(**common))
    clipped = run(tmp_path / "c", train_spec(**common, clip_norm=1e-3))

    def moved(result):
        before, after = weights(start), weights(result)
        return math.sqrt(
            sum(float((after[k] - before[k]).square().sum()) for k in after)
        )

    assert moved(clipped) == pytest.approx(0.5 * 1e-3, rel=1e-2)
    assert moved(free) > 10 * moved(clipped)


def test_the_average_of_weights_is_what_is_kept(tmp_path):
    common = {"network": PLAIN, "batch": 6, "augment": "none"}
    last = {"phases": (Phase("all", 3, 1e-2),)}
    average = run(tmp_path / "a", train_spec(**common, **last, ema=0.999))
    plain = run(tmp_path / "b", train_spec(**common, **last))
    if average.metrics["best_epoch"] == plain.metrics["best_epoch"]:
        assert not same(weights(average), weights(plain))
    # By hand over the plain run's weights: the training itself is the same.
    assert [h["loss"] for h in average.history] == [h["loss"] for h in plain.history]


def test_warm_up_and_schedule_reach_the_optimiser(tmp_path):
    spec = train_spec(
        phases=(Phase("all", 3, 1e-2),), batch=6, warmup_steps=1, decay=0.5
    )
    rates = [h["lr"] for h in run(tmp_path, spec).history]
    assert rates == pytest.approx([1e-2 / 2, 5e-3, 2.5e-3])


def test_chosen_slices_are_kept_at_chosen_steps(tmp_path):
    spec = train_spec(
        phases=(Phase("all", 0, 1e-2, steps=30),), keep_at=(1, 30), keep_slices=2,
        augment="none",
    )  # fmt: skip
    run(tmp_path, spec)
    truth, predicted = read_kept(tmp_path)
    assert len(truth) == 2
    assert sorted(predicted) == [1, 30]

    def dice(labels, prediction):
        a, b = labels == 1, prediction == 1
        return 2 * (a & b).sum() / (a.sum() + b.sum())

    (_, labels), late, early = truth[0], predicted[30][0], predicted[1][0]
    assert late.shape == labels.shape
    assert dice(labels, late) > 0.7 > dice(labels, early)
    names = json.loads((tmp_path / "kept" / "slices.json").read_text())
    assert {n["series_uid"] for n in names} == {"judge"}
    assert read_kept(tmp_path / "nothing") == ([], {})


def test_a_batch_without_a_number_is_named_and_nothing_is_lost(tmp_path):
    scan = disc_scan(6, seed=1)
    wild = scan.data.astype(np.float32)
    wild[3] = 3e38
    spec = train_spec(
        pipeline=train_spec().pipeline.__class__(()), batch=2, augment="none"
    )
    source = ArraySource({"s": type(scan)(wild, scan.labels, scan.spacing, "one")})
    with pytest.raises(InputError, match=r"epoch 1, step \d \(.*slice 4 of s.*\)"):
        train(spec, SCHEME, source, judge_source(), folder=tmp_path, device="cpu")
    assert (tmp_path / "state.pt").exists()
    assert "astray" in (tmp_path / "log.txt").read_text()


def test_an_early_stop_is_told(tmp_path):
    spec = train_spec(phases=(Phase("slow", 20, 1e-9),), patience=2, augment="none")
    result = run(tmp_path, spec)
    (note,) = result.notes
    assert "'slow' ended after" in note
    assert result.epochs < 20


def test_registered_weights_are_the_start_and_what_loaded_is_told(tmp_path):
    parent = run(tmp_path / "parent", train_spec(augment="none"))
    add_weights(parent.checkpoint, tmp_path / "weights", "mine")
    gentle = (Phase("all", 1, 1e-9),)
    spec = train_spec(phases=gentle, augment="none", encoder_weights="mine")
    with pytest.raises(SpecError, match="'mine'"):
        run(tmp_path / "none", spec)
    child = run(tmp_path / "child", spec, weights_folder=tmp_path / "weights")
    alone = run(tmp_path / "alone", train_spec(phases=gentle, augment="none"))
    whole = run(
        tmp_path / "whole",
        replace(spec, transfer="all"),
        weights_folder=tmp_path / "weights",
    )
    for name, one in weights(parent).items():
        if name.endswith("weight"):
            start = one if name.startswith("encoder.") else weights(alone)[name]
            assert torch.allclose(start, weights(child)[name], atol=1e-6), name
            assert torch.allclose(one, weights(whole)[name], atol=1e-6), name
    heads = [weights(r)["head.weight"] for r in (parent, child)]
    assert not torch.allclose(*heads, atol=1e-3)
    assert any("not of the encoder" in note for note in child.notes)
    assert not any(note.startswith("Not used:") for note in whole.notes)
    assert any(note.startswith("Taken over:") for note in child.notes)
    assert "Taken over:" in (tmp_path / "child" / "checkpoint.md").read_text()
    capsule = json.loads((tmp_path / "child" / "capsule.json").read_text())
    assert len(capsule["parent_sha256"]) == 64
    wrong = train_spec(phases=gentle, encoder_weights="mien")
    with pytest.raises(SpecError, match="Did you mean 'mine'"):
        run(tmp_path / "wrong", wrong, weights_folder=tmp_path / "weights")
