"""A box for a number with decimals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLocale
from qtpy.QtWidgets import QDoubleSpinBox

if TYPE_CHECKING:
    from qtpy.QtGui import QValidator
    from qtpy.QtWidgets import QWidget

__all__ = ["NumberBox"]


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
