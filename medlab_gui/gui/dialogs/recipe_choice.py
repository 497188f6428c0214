"""Which training recipe: fine-tuning, one that comes with MedLab, or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QVBoxLayout, QWidget

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.training_presets import read_training_preset, training_presets

if TYPE_CHECKING:
    from medlab_gui.core.training_presets import TrainingPreset

__all__ = ["RecipeChoice"]

_FILE = "\0file"


class RecipeChoice(QWidget):
    """A list of recipes, and what the chosen one is about.

    Parameters
    ----------
    parent : QWidget, optional
        Owner.
    """

    chosen = Signal()
    """Another recipe was chosen; `preset` and `choice` say which."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preset: TrainingPreset | None = None
        """The recipe, or None for fine-tuning the weights."""
        self.choice = ""
        """Its name or file, as `medlab train --preset` takes it."""
        self.box = QComboBox(self)
        self.box.setAccessibleName(_("Training recipe"))
        self.box.addItem(_("Fine-tune the weights"), "")
        self._shipped = training_presets()
        for name, preset in self._shipped.items():
            self.box.addItem(_(preset.title), name)
        self.box.addItem(_("From a file…"), _FILE)
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.hide()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.box)
        rows.addWidget(self.about)
        self.box.activated.connect(self._activated)

    def choose(self, choice: str) -> None:
        """Take a recipe by name or file; ``""`` is fine-tuning."""
        try:
            self.preset = read_training_preset(choice) if choice else None
        except MedlabError as error:
            self._show(error.message)
            self.box.setCurrentIndex(max(0, self.box.findData(self.choice)))
            return
        self.choice = choice
        if self.box.findData(choice) < 0 and self.preset is not None:
            self.box.insertItem(self.box.count() - 1, self.preset.title, choice)
        self.box.setCurrentIndex(self.box.findData(choice))
        self._show("" if self.preset is None else _(self.preset.about))
        self.chosen.emit()

    def _show(self, text: str) -> None:
        self.about.setText(text)
        self.about.setVisible(bool(text))

    def _activated(self, _index: int) -> None:
        choice = str(self.box.currentData())
        if choice == _FILE:
            title = _("Open a training recipe")
            choice, _kind = QFileDialog.getOpenFileName(
                self, title, "", _("Recipes (*.json)")
            )
            if not choice:
                self.box.setCurrentIndex(max(0, self.box.findData(self.choice)))
                return
        if choice != self.choice:
            self.choose(choice)
