"""Takes the values of a pane's picture: what takes long on a thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from medlab_gui.core.jobs import JobState
from medlab_gui.gui.panes.gathered import Gathered
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.slab import Slab, project
from medlab_gui.gui.panes.unmeasured import unmeasured
from medlab_gui.imaging.padding import is_padding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.review.session import ReviewSession

__all__ = ["Over", "PlaneValues", "Taken"]

_INSTANT_VOXELS = 4 * 10**6
"""The mean of so many takes a hundredth of a second."""
_PATIENCE_S = 0.02
"""For so long a single slice is waited for: mostly it needs less."""
_TOOL_PATIENCE_S = 0.05
"""And for so long with a tool in hand: no older slice may stand meanwhile."""
_AT_ONCE = 64
"""Lines between two looks whether the job was cancelled."""


@dataclass(frozen=True, eq=False)
class Over:
    """What lies over the grey values: volumes, or what one slice of them shows.

    Parameters
    ----------
    changes : int
        Counts the changes of the mask, which is edited in place.
    mask, prediction, entropy : ndarray or None
        None for what is not shown.
    """

    changes: int = 0
    mask: NDArray[Any] | None = None
    prediction: NDArray[Any] | None = None
    entropy: NDArray[Any] | None = None

    @property
    def parts(self) -> dict[str, NDArray[Any]]:
        """What is shown, by name."""
        names = ("mask", "prediction", "entropy")
        return {n: v for n in names if (v := getattr(self, n)) is not None}

    def state(self, name: str) -> int:
        """Return the count of changes of a part."""
        return self.changes if name == "mask" else 0

    def is_of(self, other: Over) -> bool:
        """Tell whether it is of the same volumes, in the same state."""
        mine, others = self.parts, other.parts
        return (
            self.changes == other.changes
            and mine.keys() == others.keys()
            and all(mine[name] is others[name] for name in mine)
        )


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
    unread : tuple of int
        Rows, which are axial slices, that were not read yet; empty for an axial slice.
    over : Over
        The same slice of what lies over it, each of shape (rows, columns).
    volumes : Over
        Of what these are slices.
    """

    index: int
    slab: Slab
    state: int
    values: NDArray[Any]
    unmeasured: NDArray[np.bool_] | None
    unread: tuple[int, ...]
    over: Over
    volumes: Over

    @property
    def read_values(self) -> NDArray[Any]:
        """The grey values; none (NaN) in rows that were not read yet."""
        if not self.unread:
            return self.values
        values = self.values.astype(np.float32)
        values[list(self.unread)] = np.nan
        return values


@dataclass(frozen=True, eq=False)
class _Wish:
    """What a pane asks for."""

    index: int
    slab: Slab
    reach: int
    state: int
    over: Over

    def wants_grey(self, taken: Taken | None) -> bool:
        """Tell whether the grey values of what was taken are not the ones."""
        return taken is None or (
            (taken.index, taken.slab, taken.state)
            != (self.index, self.slab, self.state)
        )

    def is_met_by(self, taken: Taken | None) -> bool:
        """Tell whether what was taken is what is asked for."""
        return (
            taken is not None
            and not self.wants_grey(taken)
            and taken.volumes.is_of(self.over)
        )

    def is_same(self, other: _Wish | None) -> bool:
        """Tell whether another one asks for the same."""
        return other is not None and (
            (self.index, self.slab, self.state)
            == (other.index, other.slab, other.state)
            and self.over.is_of(other.over)
        )


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
        self._failed: _Wish | None = None
        self._sources: dict[str, Gathered] = {}
        self.last: Taken | None = None

    def forget(self) -> None:
        """Keep nothing: another series is open."""
        self._state += 1
        self._sources = {}
        self.last = self._failed = None

    def renew(self) -> None:
        """Take it anew when it is asked for: more of the series was read."""
        self._state += 1

    def let_go(self) -> None:
        """Hold no prediction; what does not come of it is kept."""
        kept = ("grey", "mask")
        self._sources = {n: self._sources[n] for n in kept if n in self._sources}
        self._failed = None
        if self.last is not None:
            # Nothing tells that it is of another prediction: it does not stand.
            over = replace(self.last.over, prediction=None, entropy=None)
            self.last = replace(self.last, over=over, volumes=Over(-1))

    def of(
        self,
        index: int,
        slab: Slab,
        spacing: float,
        patience_s: float = 0.0,
        over: Over | None = None,
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
        over : Over, optional
            Volumes of the shape of the series of which the slice is taken with it.
        """
        reach = slab.reach(spacing)
        wish = _Wish(index, slab, reach, self._state, over or Over())
        if wish.is_met_by(self.last):
            return self.last
        session = self._bench.session
        assert session is not None
        has_tool = bool(self._bench.measure.tool)
        sources = self._sources_of(session, wish)
        if self._is_instant(session, wish, sources):
            self.last = self._take(session, wish, sources, lambda: None)
        elif not self._is_busy and not wish.is_same(self._failed):
            # Else it is asked for again when what is being computed has ended.
            single = _TOOL_PATIENCE_S if has_tool else _PATIENCE_S
            self._compute(session, wish, sources, patience_s if reach else single)
        last = self.last
        if last is None or last.slab != slab:
            return None  # under another slab's name nothing may stand
        # With a tool in hand a click would measure in a slice that is not in sight.
        return None if last.index != index and has_tool else last

    def _sources_of(self, session: ReviewSession, wish: _Wish) -> dict[str, Gathered]:
        volumes = {"grey": session.volume.data, **wish.over.parts}
        for name, data in volumes.items():
            known = self._sources.get(name)
            if known is None or known.data is not data:
                self._sources[name] = Gathered(data, self._plane.axis)
        return {name: self._sources[name] for name in volumes}

    def _is_instant(
        self, session: ReviewSession, wish: _Wish, sources: dict[str, Gathered]
    ) -> bool:
        if not all(
            sources[name].is_at_hand(wish.index, wish.over.state(name))
            for name in wish.over.parts
        ):
            return False
        if not wish.wants_grey(self.last):
            return True
        if not wish.reach:
            return sources["grey"].is_at_hand(wish.index, wish.state)
        # A thick slab of what is scattered is never at hand: its lines are many.
        n = session.volume.data.shape[self._plane.axis]
        voxels = session.volume.data.size // n * min(2 * wish.reach + 1, n)
        return not sources["grey"].is_scattered and voxels <= _INSTANT_VOXELS

    def _take(
        self,
        session: ReviewSession,
        wish: _Wish,
        sources: dict[str, Gathered],
        check: Callable[[], None],
    ) -> Taken:
        index, last = wish.index, self.last
        if last is None or wish.wants_grey(last):
            # Before the values: what is read meanwhile may be among them in part.
            unread = _unread(session) if self._plane.axis else ()
            values = self._grey(session, wish, sources["grey"], check)
            filled = self._filled(session, wish, values)
        else:
            values, filled, unread = last.values, last.unmeasured, last.unread
        check()
        over = wish.over
        slices = {n: sources[n].take(index, over.state(n)) for n in over.parts}
        return Taken(
            index=index,
            slab=wish.slab,
            state=wish.state,
            values=values,
            unmeasured=filled,
            unread=unread,
            over=Over(over.changes, **slices),
            volumes=over,
        )

    def _grey(
        self,
        session: ReviewSession,
        wish: _Wish,
        source: Gathered,
        check: Callable[[], None],
    ) -> NDArray[Any]:
        if not wish.reach:
            return source.take(wish.index, wish.state)
        data, axis = session.volume.data, self._plane.axis
        lines = []
        for first in range(0, data.shape[axis == 0], _AT_ONCE):
            check()
            some = slice(first, first + _AT_ONCE)
            part = data[:, some] if axis == 0 else data[some]
            projection = wish.slab.projection
            lines.append(project(part, axis, wish.index, wish.reach, projection))
        check()
        return np.concatenate(lines)

    def _filled(
        self, session: ReviewSession, wish: _Wish, values: NDArray[Any]
    ) -> NDArray[np.bool_] | None:
        if not wish.reach:
            return is_padding(values, session.series.filling)
        geometry = PlaneGeometry(session.volume.grid, self._plane)
        return unmeasured(session, geometry, wish.slab, wish.index)

    def _compute(
        self,
        session: ReviewSession,
        wish: _Wish,
        sources: dict[str, Gathered],
        patience_s: float,
    ) -> None:
        self._is_busy = True
        # Until it is there: what has failed would be asked for without end.
        self._failed = wish

        def work(ctx: JobContext) -> Taken:
            return self._take(session, wish, sources, ctx.check)

        def done(taken: Taken) -> None:
            self._failed = None
            # Not of a series that was closed, or a prediction that was let go.
            if all(self._sources.get(name) is sources[name] for name in sources):
                self.last = taken

        def end() -> None:
            self._is_busy = False
            self.changed.emit()

        lane = f"slab {self._plane}"
        job = self._bench.submit(
            "", work, on_done=done, on_end=end, lane=lane, newest_wins=False
        )
        if patience_s and job.wait(patience_s) and job.state is JobState.DONE:
            self.last = job.result


def _unread(session: ReviewSession) -> tuple[int, ...]:
    if not session.is_provisional:
        return ()
    n = session.volume.data.shape[0]
    return tuple(k for k in range(n) if not session.is_filled(k))
