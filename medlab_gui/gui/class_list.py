"""The list of classes: which one the tools paint, and which ones are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QMouseEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QMenu, QWidget

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from medlab_gui.core.labels import LabelClass
    from medlab_gui.gui.workbench import Workbench

__all__ = ["ClassList", "flip_class", "flip_solo"]

_EYE = 22
"""Width of the eye before the colour, in logical pixels."""

_SIDE = 14


def flip_class(bench: Workbench, value: int) -> None:
    """Hide a class that is shown, or show it."""
    bench.view.hidden = bench.view.hidden ^ {value}


def flip_solo(bench: Workbench, value: int) -> None:
    """Show one class only; where it is the only one already, all of them."""
    session = bench.session
    if session is None:
        return
    others = frozenset(c.value for c in session.scheme.classes) - {value}
    bench.view.hidden = frozenset() if bench.view.hidden == others else others


def _icon(one: LabelClass, *, is_hidden: bool) -> QIcon:
    """Return an eye, open or struck through, and the colour of the class."""
    pixmap = QPixmap(2 * (_EYE + _SIDE), 2 * _SIDE)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    light = QColor(238, 238, 225, 110 if is_hidden else 255)
    painter.setPen(QPen(light, 1.3))
    painter.drawEllipse(QRectF(1, 3.5, 15, 7))
    painter.setBrush(light)
    painter.drawEllipse(QRectF(6.5, 5, 4, 4))
    if is_hidden:
        painter.setPen(QPen(QColor(238, 238, 225), 1.5))
        painter.drawLine(QPoint(2, 13), QPoint(15, 1))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QColor(0, 0, 0, 150))
    painter.setBrush(QColor(*one.color))
    painter.drawRect(_EYE, 0, _SIDE - 1, _SIDE - 1)
    painter.end()
    icon = QIcon(pixmap)
    # The same colour in a selected row: it says which class it is.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


class ClassList(QListWidget):
    """Classes of the open series with an eye each.

    Parameters
    ----------
    bench : Workbench
        What is open; the row is the class that the tools paint.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self.setMinimumHeight(60)
        self.setIconSize(QSize(_EYE + _SIDE, _SIDE))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(_("Class that the tools paint"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.currentRowChanged.connect(self._on_row)
        bench.view.events.value.connect(self._show_row)
        bench.view.events.hidden.connect(self._show_eyes)
        bench.keybook.changed.connect(self._show_eyes)

    def sizeHint(self) -> QSize:
        """Ask for no more than a few rows: what is left over it gets anyway."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def fill(self) -> None:
        """Show the classes of the open series."""
        session = self._bench.session
        self.blockSignals(True)
        self.clear()
        for one in session.scheme.classes if session is not None else ():
            self.addItem(QListWidgetItem(one.name))
        self.blockSignals(False)
        self._show_eyes()
        self._show_row()

    def _show_eyes(self) -> None:
        session, hidden = self._bench.session, self._bench.view.hidden
        for one in session.scheme.classes if session is not None else ():
            if one.value > self.count():
                break  # not filled yet
            item = self.item(one.value - 1)
            is_hidden = one.value in hidden
            item.setIcon(_icon(one, is_hidden=is_hidden))
            tip = _("{name}: hidden") if is_hidden else _("{name}: shown")
            item.setToolTip(
                self._bench.keybook.tip(
                    tip.format(name=one.name)
                    + "\n"
                    + _("The eye shows or hides it; right click for more."),
                    "medlab.view.class_shown",
                )
            )

    def _show_row(self) -> None:
        self.blockSignals(True)
        self.setCurrentRow(self._bench.view.value - 1)
        self.blockSignals(False)

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self._bench.view.value = row + 1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Show or hide where the eye is pressed; else choose the class."""
        at = event.position().toPoint()
        row = self.indexAt(at).row()
        if (
            row >= 0
            and event.button() == Qt.MouseButton.LeftButton
            and at.x() < self.visualItemRect(self.item(row)).left() + _EYE
        ):
            flip_class(self._bench, row + 1)
            event.accept()
            return
        if event.button() != Qt.MouseButton.RightButton:
            super().mousePressEvent(event)

    def _on_menu(self, at: QPoint) -> None:
        row = self.indexAt(at).row()
        if row >= 0:
            self.menu_of(row + 1).popup(self.viewport().mapToGlobal(at))

    def menu_of(self, value: int) -> QMenu:
        """Return what can be done with a class."""
        bench, menu = self._bench, QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        hidden = value in bench.view.hidden
        first = menu.addAction(_("Show") if hidden else _("Hide"))
        first.triggered.connect(lambda: flip_class(bench, value))
        solo = menu.addAction(_("This class only, or all"))
        solo.triggered.connect(lambda: flip_solo(bench, value))
        return menu
