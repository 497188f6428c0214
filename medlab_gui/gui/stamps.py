"""Text over a picture: light with a dark rim, so that it reads on air and on bone."""

from __future__ import annotations

from math import cos, pi, sin
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPixmap

if TYPE_CHECKING:
    from qtpy.QtGui import QFont
    from qtpy.QtWidgets import QWidget

__all__ = ["LIGHT", "Stamps"]

LIGHT = QColor(238, 238, 225)

_RIM = 2.0
_DARK = QColor(0, 0, 0, 150)
_SHIFTS = tuple(QPointF(1.5 * cos(n * pi / 4), 1.5 * sin(n * pi / 4)) for n in range(8))
_KEPT = 400


class Stamps:
    """Keeps written lines as pixmaps: drawing the rim takes a millisecond.

    Parameters
    ----------
    widget : QWidget
        What is written on.
    """

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._kept: dict[tuple[str, float, int], QPixmap] = {}

    def write(
        self,
        painter: QPainter,
        font: QFont,
        at: QPointF,
        text: str,
        color: QColor = LIGHT,
    ) -> None:
        """Write text with its base line at a point."""
        key = (text, font.pointSizeF(), color.rgb())
        stamp = self._kept.get(key)
        if stamp is None:
            if len(self._kept) > _KEPT:
                self._kept.clear()
            stamp = _stamp(text, font, color, self._widget.devicePixelRatioF())
            self._kept[key] = stamp
        ascent = QFontMetricsF(font).ascent()
        painter.drawPixmap(QPointF(at.x() - _RIM, at.y() - ascent - _RIM), stamp)


def _stamp(text: str, font: QFont, color: QColor, ratio: float) -> QPixmap:
    metrics = QFontMetricsF(font)
    width = metrics.horizontalAdvance(text) + 2 * _RIM
    pixmap = QPixmap(
        max(1, round(width * ratio)), round((metrics.height() + 2 * _RIM) * ratio)
    )
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    at = QPointF(_RIM, _RIM + metrics.ascent())
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.setFont(font)
    # The text itself, shifted in all directions: to stroke its outline is six times the
    # work, and a new line is written for each slice.
    painter.setPen(_DARK)
    for shift in _SHIFTS:
        painter.drawText(at + shift, text)
    painter.setPen(color)
    painter.drawText(at, text)
    painter.end()
    return pixmap
