"""How long the window stands still while people work: the longest silence of each act.

A timer beats every 5 ms on the Qt thread. The longest time between two beats, while an
act and all that follows from it goes on, is how long the window could not answer. A
second thread looks where the Qt thread is when a beat is late, so that a row that
misses its bound says where to look (only with ``-v``: looking lengthens it). As a
program it is one side, in a process of its own:
``python -m tests.benchmarks.freeze NAME SIDE FOLDER [-v]``.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.benchmarks.paint_watch import PaintWatch
from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

    from medlab_gui.gui.panes.linked_state import PaneLayout
    from tests.benchmarks.__main__ import Bench

__all__ = ["Day", "demo_project", "freeze", "rows_of"]

_MODULE = "tests.benchmarks.freeze"
BOUND_MS = 100.0
BEAT_MS = 5
LATE_S = 0.06
QUIET_S = 0.7
HAND_MS = 8
SIZE = (1600, 1000)


def freeze(bench: Bench) -> list[Row]:
    """Every act of a short day at the demo project, its longest silence."""
    return rows_of(bench, "freeze", _MODULE)


def rows_of(bench: Bench, name: str, module: str, of: str = "") -> list[Row]:
    """Have a day run some times, and return the longest silence of each act.

    Parameters
    ----------
    bench : Bench
        Runs it.
    name, module : str
        Of the day.
    of : str
        What is looked at; before the act's name.
    """
    runs = bench.turns(name, ("medlab",), module)["medlab"]
    acts = list(dict.fromkeys(row["act"] for row in runs[0]["rows"]))
    return [
        Row(
            f"longest silence: {of}{act}",
            1000 * median(_worst(run["rows"], act) for run in runs),
            BOUND_MS,
            "ms",
            "the bound",
            1.0,
        )
        for act in acts
    ]


def _worst(rows: list[dict[str, Any]], act: str) -> float:
    return max((row["silence"] for row in rows if row["act"] == act), default=0.0)


class Heart:
    """Beats on the Qt thread and remembers its longest silence.

    Attributes
    ----------
    silence : float
        Longest time between two beats since `forget`, in seconds.
    cpu : float
        What of it the Qt thread itself computed, in seconds: on a busy machine the
        rest was waiting for its turn.
    where : str
        The innermost lines of our own in which it was found meanwhile.
    """

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self._main = threading.get_ident()
        self._last = (time.perf_counter(), time.thread_time())
        self._seen: list[str] = []
        self.forget()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)
        if "-v" in sys.argv:
            threading.Thread(target=self._watch, daemon=True).start()

    def forget(self) -> None:
        self.silence, self.cpu, self.where = 0.0, 0.0, ""

    def _beat(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        silence = now[0] - self._last[0]
        if silence > self.silence:
            self.silence, self.cpu = silence, now[1] - self._last[1]
            self.where = " | ".join(dict.fromkeys(self._seen))
        self._seen.clear()
        self._last = now

    def _watch(self) -> None:
        while True:
            time.sleep(0.01)
            late = time.perf_counter() - self._last[0] > LATE_S
            frame = sys._current_frames().get(self._main) if late else None
            if frame is not None:
                self._seen.append(_place(frame))


def _place(frame: FrameType) -> str:
    """Name the innermost line, and the innermost ones of ours.

    By hand: `traceback` would look up every file of the stack on the disk, with
    Python's lock held, and so lengthen the silence that it looks into.
    """
    stack = [(code.co_filename, line, code.co_name) for code, line in _frames(frame)]
    ours = [f for f in stack if "medlab_gui" in f[0]]
    named = [*reversed(ours[:3]), stack[0]]
    return " > ".join(f"{Path(file).name}:{line} {name}" for file, line, name in named)


def _frames(frame: FrameType | None) -> Iterator[tuple[CodeType, int]]:
    while frame is not None:
        yield frame.f_code, frame.f_lineno
        frame = frame.f_back


class Day:
    """A short day at the window; each act is one row.

    Parameters
    ----------
    project : str
        A project made by ``medlab demo``.
    """

    def __init__(self, project: str) -> None:
        self.watch = PaintWatch()
        from medlab_gui.gui.app import open_window

        self.window = open_window(project=project)
        self.window.main.resize(*SIZE)
        self.bench = self.window.bench
        self.watch.pump_until(lambda: self.bench.store is not None)
        self.heart = Heart()
        self.rows: list[dict[str, Any]] = []
        self.act("start, behind the welcome page", lambda: None, quiet=3.0)

    def act(
        self,
        name: str,
        do: Callable[[], object],
        until: Callable[[], object] = lambda: True,
        *,
        quiet: float = QUIET_S,
    ) -> None:
        """Do something, wait until it has come to rest, and note the silence."""
        from qtpy.QtCore import QTimer

        self.heart.forget()
        QTimer.singleShot(0, do)
        self.watch.pump_for(0.05)
        self.watch.pump_until(until)
        self.watch.pump_until(lambda: not self.bench.jobs.active)
        self.watch.pump_for(quiet)
        heart = self.heart
        self.rows.append(
            {
                "act": name,
                "silence": heart.silence,
                "cpu": heart.cpu,
                "where": heart.where,
            }
        )
        if "-v" in sys.argv:
            print(
                f"{heart.silence * 1e3:7.0f} {heart.cpu * 1e3:6.0f}  {name}", flush=True
            )
            if heart.silence > LATE_S:
                print("    ", heart.where[:1500], flush=True)

    def is_open(self, uid: str) -> Callable[[], bool]:
        return lambda: (
            self.window.stage.is_ready and self.bench.session.series_uid == uid
        )

    def run(self) -> None:
        from medlab_gui.gui.panes.linked_state import PaneLayout

        bench, act = self.bench, self.act
        assert bench.store is not None
        first, second = (s.uid for s in bench.store.series_list())
        act("open a series", lambda: bench.open_series(first), self.is_open(first))
        for n in range(20):
            act("next slice", lambda: bench.step(1), quiet=0.05) if n % 10 else act(
                "ten slices at once", lambda: bench.step(-10), quiet=0.05
            )
        act("uncertainty on", lambda: self._show(True))
        act("uncertainty off", lambda: self._show(False))
        act("take the prediction", lambda: bench.accept_prediction(all_slices=False))
        act("undo", bench.undo)
        self.stroke()
        act(
            "open another series",
            lambda: bench.open_series(second),
            self.is_open(second),
        )
        for _ in range(4):
            act("accept and go to the next", bench.accept_and_next)
        act("back to the first", lambda: bench.open_series(first), self.is_open(first))
        act("predict", lambda: bench.launch("predict", {"input": first}))
        act("rank", lambda: bench.launch("score", {}))
        self._views(PaneLayout.QUAD)
        for uid in (second, first):
            act(
                "open in three views and 3D",
                lambda uid=uid: bench.open_series(uid),
                lambda uid=uid: self.is_open(uid)() and self._is_drawn(),
            )
        self._views(PaneLayout.ONE)
        say(rows=self.rows)

    def _views(self, layout: PaneLayout) -> None:
        def lay_out() -> None:
            self.bench.linked.layout = layout

        self.act("three views and 3D, and back", lay_out, self._is_drawn)

    def _is_drawn(self) -> bool:
        volume = self.window.views.volume
        return volume is None or not volume.isVisible() or volume.is_fine

    def _show(self, on: bool) -> None:
        self.bench.view.entropy_visible = on

    def stroke(self, name: str = "a brush stroke") -> None:
        """Draw a stroke as a hand does: every 8 ms a movement, not all at once."""
        from qtpy.QtCore import QTimer

        events, timer = self._hand(), QTimer()

        def move() -> None:
            if next(events, None) is None:
                timer.stop()

        assert self.bench.session is not None
        before = self.bench.session.n_unsaved
        timer.timeout.connect(move)
        self.act(name, lambda: timer.start(HAND_MS), lambda: not timer.isActive())
        assert self.bench.session.n_unsaved > before, "nothing was drawn"

    def _hand(self) -> Iterator[bool]:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        from medlab_gui.gui.view_state import Mode, Tool
        from tests.gui.moving import move

        canvas = self.window.canvas
        self.bench.mode = Mode.ANNOTATE
        self.bench.view.tool = Tool.BRUSH
        x, y = canvas.width() // 2, canvas.height() // 2
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        yield True
        QTest.mousePress(canvas, left, none, QPoint(x, y))
        yield True
        for n in range(20):
            move(canvas, QPoint(x + 3 * n, y + n), none, left)
            yield True
        QTest.mouseRelease(canvas, left, none, QPoint(x + 60, y + 20))


@contextmanager
def demo_project(folder: Path) -> Iterator[str]:
    """Lend a copy of the demo project, which is made in the folder where it lacks."""
    demo = folder / "demo"
    if not demo.exists():
        from medlab_gui.commands.command import Context
        from medlab_gui.commands.demo import DemoParams
        from medlab_gui.commands.demo import run as make_demo

        make_demo(DemoParams(folder=str(demo)), Context(project=str(demo)))
    with TemporaryDirectory() as copy:
        shutil.copytree(demo, copy, dirs_exist_ok=True)
        yield copy


if __name__ == "__main__":
    with demo_project(Path(sys.argv[3])) as project:
        Day(project).run()
