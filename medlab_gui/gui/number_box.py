"""Boxes for numbers: with decimals, and of things that are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLocale
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from medlab_gui.core.i18n import counted

if TYPE_CHECKING:
    from qtpy.QtGui import QValidator
    from qtpy.QtWidgets import QWidget

__all__ = ["CountBox", "NumberBox", "RateBox"]

_LEAST_RATE, _MOST_RATE = 1e-7, 1.0


class CountBox(QSpinBox):
    """Takes how many, and names the things: "1 epoch", "2 epochs".

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._things = ("", "")
        self.valueChanged.connect(self._name_them)

    def set_things(self, one: str, many: str) -> None:
        """Name what is counted, of one and of any other number, in MedLab's words.

        Parameters
        ----------
        one, many : str
            Such as ``"{n} epoch"`` and ``"{n} epochs"``.
        """
        self._things = (one, many)
        self._name_them(self.value())

    def _name_them(self, n: int) -> None:
        if any(self._things):
            self.setSuffix(counted(n, *self._things).removeprefix(str(n)))


class NumberBox(QDoubleSpinBox):
    """Takes a decimal point or comma, and shows a point as all of MedLab does.

    Qt's own box takes what the desktop's country writes and drops the other sign: 0.75
    typed on a German desktop was 75.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plain = QLocale(QLocale.c())
        plain.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        self.setLocale(plain)

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        """Take a comma for a point while it is typed."""
        state, _text, at = super().validate(text.replace(",", "."), at)
        return state, text.replace(",", "."), at

    def valueFromText(self, text: str) -> float:
        """Return the number in a text."""
        return super().valueFromText(text.replace(",", "."))


class RateBox(NumberBox):
    """Takes a learning rate, and shows as many decimals as it has: 0.001, 0.0000025.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(10)
        self.setRange(_LEAST_RATE, _MOST_RATE)
        self.setStepType(NumberBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        """Return the number without the zeros that say nothing."""
        return f"{value:.{self.decimals()}f}".rstrip("0").rstrip(".")

    def make_room_for(self, rate: float) -> None:
        """Allow a rate of a recipe that is smaller, or larger, than is usual."""
        self.setRange(min(_LEAST_RATE, rate), max(_MOST_RATE, rate))
