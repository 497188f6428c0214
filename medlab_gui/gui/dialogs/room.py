"""Dialogs no larger than the screen they come up on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

__all__ = ["resize_within_screen"]

_FRAME = QSize(16, 48)
"""More than a system's frame and title bar take."""


def resize_within_screen(dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog a size, or what of it the screen has room for.

    Large letters make a screen small (1366 x 768 at 150 % are 911 x 512), and the
    buttons are at the foot of a dialog.
    """
    room = dialog.screen().availableGeometry().size() - _FRAME
    dialog.resize(QSize(width, height).boundedTo(room))
