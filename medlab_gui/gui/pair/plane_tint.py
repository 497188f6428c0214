"""The second series over a coronal or sagittal view of the first, in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.i18n import _
from medlab_gui.gui.pair.overlay_colors import overlay_colors
from medlab_gui.gui.pictures import argb_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QImage

    from medlab_gui.gui.pair.pair_state import OverlayLook
    from medlab_gui.gui.pair.resliced import Resliced
    from medlab_gui.gui.panes.plane_pane import PlanePane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PlaneTint", "tint_image"]


def tint_image(picture: NDArray[np.float32], look: OverlayLook) -> QImage:
    """Return a slice in colours, clear where it is low or was not measured.

    Parameters
    ----------
    picture : ndarray of float32, shape (rows, columns)
        Values; not a number where nothing was measured.
    look : OverlayLook
        Colours, range and opacity.

    Returns
    -------
    QImage
        See `pictures.argb_image`.
    """
    colors = overlay_colors(look.colors)
    alpha = colors[:, 3:] * look.opacity
    rgba = np.round(np.hstack([colors[:, :3] * alpha, alpha]) * 255).astype(np.uint32)
    red, green, blue, opacity = rgba.T
    table = np.concatenate([opacity << 24 | red << 16 | green << 8 | blue, [0]])
    last = len(colors) - 1
    share = (picture - np.float32(look.low)) / np.float32(look.high - look.low)
    known = np.isfinite(share)
    steps = np.clip(np.where(known, share, 0) * last + 0.5, 0, last).astype(np.intp)
    return argb_image(table[np.where(known, steps, last + 1)].astype(np.uint32))


class PlaneTint:
    """Gives a pane the colours of the second series for the slice that it shows.

    Parameters
    ----------
    bench : Workbench
        What is open; ``bench.pair`` says how it looks.
    slices : Resliced
        Of the plane of the pane.
    pane : PlanePane
        Asks for `image` when it draws.
    """

    def __init__(self, bench: Workbench, slices: Resliced, pane: PlanePane) -> None:
        self._bench, self._slices, self._pane = bench, slices, pane
        self._state = bench.pair
        self._kept: tuple[object, QImage] | None = None
        pane.tint = self
        self._state.changed.connect(self._refresh)
        self._state.shown_changed.connect(self._refresh)
        slices.ready.connect(self._refresh)

    def _refresh(self, *_args: object) -> None:
        if self._state.second is None:
            self._kept = None
        self._pane.update()

    @property
    def is_shown(self) -> bool:
        """Whether there is something to lie over the picture."""
        return self._bench.session is not None and self._state.overlay

    def image(self, n: int) -> QImage | None:
        """Return the colours over slice ``n``; None where there are none (yet)."""
        picture = self._slices.get(n) if self.is_shown else None
        if picture is None:
            return None
        look = self._state.look
        if self._kept is None or self._kept[0] != (id(picture), n, look):
            self._kept = ((id(picture), n, look), tint_image(picture, look))
        return self._kept[1]

    def lines(self) -> tuple[str, str]:
        """Return what the colours are, and what must be known about them."""
        second, look = self._state.second, self._state.look
        if second is None or not self.is_shown:
            return "", ""
        title = _("{title}: {low:.4g} to {high:.4g} {units}").format(
            title=second.title, low=look.low, high=look.high, units=second.units
        )
        return title, self._state.trust_badge()
