"""A plug-in that provokes races: ``pytest -p tests.workers_fast tests/gui``.

Every job is through before the thread that submitted it goes on, as on a machine with
very fast cores or where the Qt thread was held up; one that waits for something goes on
after a moment.
"""

from __future__ import annotations

from typing import Any

from medlab_gui.core.jobs import Job, JobRunner

_submit = JobRunner.submit


def submit(self: JobRunner, job: Job, **how: Any) -> Job:
    _submit(self, job, **how)
    job.wait(0.4)
    return job


JobRunner.submit = submit
