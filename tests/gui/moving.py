"""Moving the mouse with a key held, which QTest cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent

if TYPE_CHECKING:
    from qtpy.QtCore import QPoint
    from qtpy.QtWidgets import QWidget


def move(
    widget: QWidget,
    to: QPoint,
    held: Qt.KeyboardModifier,
    button: Qt.MouseButton = Qt.MouseButton.NoButton,
) -> None:
    """Move to a point of a widget, with no button down or with one."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(widget.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        button,
        held,
    )
    QCoreApplication.sendEvent(widget, event)
