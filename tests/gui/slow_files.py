"""Files that are read slice by slice, when a test says so: no clock is in it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from medlab_gui.io.dicom_pixels import SliceFiller

if TYPE_CHECKING:
    import pytest


class Gate:
    """Stands before the reading of each slice of every volume.

    Attributes
    ----------
    asked : list of int
        Stored slices in the order in which reading threads came for them.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self._may: set[int] = set()
        self._all = False
        self._changed = threading.Condition()
        real = SliceFiller.fill

        def fill(filler: SliceFiller, k: int) -> None:
            if filler.data.shape[0] > 1:  # not the small pictures of the browser
                with self._changed:
                    self.asked.append(k)
                    self._changed.wait_for(lambda: self._all or k in self._may, 120)
            real(filler, k)

        monkeypatch.setattr(SliceFiller, "fill", fill)

    def let(self, *slices: int) -> None:
        """Let slices be read."""
        with self._changed:
            self._may.update(slices)
            self._changed.notify_all()

    def open(self) -> None:
        """Let all be read."""
        with self._changed:
            self._all = True
            self._changed.notify_all()

    def shut(self) -> None:
        """Let none be read from now on, but those that are named."""
        with self._changed:
            self._all = False
