"""The linked views of the window: the canvas, the panes beside it, one crosshair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QFontMetricsF
from qtpy.QtWidgets import QApplication

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane
from medlab_gui.gui.letter_size import picture_font
from medlab_gui.gui.measure_overlay import MeasureOverlay
from medlab_gui.gui.measure_pane import PicturePane
from medlab_gui.gui.panes import marks
from medlab_gui.gui.panes.axial_shear import axial_geometry, shear_layer
from medlab_gui.gui.panes.linked_state import PaneLayout
from medlab_gui.gui.panes.pane_area import VOLUME, PaneArea
from medlab_gui.gui.panes.pane_hand import PaneHand
from medlab_gui.gui.panes.plane_geometry import PlaneGeometry
from medlab_gui.gui.panes.plane_pane import PlanePane
from medlab_gui.gui.panes.unmeasured import CanvasHatch
from medlab_gui.gui.stamps import LIGHT
from medlab_gui.gui.view_state import Mode
from medlab_gui.gui.window_box import WindowBox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari import Viewer
    from qtpy.QtGui import QMouseEvent, QPainter
    from qtpy.QtWidgets import QWidget

    from medlab_gui.core.measurements import Measurement
    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.overlays import PictureText
    from medlab_gui.gui.panes.volume_pane import VolumePane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["LinkedViews"]

_MARGIN = 0.02
_EMPTY_MS = 500


class LinkedViews(QObject):
    """Puts panes beside napari's canvas and keeps all of them on one crosshair.

    One edits on axial slices only, on the canvas: what a person vouches for, what is
    locked and what the queue asks for are axial slices. The other panes show.

    Parameters
    ----------
    viewer : Viewer
        Draws the axial slice.
    canvas : QWidget
        Its picture; it moves into `area`.
    bench : Workbench
        What is open.
    stage : Stage
        The layers.
    text : PictureText
        Over the canvas; crosshair and scale bar are drawn by it.

    Attributes
    ----------
    area : PaneArea
        Takes the canvas's place.
    panes : dict of Plane to PlanePane
        The light ones.
    volume : VolumePane or None
        The 3D view, once it was asked for.
    """

    hovered = Signal(object, object)
    """Position ``(k, j, i)`` under the mouse in one of the panes, and its plane."""
    left = Signal()
    """The mouse left a pane."""

    def __init__(
        self,
        viewer: Viewer,
        canvas: QWidget,
        bench: Workbench,
        stage: Stage,
        text: PictureText,
    ) -> None:
        super().__init__(canvas)
        self._viewer, self._canvas = viewer, canvas
        self._bench, self._stage, self._text = bench, stage, text
        self._state = bench.linked
        self._dragging = False
        self._active = Plane.AXIAL
        self.volume: VolumePane | None = None
        self._keys: QObject | None = None
        self._picture = PicturePane(viewer, canvas, bench)
        self.area = PaneArea(canvas)
        self.panes: dict[Plane, PlanePane] = {}
        self.hands: dict[Plane, PaneHand] = {}
        for plane in (Plane.CORONAL, Plane.SAGITTAL):
            self._add(plane)
        self._hatch = CanvasHatch()
        text.grounds.append(self._draw_hatch)
        text.marks.append(self._draw_marks)
        self._state.moved.connect(self._refresh)
        stage.slab.changed.connect(self._refresh)
        self._state.layout_changed.connect(self.arrange)
        bench.session_changed.connect(self._on_session)
        bench.measure.changed.connect(self._refresh)
        bench.measure.show_asked.connect(self._show_measurement)
        for name in ("scale_bar", "crosshair"):
            getattr(bench.view.events, name).connect(self._refresh)
        bench.view.events.smooth.connect(self._apply_smooth)
        viewer.scene.camera.events.center.connect(self._on_camera)
        # Which picture had the keys is asked when something else has them by then.
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def _add(self, plane: Plane) -> None:
        pane = PlanePane(self._bench, plane)
        hand = PaneHand(pane, self._bench, self._pans)
        measuring = MeasureOverlay(pane, pane, self._bench, self._pans)
        box = WindowBox(pane, pane, self._bench, lambda: pane.values)
        hand.first = [measuring.hand.take, box.take]
        hand.hovered.connect(lambda index: self.hovered.emit(index, plane))
        hand.left.connect(self.left)
        hand.double_clicked.connect(self._enlarge)
        self.panes[plane], self.hands[plane] = pane, hand
        self.area.add(str(plane), pane)
        self._bench.cine.watch(pane, plane)

    def send_keys_to(self, keys: QObject) -> None:
        """Have a filter of events get the keys of every pane, also of later ones."""
        self._keys = keys
        for pane in self.panes.values():
            pane.installEventFilter(keys)

    def make_panes(self) -> Iterator[None]:
        """Make the 3D view in a turn of its own where the layout shows it."""
        if self._state.layout is PaneLayout.QUAD and self.volume is None:
            self._make_volume()
            yield

    def _make_volume(self) -> None:
        from medlab_gui.gui.panes.volume_pane import VolumePane

        self.volume = VolumePane(self._bench)
        self.volume.double_clicked.connect(self._enlarge_volume)
        self.area.add(VOLUME, self.volume)
        if self._keys is not None:
            self.volume.installEventFilter(self._keys)

    def _enlarge(self, plane: Plane) -> None:
        self._state.enlarge(str(plane))

    def _enlarge_volume(self) -> None:
        self._state.enlarge(VOLUME)

    def _pans(self) -> bool:
        return self._stage.holds_pan

    def _show_measurement(self, one: Measurement) -> None:
        """Bring the slice of a measurement into view, in its plane."""
        grid = self._state.grid
        if grid is None:
            return
        if self._state.alone not in (None, one.plane):
            if one.plane is Plane.AXIAL:
                self._state.show_axial()
            elif not self._state.is_linked:
                self._state.layout = PaneLayout.LARGE
        self._state.place(grid.to_index(one.points).mean(axis=0))

    # ---- what actions do ----------------------------------------------------------

    @property
    def active(self) -> Plane:
        """The plane that keys go to: of the picture that had the focus last."""
        self._on_focus(None, self._canvas.window().focusWidget())
        if str(self._active) in self.area.shown:
            return self._active
        return self._state.alone or Plane.AXIAL

    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        if now is self._canvas:
            self._active = Plane.AXIAL
        for plane, pane in self.panes.items():
            if pane is now:
                self._active = plane

    def step(self, n: int) -> None:
        """Go on by slices in the pane that has the keys."""
        self._state.step(self.active, n)

    def zoom(self, factor: float) -> None:
        """Zoom the pane that has the keys, about its middle."""
        pane = self.panes.get(self.active)
        if pane is not None:
            pane.zoom_at(QPointF(pane.width() / 2, pane.height() / 2), factor)
        else:
            camera = self._viewer.scene.camera
            camera.zoom = min(200.0, max(0.05, camera.zoom * factor))

    def show_window(self, level: float, width: float) -> None:
        """Show all slices in a window, or the 3D view alone, if that has the keys."""
        focus = self._canvas.window().focusWidget()
        if self.volume is not None and focus is self.volume:
            self.volume.show_window(level, width)
        else:
            view = self._bench.view
            view.level, view.width = level, width

    def fit(self) -> None:
        """Fit every picture to its pane."""
        self._viewer.reset_view(margin=_MARGIN)
        for pane in self.panes.values():
            pane.fit()
        if self.volume is not None:
            self.volume.fit()

    # ---- layout -------------------------------------------------------------------

    def _on_session(self) -> None:
        if self._state.grid is None:
            # Another series often follows at once: to give the canvas all the room, and
            # take it back, draws everything twice.
            QTimer.singleShot(_EMPTY_MS, self._on_empty)
            self._refresh()
            return
        stage = self._stage
        for layer in (stage.image, stage.entropy, stage.prediction, stage.mask):
            if layer is not None:
                shear_layer(layer, self._state.grid)
        self.arrange()
        self._apply_smooth()

    def _on_empty(self) -> None:
        if self._state.grid is None:
            self.arrange()

    def arrange(self) -> None:
        """Show the panes of the layout; without a series, only the canvas."""
        before = self._canvas.size()
        if self._bench.session is None:
            self.area.arrange(PaneLayout.ONE)
        else:
            if self._state.layout is PaneLayout.QUAD and self.volume is None:
                self._make_volume()
            self.area.arrange(self._state.layout, self._state.enlarged)
        if self._bench.session is not None and self._canvas.size() != before:
            self._viewer.reset_view(margin=_MARGIN)
        self._keep_focus()
        self._refresh()

    def _keep_focus(self) -> None:
        """Give the keys to a picture that is shown, if one that is hidden had them."""
        pictures: dict[str, QWidget] = {str(p): w for p, w in self.panes.items()}
        pictures[str(Plane.AXIAL)] = self._canvas
        if self.volume is not None:
            pictures[VOLUME] = self.volume
        focus = self._canvas.window().focusWidget()
        if focus is None or (focus in pictures.values() and focus.isHidden()):
            pictures[self.area.shown[0]].setFocus()

    # ---- the canvas -----------------------------------------------------------------

    def _refresh(self, *_args: object) -> None:
        self._text.update()

    def _on_camera(self, *_args: object) -> None:
        if self._has_crosshair:
            self._text.update()

    def _apply_smooth(self, *_args: object) -> None:
        image = self._stage.image
        wanted = "linear" if self._bench.view.smooth else "nearest"
        if image is not None and str(image.interpolation2d) != wanted:
            image.interpolation2d = wanted

    def _index_at(self, at: QPointF) -> np.ndarray:
        row, column = self._picture.to_flat(at.x(), at.y())
        return np.array([self._picture.slice_index, row, column])

    @property
    def _has_crosshair(self) -> bool:
        """Whether another picture shows the same place."""
        return self._state.is_linked or self._bench.pair.shares_place

    def take(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Take what concerns the crosshair from the canvas's mouse.

        Parameters
        ----------
        kind : QEvent.Type
            Press, move, release or double click.
        event : QMouseEvent
            On the canvas.

        Returns
        -------
        bool
            Whether nobody else should see it.
        """
        if not self._has_crosshair or self._bench.session is None:
            return False
        held, is_left = event.modifiers(), event.button() == Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseMove:
            shift = bool(held & Qt.KeyboardModifier.ShiftModifier)
            points = shift and event.buttons() == Qt.MouseButton.NoButton
            if self._dragging or points:
                self._state.place(self._index_at(event.position()))
            return self._dragging
        if not self._state.is_linked:  # the left button moves the one picture
            return False
        if kind == QEvent.Type.MouseButtonRelease:
            was, self._dragging = self._dragging and is_left, False
            return was
        navigates = self._bench.view.mode is Mode.REVIEW and not self._stage.holds_pan
        if not (is_left and navigates) or held != Qt.KeyboardModifier.NoModifier:
            return False
        self._canvas.setFocus()
        if kind == QEvent.Type.MouseButtonDblClick:
            self._dragging = False
            self._state.unclick()
            self._state.enlarge(str(Plane.AXIAL))
        else:
            self._dragging = True
            self._state.click(self._index_at(event.position()))
        return True

    def badge(self) -> str:
        """Return what must be known about the canvas; empty for a plain slice."""
        session = self._bench.session
        if session is None:
            return ""
        spacing = PlaneGeometry(session.volume.grid, Plane.AXIAL).spacing
        return self._state.badge(Plane.AXIAL, spacing, session.series)

    def crosshair_at(self) -> QPointF:
        """Return where the crosshair is on the canvas, in logical pixels."""
        x, y = self._picture.to_canvas(self._state.index[1:])[0]
        return QPointF(float(x), float(y))

    def _draw_hatch(self, painter: QPainter) -> None:
        session = self._bench.session
        if session is None or not self._stage.is_ready:
            return
        self._hatch.draw(painter, self._picture, self._stage.slab.unmeasured)

    def _draw_marks(self, painter: QPainter) -> None:
        view, room = self._bench.view, QRectF(self._text.rect())
        font = picture_font(self._text.font())
        if view.crosshair and self._has_crosshair:
            marks.draw_crosshair(painter, room, self.crosshair_at(), Plane.AXIAL)
        if view.scale_bar:
            marks.draw_scale_bar(
                painter,
                self._text.stamps,
                font,
                (room.width(), room.height()),
                1 / float(self._viewer.scene.camera.zoom),
                self._bench.measure.scale_caution(Plane.AXIAL),
            )
        lines = []
        grid = self._state.grid
        is_oblique = grid is not None and grid.is_oblique
        session = self._bench.session
        doubt = session is not None and session.series.sides_assumed
        if view.corner_text and (self._state.is_linked or is_oblique):
            title = marks.title(Plane.AXIAL, self._state.grid, doubt=doubt)
            lines.append((title, marks.PLANE_COLORS[Plane.AXIAL]))
        if self.badge():
            lines.append((self.badge(), marks.BADGE_COLOR))
        if self._stage.slab.is_coming:
            lines.append((_("Preparing…"), LIGHT))
        metrics = QFontMetricsF(font)
        letter = ""
        if view.letters and grid is not None:
            letter = axial_geometry(grid, doubt=doubt).edge_letters[2]
        y = marks.MARGIN + metrics.ascent()
        for line, color in lines:
            between = room.width() - 2 * marks.MARGIN
            y = marks.clear_of_letter(y, line, font, between, letter)
            x = room.width() - marks.MARGIN - metrics.horizontalAdvance(line)
            self._text.stamps.write(painter, font, QPointF(x, y), line, color)
            y += metrics.lineSpacing()
