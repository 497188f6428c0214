"""A window from a box: Ctrl and dragging over what should be seen well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPoint, QRect, Qt
from qtpy.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.view_state import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray
    from qtpy.QtGui import QMouseEvent

    from medlab_gui.gui.measure_pane import Pane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["WindowBox", "window_of"]

_LEAST_VOXELS = 9
_MOST_VALUES = 65_536
_PERCENTILES = (1.0, 99.0)


def window_of(
    values: ArrayLike, padding: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Return the window from the 1st to the 99th percentile of grey values.

    Percentiles rather than mean and deviation: a box over liver and a rib is no normal
    distribution, and one metal clip must not widen the window.

    Parameters
    ----------
    values : array_like
        Grey values; what is not finite is left out.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture; left out.

    Returns
    -------
    tuple of float or None
        Level and width; None where fewer than 9 values are left or all are the same.
    """
    data: NDArray[Any] = np.asarray(values).ravel()
    data = data[:: max(1, data.size // _MOST_VALUES)].astype(np.float64)
    data = data[np.isfinite(data)]
    if padding is not None:
        data = data[(data < padding[0]) | (data > padding[1])]
    if data.size < _LEAST_VOXELS:
        return None
    low, high = (float(v) for v in np.percentile(data, _PERCENTILES))
    return ((low + high) / 2, high - low) if high > low else None


class _Frame(QWidget):
    """A rectangle that hides nothing of what is judged in it."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a light line on a dark one."""
        painter = QPainter(self)
        room = self.rect().adjusted(1, 1, -2, -2)
        for color, width in ((QColor(0, 0, 0, 200), 3), (QColor(240, 228, 66), 1)):
            painter.setPen(QPen(color, width))
            painter.drawRect(room)
        painter.end()


class WindowBox(QObject):
    """The hand that draws the box, in Review, on one pane.

    Parameters
    ----------
    pane : Pane
        The picture.
    canvas : QWidget
        Its widget.
    bench : Workbench
        What is open, and the window that changes.
    values : callable
        Returns the grey values that the picture shows, shape (rows, columns), or None
        before there are any.
    """

    def __init__(
        self,
        pane: Pane,
        canvas: QWidget,
        bench: Workbench,
        values: Callable[[], NDArray[Any] | None],
    ) -> None:
        super().__init__(canvas)
        self._values = values
        self._pane, self._canvas, self._bench = pane, canvas, bench
        self._band = _Frame(canvas)
        self._start: QPoint | None = None
        self._slice = 0
        self._picture: NDArray[Any] = np.zeros((0, 0))
        self._padding: tuple[float, float] | None = None
        self._before = (0.0, 0.0)

    def take(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Handle an event of the mouse; return whether it was about the box."""
        is_left = event.button() == Qt.MouseButton.LeftButton
        if self._start is None:
            if (
                kind == QEvent.Type.MouseButtonPress
                and is_left
                and event.modifiers() == Qt.KeyboardModifier.ControlModifier
                and self._bench.mode is Mode.REVIEW
                and self._bench.session is not None
            ):
                self._begin(event.position().toPoint())
                return True
            return False
        if self._pane.slice_index != self._slice or self._bench.session is None:
            self.cancel()
        elif kind == QEvent.Type.MouseMove:
            self._draw(event.position().toPoint())
        elif kind == QEvent.Type.MouseButtonRelease and is_left:
            self._end(event.position().toPoint())
        return True

    def _begin(self, at: QPoint) -> None:
        bench, pane = self._bench, self._pane
        session, picture = bench.session, self._values()
        assert session is not None
        if picture is None:
            return
        self._start, self._slice = at, pane.slice_index
        self._before = bench.view.level, bench.view.width
        self._picture = picture
        self._padding = session.series.display.padding
        self._canvas.setFocus()
        self._canvas.installEventFilter(self)
        self._band.setGeometry(QRect(at, at))
        self._band.show()

    def _draw(self, at: QPoint) -> tuple[float, float] | None:
        assert self._start is not None
        box = QRect(self._start, at).normalized()
        self._band.setGeometry(box.intersected(self._canvas.rect()))
        corners = np.array(
            [
                self._pane.to_flat(x, y)
                for x in (self._start.x(), at.x())
                for y in (self._start.y(), at.y())
            ]
        )
        first = np.maximum(np.ceil(corners.min(axis=0)), 0).astype(int)
        last = np.floor(corners.max(axis=0)).astype(int)
        found = None
        if (last >= first).all():
            inside = self._picture[first[0] : last[0] + 1, first[1] : last[1] + 1]
            found = window_of(inside, self._padding)
        view = self._bench.view
        view.level, view.width = found if found is not None else self._before
        return found

    def _end(self, at: QPoint) -> None:
        found = self._draw(at)
        self._put_away()
        if found is None:
            self._bench.inform(
                _(
                    "The box gives no window: it needs 9 voxels or more of different "
                    "values. Drag a larger one."
                )
            )

    def cancel(self) -> None:
        """Forget the box; the window is as it was."""
        if self._start is not None:
            self._put_away()
            self._bench.view.level, self._bench.view.width = self._before

    def _put_away(self) -> None:
        self._start = None
        self._picture = np.zeros((0, 0))
        self._canvas.removeEventFilter(self)
        self._band.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take Esc while the box is drawn."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            self.cancel()
            return True
        return False
