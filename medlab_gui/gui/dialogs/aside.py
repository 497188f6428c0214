"""Dialogs that open pictures and do not stand before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt

if TYPE_CHECKING:
    from qtpy.QtWidgets import QDialog

__all__ = ["show_beside", "stand_aside"]


def show_beside(dialog: QDialog) -> None:
    """Show a dialog that leaves its window free to be worked in; closed, it is gone."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setModal(False)
    dialog.show()


def stand_aside(dialog: QDialog) -> None:
    """Move a dialog from the middle of its window, where the picture is, to the left.

    It becomes at most a third as wide as the window; where a person has put it
    elsewhere already, it stays.

    Parameters
    ----------
    dialog : QDialog
        Its parent is, or is in, the window.
    """
    owner = dialog.parentWidget()
    if owner is None:
        return
    window = owner.window()
    middle = window.mapToGlobal(window.rect().center())
    if not dialog.frameGeometry().contains(middle):
        return
    least = dialog.minimumSizeHint().width()
    width = min(dialog.width(), max(least, window.width() // 3))
    below_menus = QPoint(0, 2 * dialog.fontMetrics().height())
    dialog.resize(width, dialog.height())
    dialog.move(window.mapToGlobal(below_menus))
