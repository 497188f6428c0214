"""The second series in the planes of the first, slice by slice, on a thread."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from psygnal import Signal

from medlab_gui.core.measurements import Plane
from medlab_gui.imaging.pairing import reslice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.pair.pair_state import PairState
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Resliced"]

_KEPT = 24
_AHEAD = 2


class Resliced:
    """Resamples what is looked at, and a slice or two ahead; keeps the last ones.

    Parameters
    ----------
    bench : Workbench
        Runs the work.
    state : PairState
        What is compared.
    plane : Plane
        Whose slices of the first series are filled.

    Signals
    -------
    ready(int)
        That slice of the first series can be had.
    """

    ready = Signal(int)

    def __init__(
        self, bench: Workbench, state: PairState, plane: Plane = Plane.AXIAL
    ) -> None:
        self._bench, self._state, self._plane = bench, state, plane
        self._kept: OrderedDict[int, NDArray[np.float32]] = OrderedDict()
        self._wanted = -1
        self._direction = 1
        state.changed.connect(self._on_changed)

    def _on_changed(self) -> None:
        self._kept.clear()
        self._wanted = -1

    def get(self, k: int) -> NDArray[np.float32] | None:
        """Return slice ``k`` of the first series' grid, or have it made.

        Parameters
        ----------
        k : int
            Slice of the first series.

        Returns
        -------
        ndarray of float32, shape (rows, columns) of the first, or None
            In the second's units; not a number where it was not measured. None where
            it is not there yet: `ready` tells.
        """
        found = self._kept.get(k)
        if k != self._wanted:
            self._direction = 1 if k >= self._wanted else -1
            self._wanted = k
            if found is None:
                self._make(k)
            else:
                self._make_ahead(k)
        if found is not None:
            self._kept.move_to_end(k)
        return found

    def _make(self, k: int) -> None:
        second = self._state.second
        assert second is not None
        pair, data = self._state.pair, second.volume.data
        padding, axis = second.display.padding, self._plane.axis

        def work(ctx: JobContext) -> NDArray[np.float32]:
            ctx.check()
            return reslice(data, pair, k, padding, axis=axis)

        def done(picture: NDArray[np.float32]) -> None:
            if self._state.second is not second:
                return
            self._kept[k] = picture
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            self.ready.emit(k)
            self._make_ahead(self._wanted)

        self._bench.submit("", work, on_done=done, lane=f"pair-{self._plane}")

    def _make_ahead(self, k: int) -> None:
        n = self._state.pair.first.shape[self._plane.axis]
        for distance in range(_AHEAD + 1):
            near = k + distance * self._direction
            if 0 <= near < n and near not in self._kept:
                self._make(near)
                return
