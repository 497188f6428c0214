"""What MedLab is, its version, and what it is not."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QMessageBox, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.resources import resource

__all__ = ["AboutDialog"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("medlab-gui")
    except PackageNotFoundError:
        from medlab_gui import __version__

        return __version__


class AboutDialog(QMessageBox):
    """The About box.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("About MedLab"))
        icon = QIcon(str(resource("icons", "medlab.svg")))
        self.setIconPixmap(icon.pixmap(72, 72))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(f"MedLab {_version()}")
        self.setInformativeText(
            _(
                "Opens CT and MR studies, predicts masks, lets you correct them, and "
                "asks next for the slices the model is least sure of.\n\n"
                "MedLab is for research. It is not a medical device: do not use it "
                "for diagnosis or treatment.\n\n"
                "Apache License 2.0. Built on napari, Qt, PyTorch, SimpleITK, pydicom "
                "and scikit-image."
            )
        )
        self.setStandardButtons(QMessageBox.StandardButton.Close)
