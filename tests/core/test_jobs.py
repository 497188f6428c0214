import gc
import threading
import time
import weakref

import pytest

from medlab_gui.core.jobs import (
    Cancelled,
    Job,
    JobContext,
    JobRunner,
    JobState,
    Progress,
)

_PATIENCE_S = 60.0


def wait_until(condition):
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_progress_reports_and_is_the_way_to_stop():
    seen = []
    context = JobContext(seen.append)
    context.progress(1, 4, "reading", {"loss": 0.5})
    assert seen == [Progress(1, 4, "reading", {"loss": 0.5})]
    assert seen[0].fraction == 0.25
    assert Progress(3, 0, "").fraction is None
    assert Progress(5, 4, "").fraction == 1
    assert not context.is_cancelled
    context.cancel()
    assert context.is_cancelled
    with pytest.raises(Cancelled):
        context.progress(2, 4)
    assert len(seen) == 1
    assert not isinstance(Cancelled(), Exception), "except Exception must not eat it"


def test_job_that_works_fails_or_is_cancelled():
    ended = []
    done = Job("adds", lambda ctx: 1 + 1)
    done.finished.connect(lambda job: ended.append(job.state))
    done.run()
    assert (done.state, done.result, done.error) == (JobState.DONE, 2, None)

    failed = Job("divides", lambda ctx: 1 / 0)
    failed.finished.connect(lambda job: ended.append(job.state))
    failed.run()
    assert failed.state is JobState.FAILED
    assert isinstance(failed.error, ZeroDivisionError)

    ran = []
    stopped = Job("waits", lambda ctx: ran.append(1))
    stopped.finished.connect(lambda job: ended.append(job.state))
    stopped.cancel()
    stopped.run()
    assert stopped.state is JobState.CANCELLED
    assert ran == []
    assert ended == [JobState.DONE, JobState.FAILED, JobState.CANCELLED]


class Gate:
    """Work that says when it has begun and ends when it is let go or cancelled."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, context):
        self.begun.set()
        while not self.go.wait(0.005):
            context.check()
        return "through"


def test_a_lane_holds_as_many_as_it_may():
    runner = JobRunner({"gpu": 1, "disk": 2})
    gates = [Gate() for _ in range(3)]
    jobs = [runner.submit(Job(str(n), g, "gpu")) for n, g in enumerate(gates[:2])]
    other = runner.submit(Job("other", gates[2], "disk"))
    assert gates[0].begun.wait(_PATIENCE_S)
    assert gates[2].begun.wait(_PATIENCE_S), "another lane does not wait"
    assert not gates[1].begun.is_set()
    assert [j.title for j in runner.active] == ["0", "1", "other"]
    for gate in gates:
        gate.go.set()
    for job in [*jobs, other]:
        assert job.wait(_PATIENCE_S)
    assert [j.result for j in jobs] == ["through", "through"]
    assert runner.close(_PATIENCE_S)


def test_newest_wins():
    runner = JobRunner({"preview": 1})
    gates = [Gate() for _ in range(3)]
    jobs = []
    for n, gate in enumerate(gates):
        job = Job(str(n), gate, "preview")
        jobs.append(runner.submit(job, newest_wins=True))
        if n == 0:
            assert gate.begun.wait(_PATIENCE_S)
    gates[2].go.set()
    for job in jobs:
        assert job.wait(_PATIENCE_S)
    assert [j.state for j in jobs] == [
        JobState.CANCELLED,
        JobState.CANCELLED,
        JobState.DONE,
    ]
    assert not gates[1].begun.is_set()
    assert runner.close(_PATIENCE_S)


def test_what_waits_for_its_turn_is_cancelled_at_once():
    runner = JobRunner({"gpu": 1})
    gates = [Gate() for _ in range(3)]
    first, second, third = (
        runner.submit(Job(str(n), gate, "gpu")) for n, gate in enumerate(gates)
    )
    assert gates[0].begun.wait(_PATIENCE_S)
    told = []
    second.finished.connect(told.append)
    runner.cancel(second)
    assert second.state is JobState.CANCELLED, "while the one before still runs"
    assert told == [second]
    assert runner.active == (first, third)
    runner.cancel(first)
    gates[2].go.set()
    assert third.wait(_PATIENCE_S)
    assert [j.state for j in (first, third)] == [JobState.CANCELLED, JobState.DONE]
    runner.cancel(third)
    assert third.state is JobState.DONE, "too late"
    assert not gates[1].begun.is_set()
    assert runner.close(_PATIENCE_S)


def test_close_cancels_waits_and_takes_no_more():
    runner = JobRunner({"disk": 1})
    gates = [Gate(), Gate()]
    jobs = [runner.submit(Job(str(n), g)) for n, g in enumerate(gates)]
    assert gates[0].begun.wait(_PATIENCE_S)
    assert runner.close(_PATIENCE_S)
    assert [j.state for j in jobs] == [JobState.CANCELLED, JobState.CANCELLED]
    with pytest.raises(RuntimeError, match="closing"):
        runner.submit(Job("late", lambda ctx: None))


def test_who_leaves_does_not_wait_for_what_only_reads():
    runner = JobRunner({"disk": 1, "open": 1})
    writing, importing = Gate(), threading.Event()
    begun = threading.Event()

    def import_libraries(_ctx):  # nobody can stop that
        begun.set()
        importing.wait(_PATIENCE_S)

    reads = runner.submit(Job("reads", import_libraries, "open"))
    writes = runner.submit(Job("writes", writing))
    assert begun.wait(_PATIENCE_S)
    assert writing.begun.wait(_PATIENCE_S)
    try:
        assert not runner.close(_PATIENCE_S, hasty={"open"})
        assert reads.state is JobState.RUNNING
        assert writes.state is JobState.CANCELLED, "this one was waited for"
    finally:
        importing.set()
    assert reads.wait(_PATIENCE_S)


def test_a_failing_job_does_not_block_its_lane():
    runner = JobRunner({"disk": 1})
    bad = runner.submit(Job("bad", lambda ctx: 1 / 0))
    good = runner.submit(Job("good", lambda ctx: 5))
    assert bad.wait(_PATIENCE_S)
    assert good.wait(_PATIENCE_S)
    assert good.result == 5
    assert runner.close(_PATIENCE_S)


def test_a_thread_that_is_free_takes_the_next_job():
    runner = JobRunner()
    seen = []
    for _ in range(3):
        job = runner.submit(Job("which thread", lambda _ctx: threading.get_ident()))
        assert job.wait(_PATIENCE_S)
        wait_until(lambda: not runner.active)
        wait_until(lambda: runner._idle)
        seen.append(job.result)
    assert len(set(seen)) == 1
    assert runner.close(_PATIENCE_S)


def test_a_free_thread_holds_on_to_nothing():
    class Big:
        pass

    runner = JobRunner()
    job = runner.submit(Job("make", lambda _ctx: Big()))
    assert job.wait(_PATIENCE_S)
    made = weakref.ref(job.result)
    wait_until(lambda: runner._idle)
    del job
    gc.collect()  # a job and its context know each other
    assert made() is None
    assert runner.close(_PATIENCE_S)


def test_a_listener_that_ends_its_thread_does_not_end_the_lane(monkeypatch):
    ended = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    runner = JobRunner({"disk": 1})

    def end(_job):
        raise SystemError

    bad = Job("bad", lambda _ctx: 1)
    bad.finished.connect(end)
    runner.submit(bad)
    after = runner.submit(Job("after", lambda _ctx: 2))
    assert after.wait(_PATIENCE_S)
    assert after.result == 2
    wait_until(lambda: len(ended) == 1)
    assert runner.close(_PATIENCE_S)
