"""The mouse of a medical viewer: wheel = slice, middle = move, right = window or erase.

Events are taken from the picture's widget before napari sees them; what is meant for a
tool is passed on. The table for people is `gui.actions.MOUSE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent

from medlab_gui.gui.drawing import finish_polygon
from medlab_gui.gui.first_button import FirstButton
from medlab_gui.gui.view_state import INVERTIBLE, Mode, Tool
from medlab_gui.gui.wheel import ZOOM_PER_NOTCH, Notches
from medlab_gui.gui.window_drag import dragged_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from qtpy.QtWidgets import QWidget

    from medlab_gui.gui.layers import Stage
    from medlab_gui.gui.workbench import Workbench

__all__ = ["MouseFilter", "picture_point"]

_BRUSH_PER_NOTCH = 1.15

_OF_FIRST = "first"
"""The drag of whoever is asked first: measuring, the box, the crosshair."""


def picture_point(viewer: Viewer, canvas: QWidget, x: float, y: float) -> QPointF:
    """Return where a point of the canvas lies in the slice.

    Parameters
    ----------
    viewer : Viewer
        In 2D and not rotated.
    canvas : QWidget
        Its picture.
    x, y : float
        Logical pixels from the top left.

    Returns
    -------
    QPointF
        ``x`` along i and ``y`` along j, in mm from the centre of the first voxel.
    """
    camera = viewer.scene.camera
    center_y, center_x = camera.center[-2], camera.center[-1]
    return QPointF(
        center_x + (x - canvas.width() / 2) / camera.zoom,
        center_y + (y - canvas.height() / 2) / camera.zoom,
    )


class MouseFilter(QObject):
    """Takes wheel, middle and right button from the canvas.

    Attributes
    ----------
    first : callable or None
        ``first(kind, event) -> bool`` may take an event of a button, or a movement with
        none of our own drags under way, before anybody else (measuring does). Whose
        press it takes, that button's drag is its own.
    hovered : Signal(float, float)
        Position in the slice in mm ``(x, y)``, see `picture_point`.
    left : Signal()
        The mouse is no longer over the picture.
    refused : Signal()
        Somebody tried to use a tool where nothing may be changed.
    """

    hovered = Signal(float, float)
    left = Signal()
    refused = Signal()

    def __init__(
        self, viewer: Viewer, canvas: QWidget, bench: Workbench, stage: Stage
    ) -> None:
        super().__init__(canvas)
        self._viewer = viewer
        self._canvas = canvas
        self._bench = bench
        self._stage = stage
        self._notches = Notches()
        self._last = QPointF()
        self._drag = ""
        self._button = FirstButton(canvas)
        self.first: Callable[[QEvent.Type, QMouseEvent], bool] | None = None
        canvas.setMouseTracking(True)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle what is ours; return whether napari must not see it."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self.left.emit()
            return False
        if self._bench.session is None:
            return False
        if kind == QEvent.Type.Wheel:
            assert isinstance(event, QWheelEvent)
            return self._on_wheel(event)
        if kind in (
            QEvent.Type.MouseButtonPress,
            QEvent.Type.MouseButtonDblClick,
            QEvent.Type.MouseMove,
            QEvent.Type.MouseButtonRelease,
        ):
            assert isinstance(event, QMouseEvent)
            return self._on_mouse(kind, event)
        return False

    # ---- wheel --------------------------------------------------------------

    def _on_wheel(self, event: QWheelEvent) -> bool:
        notches = self._notches.of(event)
        if not notches:
            return True
        held = event.modifiers()
        if held & Qt.KeyboardModifier.ControlModifier:
            self._zoom(event.position(), ZOOM_PER_NOTCH**notches)
        elif held & Qt.KeyboardModifier.ShiftModifier:
            view = self._bench.view
            least = self._stage.pixel_mm
            view.brush_mm = min(
                200.0, max(least, view.brush_mm * _BRUSH_PER_NOTCH**notches)
            )
        else:
            self._bench.step(notches)
        return True

    def _zoom(self, at: QPointF, factor: float) -> None:
        """Zoom so that what is under the mouse stays there."""
        camera = self._viewer.scene.camera
        before = picture_point(self._viewer, self._canvas, at.x(), at.y())
        camera.zoom = min(200.0, max(0.05, camera.zoom * factor))
        after = picture_point(self._viewer, self._canvas, at.x(), at.y())
        self._move(before - after)

    def _move(self, by: QPointF) -> None:
        camera = self._viewer.scene.camera
        center = list(camera.center)
        center[-2] += by.y()
        center[-1] += by.x()
        camera.center = tuple(center)

    # ---- buttons ------------------------------------------------------------

    def _on_mouse(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        button = self._button
        if button.is_lost(event):
            # A dialog, or another window, got the release.
            self.let_go()
        if button.is_second(event):
            # It does not interfere with what the first one is doing.
            return True
        may_take = button.held is None or self._drag == _OF_FIRST
        taken = may_take and self.first is not None and self.first(kind, event)
        if kind == QEvent.Type.MouseMove:
            return self._on_move(event) or taken
        if kind == QEvent.Type.MouseButtonRelease:
            return self._on_release(event) or taken
        if taken:
            self._start(_OF_FIRST, event)
            return True
        return self._on_press(kind, event)

    def _on_press(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        self._canvas.setFocus()
        button = event.button()
        view = self._bench.view
        annotating = view.mode is Mode.ANNOTATE
        if button == Qt.MouseButton.MiddleButton:
            self._start("move", event)
            return True
        if annotating and view.tool is not Tool.PAN:
            self._stage.hurry()
            if not event.modifiers() & Qt.KeyboardModifier.AltModifier:
                self._stage.strokes.unfreeze()
        if button == Qt.MouseButton.RightButton:
            if annotating and view.tool is Tool.POLYGON:
                return False
            erases = self._bench.settings.right_drag_erases
            if annotating and erases and not self._stage.why_not_editable:
                self._start("erase", event)
                self._stage.hold_eraser(True)
                self._press(event)
            else:
                self._start("window", event)
            return True
        if button != Qt.MouseButton.LeftButton:
            return True  # for napari, the buttons at the side of a mouse paint
        if annotating and view.tool is not Tool.PAN and self._stage.why_not_editable:
            self.refused.emit()
            return True
        inverts = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if annotating and inverts and view.tool in INVERTIBLE:
            self._start("inverse", event)
            self._stage.hold_inverse(True)
            self._press(event)
            return True
        is_double = kind == QEvent.Type.MouseButtonDblClick
        if is_double and annotating and view.tool is Tool.POLYGON:
            finish_polygon(self._stage, cuts=inverts)
            return True
        self._start("", event)
        if not is_double and not self._stage.strokes.are_clicks:
            return False
        # napari would zoom; the second click of two quick ones is a click.
        self._press(event)
        return True

    def _press(self, event: QMouseEvent) -> None:
        """Tell napari that the button is down."""
        self._send(QEvent.Type.MouseButtonPress, event.position())
        if self._stage.strokes.are_clicks:
            # A hand that shakes would fill what lies beside, too.
            self._stage.strokes.finish()

    def _start(self, what: str, event: QMouseEvent) -> None:
        """Begin a drag, of our own or (with an empty name) of napari's."""
        self._drag = what
        self._button.press(event)
        self._last = event.position()

    def _on_move(self, event: QMouseEvent) -> bool:
        at = event.position()
        point = picture_point(self._viewer, self._canvas, at.x(), at.y())
        self.hovered.emit(point.x(), point.y())
        moved, self._last = at - self._last, at
        if not self._drag:
            return False
        if self._drag == "move":
            self._move(-moved / self._viewer.scene.camera.zoom)
        elif self._drag == "window":
            self._change_window(moved)
        elif self._drag != _OF_FIRST:
            self._send(QEvent.Type.MouseMove, at)
        return True

    def _change_window(self, moved: QPointF) -> None:
        view, session = self._bench.view, self._bench.session
        whole = session is not None and session.volume.data.dtype.kind in "iu"
        view.level, view.width = dragged_window(
            (view.level, view.width), moved, self._canvas.width(), whole=whole
        )

    def _on_release(self, event: QMouseEvent) -> bool:
        if self._button.held is None:
            return False
        is_ours = bool(self._drag)
        self._end(at=event.position())
        return is_ours

    def let_go(self) -> None:
        """End what the mouse is doing, where the release does not come any more."""
        if self._button.held is None:
            return
        if not self._drag:
            self._send(QEvent.Type.MouseButtonRelease, self._last)
        elif self._drag == _OF_FIRST and self.first is not None:
            self.first(QEvent.Type.MouseButtonRelease, self._button.release(self._last))
        self._end(at=self._last)

    def _end(self, *, at: QPointF) -> None:
        what, self._drag = self._drag, ""
        self._button.let_go()
        if what in ("inverse", "erase"):
            self._send(QEvent.Type.MouseButtonRelease, at)
            self._stage.hold_inverse(False)
            self._stage.hold_eraser(False)

    def _send(self, kind: QEvent.Type, at: QPointF) -> None:
        """Tell napari of the left button, whichever it is, with no key held."""
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        is_move = kind == QEvent.Type.MouseMove
        is_release = kind == QEvent.Type.MouseButtonRelease
        copy = QMouseEvent(
            kind,
            at,
            QPointF(self._canvas.mapToGlobal(at)),
            none if is_move else left,
            none if is_release else left,
            Qt.KeyboardModifier.NoModifier,
        )
        self._canvas.removeEventFilter(self)
        try:
            QCoreApplication.sendEvent(self._canvas, copy)
        finally:
            self._canvas.installEventFilter(self)
