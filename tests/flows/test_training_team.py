"""`torchrun -m medlab_gui train` in a project: one process writes, all learn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.list_ import ListParams
from medlab_gui.commands.list_ import run as list_
from medlab_gui.commands.train import TRAIN, TrainParams, run
from medlab_gui.core.records import RunState
from medlab_gui.learning.capsule import read_capsule

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "--preset", "quick-cpu", "--no-augment", "--json", "--set",
    "network.options.width=0.0625,warmup_steps=0,phases.0.epochs=1,inplane_mm=4",
)  # fmt: skip


def torchrun(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "-m", "medlab_gui", "train"),
            *("--project", str(project), *arguments),
        ],
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_two_processes_cross_validate_in_a_project_resume_and_replay(small_project):
    ctx = Context(str(small_project.folder))
    ran = torchrun(small_project.folder, *SMALL, "--folds", "2")
    assert ran.returncode == 0, ran.stderr[-3000:]
    (line,) = ran.stdout.splitlines()
    told = json.loads(line)
    assert [fold["fold"] for fold in told["folds"]] == [1, 2]
    (listed,) = list_(ListParams(), ctx)["runs"]
    assert (listed["id"], listed["state"]) == (told["run"], "done")
    with ctx.store() as store:
        folder = store.run_folder(told["run"])
        assert {c.run_id for c in store.checkpoints()} == {None, told["run"]}
    for n in (1, 2):
        assert read_capsule(folder / f"fold-{n}")[1]["processes"] == 2
    # What a crash between the last fold and the end of the run leaves.
    with ctx.store() as store:
        before = [c.id for c in store.checkpoints()]
        store.update_run(told["run"], state=RunState.RUNNING, finished=None)
    (folder / "fold-2" / "checkpoint.safetensors").unlink()
    resumed = torchrun(small_project.folder, "--resume", told["run"], "--json")
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert json.loads(resumed.stdout)["folds"] == told["folds"]
    with ctx.store() as store:
        assert [c.id for c in store.checkpoints()] == before
    again = torchrun(small_project.folder, "--replay", told["run"], "--json")
    assert again.returncode == 0, again.stderr[-3000:]
    (line,) = again.stdout.splitlines()
    assert json.loads(line)["same"], line
    # One process has other batch statistics, and the replay says what differs.
    found = run(TrainParams(replay=told["run"]), ctx)
    assert found["same_recipe"]
    assert found["same_data"]
    assert found["environment"]["processes"] == [2, 1]
    assert "processes: 2 then, 1 now" in TRAIN.text(found)


def test_what_is_refused_ends_all_processes(small_project):
    ran = torchrun(small_project.folder, *SMALL, "--epochs-head", "3")
    assert ran.returncode != 0
    assert "The recipe has one phase" in ran.stderr
    (line,) = ran.stdout.splitlines()
    assert "The recipe has one phase" in json.loads(line)["error"]["message"]
    # torchrun adds a traceback of its own; ours would be told as a bug.
    assert "This is a bug in MedLab" not in ran.stderr
    assert list_(ListParams(), Context(str(small_project.folder)))["runs"] == []
