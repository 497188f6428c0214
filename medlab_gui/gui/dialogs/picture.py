"""A figure that a command drew, as it stands in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QScrollArea,
    QVBoxLayout,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.dialogs.room import resize_within_screen

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

__all__ = ["PictureDialog"]


class PictureDialog(QDialog):
    """Shows a figure in its own size; what is larger than the dialog is scrolled.

    Parameters
    ----------
    path : Path
        An SVG file.
    title : str
        Whose it is.
    parent : QWidget, optional
        Window that it belongs to.
    """

    def __init__(self, path: Path, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.picture = QLabel(self)
        self.picture.setAccessibleName(title)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._draw(path)
        area = QScrollArea(self)
        area.setWidget(self.picture)
        area.setWidgetResizable(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        rows = QVBoxLayout(self)
        rows.addWidget(area, 1)
        rows.addWidget(buttons)
        size = self.picture.sizeHint()
        resize_within_screen(self, size.width() + 60, size.height() + 90)

    def _draw(self, path: Path) -> None:
        drawn = QSvgRenderer(str(path))
        if not drawn.isValid():
            self.picture.setText(
                _("The figure {path} is damaged or gone.").format(path=path)
            )
            return
        ratio = self.devicePixelRatioF()
        pixels = QPixmap(drawn.defaultSize() * ratio)
        pixels.fill(Qt.GlobalColor.white)
        painter = QPainter(pixels)
        drawn.render(painter)
        painter.end()
        pixels.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixels)
