"""Dialogs no larger than the screen they come up on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

__all__ = ["grow_within_screen", "resize_within_screen"]

_FRAME = QSize(16, 48)
"""More than a system's frame and title bar take."""


def resize_within_screen(dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog a size, or what of it the screen has room for.

    Large letters make a screen small (1366 x 768 at 150 % are 911 x 512), and the
    buttons are at the foot of a dialog.
    """
    room = dialog.screen().availableGeometry().size() - _FRAME
    dialog.resize(QSize(width, height).boundedTo(room))


def grow_within_screen(dialog: QWidget, height: int) -> None:
    """Make a dialog on the screen higher, and move it up where it would hang out.

    Parameters
    ----------
    dialog : QWidget
        One that is shown.
    height : int
        Pixels that it needs; one that is higher stays as it is.
    """
    if height <= dialog.height():
        return
    resize_within_screen(dialog, dialog.width(), height)
    room = dialog.screen().availableGeometry()
    below = dialog.y() + dialog.height() + _FRAME.height() - room.bottom()
    if below > 0:
        dialog.move(dialog.x(), max(room.top(), dialog.y() - below))
