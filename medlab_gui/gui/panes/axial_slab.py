"""The scan as napari gets it for the axial picture: slices, or thick slabs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.axial_shear import axial_geometry
from medlab_gui.gui.panes.plane_values import PlaneValues, Taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.gui.workbench import Workbench

__all__ = ["AxialSlab", "SlabArray"]

_PATIENCE_S = 0.03
"""For so long a slab is waited for: most need less, and black in between flickers."""


class AxialSlab:
    """Gives napari the axial slices of the open series, or slabs of them.

    napari would compute a slab whenever it looks at its layers, while the window
    stands still. Here a thread does. What is drawn on a slice (mask, number, values)
    is of the slice that is asked for: until its slab is there, none is shown.

    Parameters
    ----------
    bench : Workbench
        What is open.

    Attributes
    ----------
    changed : Signal()
        Another slab is asked for, or what was asked for is there.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._values = PlaneValues(bench, Plane.AXIAL)
        self._array: SlabArray | None = None
        self._values.changed.connect(self.changed)
        bench.linked.slab_changed.connect(self._on_slab)
        bench.session_changed.connect(self._on_session)

    def _on_slab(self, plane: Plane) -> None:
        if plane is Plane.AXIAL:
            self.changed.emit()

    def _on_session(self) -> None:
        self._array = None
        self._values.forget()
        session = self._bench.session
        if session is not None:
            session.arrived.connect(self._values.renew)

    @property
    def _spacing(self) -> float:
        assert self._bench.session is not None
        return axial_geometry(self._bench.session.volume.grid).spacing

    @property
    def is_thick(self) -> bool:
        """Whether several slices are shown as one."""
        slab = self._bench.linked.slab(Plane.AXIAL)
        return self._bench.session is not None and slab.reach(self._spacing) > 0

    def taken(self, k: int) -> Taken | None:
        """Return a slice, or the slab about it; None until that is computed."""
        slab = self._bench.linked.slab(Plane.AXIAL)
        taken = self._values.of(k, slab, self._spacing, _PATIENCE_S)
        return taken if taken is not None and taken.index == k else None

    @property
    def is_there(self) -> bool:
        """Whether the slice asked for, or its slab, can be shown; if not, it comes."""
        session = self._bench.session
        if session is None or not session.is_filled(session.k):
            return False
        return not self.is_thick or self.taken(session.k) is not None

    @property
    def is_coming(self) -> bool:
        """Whether a slab is being computed and nothing is shown."""
        session, last = self._bench.session, self._values.last
        if session is None or not self.is_thick:
            return False
        slab = self._bench.linked.slab(Plane.AXIAL)
        return last is None or (last.index, last.slab) != (session.k, slab)

    @property
    def values(self) -> NDArray[Any] | None:
        """Grey values of what is shown, shape (Y, X); None before it is."""
        session = self._bench.session
        taken = self.taken(session.k) if session is not None else None
        return taken.values if taken is not None else None

    @property
    def unmeasured(self) -> NDArray[np.bool_] | None:
        """Which pixels of what is shown were filled, shape (Y, X); None for none."""
        session = self._bench.session
        if session is None or session.series.filling is None:
            return None
        taken = self.taken(session.k)
        return taken.unmeasured if taken is not None else None

    def array(self) -> NDArray[Any] | SlabArray:
        """Return what napari shows; another one where it must look anew."""
        session = self._bench.session
        assert session is not None
        data = session.volume.data
        if not self.is_thick:
            self._array = None
            return data
        known, taken = self._array, self.taken(session.k)
        if known is None or known.data is not data or known.given is not taken:
            self._array = known = SlabArray(self, data)
            known.given = taken
        return known


class SlabArray:
    """An array for napari whose slices are slabs.

    Parameters
    ----------
    slab : AxialSlab
        Has them computed.
    data : ndarray, shape (Z, Y, X)
        The scan.

    Attributes
    ----------
    given : Taken or None
        What napari has.
    """

    def __init__(self, slab: AxialSlab, data: NDArray[Any]) -> None:
        self._slab, self.data = slab, data
        self.given: Taken | None = None
        self.shape, self.dtype = data.shape, data.dtype
        self.ndim, self.size = data.ndim, data.size

    def __getitem__(self, where: tuple[Any, ...]) -> NDArray[Any]:
        """Return the slab about a slice; what is not computed yet is never drawn."""
        k = int(where[0])
        self.given = self._slab.taken(k)
        if self.given is None:
            return np.asarray(np.zeros(self.shape[1:], self.dtype)[where[1:]])
        return np.asarray(self.given.values[where[1:]])
