"""The second series over the picture: one more layer, and what its colours mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPen

from medlab_gui.core.i18n import _
from medlab_gui.gui.layer_data import set_changed
from medlab_gui.gui.layer_making import add_hidden
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.pair.overlay_colors import color_bar, overlay_colors
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.axial_shear import shear_layer
from medlab_gui.gui.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari import Viewer
    from napari.layers import Image
    from numpy.typing import NDArray
    from qtpy.QtGui import QPainter

    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.overlays import PictureText
    from medlab_gui.gui.pair.resliced import Resliced
    from medlab_gui.gui.workbench import Workbench

__all__ = ["OverlayLayer"]

_ELIDE = Qt.TextElideMode.ElideRight

_NOTHING = -3e38
"""Below any window, and so clear: some graphics cards do not know "not a number"."""


class OverlayLayer:
    """Keeps a layer of napari's and the second series the same.

    The layer holds one slice, in the pixels of the first series. It is hidden until
    that slice is there: an overlay of another slice is never shown.

    Parameters
    ----------
    viewer : Viewer
        napari.
    bench : Workbench
        What is open.
    stage : Stage
        The layers that it lies between.
    slices : Resliced
        Where its pictures come from.
    text : PictureText
        Draws its legend.

    Attributes
    ----------
    layer : Image or None
        Made when there is a second series for the first time.
    """

    def __init__(
        self,
        viewer: Viewer,
        bench: Workbench,
        stage: Stage,
        slices: Resliced,
        text: PictureText,
    ) -> None:
        self._viewer, self._bench, self._stage = viewer, bench, stage
        self._slices, self._text = slices, text
        self._state = bench.pair
        self._colors = ""
        self._source: NDArray[np.float32] | None = None
        self.layer: Image | None = None
        text.marks.append(self._draw_legend)
        self._state.changed.connect(self._on_changed)
        self._state.moved.connect(self.refresh)
        self._state.shown_changed.connect(self.refresh)
        slices.ready.connect(self._on_ready)

    @property
    def is_shown(self) -> bool:
        """Whether it should be on the screen."""
        return self._bench.session is not None and self._state.overlay

    def _on_ready(self, k: int) -> None:
        session = self._bench.session
        if session is not None and session.k == k:
            self.refresh()

    def refresh(self) -> None:
        """Show the slice that the first series shows, or nothing."""
        session = self._bench.session
        self._text.update()
        if not self.is_shown or session is None:
            self._hide()
            return
        picture, layer = self._slices.get(session.k), self.layer
        if picture is None or layer is None:  # `_prepare` comes here at its end
            self._hide()
            return
        if picture is not self._source:
            self._source = picture
            layer.data = np.nan_to_num(picture, nan=_NOTHING)
        look = self._state.look
        if not np.array_equal(layer.scale, session.volume.grid.spacing[1:]):
            layer.scale = session.volume.grid.spacing[1:]
        shear_layer(layer, session.volume.grid)
        if look.colors != self._colors:
            self._colors = look.colors
            layer.colormap = _colormap(look.colors)
        limits = [look.low, look.high]
        if list(layer.contrast_limits) != limits:
            layer.contrast_limits = limits
        set_changed(layer, opacity=look.opacity, visible=True)

    def _hide(self) -> None:
        if self.layer is not None:
            set_changed(self.layer, visible=False)
            if self._state.second is None and self._source is not None:
                self._source = None
                self.layer.data = np.zeros((1, 1), np.float32)

    def _prepare(self) -> Iterator[None]:
        """Make the layer, and yield after each part that takes long."""
        if self.layer is not None:
            return
        layer = yield from add_hidden(
            self._viewer, _new_layer, lambda: self.layer is None, self._place
        )
        if layer is not None:
            self.layer = layer
            self._stage.apply_tool()  # napari gave the mouse to the new layer
            yield
            self.refresh()

    def _place(self) -> int:
        """Return the place right above the scan."""
        image = self._stage.image
        return 0 if image is None else self._viewer.layers.index(image) + 1

    def _on_changed(self) -> None:
        """Have the layer ready before somebody asks for it."""
        if self._state.second is not None and self.layer is None:
            in_steps(self._prepare())
        self.refresh()

    # ---- what the colours mean ---------------------------------------------------

    def legend_lines(self) -> list[str]:
        """Return what is written over the bar: title and what must be known."""
        second = self._state.second
        if second is None or not self.is_shown:
            return []
        lines = [second.title]
        session = self._bench.session
        assert session is not None
        picture = self._slices.get(session.k)
        if picture is not None and not np.isfinite(picture).any():
            lines.append(_("not measured in this slice"))
        if self._state.trust_badge():
            lines.append(self._state.trust_badge())
        return lines

    def _draw_legend(self, painter: QPainter) -> None:
        second = self._state.second
        if second is None or not self.is_shown:
            return
        text, look = self._text, self._state.look
        font = picture_font(text.font())
        metrics = QFontMetricsF(font)
        line = metrics.lineSpacing()
        lines = self.legend_lines()
        # Under the letter of the left edge and over the corner text.
        top = text.height() / 2 + 2.5 * line
        room = text.height() - marks.MARGIN - 4.5 * line - top - line * len(lines)
        x, y = marks.MARGIN, top
        for n, words in enumerate(lines):
            fitting = metrics.elidedText(
                words, _ELIDE, max(40.0, text.width() - 2 * marks.MARGIN)
            )
            at = QPointF(x, y)
            if n == 0:
                text.stamps.write(painter, font, at, fitting)
            else:
                text.stamps.write(painter, font, at, fitting, marks.BADGE_COLOR)
            y += line
        if room < 3 * line:
            return
        # Its highest value is written beside its top: clear of the line above.
        high = y - metrics.ascent() + 4 + metrics.capHeight() / 2
        bar = QRectF(x, high, 14, min(140.0, room))
        painter.drawImage(bar, color_bar(look.colors))
        painter.setPen(QPen(QColor(238, 238, 225, 160), 1))
        painter.drawRect(bar)
        middle = (look.low + look.high) / 2
        for value, share in ((look.high, 0.0), (middle, 0.5), (look.low, 1.0)):
            base = bar.top() + share * bar.height() + metrics.capHeight() / 2
            words = f"{value:.4g}"
            if share == 0:
                words = f"{words} {second.units}"
            text.stamps.write(painter, font, QPointF(bar.right() + 6, base), words)


def _new_layer() -> Image:
    from napari.layers import Image

    layer = Image(
        np.zeros((1, 1), np.float32),
        name=_("Second series"),
        contrast_limits=(0, 1),
        blending="translucent_no_depth",
    )
    layer.interpolation2d = "linear"
    return layer


def _colormap(name: str) -> object:
    from napari.utils.colormaps import Colormap

    return Colormap(overlay_colors(name), name=f"second_{name}")
