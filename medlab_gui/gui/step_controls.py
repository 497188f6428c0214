"""A preprocessing step as controls: its place, on or off, a slider per parameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QEvent, QObject, QPoint, QSize, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.core.specs import Step
from medlab_gui.gui.number_box import NumberBox
from medlab_gui.gui.own_keys import OwnKeys
from medlab_gui.gui.recipes import ADVANCED

if TYPE_CHECKING:
    from medlab_gui.imaging.steps import ParamInfo, StepInfo

__all__ = ["ParamControl", "StepControls"]

_NOTCHES = 1000


class ParamControl:
    """Slider and spin box of one number; three cells of a grid.

    Parameters
    ----------
    info : ParamInfo
        Title, range, step and unit.
    owner : StepControls
        Told of changes.
    """

    def __init__(self, info: ParamInfo, owner: StepControls, step_title: str) -> None:
        self.info = info
        # A range over decades is unusable on an even slider: width 1 to 4000 HU.
        self._is_log = info.minimum > 0 and info.maximum / info.minimum >= 100
        title = _(info.title)
        self.label = QLabel(title, owner)
        self.slider = QSlider(Qt.Orientation.Horizontal, owner)
        self.slider.setMinimumWidth(60)
        self.spin = NumberBox(owner)
        self.spin.setRange(info.minimum, info.maximum)
        self.spin.setSingleStep(info.step)
        self.spin.setDecimals(max(0, math.ceil(-math.log10(info.step) - 1e-9)))
        self.spin.setKeyboardTracking(False)
        if info.unit:
            self.spin.setSuffix(f" {info.unit}")
        self.label.setBuddy(self.spin)
        even = round((info.maximum - info.minimum) / info.step)
        self.slider.setRange(0, _NOTCHES if self._is_log else max(1, even))
        self.slider.setPageStep(max(1, self.slider.maximum() // 20))
        for part in (self.slider, self.spin):
            part.installEventFilter(owner.own_keys)
            part.setAccessibleName(f"{step_title}: {title}")
        self.slider.valueChanged.connect(self._slid)
        self.spin.valueChanged.connect(self._typed)
        self._owner = owner
        self.set_value(info.default)

    @property
    def value(self) -> float:
        """The number as it is set."""
        return self.spin.value()

    def set_value(self, value: float) -> None:
        """Set both without telling anybody."""
        self.spin.blockSignals(True)
        self.spin.setValue(value)
        self.spin.blockSignals(False)
        self._follow()

    def set_unit(self, unit: str) -> None:
        """Show another unit behind the number."""
        self.spin.setSuffix(f" {unit}" if unit else "")

    def _follow(self) -> None:
        info, value = self.info, self.spin.value()
        if self._is_log:
            share = math.log(value / info.minimum) / math.log(
                info.maximum / info.minimum
            )
            notch = round(share * _NOTCHES)
        else:
            notch = round((value - info.minimum) / info.step)
        self.slider.blockSignals(True)
        self.slider.setValue(notch)
        self.slider.blockSignals(False)

    def _slid(self, notch: int) -> None:
        info = self.info
        if self._is_log:
            value = info.minimum * (info.maximum / info.minimum) ** (notch / _NOTCHES)
            value = round(value / info.step) * info.step
        else:
            value = info.minimum + notch * info.step
        self.spin.blockSignals(True)
        self.spin.setValue(value)
        self.spin.blockSignals(False)
        self._owner.tell(self.info.name)

    def _typed(self, _value: float) -> None:
        self._follow()
        self._owner.tell(self.info.name)


class _Grip(QWidget):
    """Six dots to take a step by."""

    pressed = QtCore.Signal(QPoint)
    dragged = QtCore.Signal(QPoint)
    released = QtCore.Signal(QPoint)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        self.setToolTip(_("Drag to change the order (Alt and up or down)"))

    def sizeHint(self) -> QSize:
        return QSize(12, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        painter.setOpacity(0.7)
        middle = self.height() // 2
        for y in (-5, 0, 5):
            for x in (3, 8):
                painter.drawEllipse(QPoint(x, middle + y), 1, 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(event.globalPosition().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.released.emit(event.globalPosition().toPoint())


class StepControls(QWidget):
    """One step of the recipe.

    Parameters
    ----------
    info : StepInfo
        What it is.
    parent : QWidget, optional
        Owner.
    """

    changed = QtCore.Signal(str)
    """It was turned on or off (empty), or the named parameter has another value."""
    move_wanted = QtCore.Signal(int)
    """The person wants it so many places further down."""
    remove_wanted = QtCore.Signal()
    """The person wants it out of the recipe."""

    def __init__(self, info: StepInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info = info
        self.own_keys = OwnKeys(self)
        title = _(info.title)
        self.check = QCheckBox(title, self)
        self.check.setToolTip(_(info.summary))
        self.check.setAccessibleDescription(
            _(info.summary) + " " + _("Alt and up or down moves it, Delete removes it.")
        )
        font = self.check.font()
        font.setBold(True)
        self.check.setFont(font)
        self.params = {p.name: ParamControl(p, self, title) for p in info.params}
        self._body = QWidget(self)
        self._advanced: list[QWidget] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(2)
        layout.addLayout(self._head(title))
        layout.addWidget(self._body)
        self._fill_body()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._show_advanced(False)
        self.check.toggled.connect(self._toggled)
        self._body.setVisible(False)
        for part in self.findChildren(QWidget):
            part.installEventFilter(self)

    def _head(self, title: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.grip = _Grip(self)
        self.remove = QToolButton(self)
        self.remove.setText("\N{MULTIPLICATION SIGN}")
        self.remove.setAutoRaise(True)
        self.remove.setToolTip(_("Take this step out of the recipe"))
        self.remove.setAccessibleName(_("Remove {step}").format(step=title))
        self.remove.clicked.connect(self.remove_wanted.emit)
        row.addWidget(self.grip)
        row.addWidget(self.check, 1)
        row.addWidget(self.remove)
        return row

    def _fill_body(self) -> None:
        grid = QGridLayout(self._body)
        grid.setContentsMargins(20, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, (name, control) in enumerate(self.params.items()):
            cells = (control.label, control.slider, control.spin)
            for column, cell in enumerate(cells):
                cell.setParent(self._body)
                grid.addWidget(cell, row, column)
            if (self.info.name, name) in ADVANCED:
                self._advanced += cells
        self.more = QToolButton(self._body)
        self.more.setText(_("More"))
        self.more.setToolTip(_("Show what ends the computation"))
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.setVisible(bool(self._advanced))
        self.more.toggled.connect(self._show_advanced)
        grid.addWidget(self.more, len(self.params), 0)

    def _show_advanced(self, shown: bool) -> None:
        self.more.setArrowType(
            Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        )
        for cell in self._advanced:
            cell.setVisible(shown)

    def _toggled(self, on: bool) -> None:
        self._body.setVisible(on and bool(self.params))
        self.changed.emit("")

    def tell(self, param: str) -> None:
        """Tell that a parameter has another value."""
        self.changed.emit(param)

    @property
    def step(self) -> Step:
        """The step as it is set."""
        values: dict[str, float] = {}
        for name, control in self.params.items():
            value = control.value
            values[name] = int(value) if control.info.is_integer else value
        return Step(self.info.name, values, self.check.isChecked())

    def set_step(self, step: Step) -> None:
        """Show another setting without telling anybody."""
        self.check.blockSignals(True)
        self.check.setChecked(step.enabled)
        self.check.blockSignals(False)
        self._body.setVisible(step.enabled and bool(self.params))
        for name, control in self.params.items():
            control.set_value(float(step.params.get(name, control.info.default)))

    def set_unit(self, unit: str) -> None:
        """Name the unit of the open scan where a parameter is in HU."""
        for control in self.params.values():
            if control.info.unit == "HU":
                control.set_unit(unit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move by Alt and up or down and remove by Delete, whatever has the focus."""
        if not isinstance(event, QKeyEvent):
            return False
        wish = self._wish(watched, event)
        if wish is None:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            if wish:
                self.move_wanted.emit(wish)
            else:
                self.remove_wanted.emit()
            return True
        return False

    def _wish(self, watched: QObject, event: QKeyEvent) -> int | None:
        """Return by how many places to move, 0 to remove, None for other keys."""
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if held == Qt.KeyboardModifier.AltModifier:
            if event.key() == Qt.Key.Key_Up:
                return -1
            return 1 if event.key() == Qt.Key.Key_Down else None
        # In a number Delete deletes a digit. A Mac's delete is Qt's Backspace.
        deletes = event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}
        if watched is self.check and not held and deletes:
            return 0
        return None
