"""How far the grey window moves when a picture is dragged with the right button."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtCore import QPointF

__all__ = ["dragged_window"]

_WIDTHS_PER_SCREEN = 2.0
"""Dragging across the whole picture changes the window by this many of its widths."""


def dragged_window(
    window: tuple[float, float], moved: QPointF, room: int, *, whole: bool = False
) -> tuple[float, float]:
    """Return level and width: across changes the width, up and down the level.

    Parameters
    ----------
    window : tuple of float
        Level and width before.
    moved : QPointF
        Of the mouse, in logical pixels; up is darker.
    room : int
        Width of the picture in logical pixels.
    whole : bool
        Whether values are whole numbers: the width is 1 at least.
    """
    level, width = window
    step = _WIDTHS_PER_SCREEN * max(width, 1e-6) / max(room, 1)
    least = 1.0 if whole else width * 0.01
    return level + moved.y() * step, max(least, width + moved.x() * step)
