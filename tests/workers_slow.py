"""A plug-in that provokes races: ``pytest -p tests.workers_slow tests/gui``.

Every job begins late and ends late, as on a machine whose cores have other things to
do; it burns no processor time for that.
"""

from __future__ import annotations

import time
from typing import Any

from medlab_gui.core.jobs import Job, JobContext

_run = Job.run


def run(self: Job) -> None:
    work = self._work

    def slow(ctx: JobContext) -> Any:
        time.sleep(0.15)
        try:
            return work(ctx)
        finally:
            time.sleep(0.1)

    self._work = slow
    _run(self)


Job.run = run
