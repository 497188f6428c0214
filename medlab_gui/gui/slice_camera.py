"""Which part of the slice is looked at, and how large; no widget."""

from __future__ import annotations

from psygnal import Signal

__all__ = ["SliceCamera"]

_LEAST, _MOST = 0.25, 40.0
_CLOSE = 0.005  # napari's centre is that of whole voxels, its margin is of the extent


class SliceCamera:
    """Zoom and place, common to the canvas and to every picture of a comparison.

    Both are relative to the slice and its room, so that a picture in half the width
    shows the same part of the slice as the canvas does.

    Attributes
    ----------
    changed : Signal()
        It moved.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._zoom = 1.0
        self._center = (0.5, 0.5)

    @property
    def zoom(self) -> float:
        """1 fits the slice into its room."""
        return self._zoom

    @property
    def center(self) -> tuple[float, float]:
        """``(y, x)`` in the middle of the room, as shares of the slice."""
        return self._center

    @property
    def fits(self) -> bool:
        """Whether the whole slice is shown, as large as its room allows."""
        down, across = self._center
        far = max(abs(self._zoom - 1), abs(down - 0.5), abs(across - 0.5))
        return far < _CLOSE

    def look_at(self, center: tuple[float, float], zoom: float) -> None:
        """Show another part, or another size; tells only if something changes."""
        zoom = min(_MOST, max(_LEAST, zoom))
        if (center, zoom) != (self._center, self._zoom):
            self._center, self._zoom = center, zoom
            self.changed.emit()

    def fit(self) -> None:
        """Show the whole slice."""
        self.look_at((0.5, 0.5), 1.0)
