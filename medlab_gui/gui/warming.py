"""What a study will need is loaded, made and drawn once, after the first paint."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from medlab_gui.gui.prefetch import prefetch
from medlab_gui.gui.rehearsal import rehearse
from medlab_gui.imaging.compiled import is_loading

if TYPE_CHECKING:
    from medlab_gui.gui.collector import Collector
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Warming"]

_AFTER_PAINT_MS = 200
"""When to load what the first series needs: not while the window is being painted."""
_BREATH_MS = 5
_SETTLE_MS = 100


class Warming(QObject):
    """Goes on in steps behind the welcome page, and at last has garbage collected.

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
    """

    def __init__(
        self, bench: Workbench, stage: Stage, collector: Collector, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bench, self._collector = bench, collector
        self._steps = chain(stage.warm_up(), rehearse(stage))
        self._stopped = False

    def begin(self) -> None:
        """Begin once the window was painted."""
        QTimer.singleShot(_AFTER_PAINT_MS, self._prefetch)

    def stop(self) -> None:
        """Make nothing any more: the window is being closed."""
        self._stopped = True

    def _prefetch(self) -> None:
        if not self._stopped:
            self._bench.submit(
                "", prefetch, on_end=self._warm_up, lane="open", newest_wins=False
            )

    def _warm_up(self) -> None:
        """Make one layer, then let the window breathe."""
        if self._stopped:
            return
        if next(self._steps, StopIteration) is None:
            QTimer.singleShot(_BREATH_MS, self._warm_up)
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
