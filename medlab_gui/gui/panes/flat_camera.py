"""Zoom and place of a flat picture in a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QTransform

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from qtpy.QtCore import QPointF, QSize

    from medlab_gui.gui.panes.plane_geometry import PlaneGeometry

__all__ = ["FlatCamera"]

_LEAST_ZOOM, _MOST_ZOOM = 0.05, 200.0
_FIT = 0.98


class FlatCamera:
    """Which part of a slice is looked at, in mm of the slice.

    Attributes
    ----------
    zoom : float
        Logical pixels for a millimetre.
    center : tuple of float
        ``(x, y)`` in mm of the slice, in the middle of the widget.
    fits : bool
        Whether it shows the whole slice, whatever the size of the widget.
    """

    def __init__(self) -> None:
        self.zoom = 1.0
        self.fits = True
        self.center = (0.0, 0.0)

    def fit(self, geometry: PlaneGeometry, size: QSize) -> None:
        """Show the whole slice."""
        left, top, right, bottom = geometry.bounds
        self.center = ((left + right) / 2, (top + bottom) / 2)
        self.zoom = _FIT * min(
            max(1, size.width()) / (right - left),
            max(1, size.height()) / (bottom - top),
        )
        self.fits = True

    def zoom_at(self, at: QPointF, factor: float, size: QSize) -> None:
        """Zoom so that what is under a point stays there."""
        zoom = min(_MOST_ZOOM, max(_LEAST_ZOOM, self.zoom * factor))
        shift = 1 / self.zoom - 1 / zoom
        x, y = at.x() - size.width() / 2, at.y() - size.height() / 2
        self.center = (self.center[0] + x * shift, self.center[1] + y * shift)
        self.zoom, self.fits = zoom, False

    def move_by(self, pixels: QPointF) -> None:
        """Move the picture by logical pixels."""
        x, y = self.center
        self.center = (x - pixels.x() / self.zoom, y - pixels.y() / self.zoom)
        self.fits = False

    def transform(self, geometry: PlaneGeometry, size: QSize) -> QTransform:
        """Return the map from ``(column, row)`` to logical pixels."""
        m, z = geometry.matrix, self.zoom
        return QTransform(
            z * m[0, 1],
            z * m[1, 1],
            z * m[0, 0],
            z * m[1, 0],
            size.width() / 2 - z * self.center[0],
            size.height() / 2 - z * self.center[1],
        )

    def to_canvas(
        self, geometry: PlaneGeometry, size: QSize, flat: ArrayLike
    ) -> NDArray[np.float64]:
        """Return logical pixels ``(x, y)``, shape (n, 2), of ``(row, column)``."""
        positions = np.asarray(flat, dtype=np.float64).reshape(-1, 2)
        mm = positions @ geometry.matrix.T
        middle = (size.width() / 2, size.height() / 2)
        return np.asarray((mm - self.center) * self.zoom + middle)

    def to_flat(
        self, geometry: PlaneGeometry, size: QSize, x: float, y: float
    ) -> NDArray[np.float64]:
        """Return the position ``(row, column)`` under a logical pixel."""
        middle = np.array([size.width() / 2, size.height() / 2])
        mm = (np.array([x, y]) - middle) / self.zoom + self.center
        return np.asarray(np.linalg.solve(geometry.matrix, mm))
