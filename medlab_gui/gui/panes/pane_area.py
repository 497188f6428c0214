"""Where the panes are: one, three, or four of them in the room of the picture."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.measurements import Plane
from medlab_gui.gui.panes.linked_state import PaneLayout

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent

__all__ = ["VOLUME", "PaneArea", "pane_rects"]

VOLUME = "volume"
"""Name of the 3D pane; the others have the names of their planes."""

_GAP = 3
_LARGE = 0.62


def pane_rects(layout: PaneLayout, enlarged: str, size: QSize) -> dict[str, QRect]:
    """Return where each pane that is shown lies.

    Parameters
    ----------
    layout : PaneLayout
        How they share the room.
    enlarged : str
        The one that has all of it, or empty.
    size : QSize
        The room in logical pixels.
    """
    width, height = size.width(), size.height()
    axial, coronal, sagittal = (str(plane) for plane in Plane)
    if enlarged or layout is PaneLayout.ONE:
        return {enlarged or axial: QRect(0, 0, width, height)}
    three = (axial, coronal, sagittal)
    if layout is PaneLayout.ROW:
        cuts = _cuts(width, 3)
        return {
            n: QRect(a, 0, b, height) for n, (a, b) in zip(three, cuts, strict=True)
        }
    if layout is PaneLayout.COLUMN:
        cuts = _cuts(height, 3)
        return {n: QRect(0, a, width, b) for n, (a, b) in zip(three, cuts, strict=True)}
    (top, upper), (bottom, lower) = _cuts(height, 2)
    if layout is PaneLayout.LARGE:
        left = round((width - _GAP) * _LARGE)
        x, rest = left + _GAP, width - left - _GAP
        return {
            axial: QRect(0, 0, left, height),
            coronal: QRect(x, top, rest, upper),
            sagittal: QRect(x, bottom, rest, lower),
        }
    (left, first), (x, second) = _cuts(width, 2)
    return {
        axial: QRect(left, top, first, upper),
        sagittal: QRect(x, top, second, upper),
        coronal: QRect(left, bottom, first, lower),
        VOLUME: QRect(x, bottom, second, lower),
    }


def _cuts(length: int, n: int) -> list[tuple[int, int]]:
    """Return begin and length of ``n`` equal parts with gaps between them."""
    edges = [round((length + _GAP) * part / n) for part in range(n + 1)]
    return [(a, max(1, b - a - _GAP)) for a, b in pairwise(edges)]


class PaneArea(QWidget):
    """Holds napari's canvas and the panes beside it.

    Parameters
    ----------
    canvas : QWidget
        The axial picture, in which one edits.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__()
        self.setObjectName("pane_area")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._panes: dict[str, QWidget] = {}
        self._layout, self._enlarged = PaneLayout.ONE, ""
        self.add(str(Plane.AXIAL), canvas)

    def sizeHint(self) -> QSize:
        """Return the size that napari's canvas would ask for."""
        return QSize(800, 600)

    def add(self, name: str, pane: QWidget) -> None:
        """Take a pane in."""
        pane.setParent(self)
        self._panes[name] = pane
        self._place()

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the panes that have room now."""
        return tuple(n for n, p in self._panes.items() if not p.isHidden())

    def arrange(self, layout: PaneLayout, enlarged: str = "") -> None:
        """Lay the panes out."""
        self._layout, self._enlarged = layout, enlarged
        self._place()

    def _place(self) -> None:
        rects = pane_rects(self._layout, self._enlarged, self.size())
        for name, pane in self._panes.items():
            rect = rects.get(name)
            if rect is not None:
                pane.setGeometry(rect)
            pane.setVisible(rect is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new room."""
        self._place()
