"""Scrolling with measurements on every slice against scrolling without any.

Both in one window and in turns. As a program it is one side, in a process of its own:
``python -m tests.benchmarks.measuring NAME SIDE FOLDER``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.paint_watch import PaintWatch
from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench

__all__ = ["measuring"]

FRAMES, ROUNDS = 24, 4
_MODULE = "tests.benchmarks.measuring"


def measuring(bench: Bench) -> list[Row]:
    """A distance, an angle and three regions with their figures on every slice."""
    runs = bench.turns("measuring", ("medlab",), _MODULE)["medlab"]

    def of(key: str) -> float:
        return 1000 * median(run[key] for run in runs)

    return [
        Row(
            "frame with five measurements on the slice",
            of("shown"),
            of("hidden"),
            "ms",
            "MedLab, none shown",
            1.15,
        ),
        Row(
            "figures of a region of a fifth of the slice",
            of("figures"),
            of("hidden"),
            "ms",
            "a frame",
            0.5,
        ),
    ]


def _draw(window, k: int) -> None:
    """Put five measurements on a slice."""
    from medlab_gui.core.measurements import Kind, Plane, as_points

    bench = window.bench
    grid = bench.session.volume.grid
    rows, columns = grid.shape[1:]
    boxes = {
        Kind.DISTANCE: [(0.2, 0.2), (0.4, 0.7)],
        Kind.ANGLE: [(0.6, 0.2), (0.8, 0.4), (0.6, 0.5)],
        Kind.RECTANGLE: [(0.3, 0.3), (0.3, 0.75), (0.75, 0.75), (0.75, 0.3)],
        Kind.ELLIPSE: [(0.5, 0.2), (0.5, 0.8), (0.3, 0.5), (0.7, 0.5)],
        Kind.FREEHAND: [(0.1, 0.1), (0.2, 0.4), (0.5, 0.3), (0.6, 0.1), (0.4, 0.2)],
    }
    for kind, flat in boxes.items():
        index = [(k, r * rows, c * columns) for r, c in flat]
        bench.measure.list.add(kind, Plane.AXIAL, k, as_points(grid.to_mm(index)))


def main(folder: Path) -> None:
    """Open the scan, draw, and scroll with and without what was drawn."""
    watch = PaintWatch()
    from tests.benchmarks.sides import OurWindow

    ours = OurWindow(watch, folder, "project")
    ours.open(folder)
    measure = ours.bench.measure
    watch.pump_until(lambda: measure.list is not None)
    middle = ours.bench.session.k
    for k in range(middle, middle + FRAMES // 2 + 1):
        _draw(ours.window, k)
    watch.pump_until(lambda: not ours.bench.jobs.active)
    box = next(m for m in measure.items if m.kind == "rectangle")
    began = time.perf_counter()
    measure._values.clear()
    measure.values(box)
    figures = time.perf_counter() - began
    found: dict[bool, list[float]] = {True: [], False: []}
    for n in range(2 * ROUNDS):
        shown = n % 2 == 0
        measure.visible = shown
        watch.pump_for(0.3)
        for step in range(FRAMES):
            by = 1 if step < FRAMES // 2 else -1
            found[shown].append(watch.timed_frame(lambda by=by: ours.step(by)))
    say(shown=median(found[True]), hidden=median(found[False]), figures=figures)


if __name__ == "__main__":
    main(Path(sys.argv[3]))
