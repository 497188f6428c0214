"""Runs cases in children, several at a time, and keeps what fails."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.examine import Cost, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.seeds import Folder

__all__ = ["Child", "Report", "run_cases"]

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 40.0
"""Wall time after which a child hangs; cases that merely take long are told by
`tests.fuzz.examine`, which counts processor time."""
_START_S = 300.0
"""On a busy machine loading the libraries takes its time."""


class Child:
    """One worker process, started anew when it dies."""

    def __init__(self, shared: Path | None) -> None:
        self._shared = shared
        self._process: subprocess.Popen[bytes] | None = None
        self.cost = Cost()
        """What the last case took that was answered."""

    def ask(self, request: dict[str, Any]) -> Failure | None:
        """Have one case read.

        Parameters
        ----------
        request : dict
            See `tests.fuzz.worker`.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = self._answer()
        except BrokenPipeError:
            answer = b""
        except TimeoutError:
            self.stop()
            return Failure("hang", "", f"no answer in {_PATIENCE_S:g} s")
        if not answer:
            code = process.wait()
            process.communicate()  # closes the pipes
            self._process = None
            return Failure("crash", f"exit code {code}")
        said = json.loads(answer)
        self.cost = Cost(**said["cost"])
        failure = said["failure"]
        return None if failure is None else Failure(**failure)

    def read(self, folder: Folder) -> Failure | None:
        """Have a folder of files read."""
        files = {n: base64.b64encode(b).decode() for n, b in folder.items()}
        return self.ask({"files": files})

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(self._shared or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(threads, "1")},
        )
        if self._answer(_START_S) != b"ready\n":
            process, self._process = self._process, None
            said = process.communicate()[1].decode("utf-8", "replace")
            msg = f"the worker does not start (exit code {process.wait()}):\n{said}"
            raise RuntimeError(msg)
        return self._process

    def _answer(self, patience_s: float = _PATIENCE_S) -> bytes:
        assert self._process is not None
        pipe = self._process.stdout
        assert pipe is not None
        if not select.select([pipe], [], [], patience_s)[0]:
            raise TimeoutError
        return pipe.readline()


@dataclass
class Report:
    """What a run found: for each failure its cases' numbers."""

    count: int = 0
    failures: dict[str, list[tuple[int, Failure]]] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)

    def add(self, number: int, failure: Failure) -> None:
        self.failures.setdefault(failure.signature, []).append((number, failure))

    def __str__(self) -> str:
        lines = []
        ranked = sorted(self.failures.items(), key=lambda item: -len(item[1]))
        for signature, found in ranked:
            numbers = ", ".join(str(n) for n, _ in found[:5])
            lines.append(f"{len(found):6}  {signature}  (cases {numbers})")
        n_failed = sum(len(found) for found in self.failures.values())
        lines.append(f"{self.count} cases, {n_failed} failed")
        lines.append(
            f"slowest {self.slowest[0]:.2f} s (case {self.slowest[1]}), most memory "
            f"{self.largest[0] / 2**20:.0f} MiB (case {self.largest[1]})"
        )
        return "\n".join(lines)


def run_cases(
    seed: int,
    numbers: range,
    shared: Path | None,
    jobs: int,
    tell: Callable[[int], None] = lambda n: None,
) -> Report:
    """Run cases of a seed number in ``jobs`` children.

    Parameters
    ----------
    seed : int
        Of the run.
    numbers : range
        Which cases.
    shared : Path or None
        The folder of real scans.
    jobs : int
        How many children.
    tell : callable
        Called with the number of cases done so far.
    """
    report = Report()
    lock = threading.Lock()
    waiting: Iterator[int] = iter(numbers)
    crashed: list[BaseException] = []

    def work() -> None:
        child = Child(shared)
        try:
            while True:
                with lock:
                    number = next(waiting, None)
                if number is None:
                    return
                failure = child.ask({"seed": seed, "number": number})
                with lock:
                    report.count += 1
                    report.slowest = max(report.slowest, (child.cost.seconds, number))
                    report.largest = max(report.largest, (child.cost.n_bytes, number))
                    if failure is not None:
                        report.add(number, failure)
                    tell(report.count)
        except BaseException as error:
            crashed.append(error)
            raise
        finally:
            child.stop()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if crashed:
        raise crashed[0]
    return report
