"""Garbage is collected on the Qt thread, and only there.

Python collects on whichever thread happens to allocate. A cycle with a widget or a
timer in it is then destroyed on a worker's thread, and Qt ends the program: at any
moment, far from the cause. So while a window is open the automatic collection is off,
and a timer does the same by the same thresholds.
"""

from __future__ import annotations

import gc
from typing import ClassVar

from qtpy.QtCore import QObject, QTimer

__all__ = ["Collector"]

_EVERY_MS = 500


class Collector(QObject):
    """Takes the collection over from Python until it is stopped.

    Nothing is collected before `begin`: making a window only ever adds objects.

    Parameters
    ----------
    parent : QObject, optional
        Owner, on the Qt thread.
    """

    _at_work: ClassVar[set[int]] = set()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._at_work.add(id(self))
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.collect_what_is_due)

    def begin(self) -> None:
        """Spare what exists by now, and collect from here on.

        Looking through the million objects of napari and its libraries would stop the
        window for a quarter of a second each time; they are here to stay.
        """
        gc.freeze()
        self._timer.start()

    def collect_what_is_due(self) -> None:
        """Collect the oldest generation that Python would collect by now, if any."""
        due = [
            generation
            for generation, (count, threshold) in enumerate(
                zip(gc.get_count(), gc.get_threshold(), strict=True)
            )
            if count > threshold > 0
        ]
        if due:
            gc.collect(max(due))

    def stop(self) -> None:
        """Hand the collection back to Python, once the last window is closed."""
        self._timer.stop()
        self._at_work.discard(id(self))
        if not self._at_work:
            gc.enable()
