"""What is drawn over compared pictures: captions, letters, the line, the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QFontMetricsF,
    QLinearGradient,
    QPainter,
    QPen,
    QPolygonF,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.difference import difference_colors

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "GROUND",
    "LINE",
    "caption",
    "dashed_box",
    "scale",
    "scale_numbers",
    "swipe_line",
]

GROUND = QColor(0, 0, 0)
LINE = QColor(240, 228, 66)
_TEXT = QColor(255, 255, 255)
_SHADE = QColor(0, 0, 0, 170)
_GRIP = 11.0


def caption(
    painter: QPainter, room: QRectF, text: str, *, right_end: bool = False
) -> None:
    """Write what a picture is into its upper corner, where it fits."""
    metrics = QFontMetricsF(painter.font())
    wide = metrics.horizontalAdvance(text) + 12
    if room.width() < wide + 8:
        return
    left = room.right() - wide - 4 if right_end else room.left() + 4
    box = QRectF(left, room.top() + 4, wide, metrics.height() + 4)
    painter.fillRect(box, _SHADE)
    painter.setPen(_TEXT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def dashed_box(painter: QPainter, box: QRectF) -> None:
    """Draw a dashed square that shows on light and on dark ground."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, style in ((GROUND, Qt.PenStyle.SolidLine), (LINE, Qt.PenStyle.DashLine)):
        pen = QPen(color, 1, style)
        pen.setCosmetic(True)  # a pixel of the screen, however large the slice is drawn
        painter.setPen(pen)
        painter.drawRect(box)


def swipe_line(painter: QPainter, at: float, height: float) -> None:
    """Draw the line between two pictures, with a grip to drag it by."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(LINE, 2))
    painter.drawLine(QPointF(at, 0), QPointF(at, height))
    middle = QPointF(at, height / 2)
    painter.setBrush(GROUND)
    painter.drawEllipse(middle, _GRIP, _GRIP)
    painter.setBrush(LINE)
    painter.setPen(Qt.PenStyle.NoPen)
    for side in (-1, 1):
        tip = middle + QPointF(side * 8, 0)
        back = middle + QPointF(side * 3, 0)
        up = QPointF(0, 4)
        painter.drawPolygon(QPolygonF([tip, back + up, back - up]))
    painter.restore()


def _number(value: float) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{abs(value):g}"


def scale_numbers(limit: float, unit: str) -> tuple[str, ...]:
    """Return what is written at the top, the middle and the bottom of the scale."""
    if unit == "%":
        limit *= 100
    ends = [f"{_number(v)} {unit}".strip() for v in (limit, 0.0, -limit)]
    return tuple(ends)


def scale(painter: QPainter, room: QRectF, limit: float, unit: str) -> None:
    """Draw the colours of a difference with their values at the right edge."""
    metrics = QFontMetricsF(painter.font())
    line = metrics.height()
    numbers = scale_numbers(limit, unit)
    words: Sequence[str] = (_("brighter"), _("the same"), _("darker"))
    wide = max(metrics.horizontalAdvance(t) for t in (*numbers, *words))
    tall = min(240.0, room.height() - 8 * line)
    if tall < 5 * line or room.width() < 3 * wide:
        return
    bar = QRectF(
        room.right() - wide - 46 - line, room.center().y() - tall / 2, 14, tall
    )
    painter.fillRect(
        QRectF(
            bar.left() - 8, bar.top() - line, bar.width() + wide + 24, tall + 2 * line
        ),
        _SHADE,
    )
    colors = difference_colors()
    gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
    for share in range(17):
        red, green, blue = (int(c) for c in colors[min(255, share * 16)])
        gradient.setColorAt(share / 16, QColor(red, green, blue))
    painter.fillRect(bar, gradient)
    painter.setPen(_TEXT)
    painter.drawRect(bar)
    for number, word, at in zip(numbers, words, (0.0, 0.5, 1.0), strict=True):
        y = bar.top() + at * tall
        box = QRectF(bar.right() + 6, y - line, wide + 8, 2 * line)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, f"{number}\n{word}")
