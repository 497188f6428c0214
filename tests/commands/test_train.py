"""What is refused before a training begins; the trainings are in tests/flows."""

from __future__ import annotations

import json

import pytest

from medlab_gui.commands.adopt import AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.replay import _compared
from medlab_gui.commands.runs_ import (
    DeleteRunParams,
    ExportRunParams,
    run_delete,
    run_export,
)
from medlab_gui.commands.train import TRAIN, TrainParams, run, settle_runs
from medlab_gui.commands.train_options import parse_settings
from medlab_gui.core.errors import CheckpointError, InputError, StorageFullError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.records import Run, RunState
from medlab_gui.core.training_presets import read_training_preset
from tests.projects import tiny_weights

SCHEME = LabelScheme.from_names("Two", ["Liver", "Spleen"])


def one_run(store, state: RunState, spec=None) -> str:
    store.add_run(
        Run(
            id="abc123",
            kind="fine-tune",
            spec=spec or {},
            state=state,
            seed=0,
            code_version="0",
            started="2026-01-01T00:00:00+00:00",
        )
    )
    return "abc123"


def test_what_is_refused_leaves_no_run(small_project, tmp_path):
    other = tiny_weights(tmp_path / "lungs.safetensors", ("Lung", "Heart"))
    for params, error, said in (
        (TrainParams(epochs_head=0, epochs_all=0), InputError, "0 epochs"),
        (TrainParams(init=str(other)), CheckpointError, "other classes"),
        (TrainParams(init="none"), CheckpointError, "no weights"),
        (TrainParams(resume="abc"), InputError, "no run"),
        (TrainParams(output="w.safetensors"), InputError, "--recipe"),
        (TrainParams(recipe="r.json", resume="abc"), InputError, "anew"),
        (TrainParams(recipe="r.json"), InputError, "--output"),
    ):
        with pytest.raises(error, match=said):
            run(params, small_project.ctx)
    assert list_(ListParams(), small_project.ctx)["runs"] == []
    assert list((small_project.folder / "runs").iterdir()) == []


def test_a_finished_run_is_not_resumed(small_project):
    with small_project.ctx.store() as store:
        run_id = one_run(store, RunState.DONE)
    with pytest.raises(InputError, match="is done; only a stopped run"):
        run(TrainParams(resume=run_id), small_project.ctx)


def test_pictures_of_a_training_name_the_series(small_project):
    """They bore the ends of UIDs."""
    changes = (
        "network.options.width=0.0625,inplane_mm=null,phases.0.epochs=0,"
        "phases.0.steps=2,keep_at=[1,2],keep_slices=2"
    )
    params = TrainParams(preset="quick-cpu", set=changes, adopt="never")
    told = run(params, small_project.ctx)
    with small_project.ctx.store() as store:
        text = (store.run_folder(told["run"]) / "kept.svg").read_text(encoding="utf-8")
        names = {series.description for series in store.series_list()}
    assert any(f">{name} (patient " in text for name in names)


def test_a_run_whose_files_are_gone_cannot_be_repeated(small_project):
    spec = read_training_preset("quick-cpu").for_scheme(SCHEME)
    with small_project.ctx.store() as store:
        run_id = one_run(store, RunState.DONE, json.loads(spec.to_json()))
    with pytest.raises(InputError, match="its files are gone, or an older MedLab"):
        run(TrainParams(replay=run_id), small_project.ctx)


def test_a_run_that_an_older_medlab_stopped_is_left_as_it_is(small_project):
    """It wrote no split down: going on would be another training."""
    spec = read_training_preset("quick-cpu").for_scheme(SCHEME)
    with small_project.ctx.store() as store:
        run_id = one_run(store, RunState.CANCELLED, json.loads(spec.to_json()))
        folder = store.run_folder(run_id)
    (folder / "state.pt").write_bytes(b"its state")
    with pytest.raises(InputError, match="begun by an older MedLab"):
        run(TrainParams(resume=run_id), small_project.ctx)
    (found,) = list_(ListParams(), small_project.ctx)["runs"]
    assert found["state"] == "cancelled"
    assert [path.name for path in folder.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (Cancelled("x"), "cancelled", "can be resumed"),
        (KeyboardInterrupt("x"), "cancelled", "can be resumed"),
        (StorageFullError("No room: x."), "failed", "No room: x."),
        (ZeroDivisionError("x"), "failed", "A bug: ZeroDivisionError"),
    ],
)
def test_how_a_training_ended_is_written_down(
    small_project, monkeypatch, error, state, said
):
    from medlab_gui.learning import train

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(train, "train", fail)
    stopped = state == "cancelled"
    with pytest.raises(Cancelled if stopped else type(error)) as caught:
        run(TrainParams(), small_project.ctx)
    (told,) = list_(ListParams(), small_project.ctx)["runs"]
    goes_on = f"`medlab train --resume {told['id']}` goes on."
    assert str(caught.value) == (goes_on if stopped else str(error))
    assert told["state"] == state
    assert said in told["message"]


@pytest.mark.slow
def test_what_was_not_to_be_adopted_is_not_after_a_resumption(
    small_project, monkeypatch
):
    """Resuming took the default, and put weights to use that were not to be."""
    from medlab_gui.learning import train

    def stop(*_args, **_more):
        raise Cancelled

    with monkeypatch.context() as patch:
        patch.setattr(train, "train", stop)
        with pytest.raises(Cancelled):
            run(quick(adopt="never"), small_project.ctx)
    (stopped,) = list_(ListParams(), small_project.ctx)["runs"]
    told = run(TrainParams(resume=stopped["id"]), small_project.ctx)
    assert not told["adopted"]
    assert told["comparison"]["reason"].startswith("Not adopted, as asked")


def test_a_run_whose_process_lives_is_left_alone(small_project):
    from filelock import FileLock

    with small_project.ctx.store() as store:
        run_id = one_run(store, RunState.RUNNING)
        with FileLock(store.run_folder(run_id) / "alive.lock"):
            assert settle_runs(store) == 0
        assert settle_runs(store) == 1
        assert store.run(run_id).state is RunState.CANCELLED
        assert settle_runs(store) == 0


def test_words():
    told = {"comparison": {"reason": "Refused: worse.", "n_slices": 1}}
    assert TRAIN.text(told) == "Refused: worse. Judged on 1 locked slice."


def quick(**changes):
    """A preset, small enough for a test."""
    settings = "network.options.width=0.0625,warmup_steps=0"
    if "set" in changes:
        settings += "," + changes.pop("set")
    values = {"preset": "quick-cpu", "epochs_all": 1, "augment": False, **changes}
    return TrainParams(set=settings, **values)


@pytest.mark.slow
def test_a_preset_trains_a_network_of_its_own_and_replays(small_project):
    told = run(quick(), small_project.ctx)
    assert told["parent"] is None
    assert {"old", "new"} <= set(told["comparison"]), "judged against what is in use"
    with small_project.ctx.store() as store:
        run_ = store.run(told["run"])
        made = store.checkpoint(told["checkpoint"])
        folder = store.run_folder(told["run"])
    assert (run_.kind, run_.spec["inplane_mm"]) == ("train", 3.0)
    assert made.network.options == {"width": 0.0625}
    assert made.network.n_classes == 3, "of the project, not of the preset"
    names = {p.name for p in folder.iterdir()}
    assert {"spec.json", "capsule.json", "split.json", "log.txt", "history.json",
            "checkpoint.safetensors", "checkpoint.md"} <= names  # fmt: skip
    again = run(TrainParams(replay=told["run"]), small_project.ctx)
    assert again["same"]
    assert "to the last bit" in TRAIN.text(again)
    assert TRAIN.undone(again) == ""
    assert (folder / "replay.json").exists()
    # Other labels since do not matter: the truth of the run is pinned.
    from medlab_gui.commands.save import AnnotateParams, run_annotate

    uid, mask = small_project.series_uid, str(small_project.mask)
    run_annotate(AnnotateParams(uid, mask, "1=2", "3-20"), small_project.ctx)
    assert run(TrainParams(replay=told["run"]), small_project.ctx)["same"]
    # Another recipe in its place is noticed.
    spec = folder / "spec.json"
    spec.write_text(spec.read_text().replace('"seed": 0', '"seed": 3'))
    other = run(TrainParams(replay=told["run"]), small_project.ctx)
    assert not other["same"]
    assert "The recipe is another." in TRAIN.text(other)
    assert "differs" in TRAIN.undone(other)


@pytest.mark.slow
def test_folds_are_trained_one_by_one_and_adopt_nothing(small_project):
    with small_project.ctx.store() as store:
        before = store.current_checkpoint().id
        locked = {(s.series_uid, s.slice_index) for s in store.locked()}
    told = run(quick(folds=2), small_project.ctx)
    assert [f["fold"] for f in told["folds"]] == [1, 2]
    dice = [f["mean_dice"] for f in told["folds"]]
    assert told["mean_dice"] == pytest.approx(sum(dice) / 2)
    assert told["sd_dice"] == pytest.approx(abs(dice[0] - dice[1]) / 2**0.5)
    assert "±" in TRAIN.text(told)
    with small_project.ctx.store() as store:
        assert store.current_checkpoint().id == before
        run_ = store.run(told["run"])
        folder = store.run_folder(told["run"])
    assert run_.kind == "cross-validation"
    for n in (1, 2):
        capsule = (folder / f"fold-{n}" / "capsule.json").read_text()
        data = json.loads(capsule)["data"]
        for row in (*data["training"], *data["validation"]):
            assert (row["series_uid"], row["slice_index"]) not in locked
        card = (folder / f"fold-{n}" / "checkpoint.md").read_text(encoding="utf-8")
        assert f"fold {n} of 2" in card.splitlines()[0]
        assert f"Fold {n} of 2 of a cross-validation: 4 slices that it left" in card
        assert "patients who have locked slices" in card
    # The weights of each fold are the project's: listed, and can be put to use.
    known = {c["id"]: c for c in list_(ListParams(), small_project.ctx)["checkpoints"]}
    for fold in told["folds"]:
        assert known[fold["checkpoint"]]["run"] == told["run"]
        assert f"fold {fold['fold']} of 2" in known[fold["checkpoint"]]["name"]
    second = told["folds"][1]["checkpoint"]
    adopt(AdoptParams(second), small_project.ctx)
    with small_project.ctx.store() as store:
        assert store.current_checkpoint().id == second
    again = run(TrainParams(replay=told["run"]), small_project.ctx)
    assert again["same"]
    assert [fold["fold"] for fold in again["folds"]] == [1, 2]
    assert again["mean_dice"] == pytest.approx([told["mean_dice"]] * 2)
    assert "in all 2 folds, to the last bit" in TRAIN.text(again)
    # What differs in one fold is told.
    spec = folder / "fold-2" / "spec.json"
    spec.write_text(spec.read_text().replace('"seed": 0', '"seed": 3'))
    found = _compared(
        [(folder / f"fold-{n}", folder / "replay" / f"fold-{n}") for n in (1, 2)]
    )
    assert not found["same"]
    assert "differs in fold 2." in TRAIN.text({"run": "x", **found})
    # They leave with the run, all but those in use.
    out = small_project.folder.parent / "out"
    written = run_export(ExportRunParams(told["run"], str(out)), small_project.ctx)
    assert "fold-2/checkpoint.safetensors" in written["files"]
    assert (out / "fold-1" / "checkpoint.md").is_file()
    gone = run_delete(DeleteRunParams(told["run"]), small_project.ctx)
    assert (gone["n_weights"], gone["weights_deleted"]) == (2, False)
    with small_project.ctx.store() as store:
        left = {c.id for c in store.checkpoints()}
    assert left & {f["checkpoint"] for f in told["folds"]} == {second}


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        (quick(preset="quik-cpu"), InputError, "mean 'quick-cpu'"),
        (quick(set="bach=2"), InputError, "mean 'batch'"),
        (quick(set="batch"), InputError, "write e.g. batch=2"),
        (quick(set="batch=0"), InputError, "at least 1; found 0"),
        (quick(set="loss=dicee"), InputError, "mean 'dice'"),
        (quick(epochs_head=2), InputError, "has one phase"),
        (quick(folds=1), InputError, "at least two folds"),
        (quick(folds=50), InputError, "50 folds cannot be made"),
        (quick(resume="abc"), InputError, "do not go together"),
        (TrainParams(replay="abc", recipe="x.json"), InputError, "do not go together"),
        (TrainParams(replay="abc"), InputError, "no run"),
        (quick(init="starter"), CheckpointError, "are of another network"),
    ],
)
def test_wishes_that_are_refused_leave_no_run(small_project, params, error, said):
    with pytest.raises(error, match=said):
        run(params, small_project.ctx)
    assert list_(ListParams(), small_project.ctx)["runs"] == []


def test_values_are_set_as_json_or_text():
    assert parse_settings("batch=2, loss=focal ,augment=none,ema=0.9,") == {
        "batch": 2,
        "loss": "focal",
        "augment": "none",
        "ema": 0.9,
    }
    lists = 'class_weights=[0.5,1,2],network.options={"width": 1, "x": "a,b"},batch=2'
    assert parse_settings(lists) == {
        "class_weights": [0.5, 1, 2],
        "network.options": {"width": 1, "x": "a,b"},
        "batch": 2,
    }
