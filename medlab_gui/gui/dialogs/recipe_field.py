"""Which preprocessing: what the dock shows, or a recipe with a name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.presets import SHIPPED_PRESETS, pipeline_presets
from medlab_gui.gui.recipes import in_words

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec

__all__ = ["RecipeField"]


class RecipeField(QWidget):
    """A list of recipes, and the steps of the chosen one in words.

    Parameters
    ----------
    dock : PipelineSpec
        What the preprocessing dock shows; it is chosen to begin with.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, dock: PipelineSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QComboBox()
        self.box.setAccessibleName(_("Recipe"))
        self.box.addItem(_("As it stands under Preprocessing"))
        self._specs = [dock]
        for name, spec in pipeline_presets().items():
            self.box.addItem(_(name) if name in SHIPPED_PRESETS else name)
            self._specs.append(spec)
        self.steps = QLabel()
        self.steps.setObjectName("hint")
        self.steps.setWordWrap(True)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.box)
        rows.addWidget(self.steps)
        self.setFocusProxy(self.box)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.currentIndexChanged.connect(self._show_steps)
        self._show_steps()

    def text(self) -> str:
        """Return the chosen steps as JSON: what was read here is what is done."""
        return json.dumps(self._spec.to_dict())

    @property
    def _spec(self) -> PipelineSpec:
        return self._specs[self.box.currentIndex()]

    def _show_steps(self) -> None:
        try:
            words = in_words(self._spec)
        except MedlabError as error:  # a step of a plugin that is away
            words = error.message
        self.steps.setText(words[:1].upper() + words[1:])
