"""``python -m tests.benchmarks [NAME ...] [--json] [--repeat N]``: one table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.freeze import freeze
from tests.benchmarks.freeze_large import freeze_large
from tests.benchmarks.freeze_menus import freeze_menus
from tests.benchmarks.imaging import filters
from tests.benchmarks.measuring import measuring
from tests.benchmarks.opening import opening
from tests.benchmarks.predicting import predicting
from tests.benchmarks.preprocessing import preprocessing
from tests.benchmarks.reading import read, scan
from tests.benchmarks.scoring import scoring
from tests.benchmarks.table import Row, as_text
from tests.benchmarks.training import training
from tests.benchmarks.views import views

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "start",
    "scroll",
    "views",
    "measuring",
    "preprocessing",
    "stroke",
    "freeze",
    "freeze_large",
    "freeze_menus",
    "memory",
    "read",
    "scan",
    "opening",
    "filters",
    "scoring",
    "predicting",
    "training",
)
MB = 1e6
TIMEOUT_S = 300.0


class Bench:
    """Runs sides in turn and keeps their figures.

    Parameters
    ----------
    folder : Path
        For the project and the arrays.
    scan : Path
        The DICOM files.
    variables : dict of str to str
        Environment of the processes.
    repeat : int
        How often each side runs.
    """

    def __init__(
        self, folder: Path, scan: Path, variables: dict[str, str], repeat: int
    ) -> None:
        self.folder, self.scan, self.repeat = folder, scan, repeat
        # An installed program is compiled once; here it would be at each start.
        kept = {k: v for k, v in variables.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.variables = {
            **kept,
            "BENCH_SCAN": str(scan),
            "NAPARI_CONFIG": str(folder / "napari.yaml"),
            "MEDLAB_CONFIG": str(folder / "settings.json"),
            "PYTHONPATH": str(ROOT),
        }

    def side(
        self,
        name: str,
        side: str,
        module: str = "tests.benchmarks.sides",
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> dict[str, Any]:
        """Run one side once; its figures, and when the process began."""
        began = time.time()
        ran = subprocess.run(
            [
                *(sys.executable, "-m", module),
                *(name, side, str(self.folder)),
            ],
            check=False,
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        lines = [x for x in ran.stdout.splitlines() if x.startswith("@@")]
        if not lines:
            raise SystemExit(f"{name}, {side}: no result\n{ran.stderr[-3000:]}")
        return {**json.loads(lines[-1][2:]), "began": began}

    def turns(
        self,
        name: str,
        sides: tuple[str, ...],
        module: str = "tests.benchmarks.sides",
    ) -> dict[str, list[Any]]:
        """Run the sides in turn, so that what disturbs one disturbs the others."""
        found: dict[str, list[Any]] = {side: [] for side in sides}
        for n in range(self.repeat):
            for side in sides:
                sys.stderr.write(f"{name}: {side} {n + 1} of {self.repeat}\n")
                found[side].append(self.side(name, side, module))
        return found


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return median(run[key] for run in runs)


def start(bench: Bench) -> list[Row]:
    for side in ("medlab", "napari"):  # the file cache warm, for both
        bench.side("start", side)
    found = bench.turns("start", ("medlab", "napari"))
    took = {
        side: median(run["at"] - run["began"] for run in runs)
        for side, runs in found.items()
    }
    if any(run["torch"] for run in found["medlab"]):
        raise SystemExit("the start of the window loaded torch")
    row = Row(
        "start to first paint", took["medlab"], took["napari"], "s", "napari", 1.3
    )
    return [row]


def _same_canvas(bench: Bench, name: str) -> dict[str, list[Any]]:
    """Run our side once to learn its canvas, then both with canvases of that size."""
    bench.variables["BENCH_CANVAS"] = bench.side(name, "medlab")["canvas"]
    return bench.turns(name, ("medlab", "napari"))


def scroll(bench: Bench) -> list[Row]:
    found = _same_canvas(bench, "scroll")
    sizes = {run["canvas"] for runs in found.values() for run in runs}
    if len(sizes) != 1:
        raise SystemExit(f"the canvases differ: {sizes}")
    ours, theirs = found["medlab"], found["napari"]
    canvas = ours[0]["canvas"]
    if any(run["torch"] for run in ours):
        raise SystemExit("opening a scan loaded torch")
    return [
        Row(
            "frame with overlay, windows of one size",
            1000 * _median(ours, "same_window"),
            1000 * _median(theirs, "same_window"),
            "ms",
            "napari, same arrays",
            1.2,
        ),
        Row(
            f"frame with overlay, pictures of one size ({canvas})",
            1000 * _median(ours, "frame"),
            1000 * _median(theirs, "frame"),
            "ms",
            "napari, same arrays",
            1.2,
        ),
        Row(
            "scan of the project on the screen",
            _median(ours, "opened"),
            _median(theirs, "opened"),
            "s",
            "napari, arrays from .npy",
        ),
    ]


def stroke(bench: Bench) -> list[Row]:
    found = _same_canvas(bench, "stroke")
    return [
        Row(
            "handlers of a brush stroke, journal on disk",
            1000 * _median(found["medlab"], "stroke"),
            1000 * _median(found["napari"], "stroke"),
            "ms",
            "napari's own painting",
            1.5,
        )
    ]


def memory(bench: Bench) -> list[Row]:
    size = int(os.environ["BENCH_BYTES"])
    rows = []
    for side, name in (("import", "files"), ("reopen", "project's scan")):
        runs = []
        for n in range(bench.repeat):
            sys.stderr.write(f"memory: {side} {n + 1} of {bench.repeat}\n")
            # A project of its own each time: a scan is taken in only once.
            shutil.rmtree(bench.folder / "fresh", ignore_errors=True)
            shutil.copytree(bench.folder / "empty", bench.folder / "fresh")
            runs.append(bench.side("memory", side))
        rows.append(
            Row(
                f"peak memory of opening the {name}, beyond the bare window",
                median(run["peak"] - run["bare"] for run in runs) / MB,
                size / MB,
                "MB",
                "the array",
                1.5,
            )
        )
    return rows


MEASURES = {
    f.__name__: f
    for f in (
        start,
        scroll,
        views,
        measuring,
        preprocessing,
        stroke,
        freeze,
        freeze_large,
        freeze_menus,
        memory,
        read,
        scan,
        opening,
        filters,
        scoring,
        predicting,
        training,
    )
}


def _arguments() -> argparse.Namespace:
    shared = os.environ.get("MEDLAB_SHARED", str(ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    parser.add_argument("--repeat", type=int, default=5, metavar="N")
    parser.add_argument(
        "--scan",
        type=Path,
        default=Path(shared) / "data" / "abdomen-ct-17",
        help="folder of DICOM files of one series",
    )
    found = parser.parse_args()
    unknown = set(found.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if not found.scan.is_dir():
        parser.error(f"{found.scan} is not there; name a scan with --scan")
    return found


def _screen(stack: ExitStack) -> dict[str, str]:
    """The environment with a display, one of our own where there is none."""
    variables = dict(os.environ)
    if sys.platform.startswith("linux") and not variables.get("DISPLAY"):
        sys.path.insert(0, str(ROOT / "installer"))
        from medlab_installer.screen import own_screen

        variables = stack.enter_context(own_screen(variables))
    return variables


def main() -> int:
    """Measure, print, and return 1 where a ratio is above its target."""
    options = _arguments()
    rows: list[Row] = []
    with ExitStack() as stack:
        variables = _screen(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(folder, options.scan, variables, options.repeat)
        facts = bench.side("prepare", str(options.scan))
        os.environ["BENCH_BYTES"] = str(facts["bytes"])
        for name in options.names or NAMES:
            rows += MEASURES[name](bench)
    if options.json:
        print(json.dumps({"rows": [row.to_dict() for row in rows]}))
    else:
        print(as_text(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
