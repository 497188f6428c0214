"""Puts the second series into the window: beside the picture, and over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

from medlab_gui.gui.pair.overlay_layer import OverlayLayer
from medlab_gui.gui.pair.pair_hand import PairHand
from medlab_gui.gui.pair.pair_pane import PairPane
from medlab_gui.gui.pair.pair_panel import OverlayBar, PairPanel
from medlab_gui.gui.pair.pair_tie import PairTie
from medlab_gui.gui.pair.plane_tint import PlaneTint
from medlab_gui.gui.pair.resliced import Resliced
from medlab_gui.gui.panes.linked_state import PaneLayout

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

    from medlab_gui.core.measurements import Plane
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.overlays import PictureText
    from medlab_gui.gui.panes.plane_pane import PlanePane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["PairViews"]


class _Room(QWidget):
    """Asks for as much room as the picture would."""

    def sizeHint(self) -> QSize:
        """Return the size that napari's canvas would ask for."""
        return QSize(800, 600)


class PairViews(QObject):
    """The second series in the window.

    Parameters
    ----------
    viewer : Viewer
        Draws the first series.
    bench : Workbench
        What is open.
    stage : Stage
        The layers of the first series.
    text : PictureText
        Over the picture.
    area : QWidget
        The views of the first series; it moves into `room`.
    panes : dict of Plane to PlanePane
        Coronal and sagittal views of the first series.
    fit : callable
        Fits the views of the first series to their room.

    Attributes
    ----------
    room : QWidget
        Both series side by side, and the bar below.
    pane : PairPane
        The second series.
    layer : OverlayLayer
        The second over the first.
    """

    def __init__(
        self,
        viewer: Viewer,
        bench: Workbench,
        stage: Stage,
        text: PictureText,
        area: QWidget,
        panes: dict[Plane, PlanePane],
        fit: Callable[[], object],
    ) -> None:
        super().__init__(area)
        self._state, self._fit = bench.pair, fit
        self._linked, self._canvas = bench.linked, text.parentWidget()
        self.slices = Resliced(bench, bench.pair)
        self.layer = OverlayLayer(viewer, bench, stage, self.slices, text)
        self.tints = {
            plane: PlaneTint(bench, Resliced(bench, bench.pair, plane), pane)
            for plane, pane in panes.items()
        }
        self.pane = PairPane(bench, self.slices)
        self.hand = PairHand(self.pane, bench)
        self.tie = PairTie(viewer, bench, self.pane, fit)
        self.panel = PairPanel(bench, self.pane)
        self.bar = OverlayBar(bench)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(area)
        self.split.addWidget(self.panel)
        for n in (0, 1):
            self.split.setStretchFactor(n, 1)
        self.panel.hide()
        self.room = _Room()
        layout = QVBoxLayout(self.room)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.split, 1)
        layout.addWidget(self.bar)
        self._is_wide: bool | None = None
        bench.linked.layout_changed.connect(self._share)
        self._state.changed.connect(self._arrange)
        self._state.shown_changed.connect(self._arrange)

    def fit(self) -> None:
        """Show the whole slice of the second series, or as much as of the first."""
        self.pane.fit()
        self.tie.pull()

    def _share(self) -> None:
        """Give several views of the first series more room than one of the second."""
        linked = self._linked
        wide = linked.is_linked and linked.layout is not PaneLayout.COLUMN
        if self.panel.isHidden() or wide == self._is_wide:
            return
        self._is_wide = wide
        part = max(1, self.split.width() // 6)
        self.split.setSizes([4 * part, 2 * part] if wide else [3 * part, 3 * part])

    def _arrange(self) -> None:
        shown = self._state.second is not None and self._state.beside
        if shown != self.panel.isHidden():
            return
        focus = self.room.window().focusWidget()
        had_focus = focus is not None and self.panel.isAncestorOf(focus)
        self._is_wide = None
        self.panel.setVisible(shown)
        if shown:
            self._linked.show_axial()
            self._share()
        elif had_focus and self._canvas is not None:
            self._canvas.setFocus()
        # The picture has its new size when Qt has laid the widgets out.
        QTimer.singleShot(0, self, self._fit)
