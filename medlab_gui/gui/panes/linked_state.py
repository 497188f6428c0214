"""What the linked views have in common: the crosshair, slabs and the layout."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.at_hand import AtHand
from medlab_gui.gui.panes.marks import not_measured_text
from medlab_gui.gui.panes.plane_geometry import finest_plane
from medlab_gui.gui.panes.slab import Slab
from medlab_gui.gui.view_state import Mode
from medlab_gui.imaging.rendering import Rendering

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.records import Series
    from medlab_gui.gui.workbench import Workbench

__all__ = ["LinkedState", "PaneLayout"]


class PaneLayout(StrEnum):
    """Which views are on the screen, and where."""

    ONE = "one"
    ROW = "row"
    COLUMN = "column"
    LARGE = "large"
    QUAD = "quad"


class LinkedState:
    """Where the crosshair is, how thick each pane's slice is, and how panes lie.

    There is one crosshair for the window; every pane shows the slice that it is on.
    The axial slice is the session's, so queue, keys and crosshair always agree.

    Parameters
    ----------
    bench : Workbench
        What is open.

    Attributes
    ----------
    at_hand : AtHand
        What pictures across the slices can be taken from.

    Signals
    -------
    moved()
        The crosshair is elsewhere, or belongs to another series.
    slab_changed(Plane)
        A pane's slice is thicker or thinner.
    layout_changed()
        Other panes are shown, or one was enlarged.
    rendering_changed()
        The 3D view shows something else.
    """

    moved = Signal()
    slab_changed = Signal(object)
    layout_changed = Signal()
    rendering_changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.at_hand = AtHand(bench)
        self._index = np.zeros(3)
        self._before_click: NDArray[np.float64] | None = None
        self._series = ""
        self._slabs = {plane: Slab() for plane in Plane}
        self._layout = PaneLayout.ONE
        self._enlarged = ""
        self._rendering = Rendering.MIP
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        bench.mode_changed.connect(self._on_mode)

    # ---- the crosshair --------------------------------------------------------

    @property
    def grid(self) -> Grid | None:
        """Working grid of the open series; None for nothing."""
        session = self._bench.session
        return session.volume.grid if session is not None else None

    @property
    def index(self) -> NDArray[np.float64]:
        """Position ``(k, j, i)`` of the crosshair; whole numbers are voxel centres."""
        return self._index.copy()

    @property
    def mm(self) -> NDArray[np.float64] | None:
        """Position of the crosshair in LPS mm; None where no series is open."""
        grid = self.grid
        return grid.to_mm(self._index) if grid is not None else None

    def slice_of(self, plane: Plane) -> int:
        """Return the slice of a plane that the crosshair is on."""
        grid = self.grid
        if grid is None:
            return 0
        nearest = int(np.floor(self._index[plane.axis] + 0.5))
        return min(max(nearest, 0), grid.shape[plane.axis] - 1)

    def place(self, index: ArrayLike) -> None:
        """Put the crosshair to a position ``(k, j, i)``; outside is moved to the rim.

        Parameters
        ----------
        index : array-like of float, shape (3,)
            Indices of the working grid.
        """
        grid = self.grid
        if grid is None:
            return
        wanted = np.clip(
            np.asarray(index, dtype=np.float64), -0.5, np.array(grid.shape) - 0.5
        )
        if np.array_equal(wanted, self._index):
            return
        self._index = wanted
        self._bench.go_to(self.slice_of(Plane.AXIAL))
        self.moved.emit()

    def click(self, index: ArrayLike) -> None:
        """Place the crosshair where a button went down; see `unclick`."""
        self._before_click = self._index.copy()
        self.place(index)

    def unclick(self) -> None:
        """Put the crosshair back: the click was the first half of a double click."""
        if self._before_click is not None:
            self.place(self._before_click)
            self._before_click = None

    def step(self, plane: Plane, n: int) -> None:
        """Go ``n`` slices on in a plane; the position becomes a slice's middle."""
        grid = self.grid
        if grid is None:
            return
        last = grid.shape[plane.axis] - 1
        index = self._index.copy()
        index[plane.axis] = min(max(self.slice_of(plane) + n, 0), last)
        self.place(index)

    def show_slice(self, plane: Plane, n: int) -> None:
        """Go to a slice of a plane (the nearest that exists), to its middle."""
        self.step(plane, n - self.slice_of(plane))

    def _on_session(self) -> None:
        session = self._bench.session
        if session is None:
            return  # what is opened again keeps its crosshair
        shape = np.array(session.volume.grid.shape)
        if session.series_uid != self._series or np.any(self._index > shape):
            self._index = shape // 2 * 1.0
        is_other = session.series_uid != self._series
        self._series = session.series_uid
        self._index[0] = session.k
        if is_other and self._layout is PaneLayout.ONE:
            plane = finest_plane(session.volume.grid)
            self._enlarge("" if plane is Plane.AXIAL else str(plane))
        self.moved.emit()

    def _on_slice(self, k: int) -> None:
        if self.grid is not None and self.slice_of(Plane.AXIAL) != k:
            self._index[0] = k
            self.moved.emit()

    # ---- slabs ----------------------------------------------------------------

    def slab(self, plane: Plane) -> Slab:
        """Return how thick a pane's slice is."""
        return self._slabs[plane]

    def set_slab(self, plane: Plane, slab: Slab) -> None:
        """Show slices of a plane thicker or thinner."""
        if slab != self._slabs[plane]:
            self._slabs[plane] = slab
            self.slab_changed.emit(plane)

    def badge(self, plane: Plane, spacing: float, series: Series) -> str:
        """Return what must be known about a view; empty for a plain slice.

        Parameters
        ----------
        plane : Plane
            Whose view it is.
        spacing : float
            Distance in mm from a slice of it to the next.
        series : Series
            What is shown.
        """
        slab = self._slabs[plane]
        lines = (
            slab.badge(spacing),
            not_measured_text(series, plane, self.slice_of(plane), slab.reach(spacing)),
        )
        return " · ".join(filter(None, lines))

    @property
    def rendering(self) -> Rendering:
        """What the 3D view shows."""
        return self._rendering

    @rendering.setter
    def rendering(self, rendering: Rendering) -> None:
        if rendering is not self._rendering:
            self._rendering = rendering
            self.rendering_changed.emit()

    # ---- layout ---------------------------------------------------------------

    @property
    def layout(self) -> PaneLayout:
        """How the panes lie."""
        return self._layout

    @layout.setter
    def layout(self, layout: PaneLayout) -> None:
        layout = PaneLayout(layout)
        if layout is not self._layout or self._enlarged:
            self._layout, self._enlarged = layout, ""
            self.layout_changed.emit()

    def restore(self, name: str) -> None:
        """Take the layout of the last time; an unknown name changes nothing."""
        if name in set(PaneLayout):
            self.layout = PaneLayout(name)

    @property
    def is_linked(self) -> bool:
        """Whether there is more than one view of the series."""
        return self._layout is not PaneLayout.ONE

    @property
    def enlarged(self) -> str:
        """Name of the pane that has all the room instead of what the layout says."""
        return self._enlarged

    @property
    def alone(self) -> Plane | None:
        """The plane of the only picture; None where there are several, or 3D."""
        if self._enlarged:
            return Plane(self._enlarged) if self._enlarged in set(Plane) else None
        return None if self.is_linked else Plane.AXIAL

    def enlarge(self, name: str) -> None:
        """Give a pane all the room, or, where it has it, let the panes share it."""
        if self.is_linked:
            self._enlarge("" if self._enlarged else name)

    def _enlarge(self, name: str) -> None:
        if name != self._enlarged:
            self._enlarged = name
            self.layout_changed.emit()

    def show_axial(self) -> None:
        """Bring the axial picture, in which one edits and compares, into view."""
        if self._enlarged != str(Plane.AXIAL):
            self._enlarge("")

    def _on_mode(self, mode: Mode) -> None:
        if mode is Mode.ANNOTATE:
            self.show_axial()
