"""Reads mapped arrays through before pictures across their slices are taken."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench

__all__ = ["AtHand"]

LANE = "planes"
_INSTANT_BYTES = 4 * 2**20
"""So little is read within a twentieth of a second, even from a slow disk."""


class AtHand:
    """Knows which arrays can be read across their slices without waiting for the disk.

    A sagittal picture has a voxel in every page of a mapped file: the first one reads
    all of it, on a cold disk for seconds, and that is done on a thread.

    Parameters
    ----------
    bench : Workbench
        Lends the thread.

    Signals
    -------
    changed()
        More of what was asked for is at hand.
    """

    changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._known: dict[int, weakref.ref[NDArray[Any]]] = {}
        self._asked: tuple[NDArray[Any], ...] = ()

    def has(self, arrays: tuple[NDArray[Any], ...]) -> bool:
        """Tell whether arrays can be read across; those that cannot are read through.

        Parameters
        ----------
        arrays : tuple of ndarray, shape (Z, Y, X)
            What is small, or in memory anyway, is at hand.
        """
        missing = tuple(a for a in arrays if not self._is_known(a))
        asked = {id(a) for a in self._asked}
        if any(id(a) not in asked for a in missing):
            self._fetch(missing)
        return not missing

    def _is_known(self, array: NDArray[Any]) -> bool:
        if array.nbytes <= _INSTANT_BYTES or not _is_mapped(array):
            return True
        known = self._known.get(id(array))
        return known is not None and known() is array

    def _fetch(self, arrays: tuple[NDArray[Any], ...]) -> None:
        self._asked = arrays

        def work(ctx: JobContext) -> None:
            for array in arrays:
                read_through(array, ctx)

        def done(_nothing: None) -> None:
            gone = [key for key, known in self._known.items() if known() is None]
            for key in gone:
                del self._known[key]
            self._known.update({id(a): weakref.ref(a) for a in arrays})
            self.changed.emit()

        def end() -> None:
            if self._asked is arrays:
                self._asked = ()

        self._bench.submit("", work, on_done=done, on_end=end, lane=LANE)


def read_through(array: NDArray[Any], ctx: JobContext) -> None:
    """Touch every page of an array, slice by slice.

    Parameters
    ----------
    array : ndarray, shape (Z, Y, X)
        Mapped from a file.
    ctx : JobContext
        Cancellation.
    """
    for part in array:
        ctx.check()
        np.array(part)  # copying, unlike a sum of few values, lets others run Python


def _is_mapped(array: object) -> bool:
    """Tell whether an array, or what it is a view of, is a file's."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False
