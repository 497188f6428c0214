"""``python -m tests.fuzz --count 20000 --seed N``: break files and see what comes.

Each case is a small sound file (`tests.fuzz.seeds`), broken in one to five ways
(`tests.fuzz.mutate`) and then scanned, described and read in a child process
(`tests.fuzz.worker`). What must come of it is a volume or a `MedlabError` with a
sentence (`tests.fuzz.examine`): no other exception, no crash, no hang, no memory above
four times the files and a fixed base, no warning and nothing on standard error.

A case is known by the seed number and its own number. ``--keep`` makes each kind of
failure small and writes it to ``tests/fuzz/cases``, from where the tests read it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.fuzz.minimise import keep
from tests.fuzz.run import ROOT, Child, run_cases


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many cases")
    parser.add_argument("--seed", type=int, default=1, help="which run")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="keep failures as cases")
    parser.add_argument("--file", type=Path, nargs="+", help="examine these files")
    parser.add_argument("--details", action="store_true", help="show each failure")
    parser.add_argument(
        "--shared",
        type=Path,
        default=Path(os.environ.get("MEDLAB_SHARED", ROOT.parent / "shared")),
        help="the folder of real scans; without it phantoms are broken",
    )
    options = parser.parse_args()
    shared = options.shared if (options.shared / "data").is_dir() else None
    if options.file:
        child = Child(shared)
        failure = child.read({p.name: p.read_bytes() for p in options.file})
        child.stop()
        print("sound" if failure is None else f"{failure.signature}\n{failure.details}")
        return int(failure is not None)
    began = time.monotonic()

    def tell(done: int) -> None:
        if done % 500 == 0:
            print(f"{done} cases, {time.monotonic() - began:.0f} s", file=sys.stderr)

    numbers = range(options.first, options.first + options.count)
    report = run_cases(options.seed, numbers, shared, options.jobs, tell)
    for found in report.failures.values() if options.details else ():
        number, failure = found[0]
        print(f"\n--- case {number}: {failure.signature}\n{failure.details[-2000:]}")
    print(report)
    print(f"{time.monotonic() - began:.0f} s on {options.jobs} processes")
    if options.keep:
        keep(options.seed, report, shared)
    return int(bool(report.failures))


if __name__ == "__main__":
    sys.exit(main())
