"""Takes the values of a pane's picture: what takes long on a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from medlab_gui.core.jobs import JobState
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.slab import Slab, project
from medlab_gui.gui.panes.unmeasured import unmeasured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.jobs import Job, JobContext
    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession

__all__ = ["PlaneValues", "Taken"]

_INSTANT_VOXELS = 4 * 10**6
"""The mean of so many takes a hundredth of a second."""
_INSTANT_LINES = 100_000
"""Lines of a scan of which a sagittal slice takes a value each; in memory that was not
looked at for a while 600,000 of them take up to 0.1 s."""
_PATIENCE_S = 0.02
"""For so long a single slice is waited for: mostly it needs less."""
_AT_ONCE = 64
"""Lines between two looks whether the job was cancelled."""


@dataclass(frozen=True, eq=False)
class Taken:
    """What a pane shows, and of what it is.

    Parameters
    ----------
    index : int
        The slice, or the middle one of a slab.
    slab : Slab
        How thick it is.
    state : int
        Counts what has arrived of a series that is being read.
    values : ndarray, shape (rows, columns)
        Grey values.
    unmeasured : ndarray of bool, shape (rows, columns), or None
        Which pixels were not measured but filled; None where there are none.
    """

    index: int
    slab: Slab
    state: int
    values: NDArray[Any]
    unmeasured: NDArray[np.bool_] | None

    def is_of(self, index: int, slab: Slab, state: int) -> bool:
        """Tell whether it is what is asked for."""
        return (self.index, self.slab, self.state) == (index, slab, state)


class PlaneValues:
    """Gives the slices and slabs of one plane of the open series.

    A picture is kept, so that another window costs no more than its greys. While a
    thick slab is computed, or a sagittal slice of a large scan gathered, what was taken
    last stands, under its own number.

    Parameters
    ----------
    bench : Workbench
        What is open; lends the thread.
    plane : Plane
        Which plane.

    Signals
    -------
    changed()
        What was asked for is there.
    """

    changed = Signal()

    def __init__(self, bench: Workbench, plane: Plane) -> None:
        self._bench, self._plane = bench, plane
        self._state = 0
        self._is_busy = False
        self._failed: tuple[int, Slab, int] | None = None
        self.last: Taken | None = None

    def forget(self) -> None:
        """Keep nothing: another series is open."""
        self._state += 1
        self.last = None

    def renew(self) -> None:
        """Take it anew when it is asked for: more of the series was read."""
        self._state += 1

    def of(
        self, index: int, slab: Slab, spacing: float, patience_s: float = 0.0
    ) -> Taken | None:
        """Return a slice or slab; another slice of it, or None, until it is there.

        Parameters
        ----------
        index : int
            The (middle) slice.
        slab : Slab
            How thick.
        spacing : float
            Distance in mm from a slice to the next.
        patience_s : float
            Seconds for which a thread that begins a slab now is waited for.
        """
        if self.last is not None and self.last.is_of(index, slab, self._state):
            return self.last
        session = self._bench.session
        assert session is not None
        data, axis, reach = session.volume.data, self._plane.axis, slab.reach(spacing)
        # While a scan is read, what is drawn is of the slices that are there by now;
        # and with a tool in hand no slice may be missing.
        at_once = session.is_provisional or bool(self._bench.measure.tool)
        if (at_once and not reach) or _is_instant(data, axis, reach):
            values = project(data, axis, index, reach, slab.projection)
            filled = self._filled(session, index, slab)
            self.last = Taken(index, slab, self._state, values, filled)
        elif not self._is_busy and (index, slab, self._state) != self._failed:
            # Else it is asked for again when what is being computed has ended.
            job = self._compute(session, index, slab, reach)
            patience_s = patience_s if reach else _PATIENCE_S
            if patience_s and job.wait(patience_s) and job.state is JobState.DONE:
                self.last = job.result
        last = self.last
        if last is None or last.slab != slab:
            return None  # under another slab's name nothing may stand
        # With a tool in hand a click would measure in a slice that is not in sight.
        return None if last.index != index and self._bench.measure.tool else last

    def _filled(
        self, session: ReviewSession, index: int, slab: Slab
    ) -> NDArray[np.bool_] | None:
        if session.series.filling is None:
            return None
        geometry = PlaneGeometry(session.volume.grid, self._plane)
        return unmeasured(session, geometry, slab, index)

    def _compute(
        self, session: ReviewSession, index: int, slab: Slab, reach: int
    ) -> Job:
        data, axis, state = session.volume.data, self._plane.axis, self._state
        self._is_busy = True
        # Until it is there: what has failed would be asked for without end.
        self._failed = (index, slab, state)

        def work(ctx: JobContext) -> Taken:
            lines = []
            for first in range(0, data.shape[axis == 0], _AT_ONCE):
                ctx.check()
                some = slice(first, first + _AT_ONCE)
                part = data[:, some] if axis == 0 else data[some]
                lines.append(project(part, axis, index, reach, slab.projection))
            ctx.check()
            filled = self._filled(session, index, slab)
            return Taken(index, slab, state, np.concatenate(lines), filled)

        def done(taken: Taken) -> None:
            self._failed = None
            if self._bench.session is session and session.volume.data is data:
                self.last = taken

        def end() -> None:
            self._is_busy = False
            self.changed.emit()

        lane = f"slab {self._plane}"
        return self._bench.submit(
            "", work, on_done=done, on_end=end, lane=lane, newest_wins=False
        )


def _is_instant(data: NDArray[Any], axis: int, reach: int) -> bool:
    voxels = data.size // data.shape[axis]
    steps = [abs(step) for step in data.strides]
    if steps[axis] == min(steps) and voxels > _INSTANT_LINES:
        return False  # neighbours in the memory are of different slices
    return not reach or (
        voxels * min(2 * reach + 1, data.shape[axis]) <= _INSTANT_VOXELS
    )
