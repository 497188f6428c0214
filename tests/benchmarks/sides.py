"""One side of one benchmark, in a process of its own; the figures go out as JSON.

``python -m tests.benchmarks.sides NAME SIDE FOLDER``, where the folder is made by the
side ``prepare`` and holds the scan as a project (for us) and as arrays (for the peers).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from functools import wraps
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.paint_watch import PaintWatch
from tests.benchmarks.say import say

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 60
STROKES = 30
MOVES = 24
BRUSH_PX = 20
SIZE = (1600, 950)


def torch_loaded() -> bool:
    return "torch" in sys.modules


# ---- the scan ---------------------------------------------------------------------


def prepare(folder: Path, scan: Path) -> None:
    """Import a scan into a project with a mask, and write the same as arrays."""
    from medlab_gui.commands.command import Context
    from medlab_gui.commands.import_ import ImportParams
    from medlab_gui.commands.import_ import run as import_scan
    from medlab_gui.store.project import ProjectStore

    place = str(folder / "project")
    ProjectStore.open(str(folder / "empty"), create=True).close()
    with ProjectStore.open(place, create=True):
        pass
    import_scan(ImportParams(str(scan)), Context(project=place))
    with ProjectStore.open(place) as store:
        (series,) = store.series_list()
        volume = np.asarray(store.array(series.blob))
        # Soft tissue and bone: large and ragged, as a real mask is.
        mask = np.zeros(volume.shape, np.uint8)
        mask[(volume > 0) & (volume < 90)] = 1
        mask[volume > 150] = 2
        store.add_annotation(
            series.uid, mask, store.scheme(), confirmed=[], author="benchmark"
        )
        facts = {"uid": series.uid, "spacing": list(series.grid.spacing)}
    np.save(folder / "volume.npy", volume)
    np.save(folder / "mask.npy", mask)
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    say(shape=list(volume.shape), bytes=volume.nbytes)


# ---- the two windows --------------------------------------------------------------


class OurWindow:
    """MedLab's window with the scan open."""

    def __init__(self, watch: PaintWatch, folder: Path, project: str) -> None:
        from medlab_gui.gui.napari_private import isolate_settings

        isolate_settings()
        from napari.qt import get_qapp

        self._app = get_qapp()
        from medlab_gui.gui.app import open_window

        self._watch = watch
        self.window = open_window(project=str(folder / project))
        self.bench = self.window.bench
        self.window.main.resize(*SIZE)
        watch.pump_until(lambda: self.bench.store is not None and watch.count)
        watch.pump_for(1.0)

    @property
    def canvas(self) -> Any:
        return self.window.canvas

    def open(self, folder: Path) -> None:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        self._wait_for_picture(lambda: self.bench.open_series(facts["uid"]))

    def open_files(self, path: Path) -> None:
        self._wait_for_picture(lambda: self.window.import_paths((path,)))

    def _wait_for_picture(self, begin: Callable[[], object]) -> None:
        """Wait until the series is on the screen whole and has been painted."""
        opened: list[int] = []

        def note() -> None:
            if self.bench.session is not None:
                opened.append(self._watch.count)

        self.bench.session_changed.connect(note)
        begin()
        # The last step of opening need not draw anything anew.
        self._watch.pump_until(
            lambda: (
                self.window.stage.is_ready and opened and self._watch.count > opened[0]
            )
        )
        self.bench.session_changed.disconnect(note)

    def step(self, by: int) -> None:
        self.bench.step(by)

    def ready_to_paint(self) -> None:
        from medlab_gui.gui.view_state import Mode, Tool

        view = self.bench.view
        view.mode, view.tool, view.value = Mode.ANNOTATE, Tool.BRUSH, 1
        view.brush_mm = BRUSH_PX * self.window.stage.pixel_mm
        why = self.window.stage.why_not_editable
        assert not why, why
        assert self.window.stage.mask is not None
        assert abs(self.window.stage.mask.brush_size - BRUSH_PX) < 1.5

    def n_edits(self) -> int:
        return int(self.bench.session.n_unsaved)


class BareWindow:
    """napari as it is, with the same arrays."""

    def __init__(self, watch: PaintWatch, folder: Path, project: str) -> None:
        import napari

        self._watch = watch
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*SIZE)
        watch.pump_until(lambda: watch.count)
        watch.pump_for(1.0)

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    def match(self, size: str) -> None:
        """Give the canvas the size that ours has: drawing costs by the pixel."""
        width, height = map(int, size.split("x"))
        window = self.viewer.window._qt_window
        canvas = self.canvas
        canvas.setMinimumSize(200, 200)
        for _ in range(4):  # docks and sliders answer by taking another size
            window.resize(
                window.width() + width - canvas.width(),
                window.height() + height - canvas.height(),
            )
            self._watch.pump_for(0.3)

    def open(self, folder: Path) -> None:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        before = self._watch.count
        volume = np.load(folder / "volume.npy", mmap_mode="r")
        self.viewer.add_image(
            volume, scale=facts["spacing"], contrast_limits=(-160, 240)
        )
        self.labels = self.viewer.add_labels(
            np.load(folder / "mask.npy"), scale=facts["spacing"]
        )
        self._watch.pump_until(lambda: self._watch.count > before)

    def step(self, by: int) -> None:
        dims = self.viewer.dims
        dims.set_current_step(0, dims.current_step[0] + by)

    def ready_to_paint(self) -> None:
        self.labels.mode = "paint"
        self.labels.brush_size = BRUSH_PX
        self.labels.selected_label = 1

    def n_edits(self) -> int:
        return len(self.labels._undo_history)


def window_of(side: str, watch: PaintWatch, folder: Path, project: str) -> Any:
    kind = OurWindow if side == "medlab" else BareWindow
    return kind(watch, folder, project)


def same_canvas(window: Any) -> str:
    """Give the peer's canvas the size of ours, once the scan is open; the size."""
    size = os.environ.get("BENCH_CANVAS")
    if isinstance(window, BareWindow) and size:
        window.match(size)
    return f"{window.canvas.width()}x{window.canvas.height()}"


# ---- what is measured -------------------------------------------------------------


def start(side: str, folder: Path) -> None:
    """From nothing to the first picture of the window."""

    def painted() -> None:
        say(at=time.time(), torch=torch_loaded())

    PaintWatch(painted)
    if side == "medlab":
        from medlab_gui.__main__ import main

        main(["--project", str(folder / "empty")])
    else:
        import napari

        viewer = napari.Viewer()
        assert viewer is not None
        napari.run()


def scroll(side: str, folder: Path) -> None:
    """Open the scan with its mask, then slice after slice."""
    watch = PaintWatch()
    window = window_of(side, watch, folder, "project")
    started = time.perf_counter()
    window.open(folder)
    opened = time.perf_counter() - started
    watch.pump_for(1.5)
    same_window = _frame(watch, window)
    size = same_canvas(window)
    frame = _frame(watch, window)
    say(
        opened=opened,
        frame=frame,
        same_window=same_window,
        canvas=size,
        torch=torch_loaded(),
    )


def _frame(watch: PaintWatch, window: Any) -> float:
    """Return the seconds of one step, up and down through the slices."""
    seconds = []
    for n in range(FRAMES):
        by = 1 if n < FRAMES // 2 else -1
        seconds.append(watch.timed_frame(lambda by=by: window.step(by)))
    return median(seconds)


class HandlerClock:
    """Sums the time in the canvas's mouse handlers, whenever napari calls them.

    napari passes movements on through a timer, we do at once; so what runs inside
    the sending of an event counts as that, and what runs later counts too, once.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._depth = 0

    def watch(self, kind: type) -> None:
        for name in ("_on_mouse_press", "_on_mouse_move", "_on_mouse_release"):
            setattr(kind, name, self._timed(getattr(kind, name)))

    def _timed(self, handler: Any) -> Any:
        @wraps(handler)  # vispy finds a handler by its name
        def handle(canvas: Any, event: Any) -> None:
            self.calls += 1
            self.run(handler, canvas, event)

        return handle

    def run(self, work: Any, *arguments: Any) -> None:
        """Do something on this clock, unless it is already running."""
        self._depth += 1
        started = time.perf_counter()
        try:
            work(*arguments)
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += time.perf_counter() - started


def stroke(side: str, folder: Path) -> None:
    """Draw strokes with mouse events; the handlers are timed, not the painting."""
    watch = PaintWatch()
    clock = HandlerClock()
    from napari._vispy.canvas import VispyCanvas

    clock.watch(VispyCanvas)
    # What an earlier run has painted would be there already.
    shutil.rmtree(folder / "painted", ignore_errors=True)
    shutil.copytree(folder / "project", folder / "painted")
    window = window_of(side, watch, folder, "painted")
    window.open(folder)
    size = same_canvas(window)
    window.ready_to_paint()
    watch.pump_for(1.0)
    from qtpy.QtCore import QEvent, QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    canvas = window.canvas
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kinds = QEvent.Type

    def send(kind: Any, x: float, y: float, button: Any, held: Any) -> None:
        at = QPointF(x, y)
        event = QMouseEvent(
            kind, at, canvas.mapToGlobal(at), button, held, Qt.KeyboardModifier(0)
        )
        clock.run(QApplication.sendEvent, canvas, event)
        watch.pump_for(0.012)  # sooner, vispy drops a movement of napari's

    before = window.n_edits()
    totals = []
    for n in range(STROKES):
        clock.seconds, clock.calls = 0.0, 0
        x = canvas.width() * 0.35
        y = canvas.height() * (0.3 + 0.4 * n / STROKES)
        send(kinds.MouseButtonPress, x, y, left, left)
        for m in range(MOVES):
            x += canvas.width() * 0.3 / MOVES
            send(kinds.MouseMove, x, y + 6 * (m % 2), none, left)
        send(kinds.MouseButtonRelease, x, y, left, none)
        watch.pump_for(0.05)
        assert clock.calls >= MOVES, f"{clock.calls} of {MOVES + 2} events arrived"
        totals.append(clock.seconds)
    edits = window.n_edits() - before
    assert edits >= STROKES * 0.9, f"{edits} of {STROKES} strokes arrived"
    say(stroke=median(totals), edits=edits, canvas=size)


def memory(side: str, folder: Path) -> None:
    """How much opening the scan's own files takes at its highest."""
    from medlab_gui.imaging.compiled import wait_until_compiled
    from tests.benchmarks.memory import resident, watched_peak

    scan = Path(os.environ["BENCH_SCAN"])
    watch = PaintWatch()
    window = OurWindow(watch, folder, "fresh" if side == "import" else "project")
    # What the window loads by itself, scan or not, belongs to the bare window.
    wait_until_compiled()
    watch.pump_until(lambda: not window.bench.jobs.active)
    watch.pump_for(1.0)
    bare = resident()
    with watched_peak() as peak:
        if side == "import":
            window.open_files(scan)
        else:
            window.open(folder)
        watch.pump_for(2.0)
    say(bare=bare, peak=peak.bytes, torch=torch_loaded())


SIDES = {f.__name__: f for f in (start, scroll, stroke, memory)}

if __name__ == "__main__":
    name, side, place = sys.argv[1:4]
    if name == "prepare":
        prepare(Path(place), Path(side))
    SIDES[name](side, Path(place))
