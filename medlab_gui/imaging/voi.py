"""DICOM's windows: from values to the brightness of a screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["VOI_FUNCTIONS", "linear_limits", "voi"]

VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
"""Values of VOI LUT Function; LINEAR is what holds where a file names none."""


def voi(
    data: NDArray[Any],
    *,
    level: float,
    width: float,
    function: str = "LINEAR",
    inverted: bool = False,
) -> NDArray[np.float32]:
    """Apply a window as DICOM defines it.

    With centre c, width w and x the value:

    * LINEAR: 0 for ``x <= c - 0.5 - (w - 1) / 2``, 1 for
      ``x > c - 0.5 + (w - 1) / 2``, else ``(x - (c - 0.5)) / (w - 1) + 0.5``;
    * LINEAR_EXACT: 0 for ``x <= c - w / 2``, 1 for ``x > c + w / 2``, else
      ``(x - c) / w + 0.5``;
    * SIGMOID: ``1 / (1 + exp(-4 (x - c) / w))``.

    Parameters
    ----------
    data : ndarray, any shape
        Values after the rescale.
    level, width : float
        Window Center and Window Width. The width is at least 1 for LINEAR, above 0
        for the others.
    function : str
        One of `VOI_FUNCTIONS`.
    inverted : bool
        Show low values bright (MONOCHROME1).

    Returns
    -------
    ndarray of float32
        Brightness in [0, 1], same shape.

    Raises
    ------
    SpecError
        If the function is not known or the window impossible.

    References
    ----------
    .. [1] DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3 (Window Center and Width, VOI LUT
       Function).
    """
    _check(level, width, function)
    x = np.asarray(data).astype(np.float32)
    if function == "SIGMOID":
        x -= np.float32(level)
        x *= np.float32(-4 / width)
        # exp of more than 88 overflows float32; the result is 0 either way.
        np.clip(x, -80, 80, out=x)
        np.exp(x, out=x)
        x += 1
        np.reciprocal(x, out=x)
    else:
        low, high = linear_limits(level, width, function)
        if high > low:
            x -= np.float32(low)
            x *= np.float32(1 / (high - low))
            np.clip(x, 0, 1, out=x)
        else:
            # LINEAR of width 1 is a threshold.
            x = (x > low).astype(np.float32)
    if inverted:
        np.subtract(1, x, out=x)
    return x


def linear_limits(
    level: float, width: float, function: str = "LINEAR"
) -> tuple[float, float]:
    """Return the values that are shown black and white by a linear window.

    Parameters
    ----------
    level, width, function
        As for `voi`; for SIGMOID the limits of the straight line that touches the
        curve in its centre are returned.
    """
    _check(level, width, function)
    if function == "LINEAR":
        return level - 0.5 - (width - 1) / 2, level - 0.5 + (width - 1) / 2
    return level - width / 2, level + width / 2


def _check(level: float, width: float, function: str) -> None:
    if function not in VOI_FUNCTIONS:
        msg = (
            f"There is no window function {function!r}; DICOM knows "
            f"{', '.join(VOI_FUNCTIONS)}."
        )
        raise SpecError(msg)
    least = 1 if function == "LINEAR" else 0
    sane = math.isfinite(level) and math.isfinite(width)
    if not sane or width < least or width == 0:
        msg = (
            f"A window needs a finite level and a width of 1 or more; found level "
            f"{level:g} and width {width:g}."
        )
        raise SpecError(msg)
