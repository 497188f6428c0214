"""What the model makes of both halves of a comparison: buttons and words."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy import QtCore
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.gui.own_keys import OwnKeys
from medlab_gui.gui.recipes import in_words
from medlab_gui.imaging.recipes import same_effect

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.gui.model_look import ModelLook

__all__ = ["ModelStrip", "told"]


def told(side: dict[str, Any], given: PipelineSpec, trained: PipelineSpec) -> str:
    """Say what the model was trained on, what it gets here, and what came out.

    Parameters
    ----------
    side : dict
        One side of a result of ``medlab compare``.
    given, trained : PipelineSpec
        What the model gets here, and what it was trained on.

    Returns
    -------
    str
        Rich text.
    """
    if same_effect(given, trained):
        first = _("<b>Gets what it was trained on:</b> {given}.")
    else:
        first = _("<b>Trained on {trained}, but gets here: {given}.</b>")
    said = first.format(
        trained=escape(in_words(trained)),
        given=escape(in_words(given)),
    )
    areas = ", ".join(
        f"{escape(c['name'])} {c['area_cm2']:g} cm²" for c in side["classes"]
    )
    return (
        said
        + " "
        + _("{areas}; uncertainty {value} of 1.").format(
            areas=areas, value=f"{side['uncertainty']:.3f}"
        )
    )


class ModelStrip(QWidget):
    """Lets the model predict the slice with both pictures, and shows what it says.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    wanted = QtCore.Signal(bool)
    """Predict; True: the original's half gets the model's own recipe."""
    cancelled = QtCore.Signal()
    changed = QtCore.Signal()
    """Another overlay is to be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.go = QPushButton(_("Predict this slice"), self)
        self.go.setToolTip(
            _("Let the model outline this slice in both pictures; nothing is stored")
        )
        self.go.clicked.connect(self._clicked)
        self.left = QComboBox(self)
        self.left.addItem(_("Left: the picture as it is"), False)
        self.left.addItem(_("Left: the model's own recipe"), True)
        self.left.setAccessibleName(_("What the model gets for the original's half"))
        self.left.setToolTip(
            _(
                "What the model gets for the half of the original: the scan without "
                "any step, or what it was trained on. The other half gets the recipe."
            )
        )
        self.left.installEventFilter(OwnKeys(self))
        self.left.activated.connect(self.changed)
        self.mask_shown = QCheckBox(_("Model's mask"), self)
        self.entropy_shown = QCheckBox(_("Uncertainty"), self)
        self.entropy_shown.setToolTip(_("Bright where the model is not sure"))
        for box in (self.mask_shown, self.entropy_shown):
            box.setChecked(True)
            box.toggled.connect(self.changed)
        self.state = QLabel(self)
        self.state.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.before, self.after = QLabel(self), QLabel(self)
        self.agreement = QLabel(self)
        self.agreement.setWordWrap(True)
        row = QHBoxLayout()
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(10)
        for part in (self.go, self.left, self.mask_shown, self.entropy_shown):
            row.addWidget(part)
        row.addWidget(self.state, 1)
        words = QHBoxLayout()
        words.setContentsMargins(6, 0, 6, 0)
        words.setSpacing(12)
        for label, name in (
            (self.before, _("The model with the original")),
            (self.after, _("The model with the processed picture")),
        ):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setAccessibleName(name)
            words.addWidget(label, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(row)
        rows.addLayout(words)
        last = QHBoxLayout()
        last.setContentsMargins(6, 0, 6, 3)
        last.addWidget(self.agreement)
        rows.addLayout(last)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._running = False
        self.set_model(known=False)
        self.show_look(None)

    @property
    def own_recipe(self) -> bool:
        """Whether the original's half gets the model's own recipe."""
        return bool(self.left.currentData())

    def set_model(self, *, known: bool) -> None:
        """Enable the button where there are weights."""
        self.go.setEnabled(known)
        self.left.setEnabled(known)
        if not known:
            self.state.setText(_("The project has no model yet."))
        elif not self._running:
            self.state.setText("")

    def set_running(self, running: bool, message: str = "") -> None:
        """Say that the model is at work; the button then cancels."""
        self._running = running
        self.go.setText(_("Cancel") if running else _("Predict this slice"))
        self.state.setText(message)

    def _clicked(self) -> None:
        if self._running:
            self.cancelled.emit()
        else:
            self.wanted.emit(self.own_recipe)

    def show_look(self, look: ModelLook | None) -> None:
        """Show what the model said about the slice shown; None where it has not."""
        shown = look is not None
        for part in (
            self.mask_shown,
            self.entropy_shown,
            self.before,
            self.after,
            self.agreement,
        ):
            part.setVisible(shown)
        if look is None:
            return
        try:
            for label, side, given in (
                (self.before, look.result["before"], look.given[0]),
                (self.after, look.result["after"], look.given[1]),
            ):
                label.setText(told(side, given, look.trained))
        except MedlabError as error:
            self.before.setText(error.message)
            self.after.setText("")
        dice = [
            _("{name} {value}").format(
                name=name,
                value=f"{value:.3f}" if value is not None else _("in neither"),
            )
            for name, value in look.result["dice"].items()
        ]
        self.agreement.setText(
            _(
                "{weights}: Dice of the two masks {dice}. Nothing of this is stored."
            ).format(weights=look.weights, dice=", ".join(dice))
        )
