"""A slider for slices that shows which are accepted, locked or asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane
from medlab_gui.core.records import ItemState
from medlab_gui.gui.wheel import Notches

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["SliceBar"]

ACCEPTED = QColor(0, 158, 115)
LOCKED = QColor(204, 121, 167)
WAITING = QColor(230, 159, 0)
UNREAD = QColor(0, 0, 0, 150)
EMPTY = QColor(255, 190, 80)
"""Okabe-Ito colours; the rows differ too, so colour is not all that tells."""


class SliceBar(QWidget):
    """One cell for each slice, feet on the left, head on the right.

    Where a coronal or sagittal picture has all the room, its slices: the front or the
    right on the left.

    Parameters
    ----------
    bench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._waiting: frozenset[int] = frozenset()
        self._notches = Notches()
        self.setObjectName("slice_bar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(
            _(
                "Slices from the feet (left) to the head (right). Green below: "
                "accepted. Pink below: locked for validation. Orange above: in the "
                "queue. Dark: not read yet. Hatched: never measured, only filled."
            )
        )
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._refresh)
        bench.project_changed.connect(self._on_project)
        bench.linked.moved.connect(self._refresh)
        bench.linked.layout_changed.connect(self._refresh)

    @property
    def plane(self) -> Plane:
        """Whose slices these are: of the only picture, or the axial ones."""
        return self._bench.linked.alone or Plane.AXIAL

    def sizeHint(self) -> QSize:
        """Return a thin strip."""
        return QSize(200, 18)

    def _on_session(self) -> None:
        session = self._bench.session
        if session is not None:
            session.state_changed.connect(self._refresh)
            session.arrived.connect(self._refresh)
        self._on_project()

    def _on_project(self) -> None:
        session, store = self._bench.session, self._bench.store
        self._waiting = frozenset()
        if session is not None and store is not None:
            self._waiting = store.slices_in(
                session.series_uid, [ItemState.QUEUED, ItemState.OPEN]
            )
        self.update()

    def _refresh(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells and the handle."""
        session = self._bench.session
        if session is None:
            return
        painter = QPainter(self)
        plane, k_shown = self.plane, self._bench.linked.slice_of(self.plane)
        is_axial = plane is Plane.AXIAL
        n = session.volume.grid.shape[plane.axis]
        width, height = self.width(), self.height()
        cell = width / n
        empty = session.series.not_measured(plane.axis)
        painter.fillRect(QRectF(0, 5, width, height - 10), QColor(255, 255, 255, 28))
        for k in range(n):
            left = k * cell
            thick = max(cell - (1 if cell > 3 else 0), 1.0)
            if is_axial and not session.is_filled(k):
                painter.fillRect(QRectF(left, 5, cell, height - 10), UNREAD)
            if k in empty:
                room = QRectF(left, 5, cell, height - 10)
                painter.fillRect(room, QBrush(EMPTY, Qt.BrushStyle.BDiagPattern))
            if not is_axial:
                continue  # the rest is about axial slices
            if k in session.locked:
                painter.fillRect(QRectF(left, height - 5, thick, 4), LOCKED)
            elif session.confirmed[k]:
                painter.fillRect(QRectF(left, height - 5, thick, 4), ACCEPTED)
            if k in self._waiting:
                painter.fillRect(QRectF(left, 1, thick, 4), WAITING)
        handle = QRectF(k_shown * cell, 1, max(cell, 4.0), height - 2)
        painter.setBrush(QColor(238, 238, 225))
        painter.setPen(QColor(0, 0, 0, 160))
        painter.drawRoundedRect(handle, 2, 2)
        painter.end()

    def _go(self, x: float) -> None:
        session = self._bench.session
        if session is not None:
            n = session.volume.grid.shape[self.plane.axis]
            place = int(x / max(self.width(), 1) * n)
            self._bench.linked.show_slice(self.plane, place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the slice under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag through the slices."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position().x())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step through the slices."""
        notches = self._notches.of(event)
        if notches:
            self._bench.linked.step(self.plane, notches)
