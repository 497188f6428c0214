"""A histogram with axes, units and the window's ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.axes import Axes, line_color

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Histogram", "HistogramView", "summarise"]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Grey values of one slice, counted.

    Parameters
    ----------
    counts : ndarray of int64, shape (bins,)
        Pixels in each bin.
    edges : ndarray of float64, shape (bins + 1,)
        Ends of the bins, in units of the picture.
    mean, deviation : float
        Mean and standard deviation of the pixels.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    mean: float
    deviation: float


def summarise(
    picture: NDArray[np.generic],
    counts: NDArray[np.int64],
    edges: NDArray[np.float64],
) -> Histogram:
    """Return a histogram with the figures that are written below it.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
        What was counted; what is no number is left out.
    counts, edges : ndarray
        As `medlab_gui.imaging.histogram.histogram` returns them.
    """
    values = np.asarray(picture, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return Histogram(counts, edges, 0.0, 0.0)
    return Histogram(counts, edges, float(values.mean()), float(values.std()))


class HistogramView(QWidget):
    """Draws a `Histogram`.

    Parameters
    ----------
    title : str
        ``"Original"`` or ``"Processed"``.
    color_index : int
        Which colour of the plots.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self, title: str, color_index: int = 0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._title = title
        self._color_index = color_index
        self._histogram: Histogram | None = None
        self._unit = ""
        self._marks: tuple[float, ...] = ()
        self._log = False
        policy = QSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding
        )
        self.setSizePolicy(policy)
        self.setAccessibleName(_("Histogram: {title}").format(title=title))

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        line = self.fontMetrics().height()
        return QSize(15 * line, 9 * line)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which the axes can be read."""
        line = self.fontMetrics().height()
        return QSize(9 * line, 8 * line)

    def set_histogram(
        self,
        histogram: Histogram | None,
        unit: str = "",
        marks: tuple[float, ...] = (),
    ) -> None:
        """Show other counts.

        Parameters
        ----------
        histogram : Histogram or None
            What to draw; None clears.
        unit : str
            Of the grey values, e.g. ``"HU"``.
        marks : tuple of float
            Values with an upright dashed line: the ends of the window.
        """
        self._histogram, self._unit, self._marks = histogram, unit, marks
        self.setAccessibleDescription(self.figures)
        self.setToolTip(self.figures)
        self.update()

    def set_log(self, log: bool) -> None:
        """Space the counts by decades, or evenly."""
        self._log = log
        self.update()

    @property
    def is_log(self) -> bool:
        """Whether the counts are spaced by decades."""
        return self._log

    @property
    def histogram(self) -> Histogram | None:
        """What is drawn."""
        return self._histogram

    @property
    def figures(self) -> str:
        """Mean and standard deviation, as written below the plot."""
        if self._histogram is None:
            return ""
        h = self._histogram
        digits = 3 if max(abs(h.mean), h.deviation) < 10 else 1
        unit = f" {self._unit}" if self._unit else ""
        return _("mean {mean} ± {sd}{unit}").format(
            mean=f"{round(h.mean, digits) + 0.0:.{digits}f}",
            sd=f"{h.deviation:.{digits}f}",
            unit=unit,
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the plot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.4)
        palette = self.palette()
        line = float(self.fontMetrics().height())
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        width = float(self.width())
        painter.drawText(
            QRectF(0, 0, width, line), Qt.AlignmentFlag.AlignCenter, self._title
        )
        if self._histogram is None:
            return
        painter.drawText(
            QRectF(0, self.height() - line, width, line),
            Qt.AlignmentFlag.AlignCenter,
            self.fontMetrics().elidedText(
                self.figures, Qt.TextElideMode.ElideRight, self.width()
            ),
        )
        counts, edges = self._histogram.counts, self._histogram.edges
        most = max(1.0, float(counts.max()))
        value = _("grey value ({unit})") if self._unit else _("grey value")
        axes = Axes(
            QRectF(0, line, width, self.height() - 2.1 * line),
            (float(edges[0]), float(edges[-1])),
            (0.5, most * 1.5) if self._log else (0.0, self._top(counts)),
            value.format(unit=self._unit),
            _("pixels (log)") if self._log else _("pixels"),
            self._log,
        )
        axes.draw(painter, palette)
        self._draw_steps(painter, axes, counts, edges)
        self._draw_marks(painter, axes)

    @staticmethod
    def _top(counts: NDArray[np.int64]) -> float:
        """Height of the axis: a spike of air must not flatten all tissue."""
        ordered = np.sort(counts)[::-1]
        first = float(ordered[0]) if ordered.size else 1.0
        other = float(ordered[min(3, ordered.size - 1)]) if ordered.size else 1.0
        return max(1.0, min(first, other * 1.6 if other > 0 else first) * 1.05)

    def _draw_steps(
        self,
        painter: QPainter,
        axes: Axes,
        counts: NDArray[np.int64],
        edges: NDArray[np.float64],
    ) -> None:
        base = axes.inner.bottom()
        points = [QPointF(axes.to_x(float(edges[0])), base)]
        for count, left, right in zip(
            counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
        ):
            y = axes.to_y(count) if count else base
            points += [QPointF(axes.to_x(left), y), QPointF(axes.to_x(right), y)]
        points.append(QPointF(axes.to_x(float(edges[-1])), base))
        color = line_color(self._color_index, self.palette())
        fill = QColor(color)
        fill.setAlpha(120)
        painter.setPen(QPen(color, 1))
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(points))

    def _draw_marks(self, painter: QPainter, axes: Axes) -> None:
        text = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(QPen(text, 1, Qt.PenStyle.DashLine))
        for mark in self._marks:
            if axes.x[0] <= mark <= axes.x[1]:
                x = axes.to_x(mark)
                painter.drawLine(
                    QPointF(x, axes.inner.top()), QPointF(x, axes.inner.bottom())
                )
