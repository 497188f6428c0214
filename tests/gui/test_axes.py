"""Numbers along the axes of small plots."""

from __future__ import annotations

from itertools import pairwise

import pytest
from qtpy.QtCore import QRectF
from qtpy.QtGui import QFont, QFontMetricsF, QPalette
from qtpy.QtWidgets import QApplication

from medlab_gui.gui.axes import Axes


class Pen:
    """Takes the painter's place: remembers texts and the boxes that they must fit."""

    def __init__(self, font: QFont) -> None:
        self._font, self.texts = font, []

    def font(self):
        return self._font

    def drawText(self, box, _flags, text):
        self.texts.append((text, QRectF(box)))

    def setPen(self, _pen): ...

    def drawLine(self, *_line): ...


@pytest.mark.parametrize(
    ("ends", "width"),
    [((-0.9, 3.9), 300), ((-1024, 1500), 200), ((0.0, 1.0), 180), ((-2.0, 0.3), 900)],
)
def test_no_number_is_cut_off_or_meets_the_next(qapp, ends, width):
    """-0.5 lost its sign: the room was that of the numbers of a coarser axis."""
    font = QApplication.font()
    pen, metrics = Pen(font), QFontMetricsF(font)
    axes = Axes(QRectF(0, 0, width, 90), ends, (0.0, 5000.0))
    axes.draw(pen, QPalette())
    across = [(t, box) for t, box in pen.texts if box.top() >= axes.inner.bottom()]
    assert len(across) >= 2
    rooms = []
    for text, box in across:
        wide = metrics.horizontalAdvance(text)
        assert box.width() >= wide, text
        rooms.append((box.center().x() - wide / 2, box.center().x() + wide / 2))
    for (_left, end), (begin, _right) in pairwise(rooms):
        assert begin > end + 4
