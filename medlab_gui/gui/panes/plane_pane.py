"""A light view of one plane: coronal, sagittal or axial, to look at and point in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen, QTransform
from qtpy.QtWidgets import QWidget

from medlab_gui.core.display import Display
from medlab_gui.core.i18n import _
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.flat_camera import FlatCamera
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.plane_picture import (
    Overlay,
    doubt_palette,
    draw_picture,
    label_palette,
    slice_image,
    word_picture,
)
from medlab_gui.gui.panes.plane_values import Over, PlaneValues, Taken
from medlab_gui.gui.panes.unmeasured import hatch
from medlab_gui.gui.shading import shading
from medlab_gui.gui.stamps import LIGHT, Stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray
    from qtpy.QtGui import QFocusEvent, QPaintEvent, QResizeEvent

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.pair.plane_tint import PlaneTint
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PlanePane"]

_STROKE_MS = 60


class PlanePane(QWidget):
    """Shows the slice of one plane that the crosshair is on; nothing is edited here.

    The picture is drawn with numpy and QPainter, in proportion to the millimetres, and
    kept: a crosshair that moves within the slice costs two lines.

    Parameters
    ----------
    bench : Workbench
        What is open and how it is looked at.
    plane : Plane
        Which plane.
    parent : QWidget, optional
        Owner.

    Attributes
    ----------
    plane : Plane
        Which plane it shows.
    camera : FlatCamera
        Zoom and place.
    tint : PlaneTint or None
        Another series over this one.
    """

    series_uid = ""  # the open one, for `measure_pane.Pane`
    view_changed = QtSignal()
    """It was zoomed, moved or resized, or shows another slice."""

    def __init__(
        self, bench: Workbench, plane: Plane, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.plane = plane
        self._bench = bench
        self._state = bench.linked
        self._geometry: PlaneGeometry | None = None
        self.camera = FlatCamera()
        self._stamps = Stamps(self)
        self._values = PlaneValues(bench, plane)
        self._behind: int | None = None
        self._gray: tuple[object, NDArray[Any], QImage] | None = None
        self._base: tuple[object, QImage] | None = None
        self._shown: tuple[tuple[object, ...], QImage] | None = None
        self._palettes: dict[tuple[Any, ...], NDArray[np.uint32]] = {}
        self._changes = 0
        self._display = Display()
        self.tint: PlaneTint | None = None
        self._shown_slice = -1
        self.setObjectName(f"pane_{plane}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(_(marks.PLANE_TITLES[plane]))
        # A stroke is shown here when the hand rests, at most every so often.
        self._strokes = QTimer(self)
        self._strokes.setSingleShot(True)
        self._strokes.setInterval(_STROKE_MS)
        self._strokes.timeout.connect(self._on_mask)
        bench.session_changed.connect(self._on_session)
        self._state.moved.connect(self._on_moved)
        self._state.at_hand.changed.connect(self._refresh)
        self._state.slab_changed.connect(self._refresh)
        self._values.changed.connect(self._refresh)
        bench.measure.changed.connect(self._refresh)
        bench.view.events.connect(self._refresh)
        self._on_session()

    def minimumSizeHint(self) -> QSize:
        """Return the least that letters and text need."""
        return QSize(120, 120)

    # ---- what happens elsewhere -----------------------------------------------

    def _refresh(self, *_args: object) -> None:
        self.update()

    def _on_session(self) -> None:
        session = self._bench.session
        self._gray = self._base = None
        self._geometry = None
        self._values.forget()
        if session is not None:
            self._geometry = PlaneGeometry(
                session.volume.grid, self.plane, session.series.sides_assumed
            )
            self._display = session.series.display
            session.arrived.connect(self._on_arrived)
            session.edited.connect(self._on_edited)
            session.state_changed.connect(self._on_edited)
            session.prediction_changed.connect(self._on_prediction)
            if not self._bench.is_same_place:
                self._shown = None
                self.fit()
        self.update()

    def _on_arrived(self) -> None:
        self._values.renew()
        self.update()

    def _on_edited(self, *_args: object) -> None:
        if not self._strokes.isActive():
            self._strokes.start()

    def _on_mask(self) -> None:
        self._changes += 1
        self.update()

    def _on_prediction(self) -> None:
        self._values.let_go()
        self.update()

    def _on_moved(self) -> None:
        index = self._state.slice_of(self.plane)
        if index != self._shown_slice:
            self._shown_slice = index
            self.view_changed.emit()
        self.update()

    # ---- geometry (also `measure_pane.Pane`) ------------------------------------

    @property
    def grid(self) -> Grid | None:
        """Working grid of what is shown; None for nothing."""
        return self._geometry.grid if self._geometry is not None else None

    @property
    def slice_index(self) -> int:
        """Slice that is asked for."""
        return self._state.slice_of(self.plane)

    @property
    def shown_index(self) -> int:
        """Slice in sight: an earlier one until the one asked for is computed."""
        return self.slice_index if self._behind is None else self._behind

    def transform(self) -> QTransform:
        """Return the map from ``(column, row)`` to logical pixels."""
        assert self._geometry is not None
        return self.camera.transform(self._geometry, self.size())

    def to_canvas(self, flat: ArrayLike) -> NDArray[np.float64]:
        """Return logical pixels ``(x, y)``, shape (n, 2), of ``(row, column)``."""
        assert self._geometry is not None
        return self.camera.to_canvas(self._geometry, self.size(), flat)

    def to_flat(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the position ``(row, column)`` under a logical pixel."""
        assert self._geometry is not None
        return self.camera.to_flat(self._geometry, self.size(), x, y)

    def index_at(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the position ``(k, j, i)`` in the volume under a logical pixel."""
        index = np.empty(3)
        index[self.plane.axis] = self.slice_index
        index[list(self.plane.axes)] = self.to_flat(x, y)
        return index

    def watch(self, changed: Callable[..., object]) -> None:
        """Have a function called when zoom, place, slice or series change."""
        self.view_changed.connect(changed)

    # ---- zoom and place ---------------------------------------------------------

    def fit(self) -> None:
        """Show the whole slice."""
        self.camera.fits = True
        if self._geometry is not None:
            self.camera.fit(self._geometry, self.size())
            self._view_moved()

    def zoom_at(self, at: QPointF, factor: float) -> None:
        """Zoom so that what is under a point stays there."""
        self.camera.zoom_at(at, factor, self.size())
        self._view_moved()

    def move_by(self, pixels: QPointF) -> None:
        """Move the picture by logical pixels."""
        self.camera.move_by(pixels)
        self._view_moved()

    def _view_moved(self) -> None:
        self.view_changed.emit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting, if it fitted."""
        if self.camera.fits:
            self.fit()
        else:
            self._view_moved()

    # ---- the picture --------------------------------------------------------------

    def _palette(self, kind: str, opacity: float) -> NDArray[np.uint32]:
        session = self._bench.session
        assert session is not None
        hidden = self._bench.view.hidden
        key = (kind, opacity, (session.scheme, hidden) if kind == "labels" else None)
        if key not in self._palettes:
            if len(self._palettes) > 20:
                self._palettes.clear()
            self._palettes[key] = (
                label_palette(session.scheme, opacity, hidden)
                if kind == "labels"
                else doubt_palette(opacity)
            )
        return self._palettes[key]

    def _volumes_over(self) -> Over:
        session, view = self._bench.session, self._bench.view
        assert session is not None
        return Over(
            self._changes,
            mask=session.mask if view.mask_visible else None,
            prediction=session.prediction if view.prediction_visible else None,
            entropy=session.entropy if view.entropy_visible else None,
        )

    def _overlays(self, taken: Taken) -> tuple[Overlay, ...]:
        view, over = self._bench.view, taken.over
        found: list[Overlay] = []
        if taken.unmeasured is not None:
            found.append(hatch(taken.unmeasured))
        if over.entropy is not None:
            doubt = np.nan_to_num(over.entropy.astype(np.float32))
            steps = np.clip(doubt * 255, 0, 255).astype(np.uint8)
            found.append(Overlay(steps, self._palette("doubt", view.entropy_opacity)))
        if over.prediction is not None:
            palette = self._palette("labels", 1.0)
            found.append(Overlay(over.prediction, palette, True))
        if over.mask is not None:
            opacity = 1.0 if view.outline else view.mask_opacity
            palette = self._palette("labels", opacity)
            found.append(Overlay(over.mask, palette, view.outline))
        return tuple(found)

    @property
    def values(self) -> NDArray[Any] | None:
        """Grey values of what is shown, shape (rows, columns); None before it is."""
        last, slab = self._values.last, self._state.slab(self.plane)
        return last.values if last is not None and last.slab == slab else None

    def _gray_image(self, taken: Taken) -> QImage:
        """Return the slice in grey; made anew where slice, slab or window differ."""
        session, view = self._bench.session, self._bench.view
        assert session is not None
        key = (taken.index, view.level, view.width, view.inverted)
        known = self._gray
        if known is None or known[0] != key or known[1] is not taken.values:
            shown = shading(
                self._display, session.volume.data.dtype, inverted=view.inverted
            )
            picture = taken.read_values
            image = slice_image(picture, view.level, view.width, shown)
            self._gray = known = (key, taken.values, image)
        return known[2]

    @property
    def is_at_hand(self) -> bool:
        """Whether its picture can be made at once; if not, it is soon."""
        session, view = self._bench.session, self._bench.view
        assert session is not None
        wanted = (
            (session.volume.data, True),
            (session.prediction, view.prediction_visible),
            (session.entropy, view.entropy_visible),
        )
        return self._state.at_hand.has(
            tuple(a for a, visible in wanted if visible and a is not None)
        )

    def _meanwhile(self, what: tuple[object, ...], size: tuple[int, int]) -> QImage:
        """Return what is shown until all is at hand: the slice as it was, or black."""
        if self._shown is not None and self._shown[0] == what:
            return self._shown[1]
        return word_picture(size, _("Preparing…"), picture_font(self.font()), LIGHT)

    def picture(self) -> QImage:
        """Return what the pane shows, without marks, in device pixels."""
        view, ratio = self._bench.view, self.devicePixelRatioF()
        size = (round(self.width() * ratio), round(self.height() * ratio))
        assert self._bench.session is not None
        assert self._geometry is not None
        transform = self.transform() * QTransform.fromScale(ratio, ratio)
        index, slab = self.slice_index, self._state.slab(self.plane)
        spacing = self._geometry.spacing
        self._behind = None
        taken = None
        if self.is_at_hand:
            taken = self._values.of(index, slab, spacing, over=self._volumes_over())
        if taken is not None and taken.index != index:
            self._behind = index = taken.index
        what = (
            *(self._bench.session.series_uid, index, size, transform),
            *(slab, view.level, view.width, view.inverted),
        )
        if taken is None:
            return self._meanwhile(what, size)
        gray = self._gray_image(taken)
        tint = self.tint.image(index) if self.tint is not None else None
        key = (
            tint.cacheKey() if tint is not None else 0,
            *(gray.cacheKey(), taken.over, size, transform),
            *(view.smooth, view.outline, view.hidden),
            *(view.mask_opacity, view.entropy_opacity),
        )
        if self._base is None or self._base[0] != key:
            picture = draw_picture(
                gray,
                self._overlays(taken),
                transform,
                size,
                smooth=view.smooth,
                ratio=ratio,
                tint=tint,
            )
            picture.setDevicePixelRatio(ratio)
            self._base = (key, picture)
            self._shown = (what, picture)
        return self._base[1]

    # ---- drawing --------------------------------------------------------------------

    def corner_lines(self) -> tuple[list[str], list[str]]:
        """Return the lines at the top left and at the bottom left."""
        geometry = self._geometry
        if geometry is None:
            return [], []
        doubt = geometry.doubt
        title = marks.title(self.plane, geometry.grid, doubt=doubt)
        index = (np.array(geometry.grid.shape) - 1) / 2
        index[self.plane.axis] = at = self.shown_index
        mm = geometry.grid.to_mm(index)
        axis = {0: 2, 1: 1, 2: 0}[self.plane.axis]
        top = [
            title,
            _("Slice {n} / {total}").format(n=at + 1, total=geometry.n_slices),
            marks.side_text(float(mm[axis]), self.plane, doubt=doubt),
        ]
        return top, [_("{zoom:.1f} px/mm").format(zoom=self.camera.zoom)]

    def badge(self) -> str:
        """Return what must be known about the picture; empty for a plain slice."""
        session = self._bench.session
        if self._geometry is None or session is None:
            return ""
        return self._state.badge(self.plane, self._geometry.spacing, session.series)

    def crosshair_at(self) -> QPointF:
        """Return where the crosshair is, in logical pixels."""
        x, y = self.to_canvas(self._state.index[list(self.plane.axes)])[0]
        return QPointF(float(x), float(y))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the slice and what belongs over it."""
        painter = QPainter(self)
        if self._geometry is None or self._bench.session is None:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
            painter.end()
            return
        painter.drawImage(0, 0, self.picture())
        view = self._bench.view
        room = QRectF(self.rect())
        if view.crosshair and self._bench.linked.is_linked:
            marks.draw_crosshair(painter, room, self.crosshair_at(), self.plane)
        font = picture_font(self.font())
        size = (room.width(), room.height())
        self._draw_corners(painter, font, with_text=view.corner_text)
        if view.letters:
            large, letters = marks.letter_font(font), self._geometry.edge_letters
            marks.draw_letters(painter, self._stamps, large, size, letters)
        if view.scale_bar:
            caution = self._bench.measure.scale_caution(self.plane)
            marks.draw_scale_bar(
                painter, self._stamps, font, size, 1 / self.camera.zoom, caution
            )
        if self.hasFocus():
            painter.setPen(QPen(marks.PLANE_COLORS[self.plane], 1))
            painter.drawRect(room.adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_corners(self, painter: QPainter, font: QFont, *, with_text: bool) -> None:
        top, bottom = self.corner_lines() if with_text else ([], [])
        color: QColor = marks.PLANE_COLORS[self.plane]
        lines = [(line, color if n == 0 else LIGHT) for n, line in enumerate(top)]
        told, caution = self.tint.lines() if self.tint is not None else ("", "")
        if told:
            lines.append((told, LIGHT))
        lines += [(t, marks.BADGE_COLOR) for t in (self.badge(), caution) if t]
        size = (self.width() - 2 * marks.MARGIN, self.height())
        letter = ""
        if self._bench.view.letters and self._geometry is not None:
            letter = self._geometry.edge_letters[2]
        marks.draw_corners(painter, self._stamps, font, size, lines, bottom, letter)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the frame of the pane that keys go to."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show no frame."""
        self.update()
