"""The curves of several trainings over one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.axes import LINE_STYLES, Axes, line_color
from medlab_gui.gui.run_words import measure_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medlab_gui.gui.curves import TrainingCurves

__all__ = ["CurvesTogether", "merit_line"]

Line = list[tuple[float, float]]


def merit_line(curves: TrainingCurves) -> Line:
    """Return ``(epoch, value)`` of what a training's epochs are judged by.

    The balanced accuracy of a classifier, else the mean Dice of the classes judged.
    """
    if curves.balanced:
        return list(curves.balanced)
    by_epoch: dict[float, list[float]] = {}
    for line in curves.dice.values():
        for epoch, value in line:
            by_epoch.setdefault(epoch, []).append(value)
    return [(e, sum(v) / len(v)) for e, v in sorted(by_epoch.items())]


def _what(curves: TrainingCurves) -> str:
    if curves.balanced:
        return _("balanced accuracy")
    return _("mean {measure}").format(measure=measure_of(curves.spec))


class CurvesTogether(QWidget):
    """Draws loss (above) and mean Dice (below) of several trainings.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: dict[str, TrainingCurves] = {}
        self.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding
        )
        self.setAccessibleName(_("Loss and scores of the selected trainings"))

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        line = self.fontMetrics().height()
        return QSize(16 * line, (17 + len(self._runs)) * line)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which the axes can be read."""
        line = self.fontMetrics().height()
        return QSize(12 * line, (14 + len(self._runs)) * line)

    def set_runs(self, runs: Mapping[str, TrainingCurves]) -> None:
        """Draw these: what a person reads, and the curves."""
        self._runs = dict(runs)
        words = [
            _("{name}: {what} {v}").format(
                name=name, what=_what(curves), v=f"{line[-1][1]:.3f}"
            )
            if (line := merit_line(curves))
            else _("{name}: not judged").format(name=name)
            for name, curves in self._runs.items()
        ]
        self.setAccessibleDescription(", ".join(words))
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw both panels and the names below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = self.fontMetrics().height() * len(self._runs) + 4.0
        half = (self.height() - names) / 2
        width = float(self.width())
        losses = {n: c.losses for n, c in self._runs.items()}
        dice = {n: merit_line(c) for n, c in self._runs.items()}
        last = max(
            [1.0, *(line[-1][0] for line in [*losses.values(), *dice.values()] if line)]
        )
        high = max([v for line in losses.values() for _e, v in line], default=1.0)
        measured = ", ".join(sorted({_what(c) for c in self._runs.values()}))
        for top, lines, ends, titles in (
            (0.0, losses, (0.0, 1.05 * high), ("", _("loss"))),
            (half, dice, (0.0, 1.0), (_("epoch"), measured)),
        ):
            axes = Axes(QRectF(0, top, width, half), (0.0, last), ends, *titles)
            axes.draw(painter, self.palette())
            for n, line in enumerate(lines.values()):
                self._paint_line(painter, axes, line, n)
        self._paint_names(painter, 2 * half + 2)

    def _pen(self, n: int) -> QPen:
        color = line_color(n, self.palette())
        return QPen(color, 2, LINE_STYLES[n % len(LINE_STYLES)])

    def _paint_line(self, painter: QPainter, axes: Axes, line: Line, n: int) -> None:
        pen = self._pen(n)
        painter.setPen(pen)
        points = [axes.point(x, y) for x, y in line]
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(pen.color(), 1))
        painter.setBrush(pen.color())
        for point in points:
            painter.drawEllipse(point, 2.5, 2.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_names(self, painter: QPainter, top: float) -> None:
        metrics = self.fontMetrics()
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for n, name in enumerate(self._runs):
            middle = top + metrics.height() * (n + 0.5)
            painter.setPen(self._pen(n))
            painter.drawLine(QPointF(6, middle), QPointF(34, middle))
            painter.setPen(text)
            room = self.width() - 46
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(
                QRectF(40, middle - metrics.height() / 2, room, metrics.height()),
                Qt.AlignmentFlag.AlignVCenter,
                shown,
            )
