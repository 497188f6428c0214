"""How large letters are: as large as the person's desktop has them.

The style sheet gives sizes to buttons, labels and tabs; what it does not name has the
desktop's. Unless both are the same, menus are large and labels small on a desktop with
large letters (and on every Mac, whose points are pixels).
"""

from __future__ import annotations

from qtpy.QtGui import QFont
from qtpy.QtWidgets import QApplication

__all__ = ["interface_points", "letter_scale", "picture_font"]

_DESIGNED = 9.0
_LARGEST = 18.0
_LARGEST_ON_PICTURES = 1.4  # a picture is to be seen beside its text


def interface_points() -> float:
    """Return the size of the window's letters in points.

    That of the desktop, but no less than what the window is made for, and no more than
    leaves room for a picture.
    """
    desktop = QApplication.font().pointSizeF()
    return min(max(desktop, _DESIGNED), _LARGEST)


def letter_scale() -> float:
    """Return how much larger letters are than what the window is made for."""
    return interface_points() / _DESIGNED


def picture_font(font: QFont, points: float = 10) -> QFont:
    """Return the font of what is written on a picture.

    Parameters
    ----------
    font : QFont
        Of the widget that is written on.
    points : float
        Its size beside the usual letters of the window; larger ones make it larger.
    """
    made = QFont(font)
    scale = min(letter_scale(), _LARGEST_ON_PICTURES)
    made.setPointSizeF(points * scale)
    return made
