"""How long the window stands still with 600 slices of 512 x 512, as in `freeze`.

The files are those of `reading`. As a program it is one side, in a process of its own:
``python -m tests.benchmarks.freeze_large NAME SIDE FOLDER [-v]``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.freeze import Day, rows_of
from tests.benchmarks.say import say

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench
    from tests.benchmarks.table import Row

__all__ = ["freeze_large"]

_MODULE = "tests.benchmarks.freeze_large"
STEPS = 24


def freeze_large(bench: Bench) -> list[Row]:
    """Every act on a large scan with a mask and a prediction, its longest silence."""
    if not (bench.folder / "slices").exists():
        bench.side("read", "make", "tests.benchmarks.reading")
    return rows_of(bench, "freeze_large", _MODULE, "600 slices, ")


class LargeDay(Day):
    """What is done with a large scan; each act is one row.

    Parameters
    ----------
    project : str
        An empty project, or any.
    scan : Path
        Folder with the slices.
    """

    def __init__(self, project: str, scan: Path) -> None:
        super().__init__(project)
        self.scan = scan

    def run(self) -> None:
        from medlab_gui.core.measurements import Plane
        from medlab_gui.gui.panes.linked_state import PaneLayout
        from medlab_gui.gui.panes.slab import Projection, Slab

        bench, act = self.bench, self.act
        act(
            "open the files",
            lambda: self.window.import_paths((self.scan,)),
            self._is_open,
        )
        self._views(PaneLayout.QUAD)
        self._look("")
        labels, doubt = self._predicted()
        self.watch.pump_for(0.1)  # to make them is no act
        assert bench.session is not None
        session = bench.session
        act("a prediction", lambda: session.set_prediction(labels, doubt, "p"))
        act(
            "take the prediction of all slices",
            lambda: bench.accept_prediction(all_slices=True),
        )
        act("uncertainty on", lambda: self._show(True))
        self._look(" with all")
        for _ in range(5):
            self.stroke()
        for _ in range(6):
            act("undo", bench.undo)
        for _ in range(6):
            act("redo", bench.redo)
        for plane in Plane:
            act(
                "a slab of 20 mm",
                lambda plane=plane: bench.linked.set_slab(
                    plane, Slab(Projection.MEAN, 20.0)
                ),
            )
            for _ in range(6):
                act("step of a slab", lambda p=plane: bench.linked.step(p, 1))
            act("no slab", lambda plane=plane: bench.linked.set_slab(plane, Slab()))
        act("save", lambda: bench.launch("save", {"series": session.series_uid}))
        self._views(PaneLayout.ONE)
        self.stroke("a stroke before it is closed")
        act("close the series", bench.close_series, quiet=2.0)
        act(
            "open it again",
            lambda: bench.open_series(session.series_uid),
            self._is_open,
        )
        say(rows=self.rows)

    def _is_open(self) -> bool:
        session = self.bench.session
        return (
            self.window.stage.is_ready
            and session is not None
            and not session.is_provisional
        )

    def _look(self, what: str) -> None:
        from medlab_gui.core.measurements import Plane

        for plane in Plane:
            for _ in range(STEPS):
                self.act(
                    f"{plane} step{what}",
                    lambda plane=plane: self.bench.linked.step(plane, 1),
                    quiet=0.03,
                )

    def _predicted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a mask and its uncertainty, mapped from files as a project's are."""
        assert self.bench.session is not None
        shape = self.bench.session.mask.shape
        n = shape[1] // 4
        labels, doubt = np.zeros(shape, np.uint8), np.zeros(shape, np.float16)
        labels[:, n:-n, n:-n] = 1
        labels[:, 2 * n - 40 : 2 * n + 40, 2 * n - 40 : 2 * n + 40] = 2
        doubt[:, n:-n, n:-n] = 0.3
        made = []
        for name, values in (("labels", labels), ("doubt", doubt)):
            place = Path(self.bench.project_place) / f"{name}.npy"
            np.save(place, values)
            made.append(np.load(place, mmap_mode="r"))
        return made[0], made[1]


if __name__ == "__main__":
    folder = Path(sys.argv[3])
    with TemporaryDirectory() as copy:
        shutil.copytree(folder / "empty", copy, dirs_exist_ok=True)
        LargeDay(copy, folder / "slices").run()
