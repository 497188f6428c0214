"""Fine-tuning in a process of its own: judged, cancelled, killed, resumed, undone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medlab_gui.commands import launch
from medlab_gui.commands.adopt import AdoptParams
from medlab_gui.commands.adopt import run as adopt
from medlab_gui.commands.command import Context
from medlab_gui.commands.launch import make_job, run_command
from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.train import TRAIN, TrainParams
from medlab_gui.core.errors import InputError
from medlab_gui.core.jobs import JobContext, JobState

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def the_run(project):
    (run,) = list_(ListParams(), Context(str(project.folder)))["runs"]
    return run


def test_new_weights_are_judged_and_there_is_a_way_back(small_project):
    ctx = Context(str(small_project.folder))
    with ctx.store() as store:
        before = store.current_checkpoint()
    reports = []
    job = JobContext(reports.append)
    told = run_command(
        TRAIN, TrainParams(epochs_head=1, epochs_all=3), Context(ctx.project, job=job)
    )
    comparison = told["comparison"]
    old, new = comparison["old"]["mean_dice"], comparison["new"]["mean_dice"]
    assert told["adopted"] == (new >= old)
    assert comparison["n_slices"] == 3
    batches = [r.data for r in reports if r.data and "loss" in r.data]
    assert {b["phase"] for b in batches} == {"head", "all"}
    assert all(b["seconds_left"] >= 0 for b in batches)

    with ctx.store() as store:
        current = store.current_checkpoint()
        assert current is not None
        assert current.id == (told["checkpoint"] if told["adopted"] else before.id)
        made = store.checkpoint(told["checkpoint"])
        assert made.parent == before.id
    adopt(AdoptParams(told["checkpoint"]), ctx)
    adopt(AdoptParams("previous"), ctx)
    with ctx.store() as store:
        assert store.current_checkpoint().id == before.id


def test_worse_weights_are_refused(small_project):
    """A learning rate that destroys good weights must not be let through."""
    ctx = Context(str(small_project.folder))
    good = run_command(
        TRAIN,
        TrainParams(epochs_head=0, epochs_all=40, lr_all=3e-3, batch=8, augment=False),
        ctx,
    )
    assert good["adopted"]
    assert good["comparison"]["new"]["dice"]["Liver"] > 0.8
    spoilt = run_command(
        TRAIN,
        TrainParams(epochs_head=0, epochs_all=1, lr_all=0.9, batch=1, augment=False),
        ctx,
    )
    assert not spoilt["adopted"]
    assert spoilt["comparison"]["reason"].startswith("Refused")
    with ctx.store() as store:
        assert store.current_checkpoint().id == good["checkpoint"]


def test_what_went_astray_is_named_as_in_the_window(small_project, tmp_path):
    """It named the series by its UID, which a person sees nowhere."""
    ctx = Context(str(small_project.folder))
    with ctx.store() as store:
        (series,) = store.series_list()
    recipe = tmp_path / "astray.json"
    recipe.write_text(
        json.dumps(
            {
                "network": {"name": "unet", "options": {"width": 1 / 16}},
                "phases": [{"name": "all", "epochs": 3, "lr": 0.9}],
                "optimiser": "sgd",
                "weight_decay": 1e9,
            }
        ),
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="astray in epoch 1") as raised:
        run_command(TRAIN, TrainParams(preset=str(recipe)), ctx)
    assert "slice" in raised.value.message
    assert series.uid not in raised.value.message
    assert the_run(small_project)["message"] == raised.value.message


def test_a_training_stops_by_itself_at_the_next_batch(small_project, monkeypatch):
    """However slow the machine is; that nobody waits longer is tested of `launch`."""
    monkeypatch.setattr(launch, "GRACE_SECONDS", 120.0)
    ctx = Context(str(small_project.folder))
    job = make_job(
        TRAIN,
        TrainParams(epochs_head=0, epochs_all=400),
        lambda job: Context(ctx.project, job=job),
    )
    learning = threading.Event()
    job.progressed.connect(
        lambda p: learning.set() if p.data and "loss" in p.data else None
    )
    thread = threading.Thread(target=job.run)
    thread.start()
    assert learning.wait(120)
    job.cancel()
    thread.join(240)
    assert job.state is JobState.CANCELLED
    stopped = the_run(small_project)
    assert stopped["state"] == "cancelled"
    assert "Interrupted" not in stopped["message"], "it was not ended by force"
    with ctx.store() as store:
        assert len(store.checkpoints()) == 1, "a cancelled run leaves no weights"


def test_a_killed_run_is_noticed_and_can_be_resumed(small_project):
    command = [
        sys.executable, "-m", "medlab_gui", "train", "--events",
        "--project", str(small_project.folder), "--epochs-head", "2",
        "--epochs-all", "3",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with child:
        for line in child.stdout:
            if '"epoch": 2' in line:
                child.send_signal(signal.SIGKILL)
                break
        child.stdout.read()
    stopped = the_run(small_project)
    assert stopped["state"] == "cancelled"
    assert "Interrupted" in stopped["message"]

    told = run_command(
        TRAIN, TrainParams(resume=stopped["id"]), Context(str(small_project.folder))
    )
    assert told["run"] == stopped["id"]
    assert told["epochs"] == 5
    assert the_run(small_project)["state"] == "done"


def test_too_little_is_refused_before_anything_is_made(tmp_path, small_project):
    ctx = Context(str(tmp_path / "other"))
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_

    import_(ImportParams(str(tmp_path / "ball.nii.gz")), ctx)
    with pytest.raises(InputError, match="at least 4 labelled slices"):
        run_command(TRAIN, TrainParams(init=str(small_project.weights)), ctx)
    assert list_(ListParams(), ctx)["runs"] == []
