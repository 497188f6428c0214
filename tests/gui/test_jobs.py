from __future__ import annotations

import threading
import time

import pytest

from medlab_gui.core.errors import InputError
from medlab_gui.core.jobs import Job
from medlab_gui.gui.jobs import Jobs

pytestmark = pytest.mark.gui


@pytest.fixture
def jobs(qapp):
    made = Jobs()
    yield made
    assert made.close()


def test_results_and_reports_come_on_the_qt_thread(jobs, qtbot):
    here, seen = threading.current_thread(), []
    reports = []
    jobs.progressed.connect(
        lambda job, new: reports.append((threading.current_thread(), new))
    )

    def work(ctx):
        for n in range(50):
            ctx.progress(n, 50, data={"epoch": n} if n % 10 == 0 else None)
        return "done"

    job = jobs.submit(
        Job("Work", work),
        on_done=lambda r: seen.append((threading.current_thread(), r)),
        on_end=lambda: seen.append("end"),
    )
    assert jobs.active == (job,)
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [(here, "done"), "end"]
    assert all(thread is here for thread, _new in reports)
    flat = [r for _thread, new in reports for r in new]
    assert flat[-1].done == 49
    epochs = [r.data["epoch"] for r in flat if r.data]
    assert epochs == [0, 10, 20, 30, 40], "no report with data is left out"
    assert jobs.active == ()


def test_reports_come_ten_times_a_second_at_most(jobs, qtbot):
    times, over = [], []
    jobs.progressed.connect(lambda job, new: times.append(time.monotonic()))

    def work(ctx):
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            ctx.progress(1, 2)

    start = time.monotonic()
    jobs.submit(Job("Work", work), on_end=lambda: over.append(1))
    qtbot.waitUntil(lambda: bool(over))
    # One for each tenth of a second, and the last one.
    assert len(times) <= (time.monotonic() - start) / 0.1 + 2


def test_what_waits_behind_a_training_is_cancelled_at_once(jobs, qtbot):
    go, over = threading.Event(), []
    jobs.finished.connect(over.append)
    training = jobs.submit(Job("Training", lambda _ctx: go.wait(), "gpu"))
    waiting = jobs.submit(Job("Predict", lambda _ctx: None, "gpu"))
    try:
        jobs.cancel(waiting)
        qtbot.waitUntil(lambda: over == [waiting])
        assert jobs.active == (training,)
    finally:
        go.set()
    qtbot.waitUntil(lambda: jobs.active == ())


def test_an_error_goes_to_who_asked_or_to_all(jobs, qtbot):
    mine, general = [], []
    jobs.failed.connect(lambda job, error: general.append(error))

    def work(ctx):
        msg = "No."
        raise InputError(msg)

    jobs.submit(Job("A", work), on_error=mine.append)
    qtbot.waitUntil(lambda: len(mine) == 1)
    assert general == []
    jobs.submit(Job("B", work))
    qtbot.waitUntil(lambda: len(general) == 1)
    assert len(mine) == 1


def test_a_cancelled_job_delivers_nothing_but_its_end(jobs, qtbot):
    seen = []

    def work(ctx):
        while True:
            ctx.progress(0)

    job = jobs.submit(
        Job("A", work), on_done=seen.append, on_end=lambda: seen.append("end")
    )
    jobs.cancel(job)
    qtbot.waitUntil(lambda: seen == ["end"])


def test_the_newest_preview_wins(jobs, qtbot):
    done = []
    gate = threading.Event()

    def work(n):
        def run(ctx):
            gate.wait(60)
            ctx.progress(0)
            return n

        return run

    for n in range(5):
        jobs.submit(
            Job(f"{n}", work(n), "preview"), on_done=done.append, newest_wins=True
        )
    gate.set()
    qtbot.waitUntil(lambda: not jobs.active)
    assert done == [4]


@pytest.mark.parametrize(("lane", "is_left"), [("reading", True), ("forecast", False)])
def test_who_leaves_waits_for_children_but_not_for_readers(qapp, lane, is_left):
    """A child is ended by the thread that runs it."""
    jobs, begun, go = Jobs(), threading.Event(), threading.Event()

    def work(ctx):
        begun.set()
        while not (ctx.is_cancelled if lane == "forecast" else go.is_set()):
            go.wait(0.01)

    job = jobs.submit(Job("", work, lane))
    assert begun.wait(60)
    try:
        assert jobs.close(60) is not is_left
        assert job.wait(0) is not is_left
    finally:
        go.set()
    assert job.wait(60)
