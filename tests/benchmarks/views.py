"""Scrolling one view and three linked views, with mask, against one bare image layer.

As a program it is one side, in a process of its own:
``python -m tests.benchmarks.views NAME SIDE FOLDER``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.paint_watch import PaintWatch
from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.__main__ import Bench

__all__ = ["views"]

FRAMES = 60
_MODULE = "tests.benchmarks.views"


def views(bench: Bench) -> list[Row]:
    """Windows of one size; every frame is counted until all views are painted."""
    bench.variables.pop("BENCH_CANVAS", None)
    found = bench.turns("views", ("medlab", "napari"), _MODULE)

    def of(side: str, key: str) -> float:
        return 1000 * median(run[key] for run in found[side])

    bare = of("napari", "one")
    return [
        Row(text, of("medlab", key), bare, "ms", "napari, one bare image", target)
        for text, key, target in (
            ("frame of one view with mask", "one", 1.15),
            ("frame of three views with mask, wheel on one", "three", 2.2),
            ("frame of three views with mask, crosshair dragged", "crosshair", 2.2),
        )
    ]


def _frames(watch: PaintWatch, step: Callable[[int], object]) -> float:
    """Return the seconds of one step, up and down through the slices."""
    seconds = []
    for n in range(FRAMES):
        by = 1 if n < FRAMES // 2 else -1
        seconds.append(watch.timed_frame(lambda by=by: step(by)))
    return median(seconds)


def _ours(watch: PaintWatch, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.sides import OurWindow

    window = OurWindow(watch, folder, "project")
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    window.bench.open_series(facts["uid"])
    watch.pump_until(lambda: window.window.stage.is_ready)
    state = window.bench.linked
    state.restore("one")
    watch.pump_for(1.5)
    one = _frames(watch, window.step)
    state.restore("row")
    watch.pump_for(1.5)
    three = _frames(watch, window.step)
    crosshair = _frames(watch, lambda by: state.place(state.index + by))
    return {"one": one, "three": three, "crosshair": crosshair}


def _bare(watch: PaintWatch, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.sides import BareWindow

    window = BareWindow(watch, folder, "")
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    before = watch.count
    volume = np.load(folder / "volume.npy", mmap_mode="r")
    window.viewer.add_image(volume, scale=facts["spacing"], contrast_limits=(-160, 240))
    watch.pump_until(lambda: watch.count > before)
    watch.pump_for(1.5)
    return {"one": _frames(watch, window.step)}


def main(side: str, folder: Path) -> None:
    """Measure one side and say the figures."""
    watch = PaintWatch()
    say(**(_ours if side == "medlab" else _bare)(watch, folder))


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]))
