"""Asks how far slices, rows and columns of a stack of pictures are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.number_box import NumberBox

if TYPE_CHECKING:
    from medlab_gui.io.series import FileSeries

__all__ = ["SpacingDialog"]


class SpacingDialog(QDialog):
    """Three distances in mm, empty at first: nothing is assumed.

    What the tags of a TIFF say is offered by a button, for it may be meant for paper.

    Parameters
    ----------
    description : str
        What the stack is called.
    shape : tuple of int
        ``(Z, Y, X)``.
    offered : tuple of float, optional
        ``(dz, dy, dx)`` in mm that the files name, 0 for what they do not
        (`io.image_stack.offered_spacing`).
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self,
        description: str,
        shape: tuple[int, int, int],
        offered: tuple[float, float, float] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Distances in the pictures"))
        self._offered = offered
        z, y, x = shape
        told = QLabel(
            _(
                "The pictures of “{name}” ({z} of {x} × {y} pixels) do not say how "
                "large a pixel is and how far slices are apart. Ask whoever exported "
                "them; without these figures nothing can be measured."
            ).format(name=description, z=z, x=x, y=y)
        )
        told.setWordWrap(True)
        form = QFormLayout()
        names = (_("Slice to slice"), _("Row to row"), _("Column to column"))
        self._boxes = tuple(self._box(name) for name in names)
        for name, box in zip(names, self._boxes, strict=True):
            form.addRow(name, box)
        layout = QVBoxLayout(self)
        layout.addWidget(told)
        layout.addLayout(form)
        if offered is not None:
            shown = " × ".join(f"{v:g}" for v in offered if v)
            take = QPushButton(_("Take {shown} mm from the files").format(shown=shown))
            take.setToolTip(
                _("What the files name may be meant for paper or a screen; check it.")
            )
            take.setAutoDefault(False)
            take.clicked.connect(self._take_offered)
            layout.addWidget(take)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel,
            self,
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText(_("Open with these distances"))
        layout.addWidget(buttons)
        self._judge()

    @classmethod
    def for_series(
        cls, series: FileSeries, parent: QWidget | None = None
    ) -> SpacingDialog:
        """Return the dialog for a stack of pictures that `io.scan` found."""
        from medlab_gui.io.image_stack import offered_spacing

        return cls(series.name, series.shape, offered_spacing(series), parent)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """``(dz, dy, dx)`` in mm as they stand; 0 for what is not given yet."""
        dz, dy, dx = (float(box.value()) for box in self._boxes)
        return dz, dy, dx

    @property
    def option(self) -> str:
        """The same as ``medlab import --spacing`` takes it: ``"3,0.7,0.7"``."""
        return ",".join(f"{v:g}" for v in self.spacing)

    def _box(self, name: str) -> NumberBox:
        box = NumberBox(self)
        box.setAccessibleName(name)
        box.setRange(0.0, 100.0)
        box.setDecimals(4)
        box.setSingleStep(0.1)
        box.setSuffix(_(" mm"))
        box.setSpecialValueText(_("not given"))
        box.valueChanged.connect(self._judge)
        return box

    def _take_offered(self) -> None:
        for box, value in zip(self._boxes, self._offered or (), strict=True):
            if value:
                box.setValue(value)

    def _judge(self) -> None:
        self._ok.setEnabled(all(v > 0 for v in self.spacing))
