"""The sheet of glass over a picture that measurements are drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Kind
from medlab_gui.gui import measure_shapes as shapes
from medlab_gui.gui.measure_hand import MeasureHand
from medlab_gui.gui.measure_paint import Look, ShapePainter
from medlab_gui.gui.measure_pane import Pane, mm_to_flat
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.measurements import Measurement
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MeasureOverlay"]

_MARGIN = 4.0


class MeasureOverlay(QWidget):
    """Shows the measurements of the slice on one pane; the mouse does not feel it.

    Parameters
    ----------
    pane : Pane
        The picture.
    canvas : QWidget
        What it covers.
    bench : Workbench
        What is open.
    pans : callable, optional
        Whether the left button moves the picture for now.

    Attributes
    ----------
    pane : Pane
        The picture.
    hand : MeasureHand
        Gets the events of the mouse, see `MeasureHand.take`.
    """

    def __init__(
        self,
        pane: Pane,
        canvas: QWidget,
        bench: Workbench,
        pans: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(canvas)
        self.pane = self._pane = pane
        self._canvas = canvas
        self._bench = bench
        self._state = bench.measure
        self._shown = pane.slice_index
        self._painter = ShapePainter(self.font())
        self.hand = MeasureHand(pane, canvas, bench, self._text_at, self._refresh, pans)
        self.setObjectName("measure_overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        canvas.installEventFilter(self)
        self.setGeometry(canvas.rect())
        state = self._state
        for signal in (state.changed, state.selected_changed):
            signal.connect(self._refresh)
        bench.linked.slab_changed.connect(self._refresh)
        pane.watch(self._refresh)
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas whatever its size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False

    def _refresh(self, *_args: object) -> None:
        shown = self._pane.slice_index
        if shown != self._shown:
            # A measurement does not go from one slice to another.
            self._shown = shown
            self.hand.drop()
        # Where there is nothing to draw it is not there at all: scrolling costs
        # nothing.
        self.setVisible(bool(self._here()) or self.hand.draft() is not None)
        self.update()

    def _here(self) -> tuple[Measurement, ...]:
        if self._pane.grid is None:
            return ()
        pane = self._pane
        return self._state.on_slice(pane.plane, pane.slice_index, pane.series_uid)

    # ---- what is drawn --------------------------------------------------------

    def looks(self) -> list[tuple[str, Look]]:
        """Return what is drawn now, with the ids; an empty one is half drawn."""
        grid, plane = self._pane.grid, self._pane.plane
        if grid is None or self._pane.shown_index != self._pane.slice_index:
            return []  # on another slice they would say what is not there
        chosen, moved = self._state.selected, self.hand.moved()
        found: list[tuple[str, Look]] = []
        for one in self._here():
            if moved is not None and moved[0].id == one.id:
                found.append((one.id, self._unkept(one.kind, moved[1], one.label)))
                continue
            flat = mm_to_flat(grid, plane, one.points)
            text = tuple(self._state.lines(one))
            is_chosen = chosen is not None and chosen.id == one.id
            found.append((one.id, self._look(one.kind, flat, text, is_chosen)))
        draft = self.hand.draft()
        if draft is not None:
            found.append(("", self._unkept(*draft)))
        return found

    def _unkept(self, kind: Kind, flat: NDArray[np.float64], label: str = "") -> Look:
        """Return the look of what is under the hand, with live figures.

        Those of a line drawn by hand take too long for every movement.
        """
        measurement = None
        if kind is not Kind.FREEHAND:
            measurement = self.hand.as_measurement(kind, flat)
        lines = self._state.lines(measurement) if measurement is not None else []
        text = (label, *lines) if label else tuple(lines)
        return self._look(kind, flat, text, is_selected=True)

    def _look(
        self,
        kind: Kind,
        flat: NDArray[np.float64],
        text: tuple[str, ...],
        is_selected: bool,
    ) -> Look:
        to_canvas = self._pane.to_canvas
        if kind.is_region and text and self._is_slab():
            text = (*text, _("of the slice, not the slab"))
        return Look(
            kind,
            to_canvas(flat),
            to_canvas(shapes.outline(kind, flat)),
            to_canvas(shapes.handle_positions(kind, flat)),
            text,
            is_selected,
        )

    def _is_slab(self) -> bool:
        """Whether the picture shows several slices as one; figures are of one."""
        session, pane = self._bench.session, self._pane
        if session is None or pane.series_uid:  # a second series has no slabs
            return False
        spacing = PlaneGeometry(session.volume.grid, pane.plane).spacing
        return self._bench.linked.slab(pane.plane).reach(spacing) > 0

    def _room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)

    def _text_at(self, x: float, y: float) -> str:
        for id_, _look, box in reversed(self._placed()):
            if box is not None and box.contains(QPointF(x, y)):
                return id_
        return ""

    def _placed(self) -> list[tuple[str, Look, QRectF | None]]:
        """Return what is drawn now, and where its text goes."""
        looks = self.looks()
        boxes = self._painter.text_boxes((look for _, look in looks), self._room())
        return [(id_, look, box) for (id_, look), box in zip(looks, boxes, strict=True)]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is measured on this slice."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for _id, look, box in self._placed():
            self._painter.draw(painter, look, box)
        painter.end()
