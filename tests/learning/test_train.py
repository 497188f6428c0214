from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from medlab_gui.core.errors import DamagedFileError, InputError, SpecError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.specs import NetworkSpec, PipelineSpec
from medlab_gui.core.training import Phase
from medlab_gui.learning.checkpoint import load_checkpoint, read_meta
from medlab_gui.learning.dataset import ArraySource, Subset
from medlab_gui.learning.evaluate import evaluate_slices
from medlab_gui.learning.predict import Predictor
from medlab_gui.learning.train import train
from tests.learning.conftest import (
    SCHEME,
    disc_scan,
    disc_source,
    judge_source,
    train_spec,
)

TWO_PHASES = (Phase("head", 1, 3e-3, "head"), Phase("all", 3, 3e-3))


class Stopped(BaseException):
    """What a cancelled job raises."""


def stop_after(n_calls):
    """A progress callback that stops the work at its n-th batch."""
    n = 0

    def report(done, total=0, message="", data=None):
        nonlocal n
        n += data is not None and data["dice"] is None
        if n == n_calls:
            raise Stopped

    return report


def run(folder, spec=None, **options):
    return train(
        spec or train_spec(),
        SCHEME,
        disc_source(6, seed=1),
        judge_source(),
        folder=folder,
        device="cpu",
        **options,
    )


def weights(result):
    return load_checkpoint(result.checkpoint)[1]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_training_learns_the_discs(tmp_path):
    spec = train_spec(phases=(Phase("all", 20, 1e-2),), augment=False)
    result = run(tmp_path, spec)
    assert result.metrics["validation"]["dice"]["Big"] > 0.9
    assert result.metrics["validation"]["mean_dice"] > 0.8
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    judged = evaluate_slices(Predictor(result.checkpoint, "cpu"), judge_source())
    assert judged["dice"] == result.metrics["validation"]["dice"]


def test_the_checkpoint_says_what_it_is(tmp_path):
    spec = train_spec(inplane_mm=2.5)
    result = run(tmp_path, spec, name="Mine", card={"truth": "drawn"})
    meta = read_meta(result.checkpoint)
    assert (meta.name, meta.scheme, meta.network) == ("Mine", SCHEME, spec.network)
    assert (meta.pipeline, meta.inplane_mm) == (spec.pipeline, 2.5)
    assert meta.metrics == result.metrics
    assert meta.epoch == result.metrics["best_epoch"]
    assert meta.card["n_training_slices"] == 6
    assert meta.card["n_validation_slices"] == 3
    assert meta.card["truth"] == "drawn"
    assert meta.card["recipe"]["seed"] == 0


def test_the_best_epoch_is_kept(tmp_path):
    result = run(tmp_path, train_spec(phases=(Phase("all", 5, 3e-2),)))
    best = max(result.history, key=lambda h: (h["mean_dice"], -h["val_loss"]))
    assert result.metrics["best_epoch"] == best["epoch"]
    assert result.epochs == len(result.history) == 5


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    first = run(tmp_path / "a")
    torch.rand(5)  # what others draw must not matter
    second = run(tmp_path / "b")
    other = run(tmp_path / "c", train_spec(seed=1))
    assert same(weights(first), weights(second))
    assert first.history == second.history
    assert not same(weights(first), weights(other))


@pytest.mark.parametrize("n_calls", [1, 2, 3, 4, 6, 8])
def test_a_stopped_training_goes_on_bit_for_bit(tmp_path, n_calls):
    spec = train_spec(phases=TWO_PHASES, decay=0.9)
    whole = run(tmp_path / "whole", spec)
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", spec, progress=stop_after(n_calls))
    resumed = run(tmp_path / "stopped", spec, resume=True)
    assert resumed.history == whole.history
    assert resumed.metrics == whole.metrics
    assert same(weights(resumed), weights(whole))


def test_a_training_stopped_twice_goes_on_too(tmp_path):
    spec = train_spec(phases=TWO_PHASES)
    for n_calls in (3, 2):
        with pytest.raises(Stopped):
            run(tmp_path / "s", spec, resume=True, progress=stop_after(n_calls))
    resumed = run(tmp_path / "s", spec, resume=True)
    assert same(weights(resumed), weights(run(tmp_path / "w", spec)))


def test_a_finished_training_resumed_gives_the_same(tmp_path):
    first = run(tmp_path)
    content = first.checkpoint.read_bytes()
    again = run(tmp_path, resume=True)
    assert again.history == first.history
    assert again.checkpoint.read_bytes() == content


def test_curves_that_lack_the_last_epoch_are_completed(tmp_path):
    """Killed between its state and its curves, which are two files."""
    whole = run(tmp_path)
    curves = tmp_path / "history.json"
    complete = curves.read_bytes()
    curves.write_text(json.dumps(whole.history[:-1]))
    resumed = run(tmp_path, resume=True)
    assert curves.read_bytes() == complete
    assert same(weights(resumed), weights(whole))


def test_without_resume_it_begins_anew(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, progress=stop_after(3))
    assert len(run(tmp_path).history) == 2


def test_other_data_or_another_recipe_cannot_be_resumed(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, progress=stop_after(3))
    with pytest.raises(InputError, match="have changed"):
        run(tmp_path, train_spec(batch=2), resume=True)
    changed = disc_scan(6, seed=1)
    changed.labels[0, 0, 0] = 1
    with pytest.raises(InputError, match="have changed"):
        train(
            train_spec(),
            SCHEME,
            ArraySource({"s": changed}),
            judge_source(),
            folder=tmp_path,
            resume=True,
            device="cpu",
        )


def test_a_damaged_state_gets_a_sentence(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, progress=stop_after(3))
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(DamagedFileError, match="start anew"):
        run(tmp_path, resume=True)


def test_phase_one_leaves_the_encoder_alone(tmp_path):
    first = run(tmp_path / "a")
    before = weights(first)
    spec = train_spec(phases=(Phase("head", 2, 1e-2, "head"),))
    after = weights(run(tmp_path / "b", spec, init_from=first.checkpoint))
    for name, tensor in before.items():
        moved = not torch.equal(tensor, after[name])
        assert not (name.startswith("encoder.") and moved), name
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_fine_tuning_starts_from_the_parent(tmp_path):
    spec = train_spec(phases=(Phase("all", 10, 1e-2),))
    parent = run(tmp_path / "a", spec)
    gentle = train_spec(phases=(Phase("all", 1, 1e-6),))
    child = run(tmp_path / "b", gentle, init_from=parent.checkpoint)
    before, after = weights(parent), weights(child)
    learned = [n for n in before if n.endswith((".weight", ".bias"))]
    assert learned
    for name in learned:
        # Adam moves a weight by about the learning rate a step, however it began
        assert (after[name] - before[name]).abs().max() < 1e-3, name
    assert read_meta(child.checkpoint).card["parent"] == "Discs unet"


def test_patience_ends_a_phase_early(tmp_path):
    slow = Phase("slow", 20, 1e-9)
    spec = train_spec(phases=(slow, Phase("next", 1, 1e-3)), patience=2, augment=False)
    result = run(tmp_path, spec)
    phases = [h["phase"] for h in result.history]
    assert phases[-1] == "next"
    assert phases.count("slow") < 20


def test_reports_say_what_a_watcher_draws(tmp_path):
    seen = []

    def report(done, total=0, message="", data=None):
        seen.append((done, total, data))

    run(tmp_path, progress=report)
    drawn = [(d, t, data) for d, t, data in seen if data is not None]
    assert set(drawn[0][2]) == {
        "phase",
        "epoch",
        "epochs",
        "step",
        "steps",
        "loss",
        "dice",
        "seconds_left",
    }
    assert [(d, t) for d, t, data in drawn if data["dice"] is None] == [
        (1, 4),
        (2, 4),
        (3, 4),
        (4, 4),
    ]
    ends = [data for _, _, data in drawn if data["dice"] is not None]
    assert [e["epoch"] for e in ends] == [1, 2]
    assert set(ends[0]["dice"]) == {"Big", "Small"}
    assert all(math.isfinite(data["seconds_left"]) for _, _, data in drawn)
    assert drawn[-1][2]["seconds_left"] == 0


def test_divergence_is_said_and_keeps_no_nonsense(tmp_path):
    spec = train_spec(
        phases=(Phase("all", 5, 9.9),),
        network=NetworkSpec("msf_fcn", 1, 3, {"width": 1 / 16}),
        loss="ce",
    )
    with pytest.raises(
        InputError, match=r"astray in epoch \d.*Lower the learning rate"
    ):
        run(tmp_path, spec)
    assert not (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("value", [1e38, -3e38])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"accumulate": 2, "batch": 2},
        {"phases": TWO_PHASES},
        {"ema": 0.9, "clip_norm": 1.0},
    ],
)
def test_values_out_of_all_range_stop_it_with_the_batch_named(tmp_path, value, changes):
    """Their loss is a number, but the network's statistics are none any more."""
    scan = disc_scan(6, seed=1)
    data = scan.data.astype("float32")
    data[2, 5, 5] = value
    source = ArraySource({"s": replace(scan, data=data)})
    spec = train_spec(pipeline=PipelineSpec(()), augment=False, **changes)
    folder = tmp_path / "run"
    with pytest.raises(InputError, match=r"astray in epoch 1, .*slice 3 of s"):
        train(spec, SCHEME, source, judge_source(), folder=folder, device="cpu")
    assert not (folder / "best.safetensors").exists()


def test_scans_of_different_size_train_together(tmp_path):
    scans = {"a": disc_scan(3, size=40), "b": disc_scan(3, size=52, seed=3)}
    result = train(
        train_spec(augment=True),
        SCHEME,
        ArraySource(scans),
        judge_source(2),
        folder=tmp_path,
        device="cpu",
    )
    assert all(math.isfinite(h["loss"]) for h in result.history)


def test_what_does_not_fit_gets_a_sentence(tmp_path):
    two = LabelScheme.from_names("Two", ["a"])
    source = disc_source(2)
    none = Subset(source, [])
    with pytest.raises(SpecError, match="3 classes but the scheme 'Two' has 2"):
        train(train_spec(), two, source, source, folder=tmp_path)
    with pytest.raises(InputError, match="to learn from"):
        train(train_spec(), SCHEME, none, source, folder=tmp_path)
    with pytest.raises(InputError, match="to judge from"):
        train(train_spec(), SCHEME, source, none, folder=tmp_path)
    with pytest.raises(SpecError, match="no epochs"):
        run(tmp_path, train_spec(phases=(Phase("all", 0, 1e-3),)))
    with pytest.raises(SpecError, match="no loss named 'dicee'"):
        run(tmp_path, train_spec(loss="dicee"))


def test_another_networks_weights_cannot_be_the_start(tmp_path, checkpoint):
    spec = train_spec()
    wider = replace(spec, network=NetworkSpec("unet", 1, 3, {"width": 1 / 8}))
    with pytest.raises(SpecError, match="hold another network"):
        run(tmp_path / "a", wider, init_from=checkpoint)


def test_slices_of_one_class_are_refused_before_the_first_epoch(tmp_path):
    scan = disc_scan(3)
    scan.labels[:] = 0
    with pytest.raises(InputError, match="show only background"):
        train(
            train_spec(),
            SCHEME,
            ArraySource({"s": scan}),
            judge_source(1),
            folder=tmp_path,
            device="cpu",
        )
    assert not (tmp_path / "state.pt").exists()


def test_the_curves_are_written_for_the_window(tmp_path):
    result = run(tmp_path)
    written = json.loads((tmp_path / "history.json").read_text(encoding="utf-8"))
    assert [row["epoch"] for row in written] == [h["epoch"] for h in result.history]
    assert all({"loss", "dice", "phase"} <= set(row) for row in written)
