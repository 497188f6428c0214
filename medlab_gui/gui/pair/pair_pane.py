"""The second series in a pane of its own, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QColor, QFont, QPainter, QPen, QTransform
from qtpy.QtWidgets import QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.overlays import position_text
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.flat_camera import FlatCamera
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.plane_picture import draw_picture, slice_image
from medlab_gui.gui.panes.unmeasured import hatch
from medlab_gui.gui.shading import shading
from medlab_gui.gui.stamps import LIGHT, Stamps
from medlab_gui.imaging.padding import is_padding

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QFocusEvent, QImage, QPaintEvent, QResizeEvent

    from medlab_gui.gui.pair.resliced import Resliced
    from medlab_gui.gui.panes.plane_picture import Overlay
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PairPane"]


class PairPane(QWidget):
    """Shows the slice of the second series that goes with the one of the first.

    Where its slices are parallel to those of the first it shows its own voxels. Only
    where they are not, it shows them resampled into the plane of the first, and says
    so. Where it has no slice, it shows none.

    Parameters
    ----------
    bench : Workbench
        What is open; ``bench.pair`` says what is shown here.
    slices : Resliced
        For planes that are not parallel.
    parent : QWidget, optional
        Owner.

    Attributes
    ----------
    camera : FlatCamera
        Zoom and place.
    """

    moved_by_hand = QtSignal()
    """Somebody zoomed or moved it here."""
    view_changed = QtSignal()
    """It was zoomed, moved or resized."""
    fit_asked = QtSignal()
    """Somebody wants to see all of it."""

    def __init__(
        self, bench: Workbench, slices: Resliced, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._slices = bench, slices
        self._state = bench.pair
        self._stamps = Stamps(self)
        self._gray: tuple[object, QImage] | None = None
        self._hover: QPointF | None = None
        self._geometry: PlaneGeometry | None = None
        self.camera = FlatCamera()
        self.setObjectName("pair_pane")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(_("Second series"))
        self._state.changed.connect(self._on_changed)
        self._state.moved.connect(self._on_moved)
        self._state.shown_changed.connect(self._refresh)
        bench.linked.moved.connect(self._refresh)
        bench.view.events.connect(self._refresh)
        slices.ready.connect(self._refresh)

    def minimumSizeHint(self) -> QSize:
        """Return the least that letters and text need."""
        return QSize(160, 160)

    def _refresh(self, *_args: object) -> None:
        self.update()

    def _on_changed(self) -> None:
        self._gray = self._geometry = None
        self._hover = None
        if self._state.second is not None:
            self._on_moved()
            self.fit()
        self.update()

    def _on_moved(self) -> None:
        """Fit anew where another grid is shown: resampled or not."""
        second = self._state.second
        if second is None:
            return
        pair = self._state.pair
        grid = pair.first if self._state.is_resampled else pair.second
        if self._geometry is None or self._geometry.grid is not grid:
            self._geometry = PlaneGeometry(grid, Plane.AXIAL, self._doubt)
            self.fit()
        self.update()

    @property
    def _doubt(self) -> bool:
        """Whether directions of what is drawn are only assumed."""
        second, session = self._state.second, self._bench.session
        if second is None or session is None:
            return False
        # Resampled, it lies as the first series does.
        is_first = self._state.is_resampled and session.series.sides_assumed
        return second.sides_assumed or is_first

    # ---- geometry ------------------------------------------------------------------

    @property
    def slice_index(self) -> int | None:
        """Slice of the grid that is drawn; None where there is nothing to draw."""
        session = self._bench.session
        if session is None or self._state.second is None:
            return None
        return session.k if self._state.is_resampled else self._state.match.index

    def index_at(self, at: QPointF) -> NDArray[np.float64] | None:
        """Return the position ``(k, j, i)`` in the second series under a pixel."""
        k = self.slice_index
        if k is None or self._geometry is None:
            return None
        flat = self.camera.to_flat(self._geometry, self.size(), at.x(), at.y())
        mm = self._geometry.grid.to_mm((k, *flat))
        return self._state.pair.second.to_index(mm)

    def pixel_of(self, index: Any) -> QPointF | None:
        """Return where a position ``(k, j, i)`` of the second series is drawn."""
        if self._geometry is None:
            return None
        mm = self._state.pair.second.to_mm(index)
        _k, row, column = self._geometry.grid.to_index(mm)
        return self.transform().map(QPointF(float(column), float(row)))

    def transform(self) -> QTransform:
        """Return the map from ``(column, row)`` of what is drawn to logical pixels."""
        assert self._geometry is not None
        return self.camera.transform(self._geometry, self.size())

    def _view_moved(self) -> None:
        self.view_changed.emit()
        self.update()

    @property
    def geometry_shown(self) -> PlaneGeometry | None:
        """How the grid that is drawn lies on the screen; None for nothing."""
        return self._geometry

    def look_at(self, center: tuple[float, float], zoom: float) -> None:
        """Show a place in mm of the slice in the middle, in pixels for a mm."""
        self.camera.center, self.camera.zoom = center, zoom
        self.camera.fits = False
        self._view_moved()

    def fit(self) -> None:
        """Show the whole slice."""
        if self._geometry is not None:
            self.camera.fit(self._geometry, self.size())
            self._view_moved()

    def zoom_at(self, at: QPointF, factor: float) -> None:
        """Zoom so that what is under a point stays there."""
        self.camera.zoom_at(at, factor, self.size())
        self._view_moved()
        self.moved_by_hand.emit()

    def move_by(self, pixels: QPointF) -> None:
        """Move the picture by logical pixels."""
        self.camera.move_by(pixels)
        self._view_moved()
        self.moved_by_hand.emit()

    def hover(self, at: QPointF | None) -> None:
        """Tell the value under a pixel, whatever slice is there, or none."""
        self._hover = at
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting, if it fitted."""
        if self.camera.fits:
            self.fit()
        else:
            self._view_moved()

    # ---- the picture ---------------------------------------------------------------

    def _gray_image(self) -> QImage | None:
        state, k = self._state, self.slice_index
        second = state.second
        if second is None or k is None:
            return None
        picture: NDArray[Any] | None
        if state.is_resampled:
            picture = self._slices.get(k)
        else:
            picture = np.asarray(second.volume.data[k])
        if picture is None:
            return None
        key = (state.is_resampled, k, state.level, state.width, second.uid)
        if self._gray is None or self._gray[0] != key:
            shown = shading(second.display, second.volume.data.dtype, inverted=False)
            image = slice_image(picture, state.level, state.width, shown)
            self._gray = (key, image)
        return self._gray[1]

    def message(self) -> str:
        """Return why nothing is drawn; empty where there is a picture."""
        second, session = self._state.second, self._bench.session
        if second is None or session is None:
            return ""
        if self._state.is_resampled:
            picture = self._slices.get(session.k)
            if picture is None:
                return _("Resampling…")
            if not np.isfinite(picture).any():
                return _("The other series was not measured here.")
            return ""
        match = self._state.match
        if match.index is not None:
            return ""
        return _(
            "The other series has no slice here.\nIts nearest is {mm:.1f} mm away."
        ).format(mm=abs(match.off_mm))

    def corner_lines(self) -> list[str]:
        """Return the lines at the top left."""
        second, k = self._state.second, self.slice_index
        if second is None or self._geometry is None:
            return []
        lines = [second.title]
        if k is None or self.message():
            return lines
        grid = self._geometry.grid
        middle = (k, *((n - 1) / 2 for n in grid.shape[1:]))
        if self._state.is_resampled:
            lines.append(_("resampled into the plane of the first series"))
        else:
            lines.append(_("Slice {n} / {total}").format(n=k + 1, total=grid.shape[0]))
        z_mm = float(grid.to_mm(middle)[2])
        lines.append(marks.side_text(z_mm, Plane.AXIAL, doubt=self._doubt))
        if not self._state.is_resampled and k in second.not_measured:
            lines.append(_("not measured: filled"))
        off = abs(self._state.match.off_mm)
        if off >= 0.05 and not self._state.is_resampled:
            lines.append(_("{mm:.1f} mm from the first's plane").format(mm=off))
        return lines

    def bottom_lines(self) -> list[str]:
        """Return the lines at the bottom left: what is under the mouse, the window."""
        second = self._state.second
        if second is None:
            return []
        lines = []
        index = self.index_at(self._hover) if self._hover is not None else None
        if index is not None:
            value = self._value_at(index)
            if value is not None:
                lines.append(f"{value:.4g} {second.units}")
                mm = second.volume.grid.to_mm(index)
                as_in = self._bench.settings.mm_convention
                lines.append(position_text(mm, as_in, doubt=self._doubt))
        lines.append(
            marks.window_text(self._state.level, self._state.width, second.units)
        )
        return lines

    def _value_at(self, index: NDArray[np.float64]) -> float | None:
        """Return the voxel that a position lies in; never an interpolated value."""
        second = self._state.second
        assert second is not None
        voxel = np.floor(index + 0.5).astype(int)
        shape = second.volume.grid.shape
        if np.any(voxel < 0) or np.any(voxel >= shape):
            return None
        return float(second.volume.data[tuple(voxel)])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the slice and what belongs over it."""
        painter = QPainter(self)
        gray, ratio = self._gray_image(), self.devicePixelRatioF()
        if gray is None or self._geometry is None:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
        else:
            picture = draw_picture(
                gray,
                self._hatching(),
                self.transform() * QTransform.fromScale(ratio, ratio),
                (round(self.width() * ratio), round(self.height() * ratio)),
                smooth=self._bench.view.smooth,
                ratio=ratio,
            )
            picture.setDevicePixelRatio(ratio)
            painter.drawImage(0, 0, picture)
        self._draw_marks(painter)
        painter.end()

    def _hatching(self) -> tuple[Overlay, ...]:
        second, k = self._state.second, self.slice_index
        if second is None or second.filling is None or k is None:
            return ()
        if self._state.is_resampled:  # not a number where it was not measured
            picture = self._slices.get(k)
            mask = None if picture is None else ~np.isfinite(picture)
        else:
            mask = is_padding(second.volume.data[k], second.filling)
        return () if mask is None else (hatch(mask),)

    def _draw_marks(self, painter: QPainter) -> None:
        view, room = self._bench.view, QRectF(self.rect())
        font = picture_font(self.font())
        message, geometry = self.message(), self._geometry
        if message:
            painter.setPen(marks.BADGE_COLOR)
            painter.setFont(font)
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room.adjusted(20, 0, -20, 0), middle, message)
        elif geometry is not None:
            size = (room.width(), room.height())
            cross = self.crosshair_at()
            if cross is not None and view.crosshair:
                marks.draw_crosshair(painter, room, cross, Plane.AXIAL)
            letters = self._letters()
            if letters is not None:
                large = marks.letter_font(font)
                marks.draw_letters(painter, self._stamps, large, size, letters)
            if view.scale_bar:
                second = self._state.second
                caution = second.caution if second is not None else ""
                marks.draw_scale_bar(
                    painter, self._stamps, font, size, 1 / self.camera.zoom, caution
                )
        self._draw_corners(painter, font)
        if self.hasFocus():
            painter.setPen(QPen(marks.FRAME_COLOR, 1))
            painter.drawRect(room.adjusted(0, 0, -1, -1))

    def crosshair_at(self) -> QPointF | None:
        """Return where the crosshair of the first series is; None where unknown."""
        state, mm = self._state, self._bench.linked.mm
        if mm is None or not state.shares_place:
            return None
        return self.pixel_of(state.pair.second.to_index(mm))

    def _draw_corners(self, painter: QPainter, font: QFont) -> None:
        tops: list[tuple[str, QColor]] = []
        if self._bench.view.corner_text:
            tops += [(line, LIGHT) for line in self.corner_lines()]
        if self._state.badge():
            tops.append((self._state.badge(), marks.BADGE_COLOR))
        bottom = self.bottom_lines() if self._bench.view.corner_text else []
        size = (self.width() - 2 * marks.MARGIN, self.height())
        letters = self._letters()
        letter = letters[2] if letters is not None else ""
        marks.draw_corners(painter, self._stamps, font, size, tops, bottom, letter)

    def _letters(self) -> tuple[str, str, str, str] | None:
        """Return the letters of the edges, where they are drawn."""
        shown = self._bench.view.letters and not self.message()
        geometry = self._geometry if shown else None
        return geometry.edge_letters if geometry is not None else None

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the frame of the pane that keys go to."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show no frame."""
        self.update()
