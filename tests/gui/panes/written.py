"""Where texts lie on a picture."""

from __future__ import annotations

from qtpy.QtCore import QRectF
from qtpy.QtGui import QFontMetricsF


class Written:
    """Takes the place of stamps: remembers which room each text took."""

    def __init__(self):
        self.rooms = {}

    def write(self, _painter, font, at, text, _color=None):
        metrics = QFontMetricsF(font)
        top = at.y() - metrics.ascent()
        size = (metrics.horizontalAdvance(text), metrics.height())
        self.rooms[text] = QRectF(at.x(), top, *size)
