"""Draws measurements with QPainter: light lines with a dark rim, text beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
)

from medlab_gui.core.measurements import Kind
from medlab_gui.gui.letter_size import picture_font

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Look", "ShapePainter"]

_COLOR = QColor(240, 228, 66)
"""Okabe and Ito's yellow: no class of the starter scheme has it."""

_CHOSEN = QColor(255, 255, 255)
_RIM = QColor(0, 0, 0, 170)
_TICK_PX = 5.0
_ARC_PX = 22.0
_HANDLE_PX = 7.0
_GAP_PX = 9.0
_RIM_PX = 2.0
_KEPT = 200
_SAMPLES = 200


@dataclass(frozen=True)
class Look:
    """A measurement as it is to be drawn.

    Parameters
    ----------
    kind : Kind
        What it is.
    points : ndarray of float, shape (n, 2)
        Its points in logical pixels ``(x, y)`` of the canvas.
    line : ndarray of float, shape (m, 2)
        Its line, see `measure_shapes.outline`.
    handles : ndarray of float, shape (h, 2)
        Where it can be taken hold of.
    text : tuple of str
        What is written beside it.
    is_selected : bool
        Whether the handles are shown.
    """

    kind: Kind
    points: NDArray[np.float64]
    line: NDArray[np.float64]
    handles: NDArray[np.float64]
    text: tuple[str, ...]
    is_selected: bool = False


class ShapePainter:
    """Draws measurements; keeps the texts that it has drawn.

    Parameters
    ----------
    font : QFont
        Of the texts.
    """

    def __init__(self, font: QFont) -> None:
        self._font = picture_font(font)
        self._stamps: dict[tuple[tuple[str, ...], float], QPixmap] = {}

    def draw(self, painter: QPainter, look: Look, box: QRectF | None) -> None:
        """Draw one measurement, and its text where `text_boxes` puts it."""
        color = _CHOSEN if look.is_selected else _COLOR
        path = _path(look)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (_pen(_RIM, 4.0), _pen(color, 1.6)):
            painter.setPen(pen)
            painter.drawPath(path)
        if look.is_selected:
            painter.setPen(_pen(_RIM, 1.0))
            painter.setBrush(color)
            for x, y in look.handles:
                half = _HANDLE_PX / 2
                painter.drawRect(QRectF(x - half, y - half, _HANDLE_PX, _HANDLE_PX))
        if box is not None:
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(box.topLeft(), self._stamp(look.text, ratio))

    def text_boxes(self, looks: Iterable[Look], room: QRectF) -> list[QRectF | None]:
        """Return where the texts go, within the room there is, none on another.

        One that would lie on an earlier one goes as little up or down as it must.
        """
        boxes: list[QRectF | None] = []
        for look in looks:
            box = self.text_box(look, room)
            taken = [other for other in boxes if other is not None]
            boxes.append(_clear_of(box, taken, room) if box is not None else None)
        return boxes

    def text_box(self, look: Look, room: QRectF) -> QRectF | None:
        """Return where the text of a measurement goes; None where it is out of sight.

        Beside what can be seen of it: to the right where there is room, else to the
        left; of an angle behind its vertex. Never out of the picture.
        """
        seen = _seen(look.line, room)
        if not look.text or not len(seen):
            return None
        metrics = QFontMetricsF(self._font)
        width = max(metrics.horizontalAdvance(t) for t in look.text) + 2 * _RIM_PX
        height = metrics.lineSpacing() * len(look.text) + 2 * _RIM_PX
        if look.kind is Kind.ANGLE and len(look.points) == 3:
            x, y = _behind_vertex(look.points, width, height)
        else:
            x, y = _beside(look.kind, seen, width, height, room.right())
        x = min(max(x, room.left()), max(room.left(), room.right() - width))
        y = min(max(y, room.top()), max(room.top(), room.bottom() - height))
        return QRectF(x, y, width, height)

    def _stamp(self, text: tuple[str, ...], ratio: float) -> QPixmap:
        """Return light text with a dark rim; drawing the rim takes a millisecond."""
        stamp = self._stamps.get((text, ratio))
        if stamp is None:
            if len(self._stamps) > _KEPT:
                self._stamps.clear()
            stamp = self._stamps[text, ratio] = _stamped(text, self._font, ratio)
        return stamp


def _clear_of(box: QRectF, taken: list[QRectF], room: QRectF) -> QRectF:
    """Return a box moved up or down so that it covers none; as it is where it must."""
    tops = [box.top()]
    for other in taken:
        tops += [other.bottom() + 1, other.top() - 1 - box.height()]
    for top in sorted(tops, key=lambda top: abs(top - box.top())):
        moved = QRectF(box.left(), top, box.width(), box.height())
        if room.contains(moved) and not any(moved.intersects(o) for o in taken):
            return moved
    return box


def _seen(line: NDArray[np.float64], room: QRectF) -> NDArray[np.float64]:
    """Return points along a line that lie in the picture."""
    if len(line) < 2:
        return line
    corners = np.arange(len(line))
    at = np.union1d(np.linspace(0, len(line) - 1, _SAMPLES), corners)
    points = np.stack([np.interp(at, corners, line[:, n]) for n in (0, 1)], axis=1)
    x, y = points.T
    inside = (x >= room.left()) & (x <= room.right())
    inside &= (y >= room.top()) & (y <= room.bottom())
    return np.asarray(points[inside])


def _beside(
    kind: Kind, seen: NDArray[np.float64], width: float, height: float, most: float
) -> tuple[float, float]:
    """Return the top left of a text to the right or left of points."""
    fits = float(seen[:, 0].max()) + _GAP_PX + width <= most
    end = seen[int(np.argmax(seen[:, 0]) if fits else np.argmin(seen[:, 0]))]
    x = float(end[0]) + (_GAP_PX if fits else -_GAP_PX - width)
    if kind.is_region:
        return x, float(seen[:, 1].min())
    return x, float(end[1]) - height / 2


def _behind_vertex(
    points: NDArray[np.float64], width: float, height: float
) -> tuple[float, float]:
    """Return the top left of a text on the side of the vertex without arms."""
    arms = points[[0, 2]] - points[1]
    arms = arms / np.maximum(np.linalg.norm(arms, axis=1, keepdims=True), 1e-6)
    away = -arms.sum(axis=0)
    length = float(np.linalg.norm(away))
    away = away / length if length > 1e-3 else np.array([0.0, 1.0])
    reach = _GAP_PX + abs(away[0]) * width / 2 + abs(away[1]) * height / 2
    x, y = points[1] + away * reach
    return float(x) - width / 2, float(y) - height / 2


def _pen(color: QColor, width: float) -> QPen:
    pen = QPen(color, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _path(look: Look) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in look.line]))
    if look.kind is Kind.DISTANCE and len(look.points) == 2:
        _add_ticks(path, look.points)
    if look.kind is Kind.ANGLE and len(look.points) == 3:
        _add_arc(path, look.points)
    return path


def _add_ticks(path: QPainterPath, ends: NDArray[np.float64]) -> None:
    """Mark both ends across the line: where exactly it begins is what counts."""
    along = ends[1] - ends[0]
    length = float(np.linalg.norm(along))
    if length < 1e-6:
        return
    across = np.array([-along[1], along[0]]) / length * _TICK_PX
    for end in ends:
        path.moveTo(*(end - across))
        path.lineTo(*(end + across))


def _add_arc(path: QPainterPath, points: NDArray[np.float64]) -> None:
    arms = points[[0, 2]] - points[1]
    lengths = np.linalg.norm(arms, axis=1)
    if lengths.min() < 1e-6:
        return
    radius = min(_ARC_PX, float(lengths.min()) / 2)
    # Qt turns against the clock with y upwards; the canvas has y downwards.
    first, second = np.degrees(np.arctan2(-arms[:, 1], arms[:, 0]))
    sweep = (second - first + 180) % 360 - 180
    x, y = points[1]
    box = QRectF(x - radius, y - radius, 2 * radius, 2 * radius)
    path.arcMoveTo(box, float(first))
    path.arcTo(box, float(first), float(sweep))


def _stamped(text: tuple[str, ...], font: QFont, ratio: float) -> QPixmap:
    metrics = QFontMetricsF(font)
    width = max(metrics.horizontalAdvance(t) for t in text) + 2 * _RIM_PX
    height = metrics.lineSpacing() * len(text) + 2 * _RIM_PX
    pixmap = QPixmap(max(1, round(width * ratio)), max(1, round(height * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    path = QPainterPath()
    for n, line in enumerate(text):
        y = _RIM_PX + metrics.ascent() + n * metrics.lineSpacing()
        path.addText(QPointF(_RIM_PX, y), font, line)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.strokePath(path, _pen(QColor(0, 0, 0, 200), 3))
    painter.fillPath(path, _COLOR)
    painter.end()
    return pixmap
