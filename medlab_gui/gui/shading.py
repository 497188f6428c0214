"""From values to the brightness of the screen, as the file asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.i18n import _
from medlab_gui.imaging.voi import linear_limits, voi

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from medlab_gui.core.display import Display

__all__ = ["Shading", "shading"]

_SIGMOID_WIDTHS = 2.0
"""The curve is within 0.0004 of black and white this many widths from its centre."""

_N_COLORS = 1024


@dataclass(frozen=True)
class Shading:
    """How a window becomes grey.

    Parameters
    ----------
    function : str
        VOI LUT Function: ``"LINEAR"``, ``"LINEAR_EXACT"`` or ``"SIGMOID"``.
    inverted : bool
        Whether low values are bright.
    is_whole : bool
        Whether the values are whole numbers. LINEAR is LINEAR_EXACT shifted by half a
        value, which means something for those only.
    """

    function: str = "LINEAR"
    inverted: bool = False
    is_whole: bool = True

    def limits(self, level: float, width: float) -> tuple[float, float]:
        """Return the values at both ends of the colours, lowest first."""
        width = max(width, 1e-6)
        if self.function == "SIGMOID":
            reach = _SIGMOID_WIDTHS * width
            return level - reach, level + reach
        if self.function == "LINEAR" and self.is_whole and width > 1:
            low, high = linear_limits(level, width)
            return low, max(high, low + 1e-6)
        return level - width / 2, level + width / 2

    def ends(self, level: float, width: float) -> tuple[float, float]:
        """Return the ends of the window as a person means them, lowest first.

        Of a sigmoid, where the straight line that touches its middle would end.
        """
        half = max(width, 1e-6) / 2
        return level - half, level + half

    @property
    def name(self) -> str:
        """Name of the colours."""
        curve = "sigmoid" if self.function == "SIGMOID" else "gray"
        return f"{curve}_r" if self.inverted else curve

    def colors(self) -> NDArray[np.float32]:
        """Return brightness in [0, 1] between the two ends, shape (1024,)."""
        t = np.linspace(0, 1, _N_COLORS, dtype=np.float32)
        if self.function == "SIGMOID":
            t = voi(
                t,
                level=0.5,
                width=0.5 / _SIGMOID_WIDTHS,
                function="SIGMOID",
            )
        return 1 - t if self.inverted else t

    def shade(self, layer: Image, level: float, width: float) -> None:
        """Let a layer of napari show a window."""
        if layer.colormap.name != self.name:
            if self.function == "SIGMOID":
                from napari.utils.colormaps import Colormap

                gray = self.colors()[:, np.newaxis]
                rgba = np.hstack([gray, gray, gray, np.ones_like(gray)])
                layer.colormap = Colormap(rgba, name=self.name)
            else:
                layer.colormap = self.name
        layer.contrast_limits = self.limits(level, width)

    def brightness(
        self, picture: NDArray[Any], level: float, width: float
    ) -> tuple[NDArray[Any], float, float]:
        """Return values that are linear on the screen, and their black and white.

        Parameters
        ----------
        picture : ndarray, any shape
            Values of the scan; without inversion.
        level, width : float
            Window in the units of ``picture``.
        """
        if self.function == "SIGMOID":
            width = max(width, 1e-6)
            return voi(picture, level=level, width=width, function="SIGMOID"), 0.0, 1.0
        return picture, *self.limits(level, width)

    def words(self) -> str:
        """Return what a person must know about it; empty for the usual."""
        parts = []
        if self.function != "LINEAR":
            parts.append(self.function)
        if self.inverted:
            parts.append(_("inverted"))
        return ", ".join(parts)


def shading(display: Display, dtype: np.dtype[Any], *, inverted: bool) -> Shading:
    """Return how a series is shown.

    Parameters
    ----------
    display : Display
        What its files ask for.
    dtype : dtype
        Of its values.
    inverted : bool
        Whether the person turned bright and dark round.
    """
    return Shading(
        display.function, display.inverted != inverted, np.dtype(dtype).kind in "iub"
    )
