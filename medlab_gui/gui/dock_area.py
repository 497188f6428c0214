"""Where the docks are, and how they share a small screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from medlab_gui.core.i18n import N_, _
from medlab_gui.core.registry import load_dotted
from medlab_gui.gui.letter_size import letter_scale
from medlab_gui.gui.own_keys import LettersGoOn

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["build_docks", "least_size"]

_DOCKS = (
    ("studies", N_("Studies"), "left", "medlab_gui.gui.docks.studies:StudiesDock"),
    ("labels", N_("Labels"), "left", "medlab_gui.gui.docks.labels:LabelsDock"),
    ("queue", N_("Queue"), "right", "medlab_gui.gui.docks.queue:QueueDock"),
    (
        "preprocess",
        N_("Preprocessing"),
        "right",
        "medlab_gui.gui.docks.preprocess:PreprocessDock",
    ),
    ("runs", N_("Runs"), "right", "medlab_gui.gui.docks.runs:RunsDock"),
    (
        "measurements",
        N_("Measurements"),
        "right",
        "medlab_gui.gui.docks.measurements:MeasurementsDock",
    ),
)

_AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
}

_LOW_SCREEN = 900
"""Below this height Studies and Labels share their place as tabs."""

_LEAST = QSize(900, 520)
_FRAME = 48
"""More than any system's title bar is high."""


def least_size(screen: QSize) -> QSize:
    """Return the smallest size of the window on a screen of such a size.

    Large letters make a screen small: 1366 x 768 at 150 % are 911 x 512. A window that
    may not be smaller than its screen hangs out of it, and with it what was saved when.
    """
    return _LEAST.boundedTo(screen - QSize(0, _FRAME))


def dock_widths(screen: int) -> list[int]:
    """Return how wide docks at the left and at the right are at first.

    As much wider as letters are larger, so that titles on tabs are not cut, but more
    than 40 % of a screen stay for the picture.

    Parameters
    ----------
    screen : int
        Its width in logical pixels.
    """
    return [
        max(width, min(round(width * letter_scale()), round(screen * share)))
        for width, share in ((270, 0.25), (340, 0.32))
    ]


def build_docks(main: QMainWindow, bench: Workbench) -> dict[str, QDockWidget]:
    """Add every dock to the window and return them by name.

    Each one scrolls, so that nothing is cut off on a small screen.
    """
    main.setDockNestingEnabled(True)
    main.setTabPosition(
        Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North
    )
    main.setCorner(Qt.Corner.BottomLeftCorner, _AREAS["left"])
    main.setCorner(Qt.Corner.BottomRightCorner, _AREAS["right"])
    docks: dict[str, QDockWidget] = {}
    for name, title, area, target in _DOCKS:
        widget: QWidget = load_dotted(target)(bench)
        dock = QDockWidget(_(title), main)
        dock.setObjectName(f"dock_{name}")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(widget)
        dock.setWidget(scroll)
        for inner in dock.findChildren(QScrollArea):
            # What is in it has the keys; Tab would stop on something unseen.
            inner.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        _leave_keys_to_picture(dock)
        letters = LettersGoOn(dock)
        for view in dock.findChildren(QAbstractItemView):
            view.installEventFilter(letters)
        for choice in dock.findChildren(QComboBox):
            choice.installEventFilter(letters)
        main.addDockWidget(_AREAS[area], dock)
        for part in widget.findChildren(QWidget):
            part.ensurePolished()  # with the letters that it is shown in
        scroll.setMinimumWidth(widget.minimumSizeHint().width() + 16)
        docks[name] = dock
    for name in ("preprocess", "runs", "measurements"):
        main.tabifyDockWidget(docks["queue"], docks[name])
    docks["queue"].raise_()
    screen = QGuiApplication.primaryScreen().availableGeometry()
    if screen.height() < _LOW_SCREEN:
        main.tabifyDockWidget(docks["studies"], docks["labels"])
        docks["studies"].raise_()
    main.resizeDocks(
        [docks["studies"], docks["labels"]], [400, 500], Qt.Orientation.Vertical
    )
    main.resizeDocks(
        [docks["studies"], docks["queue"]],
        dock_widths(screen.width()),
        Qt.Orientation.Horizontal,
    )
    return docks


def _leave_keys_to_picture(dock: QDockWidget) -> None:
    """Let a click on a button press it and no more; with Tab one gets there still.

    Else the space bar would press it again, or, where it is disabled by its own click,
    the one beside it.
    """
    for button in dock.findChildren(QAbstractButton):
        if button.focusPolicy() & Qt.FocusPolicy.ClickFocus:
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
