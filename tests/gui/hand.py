"""Mouse and keyboard on the picture, by real Qt events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from tests.gui.moving import move

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from medlab_gui.gui.window import MedlabWindow

NONE = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
MIDDLE = Qt.MouseButton.MiddleButton
RIGHT = Qt.MouseButton.RightButton


def wheel(
    widget: QWidget,
    notches: int,
    held: Qt.KeyboardModifier = NONE,
    at: QPoint | None = None,
) -> None:
    """Turn the wheel over a point of a widget: its middle, unless another is given."""
    point = widget.rect().center() if at is None else at
    event = QWheelEvent(
        QPointF(point),
        QPointF(widget.mapToGlobal(point)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(widget, event)


class Hand:
    """Moves over the picture in voxels of the slice."""

    def __init__(self, window: MedlabWindow) -> None:
        self.window = window
        self.canvas = window.canvas

    def at(self, j: float, i: float) -> QPoint:
        """Where a voxel is on the canvas, reckoned by napari itself."""
        viewer = self.window.viewer
        _dz, dy, dx = self.window.bench.session.volume.grid.spacing
        canvas = viewer.window._qt_viewer.canvas
        transform = canvas.view.transform * canvas.view.scene.transform
        x, y = transform.map([i * dx, j * dy])[:2]
        return QPoint(round(x), round(y))

    def wheel(self, notches: int, j: float = 48, i: float = 48, held=NONE) -> None:
        """Turn the wheel over a voxel."""
        wheel(self.canvas, notches, held, self.at(j, i))

    def drag(self, start, stop, button=LEFT) -> None:
        """Press on a voxel, move to another one, release.

        The moves of QTest go by way of the display, which knows of no button.
        """
        begin, end = self.at(*start), self.at(*stop)
        move(self.canvas, begin, NONE)
        QTest.mousePress(self.canvas, button, NONE, begin)
        for n in range(1, 9):
            move(self.canvas, begin + (end - begin) * n / 8, NONE, button)
            QTest.qWait(5)
        QTest.mouseRelease(self.canvas, button, NONE, end)

    def click(self, j: float, i: float, button=LEFT) -> None:
        """Click on a voxel."""
        QTest.mouseClick(self.canvas, button, NONE, self.at(j, i))

    def slow_click(self, j: float, i: float) -> None:
        """Click, and wait until a next click is no double click."""
        self.click(j, i)
        QTest.qWait(QApplication.doubleClickInterval() + 20)

    def key(self, key: str, held=NONE) -> None:
        """Press a key over the picture: a character or the name of a Qt key."""
        code = getattr(Qt.Key, f"Key_{key}", None)
        QTest.keyClick(self.canvas, code if code is not None else key, held)
