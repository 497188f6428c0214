"""Counts what really reaches the screen: paintings of napari's canvas."""

from __future__ import annotations

import importlib.util
import sys
import time
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_TARGET = "vispy.app.backends._qt"
_WAKE_MS = 5
PATIENCE_S = 120.0


class PaintWatch(MetaPathFinder):
    """Counts paintings; make it before napari is imported.

    It waits for vispy's module in the import system, so that neither side loads
    anything earlier than it would by itself.

    Attributes
    ----------
    count : int
        Paintings so far.
    on_first : callable or None
        Called once, from the event loop, after the first one is on the screen.
    """

    def __init__(self, on_first: Callable[[], object] | None = None) -> None:
        self.count = 0
        self.on_first = on_first
        self._wake: Any = None
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _TARGET:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            self._patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _patch(self, module: ModuleType) -> None:
        paint = module.CanvasBackendDesktop.paintGL

        def counted(canvas: Any) -> None:
            paint(canvas)
            self.count += 1
            if self.count == 1 and self.on_first is not None:
                from qtpy.QtCore import QTimer

                QTimer.singleShot(0, self.on_first)

        module.CanvasBackendDesktop.paintGL = counted

    def pump_until(self, condition: Callable[[], object]) -> None:
        """Run the event loop until a condition holds.

        It sleeps while nothing comes, as the real one does: else it would compete with
        the program's own threads for Python's lock.
        """
        from qtpy.QtCore import QEventLoop, QTimer
        from qtpy.QtWidgets import QApplication

        if self._wake is None:
            self._wake = QTimer()
            self._wake.start(_WAKE_MS)
        end = time.monotonic() + PATIENCE_S
        while not condition():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")

    def pump_for(self, seconds: float) -> None:
        """Run the event loop for a while, so that what was started comes to rest."""
        end = time.monotonic() + seconds
        self.pump_until(lambda: time.monotonic() > end)

    def timed_frame(self, change: Callable[[], object]) -> float:
        """Return the seconds from a change until it is painted and all is quiet."""
        from qtpy.QtWidgets import QApplication

        before = self.count
        started = time.perf_counter()
        change()
        self.pump_until(lambda: self.count > before)
        QApplication.processEvents()
        return time.perf_counter() - started
