"""A preprocessing step as controls: on or off, and a slider for each parameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.core.specs import Step
from medlab_gui.gui.own_keys import OwnKeys

if TYPE_CHECKING:
    from medlab_gui.imaging.steps import ParamInfo, StepInfo

__all__ = ["ADVANCED", "ParamControl", "StepControls"]

ADVANCED = frozenset({("tv", "eps"), ("tv", "max_iter")})
"""Parameters that are shown only on demand: they trade time for the last digit."""

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
        self.spin = QDoubleSpinBox(owner)
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
        self._owner.changed.emit()

    def _typed(self, _value: float) -> None:
        self._follow()
        self._owner.changed.emit()


class StepControls(QWidget):
    """One step of the recipe.

    Parameters
    ----------
    info : StepInfo
        What it is.
    parent : QWidget, optional
        Owner.
    """

    changed = QtCore.Signal()

    def __init__(self, info: StepInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info = info
        self.own_keys = OwnKeys(self)
        title = _(info.title)
        self.check = QCheckBox(title, self)
        self.check.setToolTip(_(info.summary))
        self.check.setAccessibleDescription(_(info.summary))
        font = self.check.font()
        font.setBold(True)
        self.check.setFont(font)
        self.params = {p.name: ParamControl(p, self, title) for p in info.params}
        self._body = QWidget(self)
        grid = QGridLayout(self._body)
        grid.setContentsMargins(20, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self._advanced: list[QWidget] = []
        for row, (name, control) in enumerate(self.params.items()):
            cells = (control.label, control.slider, control.spin)
            for column, cell in enumerate(cells):
                cell.setParent(self._body)
                grid.addWidget(cell, row, column)
            if (info.name, name) in ADVANCED:
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(2)
        layout.addWidget(self.check)
        layout.addWidget(self._body)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._show_advanced(False)
        self.check.toggled.connect(self._toggled)
        self._body.setEnabled(False)

    def _show_advanced(self, shown: bool) -> None:
        self.more.setArrowType(
            Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        )
        for cell in self._advanced:
            cell.setVisible(shown)

    def _toggled(self, on: bool) -> None:
        self._body.setEnabled(on)
        self.changed.emit()

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
        self._body.setEnabled(step.enabled)
        for name, control in self.params.items():
            control.set_value(float(step.params.get(name, control.info.default)))

    def set_unit(self, unit: str) -> None:
        """Name the unit of the open scan where a parameter is in HU."""
        for control in self.params.values():
            if control.info.unit == "HU":
                control.set_unit(unit)
