"""Hatches what was never measured and only filled: nobody takes it for tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF
from qtpy.QtGui import QTransform

from medlab_gui.gui.panes.plane_picture import Overlay
from medlab_gui.gui.panes.slab import Projection
from medlab_gui.gui.pictures import argb_image
from medlab_gui.imaging.padding import is_padding

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QImage, QPainter

    from medlab_gui.gui.measure_pane import Pane
    from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
    from medlab_gui.gui.panes.slab import Slab
    from medlab_gui.review.session import ReviewSession

__all__ = ["CanvasHatch", "hatch", "hatch_image", "unmeasured"]

_EVERY, _THICK = 8, 2
_GROUND, _LINE = 0x14181206, 0x8C8C6830
"""Premultiplied ARGB of the slice bar's amber for gaps, faint and strong."""


def unmeasured(
    session: ReviewSession, geometry: PlaneGeometry, slab: Slab, index: int
) -> NDArray[np.bool_] | None:
    """Tell which pixels of several slices shown as one were not measured.

    Parameters
    ----------
    session : ReviewSession
        The open series; its `Series.filling` says what was filled.
    geometry : PlaneGeometry
        Which plane is shown.
    slab : Slab
        How many slices these are.
    index : int
        The middle one.

    Returns
    -------
    ndarray of bool, 2-D, or None
        None where there are none. A pixel counts as soon as one of the slices was not
        measured there, but for the brightest value, which the filling never is: there
        all of them.
    """
    filling, data = session.series.filling, session.volume.data
    if filling is None:
        return None
    axis, reach = geometry.plane.axis, slab.reach(geometry.spacing)
    where: list[int | slice] = [slice(None)] * 3
    where[axis] = slice(max(0, index - reach), index + reach + 1)
    found = is_padding(data[tuple(where)], filling)
    if found is None:
        return None
    every = np.all if slab.projection is Projection.MIP else np.any
    flat: NDArray[np.bool_] = every(found, axis=axis)
    return flat if flat.any() else None


def hatch(mask: NDArray[np.bool_]) -> Overlay:
    """Return slanted lines over pixels, as a pane draws them."""
    rows, columns = mask.shape
    lines = (np.arange(rows)[:, None] + np.arange(columns)) % _EVERY < _THICK
    palette = np.zeros(256, np.uint32)
    palette[1:3] = _GROUND, _LINE
    return Overlay(np.where(mask, lines.astype(np.uint8) + np.uint8(1), 0), palette)


def hatch_image(mask: NDArray[np.bool_]) -> QImage:
    """Return slanted lines over pixels as a picture, one pixel for each voxel."""
    drawn = hatch(mask)
    return argb_image(drawn.palette[drawn.values])


class CanvasHatch:
    """Hatches the picture that napari draws; kept until another mask is given."""

    def __init__(self) -> None:
        self._kept: tuple[object, QImage | None] = (None, None)

    def draw(
        self,
        painter: QPainter,
        pane: Pane,
        mask: NDArray[np.bool_] | None,
    ) -> None:
        """Draw it where there is something to mark.

        Parameters
        ----------
        painter : QPainter
            In logical pixels of the canvas.
        pane : Pane
            Where the slice lies on the canvas.
        mask : ndarray of bool, shape (Y, X), or None
            As `unmeasured` returns it.
        """
        if self._kept[0] is not mask:
            self._kept = (mask, None if mask is None else hatch_image(mask))
        image = self._kept[1]
        if image is None:
            return
        corner, down, across = pane.to_canvas([(0, 0), (1, 0), (0, 1)])
        painter.save()
        painter.setTransform(
            QTransform(*(across - corner), *(down - corner), *corner), True
        )
        painter.drawImage(QPointF(-0.5, -0.5), image)
        painter.restore()
