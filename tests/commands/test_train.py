"""What is refused before a training begins; the trainings are in tests/flows."""

from __future__ import annotations

import pytest

from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.train import TRAIN, TrainParams, run, settle_runs
from medlab_gui.core.errors import CheckpointError, InputError, StorageFullError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.records import Run, RunState
from tests.projects import tiny_weights


def one_run(store, state: RunState) -> str:
    store.add_run(
        Run(
            id="abc123",
            kind="fine-tune",
            spec={},
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
    with pytest.raises(type(error), match="x"):
        run(TrainParams(), small_project.ctx)
    (told,) = list_(ListParams(), small_project.ctx)["runs"]
    assert told["state"] == state
    assert said in told["message"]


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
