"""From a dropped folder of 600 slices to the first of them on the screen.

The files are those of `reading`. As a program it is the one side, in a process of its
own: ``python -m tests.benchmarks.opening first_picture medlab FOLDER``.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench
    from tests.benchmarks.sides import OurWindow

__all__ = ["opening"]

FIRST_PICTURE_S = 0.4
_MODULE = "tests.benchmarks.opening"
_TURNS = 3


def opening(bench: Bench) -> list[Row]:
    """The folder is dropped; its middle slice is painted while the rest is read."""
    if not (bench.folder / "slices").exists():
        bench.side("read", "make", "tests.benchmarks.reading")
    runs = bench.turns("first_picture", ("medlab",), _MODULE)["medlab"]
    return [
        Row(
            f"first slice on the screen, {name}",
            median(run[key] for run in runs),
            FIRST_PICTURE_S,
            "s",
            "what is promised warm",
            target,
        )
        for key, name, target in (
            ("warm", "600 slices dropped", 1.0),
            ("cold", "the first study after the start", None),
        )
    ]


def _side(folder: Path) -> None:
    from tests.benchmarks.paint_watch import PaintWatch
    from tests.benchmarks.sides import OurWindow

    watch = PaintWatch()
    window = OurWindow(watch, folder, _empty(folder, 0))
    seconds = [_drop(window, watch, folder / "slices")]
    for turn in range(1, _TURNS + 1):
        # The rest is in the project soon: each drop goes into one of its own.
        window.bench.open_project(str(folder / _empty(folder, turn)))
        watch.pump_until(lambda: not window.bench.jobs.active)
        seconds.append(_drop(window, watch, folder / "slices"))
    say(cold=seconds[0], warm=median(seconds[1:]), all=seconds)


def _empty(folder: Path, turn: int) -> str:
    name = f"dropped-{turn}"
    shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(folder / "empty", folder / name)
    return name


def _drop(window: OurWindow, watch: object, place: Path) -> float:
    """Drop the folder, wait for the picture, and stop reading again."""
    from tests.benchmarks.paint_watch import PaintWatch

    assert isinstance(watch, PaintWatch)
    bench, stage = window.bench, window.window.stage
    started = time.perf_counter()
    window.window.import_paths((place,))
    watch.pump_until(
        lambda: (
            bench.session is not None
            and stage.image is not None
            and stage.image.visible
            and stage.image.data.shape[0] == bench.session.volume.grid.shape[0]
        )
    )
    shown = watch.count
    watch.pump_until(lambda: watch.count > shown)
    seconds = time.perf_counter() - started
    session = bench.session
    assert session is not None
    assert session.is_provisional, "it was not there before the whole was read"
    assert session.is_filled(session.k)
    bench.incoming.cancel()
    watch.pump_until(lambda: not bench.jobs.active)
    bench.close_series()
    bench.drop_session()
    watch.pump_for(1.0)
    return seconds


if __name__ == "__main__":
    _side(Path(sys.argv[3]))
