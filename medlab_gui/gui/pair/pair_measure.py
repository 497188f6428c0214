"""Measuring on the second series: its own slices, as they were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.measurements import Plane

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from medlab_gui.core.geometry import Grid
    from medlab_gui.gui.pair.pair_pane import PairPane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["SecondPicture"]


class SecondPicture:
    """The slice in the pane of the second series (a `measure_pane.Pane`).

    It has no grid where the second series has no slice here, and where it is shown
    resampled into the plane of the first: a measurement lies on a slice of its series.

    Parameters
    ----------
    pane : PairPane
        The picture.
    bench : Workbench
        What is compared.
    """

    plane = Plane.AXIAL

    def __init__(self, pane: PairPane, bench: Workbench) -> None:
        self._pane, self._state = pane, bench.pair

    @property
    def series_uid(self) -> str:
        """Which series it is."""
        second = self._state.second
        # An empty UID would be that of the open series.
        return second.uid if second is not None else "none"

    @property
    def grid(self) -> Grid | None:
        """Working grid of the second series; None where nothing can be measured."""
        state, shown = self._state, self._pane.geometry_shown
        if state.second is None or state.is_resampled or self._pane.slice_index is None:
            return None
        return None if shown is None else shown.grid

    @property
    def slice_index(self) -> int:
        """Slice that is shown; -1 for none."""
        index = self._pane.slice_index
        return -1 if index is None or self._state.is_resampled else index

    shown_index = slice_index

    def to_canvas(self, flat: ArrayLike) -> NDArray[np.float64]:
        """Return logical pixels ``(x, y)`` of the pane, shape (n, 2)."""
        pane, geometry = self._pane, self._pane.geometry_shown
        assert geometry is not None
        return pane.camera.to_canvas(geometry, pane.size(), flat)

    def to_flat(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the position ``(row, column)`` under a pixel of the pane."""
        pane, geometry = self._pane, self._pane.geometry_shown
        assert geometry is not None
        return pane.camera.to_flat(geometry, pane.size(), x, y)

    def watch(self, changed: Callable[..., object]) -> None:
        """Have a function called when zoom, place, slice or series change."""
        self._pane.view_changed.connect(changed)
        self._state.moved.connect(changed)
        self._state.changed.connect(changed)
