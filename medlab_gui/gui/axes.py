"""Axes of a small plot, drawn with QPainter in the colours of the palette."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPalette, QPen

from medlab_gui.core.labels import OKABE_ITO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtGui import QPainter

__all__ = ["LINE_STYLES", "Axes", "line_color", "number", "ticks"]

LINE_STYLES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
)
"""Lines differ in dashes as well as in colour."""


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from ``low`` to ``high``.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    most : int
        At most about so many ticks.

    Returns
    -------
    list of float
        Multiples of 1, 2 or 5 times a power of ten; at least one number.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low if math.isfinite(low) else 0.0]
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)] or [low]


def number(value: float) -> str:
    """Return a number short enough for an axis: ``0.25``, ``40``, ``12k``."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    if size >= 1e4:
        return f"{value / 1e3:g}k"
    return "0" if size < 1e-12 else f"{value:.4g}"


def line_color(index: int, palette: QPalette) -> QColor:
    """Return the colour of the n-th line that reads well on the palette's ground."""
    # Okabe and Ito's order is kept, but yellow comes last: it is weak on white.
    order = (1, 0, 2, 6, 5, 4, 3)
    color = QColor(*OKABE_ITO[order[index % len(order)]])
    if palette.color(QPalette.ColorRole.Window).lightness() > 160:
        color = color.darker(125)
    return color


@dataclass
class Axes:
    """Where data lie on the widget.

    Parameters
    ----------
    outer : QRectF
        Room for the plot with its numbers and titles.
    x, y : tuple of float
        Ends ``(low, high)`` of the axes, in units of the data.
    x_title, y_title : str
        What is drawn along them, with units.
    log_y : bool
        Whether y is spaced by decades; then ``y`` must be positive.
    """

    outer: QRectF
    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str = ""
    y_title: str = ""
    log_y: bool = False

    def __post_init__(self) -> None:
        self.x = self._widened(self.x)
        self.y = self._widened(self.y)
        self.inner = QRectF(self.outer)

    @staticmethod
    def _widened(ends: tuple[float, float]) -> tuple[float, float]:
        low, high = ends
        return (low, high) if high > low else (low, low + 1.0)

    def _y_ticks(self, most: int) -> list[float]:
        if not self.log_y:
            return ticks(*self.y, most)
        low, high = (math.log10(max(v, 1e-300)) for v in self.y)
        every = max(1, math.ceil((high - low) / max(1, most)))
        decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1, every)
        return [10.0**d for d in decades] or [self.y[0]]

    def point(self, x: float, y: float) -> QPointF:
        """Return where a pair of values lies, in logical pixels."""
        return QPointF(self.to_x(x), self.to_y(y))

    def to_x(self, x: float) -> float:
        """Return the horizontal place of a value."""
        share = (x - self.x[0]) / (self.x[1] - self.x[0])
        return self.inner.left() + share * self.inner.width()

    def to_y(self, y: float) -> float:
        """Return the vertical place of a value; below the axis is clipped."""
        low, high = self.y
        if self.log_y:
            low, high, y = (math.log10(max(v, 1e-300)) for v in (low, high, y))
        share = min(1.0, max(0.0, (y - low) / (high - low)))
        return self.inner.bottom() - share * self.inner.height()

    def draw(self, painter: QPainter, palette: QPalette) -> None:
        """Draw frame, grid, numbers and titles; settles ``inner`` first."""
        metrics = QFontMetricsF(painter.font())
        line = metrics.height()
        most_y = max(2, int(self.outer.height() / (2.2 * line)))
        y_ticks = self._y_ticks(most_y)
        left = max(metrics.horizontalAdvance(number(t)) for t in y_ticks) + 8
        self.inner = self.outer.adjusted(
            left + (line if self.y_title else 0),
            line * 0.5,
            -metrics.horizontalAdvance("0"),
            -line * (2.3 if self.x_title else 1.2),
        )
        text = palette.color(QPalette.ColorRole.WindowText)
        faint = QColor(text)
        faint.setAlpha(45)
        for tick in y_ticks:
            y = self.to_y(tick)
            painter.setPen(QPen(faint, 1))
            painter.drawLine(
                QPointF(self.inner.left(), y), QPointF(self.inner.right(), y)
            )
            painter.setPen(text)
            box = QRectF(self.inner.left() - left - 4, y - line / 2, left, line)
            painter.drawText(
                box,
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                number(tick),
            )
        self._draw_x(painter, text, faint, metrics)
        self._draw_titles(painter, line)

    def _draw_x(
        self, painter: QPainter, text: QColor, faint: QColor, metrics: QFontMetricsF
    ) -> None:
        line = metrics.height()
        shown = ticks(*self.x, 5)
        widest = _widest(shown, metrics)
        for _again in range(2):  # more of them may have longer numbers
            most = max(2, int(self.inner.width() / (widest + 16)))
            shown = ticks(*self.x, most)
            widest = _widest(shown, metrics)
        for tick in shown:
            x = self.to_x(tick)
            painter.setPen(QPen(faint, 1))
            painter.drawLine(
                QPointF(x, self.inner.top()), QPointF(x, self.inner.bottom())
            )
            painter.setPen(text)
            # The last number stands left of its tick where the widget ends.
            half = metrics.horizontalAdvance(number(tick)) / 2
            x = max(self.outer.left() + half, min(x, self.outer.right() - half))
            box = QRectF(x - widest, self.inner.bottom() + 2, 2 * widest, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, number(tick))
        painter.setPen(QPen(text, 1))
        painter.drawLine(self.inner.bottomLeft(), self.inner.bottomRight())
        painter.drawLine(self.inner.bottomLeft(), self.inner.topLeft())

    def _draw_titles(self, painter: QPainter, line: float) -> None:
        if self.x_title:
            box = QRectF(
                self.inner.left(),
                self.outer.bottom() - line * 1.1,
                self.inner.width(),
                line,
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.x_title)
        if self.y_title:
            painter.save()
            painter.translate(self.outer.left(), self.inner.bottom())
            painter.rotate(-90)
            box = QRectF(0, 0, self.inner.height(), line)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.y_title)
            painter.restore()


def _widest(values: Iterable[float], metrics: QFontMetricsF) -> float:
    return max(metrics.horizontalAdvance(number(value)) for value in values)
