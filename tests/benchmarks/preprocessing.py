"""How long the preprocessing bench keeps the Qt thread, against a frame at 60 Hz.

The slider of the window's width moves 20 times a second under the liver paper's chain,
side by side, with figures; then a processed volume is scrolled as fast. Counted is the
processor time of the Qt thread in each turn of its loop, whatever else the machine
does. As a program it is one side, in a process of its own:
``python -m tests.benchmarks.preprocessing NAME SIDE FOLDER``.
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
    from collections.abc import Callable

    from tests.benchmarks.__main__ import Bench

__all__ = ["preprocessing"]

MOVES, EVERY_S, FRAME_MS = 40, 0.05, 16.0
_MODULE = "tests.benchmarks.preprocessing"


def preprocessing(bench: Bench) -> list[Row]:
    """The Qt thread's work per turn, and how soon a moved slider is seen."""
    runs = bench.turns("preprocessing", ("medlab",), _MODULE)["medlab"]

    def of(key: str) -> float:
        return median(run[key] for run in runs)

    frame = "a frame at 60 Hz"
    return [
        Row("Qt thread's longest turn, recipe's slider moves", of("slider"), FRAME_MS,
            "ms", frame, 1.0),
        Row("Qt thread's longest turn, processed volume scrolls", of("scroll"),
            FRAME_MS, "ms", frame, 1.0),
        Row("a moved slider's picture on the screen", of("seen"), of("chain"), "ms",
            "the chain alone"),
    ]  # fmt: skip


def _longest_turn(move: Callable[[int], object]) -> float:
    """Return the milliseconds that the Qt thread worked in its longest turn."""
    from qtpy.QtWidgets import QApplication

    most = 0.0
    for n in range(MOVES):
        until = time.perf_counter() + EVERY_S
        begun = time.thread_time()
        move(n)
        while True:
            QApplication.processEvents()
            most = max(most, time.thread_time() - begun)
            if time.perf_counter() >= until:
                break
            time.sleep(0.001)
            begun = time.thread_time()
    return 1000 * most


def main(folder: Path) -> None:
    """Open the scan and the bench, and move the slider and the slice."""
    watch = PaintWatch()
    from medlab_gui.core.specs import LIVER_PIPELINE
    from medlab_gui.gui.docks.preprocess import PreprocessDock
    from medlab_gui.imaging.compiled import wait_until_compiled
    from medlab_gui.imaging.pipeline import run_pipeline
    from tests.benchmarks.sides import OurWindow

    ours = OurWindow(watch, folder, "project")
    ours.open(folder)
    wait_until_compiled()
    bench, window = ours.bench, ours.window
    window.show_dock("preprocess")
    dock = window.main.findChild(PreprocessDock)
    bench.pipeline = LIVER_PIPELINE
    dock.side.click()

    def rest() -> None:
        watch.pump_until(lambda: not bench.jobs.active)
        watch.pump_for(0.3)

    rest()
    slider = dock.steps.rows[0].params["width"].slider
    at = slider.value()
    slider_ms = _longest_turn(lambda n: slider.setValue(at - 2 * n))
    rest()
    seen = []
    for n in range(5):
        begun = time.perf_counter()
        slider.setValue(at - n)
        spec = bench.pipeline
        watch.pump_until(lambda spec=spec: dock.panel.pictures.preview.spec == spec)
        seen.append(time.perf_counter() - begun)
        rest()
    plane = bench.session.volume.data[bench.session.k]
    chain = []
    for _n in range(5):
        begun = time.perf_counter()
        run_pipeline(bench.pipeline, plane)
        chain.append(time.perf_counter() - begun)
    dock.volume.click()
    rest()
    scroll_ms = _longest_turn(lambda n: bench.step(1 if n < MOVES // 2 else -1))
    say(
        slider=slider_ms,
        scroll=scroll_ms,
        seen=1000 * median(seen),
        chain=1000 * median(chain),
    )


if __name__ == "__main__":
    main(Path(sys.argv[3]))
