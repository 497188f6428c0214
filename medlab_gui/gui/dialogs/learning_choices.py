"""What the network sees in a training, and what chooses the epoch that is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from medlab_gui.core.i18n import _
from medlab_gui.core.presets import SHIPPED_PRESETS, pipeline_presets
from medlab_gui.core.training import EPOCH_CHOICES
from medlab_gui.gui.recipes import in_words

if TYPE_CHECKING:
    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.core.training import TrainSpec

__all__ = ["LearningChoices"]


class LearningChoices(QWidget):
    """Two lists: preprocessing, and the choice of the epoch.

    Parameters
    ----------
    dock : PipelineSpec, optional
        What the preprocessing dock shows.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self, dock: PipelineSpec | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._named = {} if dock is None else {_("as in the dock"): dock}
        for name, spec in pipeline_presets().items():
            self._named[_(name) if name in SHIPPED_PRESETS else name] = spec
        self.preprocessing = QComboBox(self)
        self.preprocessing.setAccessibleName(_("Preprocessing"))
        self.preprocessing.setToolTip(
            _("What is learned from, and later predicted from; kept with the weights")
        )
        self.steps = QLabel(self)
        self.steps.setObjectName("hint")
        self.steps.setWordWrap(True)
        self.epoch = QComboBox(self)
        self.epoch.setAccessibleName(_("Which epoch is kept"))
        self.epoch.setToolTip(
            _(
                "Slices that choose the epoch flatter what they judge: from 20 slices "
                "on some are set aside for it, of patients of their own where there "
                "are three or more"
            )
        )
        for value, text in zip(
            EPOCH_CHOICES,
            (
                _("Epoch kept: slices set aside for it choose"),
                _("Epoch kept: the slices that judge choose (flatters)"),
                _("Epoch kept: the last"),
            ),
            strict=True,
        ):
            self.epoch.addItem(text, value)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        for part in (self.preprocessing, self.steps, self.epoch):
            rows.addWidget(part)
        self.preprocessing.currentIndexChanged.connect(self._show_steps)
        self.take(None)

    def take(self, spec: TrainSpec | None) -> None:
        """Show what a recipe says; None is a fine-tuning of weights."""
        own = _("Preprocessing: as the weights had it")
        if spec is not None:
            own = _("Preprocessing: as the recipe says")
        self.preprocessing.clear()
        self.preprocessing.addItem(own)
        for name in self._named:
            self.preprocessing.addItem(_("Preprocessing: {name}").format(name=name))
        self._own = EPOCH_CHOICES[0] if spec is None else spec.epoch_choice
        self.epoch.setCurrentIndex(self.epoch.findData(self._own))

    @property
    def settings(self) -> list[str]:
        """What differs from the recipe, as `medlab train --set` takes it."""
        parts = []
        spec = self._chosen
        if spec is not None:
            parts.append(f"pipeline={json.dumps(spec.to_dict())}")
        if self.epoch.currentData() != self._own:
            parts.append(f"epoch_choice={self.epoch.currentData()}")
        return parts

    @property
    def _chosen(self) -> PipelineSpec | None:
        n = self.preprocessing.currentIndex()
        return list(self._named.values())[n - 1] if n > 0 else None

    def _show_steps(self, _index: int) -> None:
        spec = self._chosen
        self.steps.setText("" if spec is None else in_words(spec))
        self.steps.setVisible(spec is not None)
