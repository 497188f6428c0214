"""Play, speed and way of the cine, beside the bar of slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QToolButton, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.gui.cine import FASTEST, SLOWEST
from medlab_gui.gui.letter_size import letter_scale
from medlab_gui.gui.own_keys import OwnKeys

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["CineBar"]

_RATE_MS = 500


class CineBar(QWidget):
    """A row: play, frames per second, back and forth, and the bar of slices.

    Parameters
    ----------
    bench : Workbench
        Has the cine.
    slices : QWidget
        Takes the rest of the row.
    """

    def __init__(self, bench: Workbench, slices: QWidget) -> None:
        super().__init__()
        self._bench, self._cine = bench, bench.cine
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.play.setAccessibleName(_("Cine"))
        self.play.clicked.connect(self._cine.toggle)
        self.fps = QSpinBox()
        self.fps.setRange(SLOWEST, FASTEST)
        self.fps.setSuffix(_(" /s"))
        self.fps.setKeyboardTracking(False)
        self.fps.setToolTip(_("Slices per second"))
        self.fps.setAccessibleName(_("Slices per second"))
        self.fps.setFixedWidth(round(72 * letter_scale()))
        self.fps.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.fps.valueChanged.connect(self._on_fps)
        self.fps.installEventFilter(OwnKeys(self))
        self.swing = QToolButton()
        self.swing.setText("\u21c4")
        self.swing.setCheckable(True)
        self.swing.setToolTip(_("Back and forth instead of from the beginning"))
        self.swing.setAccessibleName(_("Back and forth"))
        self.swing.toggled.connect(self._on_swing)
        self.rate = QLabel()
        self.rate.setObjectName("hint")
        self.rate.setFixedWidth(round(72 * letter_scale()))
        for button in (self.play, self.swing):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 1, 2, 1)
        row.setSpacing(4)
        for widget in (self.play, self.fps, self.swing, self.rate):
            row.addWidget(widget)
        row.addWidget(slices, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(_RATE_MS)
        self._timer.timeout.connect(self._show_rate)
        self._cine.changed.connect(self._show)
        bench.keybook.changed.connect(self._show)
        bench.session_changed.connect(self._show)
        self._show()

    def _on_fps(self, fps: int) -> None:
        self._cine.fps = fps

    def _on_swing(self, swings: bool) -> None:
        self._cine.swings = swings

    def _show(self) -> None:
        cine = self._cine
        for widget in (self.fps, self.swing):
            widget.blockSignals(True)
        self.fps.setValue(cine.fps)
        self.swing.setChecked(cine.swings)
        for widget in (self.fps, self.swing):
            widget.blockSignals(False)
        self.play.setText("\u25a0" if cine.is_playing else "\u25b6")
        self.play.setChecked(cine.is_playing)
        self.play.setEnabled(self._bench.session is not None)
        text = _("Stop the cine") if cine.is_playing else _("Play the slices")
        self.play.setToolTip(self._bench.keybook.tip(text, "medlab.view.cine"))
        if cine.is_playing:
            self._timer.start()
        else:
            self._timer.stop()
        self._show_rate()

    def _show_rate(self) -> None:
        """Say how many were shown, where that is fewer than asked for."""
        cine, text = self._cine, ""
        rate = cine.true_fps
        if cine.is_playing and rate is not None and rate < 0.85 * cine.fps:
            text = _("shows {rate:.0f} /s").format(rate=rate)
        self.rate.setText(text)
