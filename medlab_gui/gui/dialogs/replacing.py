"""Asks before a file is written over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

__all__ = ["may_replace", "with_ending"]


def may_replace(parent: QWidget, path: str) -> bool:
    """Ask whether a file may be written over; True where there is none."""
    if not Path(path).expanduser().is_file():
        return True
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    words = _("{path} is there already. Replace it?").format(path=path)
    return (
        QMessageBox.question(parent, _("Replace the file?"), words, yes | no, no) == yes
    )


def with_ending(parent: QWidget, path: str, ending: str) -> str:
    """Complete the name that a dialog for saving gave.

    The dialog has asked whether the file of that very name may be replaced, but knows
    nothing of the one that the ending makes of it.

    Parameters
    ----------
    parent : QWidget
        What asks.
    path : str
        What was chosen; empty for nothing.
    ending : str
        Such as ``".json"``.

    Returns
    -------
    str
        Where to write; empty where it shall not be.
    """
    if not path or path.lower().endswith(ending):
        return path
    path = f"{path}{ending}"
    return path if may_replace(parent, path) else ""
