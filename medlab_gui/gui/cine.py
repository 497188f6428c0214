"""Cine: goes through the slices by itself, as fast as is asked for and can be drawn."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, Qt, QTimer

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane
from medlab_gui.gui.choices import remember
from medlab_gui.gui.view_state import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QWidget

    from medlab_gui.gui.panes.linked_state import LinkedState
    from medlab_gui.gui.workbench import Workbench

__all__ = ["FASTEST", "SLOWEST", "Cine"]

SLOWEST, FASTEST = 1, 60
"""Frames per second."""

_GIVE_UP_SECONDS = 0.5
"""A picture that is hidden is never drawn; then the next slice comes after this."""

_AGAIN_MS = 4
_RATED = 12


class Cine(QObject):
    """Plays the slices of the view that has the keys.

    The slice follows from the clock: where drawing is slower than what is asked for,
    slices are left out and none is queued, so the window stays quick and the speed
    through the body right. A slice is set only after the one before was drawn.

    Parameters
    ----------
    bench : Workbench
        Its crosshair goes through the slices.
    clock : callable
        Seconds, for measuring time.

    Attributes
    ----------
    changed : Signal()
        It began, ended, or plays in another way.
    """

    changed = Signal()

    def __init__(
        self, bench: Workbench, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._bench, self._clock = bench, clock
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._is_playing = self._stepping = False
        self._was_drawn = True
        self._phase, self._mark, self._set_at = 0, 0.0, 0.0
        self._plane = Plane.AXIAL
        self._pictures: dict[QObject, Plane] = {}
        self.plane_with_keys: Callable[[], Plane] = lambda: Plane.AXIAL
        self._times: deque[float] = deque(maxlen=_RATED)
        bench.session_changed.connect(self.stop)
        bench.mode_changed.connect(self._on_mode)

    def watch(self, picture: QWidget, plane: Plane = Plane.AXIAL) -> None:
        """Tell from the paint events of a picture when a slice was drawn."""
        self._pictures[picture] = plane
        picture.installEventFilter(self)

    def follow(self, linked: LinkedState) -> None:
        """Stop where somebody else goes to a slice, or puts the picture away."""
        linked.moved.connect(self._on_moved)
        linked.layout_changed.connect(self._on_layout)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See when the picture was drawn; take nothing."""
        if (
            event.type() == QEvent.Type.Paint
            and self._pictures.get(watched) is self._plane
        ):
            self._was_drawn = True
        return False

    # ---- what a person asks for ---------------------------------------------------

    @property
    def is_playing(self) -> bool:
        """Whether slices go by."""
        return self._is_playing

    @property
    def fps(self) -> int:
        """Frames per second that are asked for, 1 to 60; kept in the settings."""
        return self._bench.settings.cine_fps

    @fps.setter
    def fps(self, fps: int) -> None:
        fps = min(FASTEST, max(SLOWEST, int(fps)))
        if fps != self.fps:
            remember(self._bench, cine_fps=fps)
            self._mark = self._clock()
            self._times.clear()
            self.changed.emit()

    @property
    def swings(self) -> bool:
        """Whether it goes back and forth instead of beginning again."""
        return self._bench.settings.cine_swings

    @swings.setter
    def swings(self, swings: bool) -> None:
        if swings != self.swings:
            remember(self._bench, cine_swings=swings)
            session = self._bench.session
            if session is not None:
                self._phase = self._bench.linked.slice_of(self._plane)
            self.changed.emit()

    @property
    def true_fps(self) -> float | None:
        """Frames per second that were shown lately; None where it is too early."""
        if len(self._times) < 2 or self._times[-1] <= self._times[0]:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def toggle(self) -> None:
        """Play or stop."""
        if self._is_playing:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Play from the slice shown, to the head, the back or the patient's left."""
        session = self._bench.session
        if session is None or self._is_playing:
            return
        plane = self.plane_with_keys()
        if session.volume.grid.shape[plane.axis] < 2:
            self._bench.inform(_("There is one slice only in this view: no cine."))
            return
        self._plane = plane
        self._phase, self._mark = self._bench.linked.slice_of(plane), self._clock()
        self._was_drawn = True
        self._times.clear()
        self._is_playing = True
        self._later()
        self.changed.emit()

    def stop(self) -> None:
        """Stay on the slice shown."""
        if self._is_playing:
            self._is_playing = False
            self._timer.stop()
            self.changed.emit()

    def heed(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Stop for a hand that points at something in the picture; take nothing.

        Moving the picture and changing the window go on while it plays.
        """
        presses = kind in (
            QEvent.Type.MouseButtonPress,
            QEvent.Type.MouseButtonDblClick,
        )
        middle, right = Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
        looks = event.button() == middle or (
            event.button() == right and self._bench.mode is Mode.REVIEW
        )
        if presses and not looks:
            self.stop()
        return False

    # ---- the clock ------------------------------------------------------------------

    def _later(self) -> None:
        wait = self._mark + 1 / self.fps - self._clock()
        self._timer.start(max(_AGAIN_MS, round(wait * 1000)))

    def _tick(self) -> None:
        session, now = self._bench.session, self._clock()
        if session is None or not self._is_playing:
            return
        due = int((now - self._mark) * self.fps + 1e-6)
        is_late = now - self._set_at > _GIVE_UP_SECONDS
        if due < 1 or not (self._was_drawn or is_late):
            self._timer.start(_AGAIN_MS)
            return
        self._mark += due / self.fps
        self._phase += due
        self._was_drawn, self._set_at = False, now
        self._times.append(now)
        self._stepping = True
        try:
            n = session.volume.grid.shape[self._plane.axis]
            self._bench.linked.show_slice(self._plane, self._slice_of(n))
        finally:
            self._stepping = False
        if self._is_playing:
            self._later()

    def _slice_of(self, n: int) -> int:
        if not self.swings:
            return self._phase % n
        phase = self._phase % (2 * n - 2)
        return phase if phase < n else 2 * n - 2 - phase

    # ---- what else happens ------------------------------------------------------

    def _on_moved(self) -> None:
        if not self._stepping:
            self.stop()

    def _on_layout(self) -> None:
        if self._plane is not Plane.AXIAL:
            self.stop()

    def _on_mode(self, mode: Mode) -> None:
        self.stop()
