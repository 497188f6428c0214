"""In which grey values the open scan is shown at first, and by which function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.display import Display
from medlab_gui.gui.shading import Shading, shading

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["ScanWindow"]


class ScanWindow:
    """What the files of the open series say about how they are looked at.

    Parameters
    ----------
    bench : Workbench
        What is open.

    Attributes
    ----------
    display : Display
        Of the series that was `read` last; a drag of the mouse asks no database.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.display = Display()
        self._file_window: tuple[float, float] | None = None

    def read(self) -> None:
        """Look up what the open series says."""
        session = self._bench.session
        self.display, self._file_window = Display(), None
        if session is not None:
            series = session.series
            self.display, self._file_window = series.display, series.window

    def first(self) -> tuple[float, float]:
        """Return level and width in which the open series is shown at first."""
        from medlab_gui.imaging.window import default_window

        session = self._bench.session
        assert session is not None
        level, width = default_window(
            session.sample(),
            session.volume.modality,
            self._file_window,
            self.display.padding,
        )
        return float(level), float(width)

    @property
    def shading(self) -> Shading:
        """How grey values become brightness."""
        session, view = self._bench.session, self._bench.view
        dtype = session.volume.data.dtype if session is not None else np.int16
        return shading(self.display, np.dtype(dtype), inverted=view.inverted)
