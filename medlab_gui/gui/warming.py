"""What a study will need is loaded, made and drawn once, after the first paint."""

from __future__ import annotations

import importlib
import time
from itertools import chain
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from medlab_gui.gui.layer_making import load_for_layers
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.prefetch import prefetch
from medlab_gui.gui.rehearsal import rehearse
from medlab_gui.gui.steps import in_own_turn, in_turns
from medlab_gui.imaging.compiled import is_loading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.gui.collector import Collector
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Warming"]

_AFTER_PAINT_MS = 200
"""When to load what the first series needs: not while the window is being painted."""
_PATIENCE_S = 5.0
"""For so long the project is waited for."""
_RESTS = 2
"""So often nothing must be under way: what came of the last job is drawn then."""
_OPENING = frozenset({"open", "scan", "stream"})
"""Lanes of jobs that open a study; they have made what they need themselves."""
_BREATH_MS = 5
_SETTLE_MS = 100


class Warming(QObject):
    """Goes on in steps behind the welcome page, and at last has garbage collected.

    Who opens a series before all is ready has what that needs done first, in the same
    way: `load` on the thread that reads it, then `make`.

    Parameters
    ----------
    bench : Workbench
        Has what is loaded done on a thread.
    stage : Stage
        Its layers are made and drawn.
    collector : Collector
        Begins when all that stays is there.
    parent : QObject
        Owner.

    Attributes
    ----------
    has_made : bool
        Whether all layers that draw a series are there.
    panes : callable
        Makes, in turns, what the layout shows besides; set by the window.
    """

    def __init__(
        self, bench: Workbench, stage: Stage, collector: Collector, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bench, self._collector = bench, collector
        self.has_made = False
        self.panes: Callable[[], Iterator[None]] = lambda: iter(())
        self._layers = self._make_layers(stage)
        self._steps = chain(self._layers, rehearse(stage))
        self._stopped = False
        self._latest, self._rest = 0.0, 0
        bench.warming = self

    def begin(self) -> None:
        """Begin once the window was painted."""
        self._latest = time.monotonic() + _PATIENCE_S
        QTimer.singleShot(_AFTER_PAINT_MS, self._prefetch)

    def _make_layers(self, stage: Stage) -> Iterator[None]:
        yield from stage.warm_up()
        self.has_made = True

    def load(self) -> None:
        """Load what draws a series; on any thread, and at once where it is there."""
        load_for_layers()
        if self._bench.linked.layout is PaneLayout.QUAD:
            importlib.import_module("medlab_gui.gui.panes.volume_pane")

    def make(self) -> Iterator[None]:
        """Make what draws a series, and yield now and then; nothing is made twice."""
        yield from in_turns(self._layers)
        yield from self.panes()

    def stop(self) -> None:
        """Make nothing any more: the window is being closed."""
        self._stopped = True

    def _prefetch(self) -> None:
        if self._stopped:
            return
        self._rest = 0 if self._bench.jobs.active else self._rest + 1
        if self._rest < _RESTS and time.monotonic() < self._latest:
            # The lists of the project are drawn first: each of the hundreds of calls
            # that draw them would wait for a thread that imports.
            QTimer.singleShot(_SETTLE_MS, self._prefetch)
            return
        self._bench.submit(
            "", prefetch, on_end=self._warm_up, lane="open", newest_wins=False
        )

    def _warm_up(self) -> None:
        """Make one layer, then let the window breathe."""
        if self._stopped:
            return
        if any(job.lane in _OPENING for job in self._bench.jobs.active):
            in_own_turn(self, _SETTLE_MS, self._warm_up)
        elif next(self._steps, StopIteration) is None:
            in_own_turn(self, _BREATH_MS, self._warm_up)
        else:
            self.settle()

    def settle(self) -> None:
        """Begin to collect garbage when all that stays is there, or a study is."""
        if self._stopped:
            return
        if is_loading() and self._bench.session is None:
            QTimer.singleShot(_SETTLE_MS, self.settle)
        else:
            self._collector.begin()
