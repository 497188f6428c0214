"""The hand that measures: what presses, drags and clicks on a picture mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.measurements import Kind, Measurement, as_points
from medlab_gui.gui import measure_shapes as shapes
from medlab_gui.gui.measure_pane import Pane, flat_to_mm, mm_to_flat
from medlab_gui.gui.view_state import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.geometry import Grid
    from medlab_gui.gui.measure_state import MeasureState
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MeasureHand"]

_CLICK_PX = 4.0
"""A press and a release this near to each other are a click."""

_REACH_PX = 7.0
_STEP_PX = 2.0


@dataclass
class _Drag:
    """A measurement that is being moved."""

    before: Measurement
    handle: int  # -1 for all of it
    start: NDArray[np.float64]
    at: QPointF
    points: NDArray[np.float64]


class MeasureHand:
    """Draws and moves measurements on one pane.

    Parameters
    ----------
    pane : Pane
        The picture.
    canvas : QWidget
        Its widget.
    bench : Workbench
        What is open.
    text_at : callable
        ``text_at(x, y)`` returns the id of the measurement whose text is there, or "".
    redraw : callable
        Called when what is half drawn changed.
    pans : callable
        Whether the left button moves the picture for now.
    """

    def __init__(
        self,
        pane: Pane,
        canvas: QWidget,
        bench: Workbench,
        text_at: Callable[[float, float], str],
        redraw: Callable[[], object],
        pans: Callable[[], bool],
    ) -> None:
        self._pane = pane
        self._canvas = canvas
        self._bench = bench
        self._state: MeasureState = bench.measure
        self._text_at = text_at
        self._redraw = redraw
        self._pans = pans
        self._draft: list[NDArray[np.float64]] = []
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._drag: _Drag | None = None
        self._state.dropped.connect(self.drop)
        self._state.tool_changed.connect(self._show_cursor)

    # ---- what is drawn --------------------------------------------------------

    def draft(self) -> tuple[Kind, NDArray[np.float64]] | None:
        """Return what is half drawn: its kind and its points so far, shape (n, 2)."""
        kind = self._state.tool
        if kind is None or len(self._draft) < 2:
            return None
        return kind, self._shape(kind)

    def moved(self) -> tuple[Measurement, NDArray[np.float64]] | None:
        """Return what is being moved, and where its points are by now."""
        return (self._drag.before, self._drag.points) if self._drag else None

    def as_measurement(
        self, kind: Kind, flat: NDArray[np.float64], id_: str = ""
    ) -> Measurement | None:
        """Return points in the slice as a measurement; None where they are none."""
        grid = self._pane.grid
        if grid is None:
            return None
        pane = self._pane
        try:
            return Measurement(
                id_,
                pane.series_uid,
                kind,
                pane.plane,
                pane.slice_index,
                self._mm(flat),
            )
        except GeometryError:
            return None

    def _shape(self, kind: Kind) -> NDArray[np.float64]:
        if kind is Kind.RECTANGLE:
            return shapes.box_corners(self._draft[0], self._draft[-1])
        if kind is Kind.ELLIPSE:
            return shapes.ellipse_ends(
                self._draft[0], self._draft[-1], self._pixel_mm()
            )
        return np.stack(self._draft)

    def _grid(self) -> Grid:
        grid = self._pane.grid
        assert grid is not None
        return grid

    def _pixel_mm(self) -> NDArray[np.float64]:
        return np.array([self._grid().spacing[a] for a in self._pane.plane.axes])

    def _shape_yx(self) -> tuple[int, int]:
        rows, columns = (self._grid().shape[a] for a in self._pane.plane.axes)
        return rows, columns

    def _mm(self, flat: NDArray[np.float64]) -> tuple[tuple[float, float, float], ...]:
        pane = self._pane
        return as_points(flat_to_mm(self._grid(), pane.plane, pane.slice_index, flat))

    def _flat(self, measurement: Measurement) -> NDArray[np.float64]:
        return mm_to_flat(self._grid(), self._pane.plane, measurement.points)

    def drop(self) -> None:
        """Forget what is half drawn or moved."""
        self._draft.clear()
        self._pressed = None
        self._drag = None
        self._state.drawing = False
        self._redraw()

    # ---- the mouse --------------------------------------------------------------

    def take(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Handle an event of the mouse; return whether it was about measuring."""
        state = self._state
        if (
            not state.is_ready(self._pane.series_uid)
            or self._pane.grid is None
            or self._bench.mode is not Mode.REVIEW
        ):
            return False
        at = event.position()
        if kind == QEvent.Type.MouseMove:
            return self._move(at, event.buttons())
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        if kind == QEvent.Type.MouseButtonRelease:
            return self._release(at)
        if event.modifiers() != Qt.KeyboardModifier.NoModifier or self._pans():
            return False
        return self._press(at)

    def _press(self, at: QPointF) -> bool:
        if not self._draft and self._take_hold(at):
            self._canvas.setFocus()
            return True
        tool = self._state.tool
        if tool is None:
            self._state.select("")
            return False
        self._canvas.setFocus()
        self._state.select("")
        self._pressed = self._last = at
        place = self._inside(at)
        if tool is Kind.ANGLE and self._draft:
            # What followed the mouse stays where it was clicked.
            self._draft[-1] = place
        else:
            self._draft = [place]
        self._draft.append(place)
        self._state.drawing = True
        self._redraw()
        return True

    def _take_hold(self, at: QPointF) -> bool:
        found = self._under(at)
        if found is None:
            return False
        measurement, handle = found
        flat = self._flat(measurement)
        self._state.select(measurement.id)
        start = self._pane.to_flat(at.x(), at.y())
        self._drag = _Drag(measurement, handle, start, at, flat)
        self._state.drawing = True
        self._redraw()
        return True

    def _move(self, at: QPointF, buttons: Qt.MouseButton) -> bool:
        held = bool(buttons & Qt.MouseButton.LeftButton)
        if self._drag is not None and held:
            self._pull(at)
            return True
        if self._draft and (held or self._state.tool is Kind.ANGLE):
            self._extend(at)
            return True
        if not held:
            self._show_cursor(at)
        return self._pressed is not None

    def _pull(self, at: QPointF) -> None:
        drag = self._drag
        assert drag is not None
        flat = self._flat(drag.before)
        if drag.handle < 0:
            shift = self._pane.to_flat(at.x(), at.y()) - drag.start
            moved = flat + shift
            drag.points = shapes.kept_inside(moved, self._shape_yx(), whole=True)
        else:
            drag.points = shapes.with_handle_at(
                drag.before.kind, flat, drag.handle, self._inside(at), self._pixel_mm()
            )
        self._redraw()

    def _extend(self, at: QPointF) -> None:
        place = self._inside(at)
        if self._state.tool is Kind.FREEHAND:
            if _apart(at, self._last) < _STEP_PX:
                return
            self._draft.append(place)
        else:
            self._draft[-1] = place
        self._last = at
        self._redraw()

    def _release(self, at: QPointF) -> bool:
        if self._drag is not None:
            self._end_drag(at)
            return True
        if self._pressed is None:
            return False
        pressed, self._pressed = self._pressed, None
        tool = self._state.tool
        if tool is None:
            self.drop()
            return True
        self._extend(at)
        is_click = _apart(at, pressed) < _CLICK_PX
        if tool is Kind.ANGLE:
            self._end_angle_step(is_click=is_click)
        elif is_click and tool is not Kind.FREEHAND:
            self.drop()
        else:
            self._finish(tool)
        return True

    def _end_angle_step(self, *, is_click: bool) -> None:
        """Count corners: three clicks, or a drag for the first arm and a click."""
        n_set = len(self._draft) - 1 if is_click else len(self._draft)
        if n_set >= 3:
            self._draft = [*self._draft[:2], self._draft[-1]]
            self._finish(Kind.ANGLE)
        elif not is_click:
            self._draft.append(self._draft[-1])
        self._redraw()

    def _finish(self, kind: Kind) -> None:
        flat = self._shape(kind)
        if kind is Kind.FREEHAND:
            flat = shapes.thinned(flat)
        pane = self._pane
        size = np.ptp(pane.to_canvas(flat), axis=0).max()
        if size >= _CLICK_PX and self.as_measurement(kind, flat) is not None:
            points = self._mm(flat)
            self.drop()
            self._state.add(kind, pane.plane, pane.slice_index, points, pane.series_uid)
        else:
            self.drop()

    def _end_drag(self, at: QPointF) -> None:
        drag = self._drag
        assert drag is not None
        if _apart(at, drag.at) >= 1.0:
            self._pull(at)
        points, before = drag.points, drag.before
        was_moved = _apart(at, drag.at) >= 1.0
        self.drop()
        if was_moved and self.as_measurement(before.kind, points) is not None:
            self._state.change(before.id, points=self._mm(points))

    # ---- what is under the mouse ------------------------------------------------

    def _under(self, at: QPointF) -> tuple[Measurement, int] | None:
        """Return the measurement there and its handle, -1 for its line or text."""
        pane, state = self._pane, self._state
        here = state.on_slice(pane.plane, pane.slice_index, pane.series_uid)
        if not here:
            return None
        point = (at.x(), at.y())
        chosen = state.selected
        # What is selected shows its handles, so it comes first; then the newest.
        order = list(reversed(here))
        order.sort(key=lambda m: chosen is None or m.id != chosen.id)
        for one in order:
            flat = self._flat(one)
            handles = pane.to_canvas(shapes.handle_positions(one.kind, flat))
            if len(handles):
                away = np.abs(handles - point).max(axis=1)
                if away.min() <= _REACH_PX:
                    return one, int(away.argmin())
        for one in order:
            line = pane.to_canvas(shapes.outline(one.kind, self._flat(one)))
            if shapes.near_line(line, point, _REACH_PX - 1):
                return one, -1
        if state.tool is not None:
            # Texts are large and cover what one may want to measure next.
            return None
        written = self._text_at(at.x(), at.y())
        return next(((m, -1) for m in order if m.id == written), None)

    def _inside(self, at: QPointF) -> NDArray[np.float64]:
        flat = self._pane.to_flat(at.x(), at.y())
        return shapes.kept_inside(flat, self._shape_yx(), whole=False)

    def _show_cursor(self, at: QPointF | None = None) -> None:
        found = self._under(at) if at is not None else None
        if found is not None:
            self._canvas.setCursor(
                Qt.CursorShape.SizeAllCursor
                if found[1] < 0
                else Qt.CursorShape.PointingHandCursor
            )
        elif self._state.tool is not None:
            self._canvas.setCursor(Qt.CursorShape.CrossCursor)
        elif self._canvas.cursor().shape() in _OURS:
            self._canvas.unsetCursor()


_OURS = {
    Qt.CursorShape.SizeAllCursor,
    Qt.CursorShape.PointingHandCursor,
    Qt.CursorShape.CrossCursor,
}


def _apart(one: QPointF, other: QPointF) -> float:
    moved = one - other
    return float(np.hypot(moved.x(), moved.y()))
