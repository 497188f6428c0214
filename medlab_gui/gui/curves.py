"""Loss and Dice (F1 of classifiers) of a training as it runs, in two panels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.merit import BALANCED
from medlab_gui.gui.axes import LINE_STYLES, Axes, line_color, number
from medlab_gui.gui.run_words import measure_of, phase_titles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["CurvesView", "TrainingCurves", "mean_curves"]


@dataclass
class TrainingCurves:
    """What a training has reported so far.

    Parameters
    ----------
    steps : list of tuple
        ``(epoch, loss)`` of each batch; the epoch is fractional, 1.0 is the end of
        the first.
    losses : list of tuple
        ``(epoch, mean loss)`` of whole epochs.
    dice : dict
        Class name to ``[(epoch, Dice on the validation slices), ...]``.
    epochs : int
        Epochs planned, over all phases.
    phases : list of tuple
        ``(epoch, name)`` where each phase began.
    spec : mapping
        The recipe as plain data, where it is known: what is measured, what learns.
    balanced : list of tuple
        ``(epoch, balanced accuracy)`` of a classifier.
    """

    steps: list[tuple[float, float]] = field(default_factory=list)
    losses: list[tuple[float, float]] = field(default_factory=list)
    dice: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    epochs: int = 0
    phases: list[tuple[float, str]] = field(default_factory=list)
    spec: Mapping[str, Any] = field(default_factory=dict)
    balanced: list[tuple[float, float]] = field(default_factory=list)
    _sum: tuple[int, float, int] = (0, 0.0, 0)

    def add(self, data: Mapping[str, Any]) -> None:
        """Take one report of ``learning.train``.

        Parameters
        ----------
        data : mapping
            ``phase``, ``epoch`` (from 1), ``epochs`` (planned), ``step`` (from 1),
            ``steps`` (in an epoch), ``loss``, ``dice`` (class to value, or None until
            the epoch was judged), and of a classifier ``balanced_accuracy``.
        """
        epoch = int(data.get("epoch") or 0)
        steps = max(1, int(data.get("steps") or 1))
        at = max(0, epoch - 1) + min(steps, int(data.get("step") or 0)) / steps
        self.epochs = max(self.epochs, int(data.get("epochs") or 0))
        phase = str(data.get("phase") or "")
        if phase and (not self.phases or self.phases[-1][1] != phase):
            self.phases.append((float(max(0, epoch - 1)), phase))
        loss = data.get("loss")
        dice = data.get("dice")
        if isinstance(loss, int | float) and not dice:
            self._add_loss(epoch, at, float(loss))
        if isinstance(dice, dict):
            for name, value in dice.items():
                if isinstance(value, int | float):
                    self._set(self.dice.setdefault(str(name), []), epoch, float(value))
        balanced = data.get(BALANCED)
        if isinstance(balanced, int | float):
            self._set(self.balanced, epoch, float(balanced))

    def _add_loss(self, epoch: int, at: float, loss: float) -> None:
        self.steps.append((at, loss))
        before, total, n = self._sum
        total, n = (total + loss, n + 1) if before == epoch else (loss, 1)
        self._sum = (epoch, total, n)
        self._set(self.losses, epoch, total / n)

    @staticmethod
    def _set(line: list[tuple[float, float]], epoch: int, value: float) -> None:
        if line and line[-1][0] == epoch:
            line[-1] = (float(epoch), value)
        else:
            line.append((float(epoch), value))

    @classmethod
    def from_history(cls, history: Iterable[Mapping[str, Any]]) -> TrainingCurves:
        """Return the curves of a run that is over.

        Parameters
        ----------
        history : iterable of mapping
            One row an epoch with ``epoch``, ``loss``, ``dice`` and ``phase``.
        """
        curves = cls()
        for row in history:
            # What single batches gave is not in it.
            curves.add({**row, "loss": None})
            loss = row.get("loss")
            if isinstance(loss, int | float):
                curves._set(curves.losses, int(row["epoch"]), float(loss))
        curves.epochs = max(
            [curves.epochs, *(int(e) for e, _value in curves.losses)], default=0
        )
        return curves

    @property
    def is_empty(self) -> bool:
        """Whether nothing was reported yet."""
        return not self.losses and not self.dice


def mean_curves(folds: Sequence[TrainingCurves]) -> TrainingCurves:
    """Return the mean of trainings, epoch by epoch, over those that came so far."""
    names = dict.fromkeys(name for one in folds for name in one.dice)
    return TrainingCurves(
        losses=_mean_line([one.losses for one in folds]),
        dice={n: _mean_line([one.dice.get(n, []) for one in folds]) for n in names},
        epochs=max((one.epochs for one in folds), default=0),
        spec=folds[0].spec if folds else {},
        balanced=_mean_line([one.balanced for one in folds]),
    )


def _mean_line(lines: Sequence[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    values: dict[float, list[float]] = {}
    for epoch, value in (point for line in lines for point in line):
        values.setdefault(epoch, []).append(value)
    return [(epoch, sum(v) / len(v)) for epoch, v in sorted(values.items())]


class CurvesView(QWidget):
    """Draws `TrainingCurves`: the loss above, the Dice below.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves = TrainingCurves()
        self.colors: dict[str, QColor] = {}
        """Class name to the colour of its masks; other lines get colours in turn."""
        self.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding
        )
        self.setAccessibleName(_("Loss and Dice of the training"))

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        line = self.fontMetrics().height()
        return QSize(16 * line, 17 * line)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which the axes can be read."""
        line = self.fontMetrics().height()
        return QSize(12 * line, 14 * line)

    @property
    def curves(self) -> TrainingCurves:
        """What is drawn."""
        return self._curves

    def set_curves(self, curves: TrainingCurves) -> None:
        """Draw these; call again after they grew."""
        self._curves = curves
        self.setAccessibleDescription(self._in_words())
        self.update()

    def _in_words(self) -> str:
        if self._curves.is_empty:
            return _("Nothing was reported yet.")
        parts = []
        if self._curves.losses:
            epoch, loss = self._curves.losses[-1]
            parts.append(
                _("epoch {n}: loss {v}").format(n=int(epoch), v=number(round(loss, 4)))
            )
        parts += [
            _("{measure} of {name} {v}").format(
                measure=measure_of(self._curves.spec),
                name=name,
                v=f"{line[-1][1]:.3f}",
            )
            for name, line in self._curves.dice.items()
            if line
        ]
        return ", ".join(parts)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw both panels."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        half = self.height() / 2
        width = float(self.width())
        self._paint_loss(painter, QRectF(0, 0, width, half))
        self._paint_dice(painter, QRectF(0, half, width, half))

    @property
    def _epochs(self) -> tuple[float, float]:
        last = self._curves.steps[-1][0] if self._curves.steps else 1.0
        return 0.0, max(1.0, float(self._curves.epochs), last)

    def _paint_loss(self, painter: QPainter, room: QRectF) -> None:
        # Single batches are noisy: the axis follows the epochs' means once there are.
        steps, means = self._curves.steps, self._curves.losses
        shown = [v for _at, v in (*steps, *means)] or [1.0]
        high = max(shown)
        axes = Axes(room, self._epochs, (0.0, high * 1.05), "", _("loss"))
        axes.draw(painter, self.palette())
        self._paint_phases(painter, axes)
        color = line_color(0, self.palette())
        faint = line_color(0, self.palette())
        faint.setAlpha(90)
        self._line(painter, axes, steps, QPen(faint, 1))
        # The mean of an epoch belongs to its middle, not to its end.
        middle = [(epoch - 0.5, value) for epoch, value in means]
        self._line(painter, axes, middle, QPen(color, 2))
        batches = [(_("batch"), QPen(faint, 1))] * bool(steps)
        self._legend(painter, axes, [*batches, (_("mean of epoch"), QPen(color, 2))])

    def _paint_dice(self, painter: QPainter, room: QRectF) -> None:
        measure = measure_of(self._curves.spec)
        axes = Axes(room, self._epochs, (0.0, 1.0), _("epoch"), measure)
        axes.draw(painter, self.palette())
        self._paint_phases(painter, axes, names=False)
        entries = []
        for n, (name, line) in enumerate(self._curves.dice.items()):
            color = self.colors.get(name) or line_color(n + 1, self.palette())
            pen = QPen(color, 2, LINE_STYLES[n % len(LINE_STYLES)])
            self._line(painter, axes, line, pen)
            painter.setPen(QPen(color, 1))
            painter.setBrush(color)
            for x, y in line:
                painter.drawEllipse(axes.point(x, y), 2.5, 2.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            entries.append((name, pen))
        if entries:
            self._legend(painter, axes, entries, low=True)
        else:
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            painter.drawText(
                axes.inner,
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                _("judged at the end of each epoch"),
            )

    @staticmethod
    def _line(
        painter: QPainter, axes: Axes, line: list[tuple[float, float]], pen: QPen
    ) -> None:
        if not line:
            return
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # More points than pixels cost time and show nothing.
        every = max(1, len(line) // 2000)
        points = [axes.point(x, y) for x, y in line[::every]]
        if len(points) == 1:
            painter.drawEllipse(points[0], 1.5, 1.5)
        else:
            painter.drawPolyline(QPolygonF(points))

    def _paint_phases(
        self, painter: QPainter, axes: Axes, *, names: bool = True
    ) -> None:
        text = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(QPen(text, 1, Qt.PenStyle.DashLine))
        for at, _name in self._curves.phases:
            if at > 0:
                x = axes.to_x(at)
                painter.drawLine(
                    QPointF(x, axes.inner.top()), QPointF(x, axes.inner.bottom())
                )
        if not names:
            return
        ground = self.palette().color(QPalette.ColorRole.Window)
        painter.setPen(text)
        for title, place in self.phase_names(axes):
            painter.fillRect(place, ground)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, title)

    def phase_names(self, axes: Axes) -> list[tuple[str, QRectF]]:
        """Return what stands at the foot of each phase, and where.

        A name that is longer than its phase lets the next one stand a line higher.
        """
        titles = phase_titles(self._curves.spec)
        line = self.fontMetrics().height()
        found: list[tuple[str, QRectF]] = []
        row = 0
        for at, name in self._curves.phases:
            title = titles.get(name, name)
            left = axes.to_x(at) + 3
            row = row + 1 if found and left < found[-1][1].right() else 0
            width = self.fontMetrics().horizontalAdvance(title) + 2
            top = axes.inner.bottom() - line * (row + 1.2)
            found.append((title, QRectF(left, top, width, line)))
        return found

    def _legend(
        self,
        painter: QPainter,
        axes: Axes,
        entries: list[tuple[str, QPen]],
        *,
        low: bool = False,
    ) -> None:
        metrics = self.fontMetrics()
        line = metrics.height()
        width = max(metrics.horizontalAdvance(name) for name, _pen in entries) + 30
        left = axes.inner.right() - width - 4
        top = axes.inner.top() + 2
        if low:
            top = axes.inner.bottom() - line * len(entries) - 4
        ground = self.palette().color(QPalette.ColorRole.Window)
        ground.setAlpha(190)
        painter.fillRect(QRectF(left, top, width, line * len(entries)), ground)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for n, (name, pen) in enumerate(entries):
            y = top + line * (n + 0.5)
            painter.setPen(pen)
            painter.drawLine(QPointF(left + 3, y), QPointF(left + 22, y))
            painter.setPen(text)
            painter.drawText(
                QRectF(left + 27, y - line / 2, width, line),
                Qt.AlignmentFlag.AlignVCenter,
                name,
            )
