"""The pane of the second series with its controls, and the bar of the overlay."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _, counted
from medlab_gui.gui.number_box import NumberBox
from medlab_gui.gui.own_keys import OwnKeys
from medlab_gui.gui.pair.overlay_colors import COLOR_NAMES
from medlab_gui.gui.pair.pair_state import Link
from medlab_gui.gui.panes.marks import window_text
from medlab_gui.gui.window_presets import fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.gui.pair.pair_pane import PairPane
    from medlab_gui.gui.workbench import Workbench

__all__ = ["OverlayBar", "PairPanel"]

_LINKS = (Link.POSITION, Link.NUMBER, Link.HAND, Link.FREE)


def _button(text: str, tip: str, clicked: Callable[..., object]) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(clicked)
    return button


class PairPanel(QWidget):
    """The second series beside the first: how they go together, window, picture.

    Parameters
    ----------
    bench : Workbench
        What is open.
    pane : PairPane
        The picture.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self, bench: Workbench, pane: PairPane, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._state, self.pane = bench, bench.pair, pane
        self.setObjectName("pair_panel")
        self.link = QComboBox()
        self.link.setAccessibleName(_("How the two series go together"))
        self.link.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.link.setMinimumContentsLength(8)
        for link in _LINKS:
            self.link.addItem("", link)
        self.link.activated.connect(self._on_link)
        self.here = _button(
            _("Link here"),
            _("From the slices shown now, both go on by the same way in mm."),
            self._state.link_here,
        )
        self.window_button = QToolButton()
        self.window_button.setText(_("Window"))
        self.window_button.setToolTip(_("Grey values of the second series"))
        self.window_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.window_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.windows = QMenu(self.window_button)
        self.window_button.setMenu(self.windows)
        keys = OwnKeys(self)
        for widget in (self.link, self.here, self.window_button):
            widget.installEventFilter(keys)
        row = QHBoxLayout()
        row.setContentsMargins(2, 2, 2, 0)
        row.setSpacing(4)
        row.addWidget(self.link, 1)
        row.addWidget(self.here)
        row.addWidget(self.window_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(pane, 1)
        self._state.changed.connect(self._on_changed)
        bench.presets.changed.connect(self._on_changed)
        self._state.moved.connect(self._show_link)
        self._show_link()

    def _on_changed(self) -> None:
        self.windows.clear()
        second = self._state.second
        if second is None:
            return
        own = self.windows.addAction(_("The scan's own window"))
        own.triggered.connect(partial(self._state.set_window, *second.window))
        self.windows.addSeparator()
        for preset in self._bench.presets.all:
            if fits(preset, second.volume):
                numbers = window_text(preset.level, preset.width, second.units)
                action = self.windows.addAction(f"{_(preset.name)}  ({numbers})")
                action.triggered.connect(
                    partial(self._state.set_window, preset.level, preset.width)
                )
        self._show_link()

    def _on_link(self, row: int) -> None:
        self._state.link = _LINKS[row]
        self._show_link()

    def _show_link(self) -> None:
        state = self._state
        shares = state.second is None or state.pair.shares_frame
        names = {
            Link.POSITION: (
                _("By patient position") if shares else _("By position anyway")
            ),
            Link.NUMBER: _("By slice number"),
            Link.HAND: _("Linked by hand"),
            Link.FREE: _("Not synchronised"),
        }
        with QSignalBlocker(self.link):
            for row, link in enumerate(_LINKS):
                self.link.setItemText(row, names[link])
            self.link.setCurrentIndex(_LINKS.index(state.link))
        why = state.why_not_linked
        self.link.setToolTip(
            _("{why} Compare by position only if you know that they fit.").format(
                why=why
            )
            if why
            else _("Both series name the same frame of reference.")
        )


class OverlayBar(QWidget):
    """What the second series is shown as: beside, over the first, colours, opacity.

    Parameters
    ----------
    bench : Workbench
        What is open.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench, self._state = bench, bench.pair
        self.setObjectName("overlay_bar")
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.title.setMinimumWidth(40)
        self.title.installEventFilter(self)
        self.beside = _button(
            _("Beside"), _("Show the second series in a pane of its own"), self._beside
        )
        self.over = _button(
            _("Overlay"), _("Show the second series over the first, in colour"),
            self._over,
        )  # fmt: skip
        for button in (self.beside, self.over):
            button.setCheckable(True)
        self.colors = QComboBox()
        self.colors.setAccessibleName(_("Colours of the overlay"))
        self.colors.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.colors.setMinimumContentsLength(9)
        for name, text in COLOR_NAMES.items():
            self.colors.addItem(_(text), name)
        self.colors.activated.connect(self._on_colors)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self.opacity.setMinimumWidth(60)
        self.opacity.setMaximumWidth(120)
        self.opacity.setToolTip(_("Opacity of the overlay"))
        self.opacity.setAccessibleName(_("Opacity of the overlay"))
        self.opacity.valueChanged.connect(self._on_opacity)
        self.low, self.high = self._box(_("Clear up to")), self._box(_("Brightest at"))
        self.low.valueChanged.connect(partial(self._on_range, "low"))
        self.high.valueChanged.connect(partial(self._on_range, "high"))
        self.close_button = _button(
            "✕", _("Show the open series alone"), self._state.close
        )
        self.close_button.setAccessibleName(_("Close the second series"))
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(4)
        row.addWidget(self.title, 1)
        keys = OwnKeys(self)
        for widget in (
            self.beside,
            self.over,
            self.colors,
            self.opacity,
            self.low,
            self.high,
            self.close_button,
        ):
            row.addWidget(widget)
            if widget is not self.opacity:
                widget.installEventFilter(keys)
        self.hide()
        self._state.changed.connect(self._on_changed)
        self._state.shown_changed.connect(self._show_state)

    def _elide(self) -> None:
        second = self._state.second
        if second is not None:
            metrics = self.title.fontMetrics()
            room = max(0, self.title.width() - 4)
            text = metrics.elidedText(second.title, Qt.TextElideMode.ElideRight, room)
            self.title.setText(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Shorten the title to its room."""
        if event.type() == QEvent.Type.Resize:
            self._elide()
        return False

    def minimumSizeHint(self) -> QSize:
        """Let the window become as narrow as it would without this bar."""
        return QSize(0, super().minimumSizeHint().height())

    @staticmethod
    def _box(name: str) -> NumberBox:
        box = NumberBox()
        box.setRange(-1e9, 1e9)
        box.setKeyboardTracking(False)
        box.setToolTip(name)
        box.setAccessibleName(name)
        box.setMinimumWidth(84)
        box.setMaximumWidth(96)
        return box

    def _on_changed(self) -> None:
        second, look = self._state.second, self._state.look
        self.setVisible(second is not None)
        if second is None:
            return
        self._elide()
        self.title.setToolTip(
            f"{second.title}\n{second.volume.modality}, "
            + counted(second.volume.grid.shape[0], "1 slice", "{n} slices")
        )
        span = look.high - look.low
        decimals = 0 if span >= 100 else 1 if span >= 5 else 3
        for box in (self.low, self.high):
            with QSignalBlocker(box):
                box.setDecimals(decimals)
                box.setSingleStep(max(span / 50, 10.0**-decimals))
        with QSignalBlocker(self.high):
            self.high.setSuffix(f" {second.units}")
        self._show_state()

    def _show_state(self) -> None:
        state, look = self._state, self._state.look
        self.beside.setChecked(state.beside)
        self.over.setChecked(state.overlay)
        for widget in (self.colors, self.opacity, self.low, self.high):
            widget.setEnabled(state.overlay)
        with QSignalBlocker(self.colors):
            self.colors.setCurrentIndex(self.colors.findData(look.colors))
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(look.opacity * 100))
        for box, value in ((self.low, look.low), (self.high, look.high)):
            with QSignalBlocker(box):
                box.setValue(value)

    def _beside(self, checked: bool) -> None:
        self._state.beside = checked

    def _over(self, checked: bool) -> None:
        self._state.overlay = checked

    def _on_colors(self, _row: int) -> None:
        self._state.set_look(colors=self.colors.currentData())

    def _on_opacity(self, value: int) -> None:
        self._state.set_look(opacity=value / 100)

    def _on_range(self, end: str, value: float) -> None:
        self._state.set_look(**{end: value})
        self._show_state()  # an empty range was refused: the numbers go back
