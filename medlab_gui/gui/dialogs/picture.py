"""Figures that a command drew, as they stand in their files."""

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
    QTabWidget,
    QVBoxLayout,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.dialogs.room import resize_within_screen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

__all__ = ["PictureDialog"]


class PictureDialog(QDialog):
    """Shows figures in their own size; what is larger than the dialog is scrolled.

    Parameters
    ----------
    figures : mapping of str to Path
        SVG files by their names; several get a tab each.
    title : str
        Whose it is.
    parent : QWidget, optional
        Window that it belongs to.
    """

    def __init__(
        self, figures: Mapping[str, Path], title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        rows = QVBoxLayout(self)
        self.pictures = {
            name: self._picture(path, f"{title} {name}".strip())
            for name, path in figures.items()
        }
        areas = {name: _scrolled(picture) for name, picture in self.pictures.items()}
        tabs = QTabWidget(self)
        for name, area in areas.items():
            tabs.addTab(area, name)
        is_one = len(areas) == 1
        tabs.tabBar().setVisible(not is_one)
        tabs.setDocumentMode(is_one)  # no frame
        rows.addWidget(tabs, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        rows.addWidget(buttons)
        sizes = [picture.sizeHint() for picture in self.pictures.values()]
        beside = 90 if is_one else 130  # buttons, and tabs
        resize_within_screen(
            self,
            max(size.width() for size in sizes) + 60,
            max(size.height() for size in sizes) + beside,
        )

    def _picture(self, path: Path, name: str) -> QLabel:
        picture = QLabel(self)
        picture.setAccessibleName(name)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        drawn = QSvgRenderer(str(path))
        if not drawn.isValid():
            picture.setText(
                _("The figure {path} is damaged or gone.").format(path=path)
            )
            return picture
        ratio = self.devicePixelRatioF()
        pixels = QPixmap(drawn.defaultSize() * ratio)
        pixels.fill(Qt.GlobalColor.white)
        painter = QPainter(pixels)
        drawn.render(painter)
        painter.end()
        pixels.setDevicePixelRatio(ratio)
        picture.setPixmap(pixels)
        return picture


def _scrolled(picture: QLabel) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(picture)
    area.setWidgetResizable(True)
    return area
