"""Two processes over gloo, as torchrun starts them, against one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from medlab_gui.learning.capsule import compare_runs, read_capsule
from medlab_gui.learning.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import atexit, json, os, sys, time
from pathlib import Path
import torch

def threads_of_the_group():
    # Registered before the group's own end, so called after it.
    tasks, until = Path("/proc/self/task"), time.monotonic() + 20
    left = ["?"]
    while left and time.monotonic() < until:  # the system may list them a moment more
        left = []
        for task in tasks.glob("*/comm"):
            try:
                left += [n for n in [task.read_text().strip()] if "gloo" in n]
            except OSError:
                pass
    print("threads left:", left, file=sys.stderr)

atexit.register(threads_of_the_group)
torch.set_num_threads(1)
from medlab_gui.core.specs import NetworkSpec
from medlab_gui.core.training import Phase
from medlab_gui.learning.train import train
from tests.learning.conftest import SCHEME, disc_source, judge_source, train_spec

spec = train_spec(
    network=NetworkSpec(sys.argv[2], 1, 3, {"width": 1 / 64}), loss="ce",
    optimiser="sgd", augment=sys.argv[3], phases=(Phase("all", 2, 1e-2),), batch=3,
    ema=0.5,
)

def watch(done, total=0, message="", data=None):
    if sys.argv[4:] == ["stop"] and data and data["epoch"] == 2:
        raise InterruptedError("stopped")

what = sys.argv[4:]
if what and what[0].startswith("full") and os.environ.get("RANK") == "1":
    from medlab_gui.learning.stepper import Stepper

    forward, enough = Stepper._forward, int(what[0].removeprefix("full"))

    def full(self, images, labels):
        if self._room.batch > enough:
            raise MemoryError
        return forward(self, images, labels)

    Stepper._forward = full

if what == ["unread"] and os.environ.get("RANK") == "1":
    from medlab_gui.learning.trainer import Trainer

    def unread(self, source):
        raise MemoryError

    Trainer._prepare = unread

made = train(spec, SCHEME, disc_source(7, seed=1), judge_source(2),
             folder=Path(sys.argv[1]), device="cpu", progress=watch,
             resume=sys.argv[4:] == ["resume"])
print(json.dumps({"metrics": made.metrics, "history": made.history}))
"""


@pytest.fixture
def start():
    """Start trainings; none of them outlives the test."""
    with ExitStack() as stack:

        def start(folder, network, augment, *more, **environment):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SCRIPT, folder, network, augment, *more],
                    env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield start


def told(*processes):
    """Return what each prints; all of them have ended then."""
    ended = [process.communicate(timeout=200) for process in processes]
    for process, (_out, error) in zip(processes, ended, strict=True):
        assert process.returncode == 0, error[-2000:]
        assert "threads left: []" in error, "they would crash when Python ends"
    return [json.loads(out.splitlines()[-1]) for out, _error in ended]


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def pair(start, folder, network, augment, *more):
    common = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    return [
        start(folder, network, augment, *more, RANK=n, LOCAL_RANK=n, **common)
        for n in "01"
    ]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(start, tmp_path):
    """Without batch statistics, shares of a step's gradient add up to the whole."""
    alone = start(tmp_path / "one", "msf_fcn", "four-of-six")
    two = pair(start, tmp_path / "two", "msf_fcn", "four-of-six")
    whole, first, second = told(alone, *two)
    assert first == second, "all are told the same"
    for a, b in zip(whole["history"], first["history"], strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
    one = load_checkpoint(tmp_path / "one" / "checkpoint.safetensors")[1]
    two = load_checkpoint(tmp_path / "two" / "checkpoint.safetensors")[1]
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-5), name
    log = (tmp_path / "two" / "log.txt").read_text()
    assert log.count("Done.") == 1, "only the first writes"


@pytest.mark.slow
def test_two_processes_stop_and_go_on_to_the_same_weights(start, tmp_path):
    """Batch statistics of their own and an average of weights included."""
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    first, second = told(*pair(start, whole, "unet", "usual"))
    assert first == second
    assert first["history"][-1]["loss"] < first["history"][0]["loss"]

    stopped = pair(start, parted, "unet", "usual", "stop")
    errors = [process.communicate(timeout=200)[1] for process in stopped]
    assert "InterruptedError: stopped" in errors[0]
    assert "ResourceError: Another process of this training has ended" in errors[1]
    for process, error in zip(stopped, errors, strict=True):
        assert process.returncode == 1, error[-2000:]
        assert "threads left: []" in error, error[-2000:]

    told(*pair(start, parted, "unet", "usual", "resume"))
    assert read_capsule(parted)[1]["resumed"]
    found = compare_runs(whole, parted)
    assert found["same"], found


@pytest.mark.slow
def test_memory_that_one_of_two_lacks_is_given_way_to_by_both(start, tmp_path):
    """The first keeps the run's state: a resumed run must not try again in vain."""
    two = pair(start, tmp_path / "two", "msf_fcn", "four-of-six", "full1")
    first, second = told(*two)
    assert first == second
    _spec, capsule = read_capsule(tmp_path / "two")
    assert capsule["room"] == [1, 0, "cpu"]
    note = "Memory ran out: 1 instead of 3 slices at once; a step still learns from"
    assert any(text.startswith(note) for text in capsule["notes"])
    assert note in (tmp_path / "two" / "log.txt").read_text()
    alone = start(tmp_path / "one", "msf_fcn", "four-of-six")
    (whole,) = told(alone)
    for a, b in zip(whole["history"], first["history"], strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)


@pytest.mark.slow
def test_where_one_of_two_has_no_memory_at_all_both_say_so(start, tmp_path):
    two = pair(start, tmp_path, "msf_fcn", "four-of-six", "full0")
    for process in two:
        error = process.communicate(timeout=200)[1]
        assert process.returncode == 1, error[-2000:]
        assert "ResourceError: There is not enough memory even for" in error
        assert "threads left: []" in error, error[-2000:]


@pytest.mark.slow
def test_why_one_of_two_ended_before_a_step_is_told_by_the_first(start, tmp_path):
    """It said that another had ended, and in its log nothing told of what."""
    first, second = pair(start, tmp_path, "msf_fcn", "four-of-six", "unread")
    error = first.communicate(timeout=200)[1]
    told = "has ended, so it cannot go on: There is not enough memory for it."
    assert told in error, error[-2000:]
    assert told in (tmp_path / "log.txt").read_text()
    assert "threads left: []" in error, error[-2000:]
    assert "MemoryError" in second.communicate(timeout=200)[1]
