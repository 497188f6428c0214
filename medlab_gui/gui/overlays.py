"""What is written over the picture: orientation, slice, window, the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
)
from qtpy.QtWidgets import QWidget

from medlab_gui.core.directions import in_doubt
from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane
from medlab_gui.gui.colors import uncertainty_colors
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.axial_shear import axial_geometry
from medlab_gui.gui.stamps import LIGHT, Stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PictureText", "position_text"]


def position_text(
    mm: np.ndarray, convention: str = "LPS", *, doubt: bool = False
) -> str:
    """Return a position as a person reads it, e.g. ``L 12.3  P 45.0  S 101.5 mm``.

    Parameters
    ----------
    mm : ndarray of float, shape (3,)
        LPS millimetres.
    convention : "LPS" or "RAS"
        Letters say the side; for RAS the signed numbers follow.
    doubt : bool
        Whether the scan's directions are only assumed: ``L? 12.3``.
    """
    pairs = (("L", "R"), ("P", "A"), ("S", "I"))
    parts = [
        f"{in_doubt(plus if value >= 0 else minus, doubt=doubt)} {abs(value):.1f}"
        for value, (plus, minus) in zip(mm, pairs, strict=True)
    ]
    text = "  ".join(parts) + " mm"
    if convention == "RAS":
        text += f"  (RAS {-mm[0]:.1f}, {-mm[1]:.1f}, {mm[2]:.1f})"
    return text


class PictureText(QWidget):
    """A sheet of glass over the canvas; the mouse does not feel it.

    Parameters
    ----------
    viewer : Viewer
        Its zoom is shown.
    canvas : QWidget
        What it covers.
    bench : Workbench
        What is open.
    stage : Stage
        Whether there is uncertainty to explain.

    Attributes
    ----------
    grounds, marks : list of callable
        ``mark(painter)`` draws more over the picture: what lies under the text, and
        what lies over it (crosshair, scale bar).
    stamps : Stamps
        Text that reads well on any grey.
    """

    def __init__(
        self, viewer: Viewer, canvas: QWidget, bench: Workbench, stage: Stage
    ) -> None:
        super().__init__(canvas)
        self.stamps = Stamps(self)
        self.grounds: list[Callable[[QPainter], object]] = []
        self.marks: list[Callable[[QPainter], object]] = []
        self._viewer = viewer
        self._canvas = canvas
        self._bench = bench
        self._stage = stage
        self.setObjectName("picture_text")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        colors = (uncertainty_colors() * 255).astype(np.uint8)
        colors[:, 3] = 255
        bar = np.ascontiguousarray(colors[::-1, np.newaxis])
        self._bar = QImage(
            bar.tobytes(), 1, len(bar), 4, QImage.Format.Format_RGBA8888
        ).copy()
        canvas.installEventFilter(self)
        bench.session_changed.connect(self._refresh)
        bench.slice_changed.connect(self._refresh)
        for name in (
            "level",
            "width",
            "inverted",
            "hidden",
            "corner_text",
            "letters",
            "entropy_visible",
        ):
            getattr(bench.view.events, name).connect(self._refresh)
        viewer.scene.camera.events.zoom.connect(self._refresh)
        self.setGeometry(canvas.rect())
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas whatever its size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False

    def _refresh(self) -> None:
        self.update()

    # ---- what is written ----------------------------------------------------

    def corner_lines(self) -> tuple[list[str], list[str]]:
        """Return the lines at the top left and at the bottom left."""
        session = self._bench.session
        if session is None:
            return [], []
        grid, k = session.volume.grid, session.k
        middle = ((grid.shape[1] - 1) / 2, (grid.shape[2] - 1) / 2)
        z_mm = float(grid.to_mm((k, *middle))[2])
        view = self._bench.view
        zoom = self._viewer.scene.camera.zoom * self._stage.pixel_mm
        top = [
            self._bench.series_title,
            _("Slice {n} / {total}").format(n=k + 1, total=grid.shape[0]),
            marks.side_text(z_mm, Plane.AXIAL, doubt=session.series.sides_assumed),
        ]
        if k in session.locked:
            top.append(_("Locked for validation"))
        elif session.confirmed[k]:
            top.append(_("Accepted"))
        hidden = [c.name for c in session.scheme.classes if c.value in view.hidden]
        if hidden and view.mask_visible:
            top.append(_("Hidden: {names}").format(names=", ".join(hidden)))
        bottom = [
            marks.window_text(view.level, view.width, session.volume.units),
            _("Zoom {zoom:.0%}").format(zoom=zoom),
        ]
        bottom[0] += "   ".join(
            ["", *filter(None, [self._stage.window.shading.words()])]
        )
        return top, bottom

    # ---- drawing ------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw letters, corners and legend."""
        session = self._bench.session
        if session is None or session.series_uid != self._stage.placed:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = picture_font(self.font())
        for ground in self.grounds:
            ground(painter)
        if self._bench.view.corner_text:
            self._draw_corners(painter, font)
        if self._bench.view.letters:
            marks.draw_letters(
                painter,
                self.stamps,
                marks.letter_font(font),
                (self.width(), self.height()),
                axial_geometry(
                    session.volume.grid, doubt=session.series.sides_assumed
                ).edge_letters,
            )
        if session.entropy is not None and self._bench.view.entropy_visible:
            self._draw_legend(painter, font)
        for mark in self.marks:
            mark(painter)
        painter.end()

    def _draw_corners(self, painter: QPainter, font: QFont) -> None:
        top, bottom = self.corner_lines()
        size = (self.width() * 0.42, self.height())
        tops = [(line, LIGHT) for line in top]
        marks.draw_corners(painter, self.stamps, font, size, tops, bottom)

    def _draw_legend(self, painter: QPainter, font: QFont) -> None:
        metrics = QFontMetricsF(font)
        height = min(160.0, self.height() / 3)
        title = _("Uncertainty")
        width = metrics.horizontalAdvance(title)
        x = self.width() - marks.MARGIN - max(width, 46.0)
        y = self.height() - marks.MARGIN - height - metrics.height()
        self._write(painter, font, QPointF(x, y - metrics.descent() - 7), title)
        bar = QRectF(x, y, 14, height)
        painter.drawImage(bar, self._bar)
        painter.setPen(QPen(QColor(0, 0, 0, 180), 1))
        painter.drawRect(bar)
        for value, text in ((1.0, "1"), (0.5, "0.5"), (0.0, "0")):
            at = QPointF(x + 19, y + (1 - value) * height + metrics.capHeight() / 2)
            self._write(painter, font, at, text)

    def _write(self, painter: QPainter, font: QFont, at: QPointF, text: str) -> None:
        self.stamps.write(painter, font, at, text)
