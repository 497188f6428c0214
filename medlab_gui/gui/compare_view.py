"""Original and processed slice, side by side or under a swipe line."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from qtpy.QtGui import QImage

    from medlab_gui.gui.preview import Preview

__all__ = ["CompareLayout", "ComparePictures"]

_GROUND = QColor(0, 0, 0)
_LINE = QColor(240, 228, 66)
_GRIP = 11.0
_NEAR = 14.0


class CompareLayout(StrEnum):
    """How the two pictures lie."""

    SIDE = "side"
    SWIPE = "swipe"


class ComparePictures(QWidget):
    """The two pictures; zoom and pan are common to both.

    Wheel: slice. Ctrl and wheel: zoom at the pointer. Dragging with the left or the
    middle button moves the pictures; dragging the line moves the line, and so do
    the left and right keys. Double click fits.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    stepped = QtCore.Signal(int)
    """The person asked for a slice so many further up."""
    hovered = QtCore.Signal(object)
    """``(j, i)`` of the voxel under the pointer, or None."""
    dismissed = QtCore.Signal()
    """Escape was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preview: Preview | None = None
        self._spacing = (1.0, 1.0)
        self._layout = CompareLayout.SIDE
        self._outline_shown = True
        self._split = 0.5
        self._zoom = 1.0
        self._center = QPointF(0.5, 0.5)
        self._drag: str | None = None
        self._last = QPointF()
        self._wheel = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(_("Original and processed slice"))

    def sizeHint(self) -> QSize:
        """Return a size at which noise can be judged."""
        return QSize(900, 460)

    # ---- what is shown --------------------------------------------------------

    def set_preview(
        self, preview: Preview | None, spacing: tuple[float, float]
    ) -> None:
        """Show another slice or result; zoom and place stay.

        Parameters
        ----------
        preview : Preview or None
            The pictures; None clears.
        spacing : tuple of float
            ``(dy, dx)`` in mm: pixels that are not square are drawn as they are.
        """
        self._preview, self._spacing = preview, spacing
        self.update()

    @property
    def arrangement(self) -> CompareLayout:
        """Side by side, or under a line."""
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

    @property
    def zoom(self) -> float:
        """1 fits the picture into its room."""
        return self._zoom

    def set_outline_shown(self, shown: bool) -> None:
        """Draw the outline of the mask over both pictures, or not."""
        self._outline_shown = shown
        self.update()

    def fit(self) -> None:
        """Show the whole slice."""
        self._zoom, self._center = 1.0, QPointF(0.5, 0.5)
        self.update()

    # ---- geometry -------------------------------------------------------------

    def _rooms(self) -> tuple[QRectF, QRectF]:
        """Room of the original and of the processed picture."""
        whole = QRectF(self.rect())
        if self._layout is CompareLayout.SWIPE:
            return whole, whole
        half = (whole.width() - 2) / 2
        return (
            QRectF(0, 0, half, whole.height()),
            QRectF(half + 2, 0, half, whole.height()),
        )

    def _target(self, room: QRectF) -> QRectF:
        """Where the whole picture lies in (and beyond) its room."""
        assert self._preview is not None
        rows, columns = self._preview.original.shape
        wide, tall = columns * self._spacing[1], rows * self._spacing[0]
        scale = min(room.width() / wide, room.height() / tall) * self._zoom
        size = QRectF(0, 0, wide * scale, tall * scale)
        size.moveTopLeft(
            QPointF(
                room.center().x() - self._center.x() * size.width(),
                room.center().y() - self._center.y() * size.height(),
            )
        )
        return size

    def _room_at(self, point: QPointF) -> QRectF:
        left, right = self._rooms()
        return right if right.contains(point) else left

    def voxel_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return ``(j, i)`` of the voxel drawn at a point, or None beside the slice."""
        if self._preview is None:
            return None
        target = self._target(self._room_at(point))
        rows, columns = self._preview.original.shape
        j = int((point.y() - target.top()) / target.height() * rows // 1)
        i = int((point.x() - target.left()) / target.width() * columns // 1)
        return (j, i) if 0 <= j < rows and 0 <= i < columns else None

    # ---- painting -------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw pictures, captions, letters and the line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        if self._preview is None:
            painter.setPen(QColor(200, 200, 200))
            painter.drawText(
                self.rect(),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                _("Open a series to compare a slice before and after preprocessing."),
            )
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 4)
        left, right = self._rooms()
        before, after = self._preview.original_image, self._preview.processed_image
        if self._layout is CompareLayout.SIDE:
            self._draw(painter, before, left, left)
            self._draw(painter, after, right, right)
            painter.fillRect(QRectF(left.right(), 0, 2, left.height()), QColor("#555"))
            shown = (left, right)
        else:
            at = self.width() * self._split
            shown = (
                QRectF(0, 0, at, self.height()),
                QRectF(at, 0, self.width() - at, self.height()),
            )
            self._draw(painter, before, left, shown[0])
            self._draw(painter, after, left, shown[1])
            self._draw_line(painter, at)
        self._caption(painter, shown[0], _("Original"), right_end=False)
        after_right = self._layout is CompareLayout.SWIPE
        self._caption(painter, shown[1], _("Processed"), right_end=after_right)
        rooms = (left, right) if self._layout is CompareLayout.SIDE else (left,)
        for room in rooms:
            self._letters(painter, room)

    def _draw(
        self, painter: QPainter, image: QImage, room: QRectF, clip: QRectF
    ) -> None:
        painter.save()
        painter.setClipRect(clip)
        target = self._target(room)
        painter.drawImage(target, image)
        assert self._preview is not None
        if self._outline_shown and self._preview.outline is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(target, self._preview.outline)
        painter.restore()

    def _draw_line(self, painter: QPainter, at: float) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_LINE, 2))
        painter.drawLine(QPointF(at, 0), QPointF(at, self.height()))
        middle = QPointF(at, self.height() / 2)
        painter.setBrush(_GROUND)
        painter.drawEllipse(middle, _GRIP, _GRIP)
        painter.setBrush(_LINE)
        painter.setPen(Qt.PenStyle.NoPen)
        for side in (-1, 1):
            tip = middle + QPointF(side * 8, 0)
            back = middle + QPointF(side * 3, 0)
            up = QPointF(0, 4)
            painter.drawPolygon(QPolygonF([tip, back + up, back - up]))
        painter.restore()

    def _caption(
        self, painter: QPainter, room: QRectF, text: str, *, right_end: bool
    ) -> None:
        line = self.fontMetrics().height()
        wide = self.fontMetrics().horizontalAdvance(text) + 12
        if room.width() < wide + 8:
            return
        left = room.right() - wide - 4 if right_end else room.left() + 4
        box = QRectF(left, 4, wide, line + 4)
        painter.fillRect(box, QColor(0, 0, 0, 160))
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _letters(self, painter: QPainter, room: QRectF) -> None:
        # The working grid runs to P and L: the patient's right is on the left.
        painter.setPen(QColor(255, 255, 255))
        inner = room.adjusted(6, 4, -6, -4)
        middle, centre = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignHCenter
        for where, letter in (
            (Qt.AlignmentFlag.AlignLeft | middle, "R"),
            (Qt.AlignmentFlag.AlignRight | middle, "L"),
            (Qt.AlignmentFlag.AlignTop | centre, "A"),
            (Qt.AlignmentFlag.AlignBottom | centre, "P"),
        ):
            painter.drawText(inner, where, letter)

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
        moved = point - self._last
        self._last = point
        if self._drag == "line":
            self.split = point.x() / max(1, self.width())
        elif self._drag == "pictures" and self._preview is not None:
            target = self._target(self._room_at(point))
            self._center -= QPointF(
                moved.x() / target.width(), moved.y() / target.height()
            )
            self.update()
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
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the voxel under the pointer."""
        self.hovered.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the slice, or with Ctrl zoom at the pointer."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(event.position(), 1.2 ** (turned / 120))
        else:
            # Touchpads send small steps: a slice for each 120 of them.
            self._wheel += turned
            notches = int(self._wheel / 120)
            self._wheel -= notches * 120
            if notches:
                self.stepped.emit(notches)
        event.accept()

    def _zoom_at(self, point: QPointF, factor: float) -> None:
        if self._preview is None:
            return
        room = self._room_at(point)
        before = self._target(room)
        share = QPointF(
            (point.x() - before.left()) / before.width(),
            (point.y() - before.top()) / before.height(),
        )
        self._zoom = min(40.0, max(0.25, self._zoom * factor))
        after = self._target(room)
        moved = QPointF(
            after.left() + share.x() * after.width() - point.x(),
            after.top() + share.y() * after.height() - point.y(),
        )
        self._center += QPointF(moved.x() / after.width(), moved.y() / after.height())
        self.update()

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
            Qt.Key.Key_Escape: ("close", 0),
        }
        if self._layout is CompareLayout.SWIPE:
            keys[Qt.Key.Key_Left] = ("line", -0.02)
            keys[Qt.Key.Key_Right] = ("line", 0.02)
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
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
        else:
            self.dismissed.emit()
