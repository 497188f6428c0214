"""Children pass on all that they say, and end when nobody waits for them."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from medlab_gui.commands import launch
from medlab_gui.commands.command import Command, Context
from medlab_gui.commands.launch import (
    ChildBug,
    make_job,
    perform,
    plain,
    run_child,
    run_command,
)
from medlab_gui.core.errors import GeometryError, ResourceError, StorageFullError
from medlab_gui.core.jobs import Cancelled, JobContext, JobState
from tests.commands.strange_verbs import TRY, TryParams

SCRIPT = Path(__file__).with_name("strange_verbs.py")
ROOT = SCRIPT.parents[2]


@pytest.fixture(autouse=True)
def strange(monkeypatch):
    """Children run the strange verbs' command line in place of MedLab's own."""
    monkeypatch.setattr(launch, "_invocation", lambda: [sys.executable, str(SCRIPT)])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


_PATIENCE_S = 120.0


def until(condition, what: str) -> None:
    """Wait for a condition, or fail."""
    pause, deadline = threading.Event(), time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        pause.wait(0.02)


def lines(note: Path) -> list[str]:
    return note.read_text(encoding="utf-8").split() if note.exists() else []


def alive(pid: int) -> bool:
    if sys.platform == "win32":  # where signal 0 is Ctrl-C, to all of a console
        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended stays in the table until somebody asks after it.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text(encoding="utf-8")


@pytest.mark.skipif(not hasattr(os, "nice"), reason="priorities differ on Windows")
def test_a_child_lets_the_window_go_first(tmp_path):
    told = run_child(TRY, TryParams("rank"), Context(str(tmp_path / "p")))
    assert told["nice"] > os.nice(0) or os.nice(0) == 19


def test_progress_and_result_arrive(tmp_path):
    heard = []
    ctx = Context(str(tmp_path / "p"), "cpu", job=JobContext(heard.append))
    told = run_child(TRY, TryParams("work"), ctx)
    assert told == {"answer": 42, "project": str(tmp_path / "p"), "device": "cpu"}
    assert [(p.done, p.total, p.message, p.data) for p in heard] == [
        (n, 3, f"step {n}", {"loss": n / 2}) for n in range(3)
    ]


def test_libraries_may_ask_what_standard_input_is_while_a_child_listens():
    # On Windows they wait for ever where it is the pipe that is listened at.
    told = run_child(TRY, TryParams("stdin"), Context())
    assert told == {"is_pipe": False, "text": ""}


def test_numbers_that_are_none_arrive_as_none():
    heard = []
    told = run_child(TRY, TryParams("numbers"), Context(job=JobContext(heard.append)))
    assert told == {"nan": None, "inf": [None], "path": "a"}
    assert heard[0].data == {"loss": None}


def test_what_libraries_print_does_not_garble_the_events():
    assert run_child(TRY, TryParams("chatter"), Context()) == {"answer": 42}


def test_errors_keep_their_class_and_their_sentence():
    with pytest.raises(GeometryError, match=r"^The slices do not fit\."):
        run_child(TRY, TryParams("sentence"), Context())
    with pytest.raises(ResourceError, match="not enough memory"):
        run_child(TRY, TryParams("memory"), Context())


def test_a_bug_is_told_with_its_place():
    with pytest.raises(ChildBug, match=r"ZeroDivisionError in strange_verbs\.py"):
        run_child(TRY, TryParams("bug"), Context())


def test_a_child_that_is_killed_is_told_with_its_last_words():
    told = r"(?s)'Try' ended unexpectedly.*safe\. It said last:.*last words"
    with pytest.raises(ResourceError, match=told):
        run_child(TRY, TryParams("die"), Context())
    kept = replace(TRY, left="What was learned is kept.")
    with pytest.raises(ResourceError, match=r"safe\. What was learned is kept\. It"):
        run_child(kept, TryParams("die"), Context())


def test_a_process_that_cannot_start(monkeypatch):
    monkeypatch.setattr(launch, "_invocation", lambda: ["/no/such/program"])
    with pytest.raises(ResourceError, match="No process could be started"):
        run_child(TRY, TryParams("work"), Context())


def test_no_room_for_the_parameters(monkeypatch):
    def full(**kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(StorageFullError, match="no room left"):
        run_child(TRY, TryParams("work"), Context())


def started(how: str, note: Path):
    """Return a job that waits in a child, and its thread, once the child is there."""
    job = make_job(TRY, TryParams(how, str(note)), lambda job: Context(job=job))
    thread = threading.Thread(target=job.run)
    thread.start()
    until(lambda: lines(note), "the child's start")
    return job, thread


def test_cancelling_stops_the_child_politely(tmp_path, monkeypatch):
    # However slow the machine is: the limit has a test of its own.
    monkeypatch.setattr(launch, "GRACE_SECONDS", _PATIENCE_S)
    note = tmp_path / "note"
    job, thread = started("wait", note)
    job.cancel()
    thread.join(_PATIENCE_S)
    assert job.state is JobState.CANCELLED
    pid, *rest = lines(note)
    assert rest == ["stopped"], "it was given the time to save its state"
    assert not alive(int(pid))


def test_nobody_who_cancels_waits_for_more_than_two_seconds():
    # The rest is for threads that wait for their turn on a busy machine.
    assert launch.GRACE_SECONDS + launch._LAST_SECONDS < 1.25


def test_a_child_that_does_not_listen_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "GRACE_SECONDS", 0.1)
    note = tmp_path / "note"
    job, thread = started("deaf", note)
    job.cancel()
    thread.join(_PATIENCE_S)
    assert job.state is JobState.CANCELLED
    (pid,) = lines(note)
    until(lambda: not alive(int(pid)), "the child's end")


def test_nobody_waits_for_a_killed_child_to_be_gone(tmp_path, monkeypatch):
    """The system may take seconds to take a large process down."""
    made: list[Undying] = []

    class Undying(subprocess.Popen):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.asked = []
            made.append(self)

        def terminate(self):
            self.asked.append("terminate")

        def kill(self):
            self.asked.append("kill")

    monkeypatch.setattr(subprocess, "Popen", Undying)
    monkeypatch.setattr(launch, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(launch, "_LAST_SECONDS", 0.1)
    note = tmp_path / "note"
    job, thread = started("deaf", note)
    (child,) = made
    try:
        job.cancel()
        thread.join(_PATIENCE_S / 4)
        assert not thread.is_alive(), "who cancelled has the row back"
        assert job.state is JobState.CANCELLED
        assert child.asked == ["terminate", "kill"]
        assert child.poll() is None, "it is still there"
    finally:
        super(Undying, child).kill()
    until(lambda: child.returncode is not None, "the child's burial")
    until(lambda: child.stdout.closed, "the end of its pipes")


@pytest.mark.skipif(sys.platform == "win32", reason="uses SIGKILL")
def test_a_child_whose_parent_dies_stops_and_saves(tmp_path):
    note = tmp_path / "note"
    code = (
        "import sys; from medlab_gui.commands import launch\n"
        "from medlab_gui.commands.command import Context\n"
        "from tests.commands.strange_verbs import TRY, TryParams\n"
        f"launch._invocation = lambda: [sys.executable, {str(SCRIPT)!r}]\n"
        f"launch.run_child(TRY, TryParams('wait', {str(note)!r}), Context())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    until(lambda: lines(note), "the child's start")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: lines(note)[1:] == ["stopped"], "the child's stop")
    until(lambda: not alive(int(lines(note)[0])), "the child's end")


def test_where_a_command_runs_is_its_own_choice():
    seen = []
    here = Command(
        verb="here",
        title="Here…",
        help="Here.",
        params=TryParams,
        run=lambda params, ctx: seen.append(os.getpid()),
    )
    run_command(here, TryParams("x"), Context())
    assert seen == [os.getpid()]
    assert make_job(here, TryParams("x"), lambda job: Context(job=job)).title == "Here"


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (MemoryError(), ResourceError, "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes"),
            ResourceError,
            "not enough memory",
        ),
        (OSError(errno.ENOSPC, "full", "/disk/x"), StorageFullError, r"[/\\]x"),
        (PermissionError(errno.EACCES, "no", "/disk/x"), StorageFullError, "may not"),
        (OSError(errno.EIO, "broken", "/disk/x"), StorageFullError, "broken"),
        (FileNotFoundError("install it again"), ResourceError, "install it again"),
        (FileNotFoundError(errno.ENOENT, "gone", "x"), FileNotFoundError, "gone"),
        (RuntimeError("a bug"), RuntimeError, "a bug"),
        (Cancelled("stop"), Cancelled, "stop"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(error, expected, said):
    def fail(params, ctx):
        raise error

    command = Command(verb="f", title="F", help="F.", params=TryParams, run=fail)
    with pytest.raises(expected, match=said):
        perform(command, TryParams("x"), Context())


def test_plain_data():
    @dataclass
    class Result:
        values: tuple[float, ...]
        by_class: dict[int, object]

    result = Result(
        (1.0, float("-inf")),
        {
            1: np.float32("nan"),
            2: np.int64(7),
            3: np.array([[1.5, np.nan]]),
            4: Path("a") / "b",
            5: {3},
            6: None,
            7: True,
        },
    )
    data = plain(result)
    assert data == {
        "values": [1.0, None],
        "by_class": {
            "1": None,
            "2": 7,
            "3": [[1.5, None]],
            "4": str(Path("a") / "b"),
            "5": [3],
            "6": None,
            "7": True,
        },
    }
    json.dumps(data, allow_nan=False)
