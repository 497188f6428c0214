"""Slices across a large volume, gathered from the memory several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Gathered"]

_INSTANT_LINES = 100_000
"""Lines of a volume of which a sagittal slice takes a value each; in memory that was
not looked at for a while 600,000 of them take up to 0.1 s."""
_SLICES = 16
"""A processor fetches at least so many neighbours from the memory with each value, so
that as many slices cost about what one does."""
_MOST_BYTES = 32 * 2**20


class _Kept(NamedTuple):
    state: int
    first: int
    values: NDArray[Any]


class Gathered:
    """Gives the slices of a volume along one axis.

    Where neighbours in the memory are of different slices, and there are many lines,
    some slices are gathered together and kept, so that the next ones are there at once.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        The volume.
    axis : int
        Along which the slices are numbered.

    Attributes
    ----------
    data, axis : ndarray, int
        As above.
    is_scattered : bool
        Whether a slice is gathered from all over the memory.
    """

    def __init__(self, data: NDArray[Any], axis: int) -> None:
        self.data, self.axis = data, axis
        steps = [abs(step) for step in data.strides]
        lines = data.size // data.shape[axis]
        across = steps[axis] == min(steps) < max(steps)  # not of one value for all
        self.is_scattered = across and lines > _INSTANT_LINES
        self._n = max(1, min(_SLICES, _MOST_BYTES // (lines * data.itemsize)))
        self._kept: _Kept | None = None

    def is_at_hand(self, index: int, state: int) -> bool:
        """Tell whether a slice can be taken without keeping anybody waiting.

        Parameters
        ----------
        index : int
            The slice.
        state : int
            Counts the changes of the volume; slices of an earlier state do not count.
        """
        return not self.is_scattered or self._is_in(self._kept, index, state)

    def take(self, index: int, state: int) -> NDArray[Any]:
        """Return a slice, gathered with its neighbours if need be.

        Parameters
        ----------
        index, state : int
            As `is_at_hand`.

        Returns
        -------
        ndarray, 2-D
            The remaining axes in their order; a copy, in C order.
        """
        if not self.is_scattered:
            return np.array(self._view(self.data, index), order="C")
        kept = self._kept
        if kept is None or not self._is_in(kept, index, state):
            first = index // self._n * self._n
            part = self._view(self.data, slice(first, first + self._n))
            # "K": in the order of the memory, also of a scan whose axes are turned.
            self._kept = kept = _Kept(state, first, np.array(part, order="K"))
        return np.array(self._view(kept.values, index - kept.first), order="C")

    def _is_in(self, kept: _Kept | None, index: int, state: int) -> bool:
        return (
            kept is not None
            and kept.state == state
            and 0 <= index - kept.first < kept.values.shape[self.axis]
        )

    def _view(self, data: NDArray[Any], which: int | slice) -> NDArray[Any]:
        # Not `np.take`: of a scan whose axes are turned it would copy the whole first.
        where: list[int | slice] = [slice(None)] * 3
        where[self.axis] = which
        return data[tuple(where)]
