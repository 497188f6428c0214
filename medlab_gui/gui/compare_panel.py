"""The comparison as a panel over the canvas: pictures, buttons, read-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.compare_view import CompareLayout, ComparePictures

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QPaintEvent, QShowEvent

    from medlab_gui.gui.preview import Preview

__all__ = ["ComparePanel"]


class ComparePanel(QWidget):
    """Covers the canvas of the main window while two pictures are compared.

    napari's canvas is one scene with one camera; two pictures in it would get in the
    way of layers, tools and the mask. So the comparison lies over it, and goes away
    without a trace.

    Parameters
    ----------
    anchor : QWidget
        A widget of the main window; outside a main window the panel is a window.
    """

    arranged = QtCore.Signal(object)
    """The person chose another `CompareLayout`."""
    closed = QtCore.Signal()
    """The person closed the comparison."""

    def __init__(self, anchor: QWidget) -> None:
        host = self._canvas_of(anchor)
        super().__init__(host if host is not None else anchor)
        self._host = host
        if host is None:
            self.setWindowFlag(Qt.WindowType.Window)
        else:
            host.installEventFilter(self)
        self.setWindowTitle(_("Compare"))
        # The theme is a style sheet, which would leave a plain widget transparent.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.pictures = ComparePictures(self)
        self._preview: Preview | None = None
        self._buttons = QButtonGroup(self)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 3, 6, 3)
        for layout, title, tip in (
            (
                CompareLayout.SIDE,
                _("Side by side"),
                _("Both slices next to each other"),
            ),
            (CompareLayout.SWIPE, _("Swipe"), _("Drag the line over the slice")),
        ):
            button = QToolButton(self)
            button.setText(title)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setProperty("arrangement", str(layout))
            self._buttons.addButton(button)
            bar.addWidget(button)
        self._buttons.buttonClicked.connect(self._chosen)
        self.outline = QCheckBox(_("Mask outline"), self)
        self.outline.setChecked(True)
        self.outline.toggled.connect(self.pictures.set_outline_shown)
        self.place = QLabel(self)
        self.readout = QLabel(self)
        self.readout.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.readout.setAccessibleName(_("Values under the pointer"))
        fit = QToolButton(self)
        fit.setText(_("Fit"))
        fit.setToolTip(_("Show the whole slice (double click)"))
        fit.clicked.connect(self._fit)
        close = QPushButton(_("Back to the canvas"), self)
        close.setToolTip(_("Close the comparison (Esc)"))
        close.clicked.connect(self.closed.emit)
        bar.addWidget(self.outline)
        bar.addWidget(self.place)
        bar.addWidget(self.readout, 1)
        bar.addWidget(fit)
        bar.addWidget(close)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.pictures, 1)
        self.setFocusProxy(self.pictures)
        self.pictures.hovered.connect(self._read)
        self.pictures.dismissed.connect(self.closed.emit)
        self.hide()

    @staticmethod
    def _canvas_of(widget: QWidget) -> QWidget | None:
        above: QWidget | None = widget
        while above is not None:
            if isinstance(above, QMainWindow):
                return above.centralWidget()
            above = above.parentWidget()
        return None

    @property
    def is_window(self) -> bool:
        """Whether there was no main window to lie in."""
        return self._host is None

    def arrange(self, layout: CompareLayout) -> None:
        """Lay the pictures side by side or under a line, and show the panel."""
        self.pictures.arrangement = layout
        for button in self._buttons.buttons():
            button.setChecked(button.property("arrangement") == str(layout))
        if self.isHidden():
            self._cover()
            self.show()
            self.raise_()
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_preview(
        self,
        preview: Preview | None,
        spacing: tuple[float, float],
        n_slices: int,
    ) -> None:
        """Show another slice or result."""
        self._preview = preview
        self.pictures.set_preview(preview, spacing)
        self.place.setText(
            ""
            if preview is None
            else _("Slice {k} of {n}").format(k=preview.k + 1, n=n_slices)
        )
        self._read(None)

    def _chosen(self, button: QToolButton) -> None:
        layout = CompareLayout(button.property("arrangement"))
        self.pictures.arrangement = layout
        self.arranged.emit(layout)

    def _fit(self) -> None:
        self.pictures.fit()

    def _read(self, voxel: tuple[int, int] | None) -> None:
        p = self._preview
        if voxel is None or p is None:
            self.readout.setText("")
            return
        before, after = float(p.original[voxel]), float(p.processed[voxel])
        unit = f" {p.unit}" if p.unit else ""
        unit_after = f" {p.processed_unit}" if p.processed_unit else ""
        text = f"{before:g}{unit}  →  {after:.3g}{unit_after}"
        self.readout.setText(f"    {text}")

    def _cover(self) -> None:
        if self._host is not None:
            self.setGeometry(self._host.rect())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if watched is self._host and event.type() == QEvent.Type.Resize:
            self._cover()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cover the canvas with the theme's colour."""
        QPainter(self).fillRect(
            self.rect(), self.palette().color(QPalette.ColorRole.Window)
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Cover the canvas."""
        self._cover()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """End the comparison when its own window is closed."""
        if self.is_window and not event.spontaneous():
            self.closed.emit()
        super().hideEvent(event)
