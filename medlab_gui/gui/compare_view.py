"""Original and processed slice: side by side, under a swipe line, or subtracted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt
from qtpy.QtGui import (
    QColor,
    QCursor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTransform,
    QWheelEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui import compare_painting as paint
from medlab_gui.gui.panes.marks import draw_letters, letter_font
from medlab_gui.gui.slice_camera import SliceCamera
from medlab_gui.gui.stamps import Stamps
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, Notches

if TYPE_CHECKING:
    from qtpy.QtGui import QImage

    from medlab_gui.gui.preview import Preview
    from medlab_gui.imaging.quality import Region

__all__ = ["CompareLayout", "ComparePictures"]

_NEAR = 14.0
_FILLS = 0.98
"""Share of its room that a slice takes when it fits; the canvas does the same."""


class CompareLayout(StrEnum):
    """How the two pictures lie."""

    SIDE = "side"
    SWIPE = "swipe"
    DIFFERENCE = "difference"


class ComparePictures(QWidget):
    """The two pictures; zoom and place are common to both and to the canvas.

    Wheel: slice. Ctrl and wheel, or plus and minus: zoom. Dragging with the left or
    the middle button moves the pictures; dragging the line moves the line, and so do
    the left and right keys. Double click fits.

    Parameters
    ----------
    camera : SliceCamera, optional
        Which part is shown; one of its own where it is not given.
    parent : QWidget, optional
        Owner.
    """

    stepped = QtCore.Signal(int)
    """The person asked for a slice so many further up."""
    hovered = QtCore.Signal(object)
    """``(j, i)`` of the voxel under the pointer, or None."""
    dismissed = QtCore.Signal()
    """Escape was pressed."""

    def __init__(
        self, camera: SliceCamera | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.camera = camera or SliceCamera()
        self._preview: Preview | None = None
        self._outdated = False
        self._layout = CompareLayout.SIDE
        self._outline_shown = True
        self._overlays: tuple[tuple[QImage, ...], tuple[QImage, ...]] = ((), ())
        self._region: Region | None = None
        self._split = 0.5
        self._drag: str | None = None
        self._last = QPointF()
        self._notches = Notches()
        self._stamps = Stamps(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(_("Original and processed slice"))
        self.camera.changed.connect(self._on_camera)

    def _on_camera(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which noise can be judged."""
        return QSize(900, 460)

    # ---- what is shown --------------------------------------------------------

    @property
    def preview(self) -> Preview | None:
        """What is shown."""
        return self._preview

    def set_preview(self, preview: Preview | None) -> None:
        """Show another slice or result (None: none); zoom and place stay."""
        self._preview, self._outdated = preview, False
        self.update()

    def set_outdated(self, outdated: bool) -> None:
        """Say that the processed picture is that of other steps than those listed."""
        if outdated != self._outdated:
            self._outdated = outdated
            self.update()

    def set_overlays(
        self, before: tuple[QImage, ...], after: tuple[QImage, ...]
    ) -> None:
        """Draw pictures with a see-through ground over the original and the processed.

        Parameters
        ----------
        before, after : tuple of QImage
            One pixel for each voxel, the first one lowest.
        """
        self._overlays = (before, after)
        self.update()

    @property
    def overlays(self) -> tuple[tuple[QImage, ...], tuple[QImage, ...]]:
        """What is drawn over the original and over the processed picture."""
        return self._overlays

    @property
    def arrangement(self) -> CompareLayout:
        """Side by side, under a line, or subtracted."""
        return self._layout

    @arrangement.setter
    def arrangement(self, layout: CompareLayout) -> None:
        self._layout = CompareLayout(layout)
        self.update()

    @property
    def split(self) -> float:
        """Where the line stands, 0 (left end) to 1."""
        return self._split

    @split.setter
    def split(self, share: float) -> None:
        self._split = min(1.0, max(0.0, share))
        self.update()

    def set_region(self, region: Region | None) -> None:
        """Draw the square in which noise is measured; None: none."""
        if region != self._region:
            self._region = region
            self.update()

    def set_outline_shown(self, shown: bool) -> None:
        """Draw the outline of the mask over the pictures, or not."""
        self._outline_shown = shown
        self.update()

    # ---- geometry -------------------------------------------------------------

    def _rooms(self) -> tuple[QRectF, QRectF]:
        """Room of the original and of the processed picture."""
        whole = QRectF(self.rect())
        if self._layout is not CompareLayout.SIDE:
            return whole, whole
        half = (whole.width() - 2) / 2
        return (
            QRectF(0, 0, half, whole.height()),
            QRectF(half + 2, 0, half, whole.height()),
        )

    def _transform(self, room: QRectF) -> QTransform:
        """Return the map from ``(column, row)`` to pixels of a room, and beyond it.

        Pixels that are not square, and slanted ones, are drawn as they are.
        """
        assert self._preview is not None
        geometry = self._preview.geometry
        left, top, right, bottom = geometry.bounds
        scale = min(room.width() / (right - left), room.height() / (bottom - top))
        m = geometry.matrix * (scale * _FILLS * self.camera.zoom)
        there = QTransform(m[0, 1], m[1, 1], m[0, 0], m[1, 0], 0, 0)
        y, x = self.camera.center
        rows, columns = geometry.shape
        middle = there.map(QPointF(x * columns - 0.5, y * rows - 0.5))
        to = room.center() - middle
        return there * QTransform.fromTranslate(to.x(), to.y())

    def _flat_at(self, point: QPointF, room: QRectF) -> QPointF:
        """Return ``(column, row)`` of the slice under a point of a room."""
        back, _invertible = self._transform(room).inverted()
        return back.map(point)

    def _move_by(self, flat: QPointF) -> None:
        """Look at a place so many columns and rows further on."""
        assert self._preview is not None
        rows, columns = self._preview.geometry.shape
        y, x = self.camera.center
        center = (y + flat.y() / rows, x + flat.x() / columns)
        self.camera.look_at(center, self.camera.zoom)

    def _room_at(self, point: QPointF) -> QRectF:
        left, right = self._rooms()
        return right if right.contains(point) else left

    def voxel_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return ``(j, i)`` of the voxel drawn at a point, or None beside the slice."""
        if self._preview is None:
            return None
        flat = self._flat_at(point, self._room_at(point))
        rows, columns = self._preview.original.shape
        j, i = int((flat.y() + 0.5) // 1), int((flat.x() + 0.5) // 1)
        return (j, i) if 0 <= j < rows and 0 <= i < columns else None

    def voxel_under_pointer(self) -> tuple[int, int] | None:
        """Return ``(j, i)`` of the voxel under the pointer, if there is one."""
        if not self.underMouse():
            return None
        return self.voxel_at(QPointF(self.mapFromGlobal(QCursor.pos())))

    # ---- painting -------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw pictures, captions, letters and the line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), paint.GROUND)
        p = self._preview
        if p is None:
            painter.setPen(QColor(200, 200, 200))
            painter.drawText(
                self.rect(),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                _("Open a series to compare a slice before and after preprocessing."),
            )
            return
        left, right = self._rooms()
        if self._layout is CompareLayout.DIFFERENCE:
            self._draw(painter, (p.difference_image,), left, left)
            paint.caption(painter, left, self._told(_("Processed minus original")))
            self._draw_letters(painter, left)
            paint.scale(painter, left, p.limit, p.difference_unit)
            return
        before = (p.original_image, *self._overlays[0])
        after = (p.processed_image, *self._overlays[1])
        if self._layout is CompareLayout.SIDE:
            self._draw(painter, before, left, left)
            self._draw(painter, after, right, right)
            painter.fillRect(QRectF(left.right(), 0, 2, left.height()), QColor("#555"))
            paint.caption(painter, left, _("Original"))
            paint.caption(painter, right, self._told(_("Processed")))
            self._draw_letters(painter, left)
            self._draw_letters(painter, right)
            return
        at = self.width() * self._split
        shown = (
            QRectF(0, 0, at, self.height()),
            QRectF(at, 0, self.width() - at, self.height()),
        )
        self._draw(painter, before, left, shown[0])
        self._draw(painter, after, left, shown[1])
        self._draw_letters(painter, left)
        paint.swipe_line(painter, at, self.height())
        paint.caption(painter, shown[0], _("Original"))
        after_line = self._told(_("Processed"))
        paint.caption(painter, shown[1], after_line, right_end=True)

    def _told(self, caption: str) -> str:
        if not self._outdated:
            return caption
        return _("{picture}, before the last change").format(picture=caption)

    def _draw(
        self,
        painter: QPainter,
        images: tuple[QImage, ...],
        room: QRectF,
        clip: QRectF,
    ) -> None:
        assert self._preview is not None
        painter.save()
        painter.setClipRect(clip)
        rows, columns = self._preview.original.shape
        target = QRectF(-0.5, -0.5, columns, rows)
        painter.setTransform(self._transform(room))
        # Large pixels are shown as what they are.
        smooth = self.camera.zoom < 4
        for place, image in enumerate(images):
            painter.setRenderHint(
                QPainter.RenderHint.SmoothPixmapTransform, smooth and place == 0
            )
            painter.drawImage(target, image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if self._preview.hatch is not None:
            painter.drawImage(target, self._preview.hatch)
        if self._outline_shown and self._preview.outline is not None:
            painter.drawImage(target, self._preview.outline)
        if self._region is not None:
            down, across = self._region
            box = QRectF(across.start - 0.5, down.start - 0.5, 0, 0)
            box.setSize(QSizeF(across.stop - across.start, down.stop - down.start))
            paint.dashed_box(painter, box)
        painter.restore()

    def _draw_letters(self, painter: QPainter, room: QRectF) -> None:
        """Write the patient's sides at the edges of a room, on any ground."""
        assert self._preview is not None
        font = letter_font(self.font(), 11)
        painter.save()
        painter.translate(room.topLeft())
        size = (room.width(), room.height())
        letters = self._preview.geometry.edge_letters
        draw_letters(painter, self._stamps, font, size, letters)
        painter.restore()

    # ---- mouse and keys -------------------------------------------------------

    def _on_line(self, point: QPointF) -> bool:
        return (
            self._layout is CompareLayout.SWIPE
            and abs(point.x() - self.width() * self._split) <= _NEAR
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line, or the pictures."""
        point = event.position()
        if event.button() == Qt.MouseButton.LeftButton and self._on_line(point):
            self._drag = "line"
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = "pictures"
        self._last = point

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was taken; tell which voxel is under the pointer."""
        point = event.position()
        last, self._last = self._last, point
        if self._drag == "line":
            self.split = point.x() / max(1, self.width())
        elif self._drag == "pictures" and self._preview is not None:
            room = self._room_at(point)
            self._move_by(self._flat_at(last, room) - self._flat_at(point, room))
        line = self._drag == "line" or (self._drag is None and self._on_line(point))
        self.setCursor(
            Qt.CursorShape.SplitHCursor if line else Qt.CursorShape.CrossCursor
        )
        self.hovered.emit(self.voxel_at(point))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit the slice into its room."""
        self.camera.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the voxel under the pointer."""
        self.hovered.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the slice, or with Ctrl zoom at the pointer."""
        notches = self._notches.of(event)
        if notches and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(event.position(), ZOOM_PER_NOTCH**notches)
        elif notches:
            self.stepped.emit(notches)

    def _zoom_at(self, point: QPointF, factor: float) -> None:
        """Zoom; what is under the point stays there."""
        if self._preview is None:
            return
        room = self._room_at(point)
        before = self._flat_at(point, room)
        self.camera.look_at(self.camera.center, self.camera.zoom * factor)
        self._move_by(before - self._flat_at(point, room))

    def event(self, event: QEvent) -> bool:
        """Keep our keys from being taken for shortcuts of the window."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._meaning(event) is not None
        ):
            event.accept()
            return True
        return bool(super().event(event))

    def _meaning(self, event: QKeyEvent) -> tuple[str, float] | None:
        keys: dict[int, tuple[str, float]] = {
            Qt.Key.Key_Up: ("slice", 1),
            Qt.Key.Key_Down: ("slice", -1),
            Qt.Key.Key_PageUp: ("slice", 10),
            Qt.Key.Key_PageDown: ("slice", -10),
            Qt.Key.Key_Plus: ("zoom", ZOOM_PER_NOTCH),
            Qt.Key.Key_Minus: ("zoom", 1 / ZOOM_PER_NOTCH),
            Qt.Key.Key_Escape: ("close", 0),
        }
        if self._layout is CompareLayout.SWIPE:
            keys[Qt.Key.Key_Left] = ("line", -0.02)
            keys[Qt.Key.Key_Right] = ("line", 0.02)
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if held and event.key() != Qt.Key.Key_Plus:  # Shift makes the plus
            return None
        return keys.get(event.key())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Slices by up and down, the line by left and right, Escape closes."""
        meaning = self._meaning(event)
        if meaning is None:
            super().keyPressEvent(event)
            return
        what, by = meaning
        if what == "slice":
            self.stepped.emit(int(by))
        elif what == "line":
            self.split += by
        elif what == "zoom":
            self.camera.look_at(self.camera.center, self.camera.zoom * by)
        else:
            self.dismissed.emit()
