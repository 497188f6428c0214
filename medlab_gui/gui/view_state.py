"""How the open series is being looked at: plain state with signals, no widget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from psygnal import SignalGroupDescriptor

__all__ = ["INVERTIBLE", "Mode", "Tool", "ViewState"]


class Mode(StrEnum):
    """What the digits and the mouse are for."""

    REVIEW = "Review"
    ANNOTATE = "Annotate"


class Tool(StrEnum):
    """What the left button does in `Mode.ANNOTATE`."""

    BRUSH = "brush"
    ERASER = "eraser"
    FILL = "fill"
    POLYGON = "polygon"
    PICK = "pick"
    PAN = "pan"


INVERTIBLE = frozenset({Tool.BRUSH, Tool.ERASER, Tool.FILL})
"""Tools that do the opposite while Ctrl is held: paint, erase; fill, empty."""


@dataclass
class ViewState:
    """What is shown and which tool is in hand; ``events.<field>`` tells of changes.

    Parameters
    ----------
    mode : Mode
        Review or Annotate.
    tool : Tool
        The tool of Annotate.
    value : int
        Class that the brush paints.
    brush_mm : float
        Diameter of brush and eraser in millimetres.
    mask_visible, outline : bool
        Whether the mask is shown, and as a line only.
    hidden : frozenset of int
        Classes that are not shown.
    mask_opacity : float
        0 to 1.
    entropy_visible : bool
        Whether the model's uncertainty is shown.
    entropy_opacity : float
        0 to 1.
    prediction_visible : bool
        Whether the model's own mask is shown beside the person's.
    level, width : float
        Window of the image, in its units.
    corner_text, letters : bool
        What is written over the image.
    crosshair, scale_bar : bool
        What is drawn over it; the crosshair where views are linked.
    inverted : bool
        Whether the person turned bright and dark round.
    smooth : bool
        Whether grey values between pixels are interpolated (linear) or not.
    """

    mode: Mode = Mode.REVIEW
    tool: Tool = Tool.BRUSH
    value: int = 1
    brush_mm: float = 10.0
    mask_visible: bool = True
    outline: bool = False
    hidden: frozenset[int] = frozenset()
    mask_opacity: float = 0.45
    entropy_visible: bool = False
    entropy_opacity: float = 0.6
    prediction_visible: bool = False
    level: float = 40.0
    width: float = 400.0
    corner_text: bool = True
    letters: bool = True
    crosshair: bool = True
    scale_bar: bool = True
    inverted: bool = False
    smooth: bool = True

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
