"""A progress bar that is drawn with the next frame."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar

__all__ = ["ProgressBar"]


class ProgressBar(QProgressBar):
    """Qt's progress bar without its haste.

    Qt's draws itself the moment its value changes. Beside an OpenGL canvas that means
    to put the whole window together, 20 ms of it, in the middle of other work, and once
    more when that work has changed something else.
    """

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
