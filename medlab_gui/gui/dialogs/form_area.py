"""A form that scrolls where the screen is small, with all lines of its sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent

__all__ = ["FormArea"]


class FormArea(QScrollArea):
    """Shows a form whole, and asks for more room when a sentence gets longer.

    Qt takes the height of a form from its size hint, which knows nothing of how
    sentences break at the width that there is: their first and last lines were cut.

    Parameters
    ----------
    form : QWidget
        What has the form as its layout.
    parent : QWidget, optional
        Owner.
    """

    height_changed = Signal()
    """The form needs another height, `form_height`."""

    def __init__(self, form: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(form)

    @property
    def form_height(self) -> int:
        """Height in pixels that the form needs at the width that it has."""
        form = self.widget()
        layout = form.layout() if form is not None else None
        if layout is None:
            return 0
        return int(layout.totalHeightForWidth(self.viewport().width()))

    def _fit(self) -> None:
        high, form = self.form_height, self.widget()
        if form is not None and 0 < high != form.minimumHeight():
            form.setMinimumHeight(high)
            self.height_changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the form when something in it has changed."""
        done = super().eventFilter(watched, event)
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return bool(done)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break sentences anew at another width."""
        super().resizeEvent(event)
        self._fit()
