"""What is drawn over a plane's picture: crosshair, scale bar, letters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QLineF, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPen

from medlab_gui.core.directions import in_doubt
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.measurements import Plane, short_value
from medlab_gui.gui.letter_size import picture_font

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qtpy.QtGui import QPainter

    from medlab_gui.core.geometry import Grid
    from medlab_gui.core.records import Series
    from medlab_gui.gui.stamps import Stamps

__all__ = [
    "BADGE_COLOR",
    "FRAME_COLOR",
    "MARGIN",
    "PLANE_COLORS",
    "PLANE_TITLES",
    "clear_of_letter",
    "draw_corners",
    "draw_crosshair",
    "draw_letters",
    "draw_scale_bar",
    "letter_font",
    "not_measured_text",
    "scale_length",
    "side_text",
    "title",
    "window_text",
]

MARGIN = 8.0

PLANE_COLORS = {
    Plane.AXIAL: QColor(240, 100, 80),
    Plane.CORONAL: QColor(110, 205, 120),
    Plane.SAGITTAL: QColor(237, 213, 76),
}
"""Red, green and yellow, as 3D Slicer has them; names and lines tell them apart too."""

BADGE_COLOR = QColor(255, 190, 80)
"""Of what must not be overlooked."""

FRAME_COLOR = QColor(120, 170, 255)
"""Round a picture that has the keys and no plane of its own."""

PLANE_TITLES = {
    Plane.AXIAL: N_("Axial"),
    Plane.CORONAL: N_("Coronal"),
    Plane.SAGITTAL: N_("Sagittal"),
}

_GAP = 9.0
_HUGE = 1e7
_BAR_MOST = 180.0
_BAR_LEAST = 24.0
_DARK = QColor(0, 0, 0, 190)
_LIGHT = QColor(238, 238, 225)


def side_text(mm: float, plane: Plane, *, doubt: bool) -> str:
    """Return how far a slice is from the origin: ``"S 24.0 mm"``.

    Parameters
    ----------
    mm : float
        The LPS coordinate that the plane's slices are counted by.
    plane : Plane
        Which plane.
    doubt : bool
        Whether the scan's directions are only assumed: ``"S? 24.0 mm"``.
    """
    plus, minus = {
        Plane.AXIAL: ("S", "I"),
        Plane.CORONAL: ("P", "A"),
        Plane.SAGITTAL: ("L", "R"),
    }[plane]
    return f"{in_doubt(plus if mm >= 0 else minus, doubt=doubt)} {abs(mm):.1f} mm"


def scale_length(mm_per_px: float, room: float) -> float:
    """Return the length of a scale bar in mm: 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    mm_per_px : float
        Size of a logical pixel of the screen.
    room : float
        Most pixels that the bar may take.
    """
    longest = mm_per_px * room
    power = 10.0 ** math.floor(math.log10(longest))
    return next(m * power for m in (5, 2, 1) if m * power <= longest * (1 + 1e-9))


def _length_text(mm: float) -> str:
    return f"{mm / 10:g} cm" if mm >= 10 else f"{mm:g} mm"


def title(plane: Plane, grid: Grid | None, *, doubt: bool) -> str:
    """Return the name of a view, and whether it is cut obliquely to the patient.

    Where directions are only assumed (``doubt``) so is which view it is: ``"Axial?"``.
    """
    name = in_doubt(_(PLANE_TITLES[plane]), doubt=doubt)
    if grid is not None and grid.is_oblique:
        return _("{plane}, oblique").format(plane=name)
    return name


def window_text(level: float, width: float, units: str | None) -> str:
    """Return a window as it is written on a picture: ``"W 400  L 40 HU"``."""
    shown = []
    for value in (width, level):
        if width < 10:
            shown.append(short_value(value))
        elif width < _HUGE:
            shown.append(str(round(value)))
        else:
            shown.append(f"{value:.3g}")
    text = _("W {width}  L {level}").format(width=shown[0], level=shown[1])
    return f"{text} {units}" if units else text


def not_measured_text(series: Series, plane: Plane, index: int, reach: int = 0) -> str:
    """Return that what is shown was never measured, in full or in part; else empty.

    Parameters
    ----------
    series : Series
        What is shown.
    plane, index : Plane and int
        Which slice.
    reach : int
        Slices on either side that take part.
    """
    filled = series.not_measured(plane.axis)
    last = series.grid.shape[plane.axis] - 1
    shown = range(max(0, index - reach), min(last, index + reach) + 1)
    n = sum(k in filled for k in shown)
    if not n:
        return ""
    if n == len(shown):
        return _("not measured: filled")
    return _("{n} of {total} slices not measured: filled").format(n=n, total=len(shown))


def draw_scale_bar(
    painter: QPainter,
    stamps: Stamps,
    font: QFont,
    size: tuple[float, float],
    mm_per_px: float,
    caution: str = "",
) -> None:
    """Draw a bar of known length at the bottom right.

    Parameters
    ----------
    painter : QPainter
        On the pane.
    stamps, font
        For the text.
    size : tuple of float
        Width and height of the pane in logical pixels.
    mm_per_px : float
        Size of a logical pixel.
    caution : str
        Not empty where lengths of the series cannot be relied on: then no bar is
        drawn, which would be believed, but that.
    """
    width, height = size
    metrics = QFontMetricsF(font)
    right, bottom = width - MARGIN, height - MARGIN
    if caution:
        text = _("no true scale")
        at = QPointF(right - metrics.horizontalAdvance(text), bottom)
        stamps.write(painter, font, at, text)
        return
    # Beside the letter in the middle of the edge, with its text.
    text_room = metrics.horizontalAdvance(_length_text(500.0)) + 6 + 3 * MARGIN
    room = min(_BAR_MOST, width / 2 - text_room)
    if room < _BAR_LEAST or not math.isfinite(mm_per_px) or mm_per_px <= 0:
        return
    mm = scale_length(mm_per_px, room)
    left = right - mm / mm_per_px
    line = bottom - 4
    for pen in (QPen(_DARK, 4), QPen(_LIGHT, 2)):
        painter.setPen(pen)
        painter.drawLine(QLineF(left, line, right, line))
        for x in (left, right):
            painter.drawLine(QLineF(x, line - 5, x, line + 3))
    text = _length_text(mm)
    at = QPointF(left - 6 - metrics.horizontalAdvance(text), bottom)
    stamps.write(painter, font, at, text)


def draw_crosshair(
    painter: QPainter, room: QRectF, at: QPointF, plane: Plane
) -> tuple[QLineF, ...]:
    """Draw two lines with a gap where they would cross; return what was drawn.

    Each has the colour of the plane that it stands for.
    """
    across, upright = {
        Plane.AXIAL: (Plane.CORONAL, Plane.SAGITTAL),
        Plane.CORONAL: (Plane.AXIAL, Plane.SAGITTAL),
        Plane.SAGITTAL: (Plane.AXIAL, Plane.CORONAL),
    }[plane]
    x, y = at.x(), at.y()
    lines: list[QLineF] = []
    for towards, parts in (
        (
            across,
            (
                QLineF(room.left(), y, x - _GAP, y),
                QLineF(x + _GAP, y, room.right(), y),
            ),
        ),
        (
            upright,
            (
                QLineF(x, room.top(), x, y - _GAP),
                QLineF(x, y + _GAP, x, room.bottom()),
            ),
        ),
    ):
        color = QColor(PLANE_COLORS[towards])
        color.setAlpha(170)
        painter.setPen(QPen(color, 1))
        painter.drawLines(list(parts))
        lines += parts
    return tuple(lines)


def letter_font(font: QFont, points: float = 13) -> QFont:
    """Return the font of a picture's letters, made of the one of its widget."""
    made = picture_font(font, points)
    made.setBold(True)
    return made


def draw_letters(
    painter: QPainter,
    stamps: Stamps,
    font: QFont,
    size: tuple[float, float],
    letters: tuple[str, str, str, str],
) -> None:
    """Write the letters of the left, right, top and bottom edge."""
    width, height = size
    left, right, top, bottom = letters
    metrics = QFontMetricsF(font)
    middle_y = height / 2 + metrics.capHeight() / 2
    for text, x, y in (
        (left, MARGIN, middle_y),
        (right, width - MARGIN - metrics.horizontalAdvance(right), middle_y),
        (top, (width - metrics.horizontalAdvance(top)) / 2, MARGIN + metrics.ascent()),
        (bottom, (width - metrics.horizontalAdvance(bottom)) / 2, height - MARGIN),
    ):
        stamps.write(painter, font, QPointF(x, y), text)


def clear_of_letter(
    y: float, line: str, font: QFont, room: float, letter: str
) -> float:
    """Return the base line of a text at the left or right of the top edge.

    Parameters
    ----------
    y : float
        Where it would be.
    line, font : str and QFont
        The text.
    room : float
        From its margin to that of the other side, in logical pixels.
    letter : str
        In the middle of the edge; a line that would lie under it goes below.
    """
    metrics, large = QFontMetricsF(font), QFontMetricsF(letter_font(font))
    beside = (room - large.horizontalAdvance(letter)) / 2 - MARGIN
    if letter and metrics.horizontalAdvance(line) > beside:
        return max(y, MARGIN + large.height() + metrics.ascent())
    return y


def draw_corners(
    painter: QPainter,
    stamps: Stamps,
    font: QFont,
    size: tuple[float, float],
    top: Iterable[tuple[str, QColor]],
    bottom: Sequence[str],
    letter: str = "",
) -> None:
    """Write lines in the corner at the top left and in that at the bottom left.

    A line that would run under the letter of the top edge goes below it, with all that
    follows: to cut it short would hide what it says.

    Parameters
    ----------
    painter : QPainter
        On the pane.
    stamps, font
        For the text.
    size : tuple of float
        Most that a line at the top may take, and height of the pane, in logical pixels.
    top : iterable of (str, QColor)
        Lines and their colours.
    bottom : sequence of str
        Lines.
    letter : str
        The one in the middle of the top edge, where it is drawn.
    """
    room, height = size
    metrics = QFontMetricsF(font)
    y = MARGIN + metrics.ascent()
    for line, color in top:
        y = clear_of_letter(y, line, font, room, letter)
        fitting = metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)
        stamps.write(painter, font, QPointF(MARGIN, y), fitting, color)
        y += metrics.lineSpacing()
    y = height - MARGIN - metrics.descent()
    for line in reversed(bottom):
        stamps.write(painter, font, QPointF(MARGIN, y), line)
        y -= metrics.lineSpacing()
