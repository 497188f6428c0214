"""A progress bar that is drawn with the next frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QTimer
from qtpy.QtWidgets import (
    QProgressBar,
    QStyle,
    QStyleOptionProgressBar,
    QStylePainter,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QPaintEvent, QShowEvent

__all__ = ["ProgressBar"]

_STEP_MS = 250
_STEPS = 8
_BLOCK = 3
"""The block that says "at work" is so many steps wide, and goes in at one end as it
comes out at the other."""


class ProgressBar(QProgressBar):
    """Qt's progress bar without its haste.

    Qt's draws itself the moment its value changes. Beside an OpenGL canvas that means
    to put the whole window together, 20 ms of it, in the middle of other work, and once
    more when that work has changed something else. And where it is not known how much
    there is to do, Qt's is drawn thirty times a second: more than half a core, just
    while a network wants them all.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_known(self) -> bool:
        """Whether it is known how much there is to do."""
        return self.minimum() < self.maximum()

    def setValue(self, value: int) -> None:
        """Set what is done."""
        if value != self.value():
            self.setUpdatesEnabled(False)
            super().setValue(value)
            self.setUpdatesEnabled(True)

    def setRange(self, minimum: int, maximum: int) -> None:
        """Set what can be done; 0 to 0 shows that it is not known."""
        if (minimum, maximum) != (self.minimum(), self.maximum()):
            self.setUpdatesEnabled(False)
            super().setRange(minimum, maximum)
            self.setUpdatesEnabled(True)
            self._move(self.isVisible())

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to move."""
        super().showEvent(event)
        self._move(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop to move."""
        super().hideEvent(event)
        self._move(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is done, or a block that moves on."""
        if self.is_known:
            super().paintEvent(event)
            return
        option = QStyleOptionProgressBar()
        self.initStyleOption(option)
        option.minimum, option.maximum, option.progress = 0, 1, 1
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_ProgressBarGroove, option)
        room = self.style().subElementRect(
            QStyle.SubElement.SE_ProgressBarContents, option, self
        )
        step = room.width() / _STEPS
        for place in (self._place, self._place - _STEPS):
            left, width = round(place * step), round(_BLOCK * step)
            option.rect = QRect(room.left() + left, room.top(), width, room.height())
            option.rect &= room
            if not option.rect.isEmpty():
                painter.drawControl(
                    QStyle.ControlElement.CE_ProgressBarContents, option
                )

    def _move(self, is_seen: bool) -> None:
        if not is_seen or self.is_known:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def _go_on(self) -> None:
        self._place = (self._place + 1) % _STEPS
        self.update()
