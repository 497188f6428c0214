"""Which training recipe: fine-tuning, one that comes with MedLab, or a file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.training_presets import read_training_preset, training_presets
from medlab_gui.gui.dialogs.learning_choices import LearningChoices
from medlab_gui.gui.menu_words import menu_words
from medlab_gui.networks import CLASSIFIERS, NETWORKS

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.core.specs import NetworkSpec, PipelineSpec
    from medlab_gui.core.training_presets import TrainingPreset

__all__ = ["RecipeChoice"]

_FILE = "\0file"


class RecipeChoice(QWidget):
    """A list of recipes, what the chosen one is about, and which network it trains.

    The networks are those of the registries, so that new ones and plugins' are offered
    by themselves: what draws masks for a recipe for masks, classifiers for classifiers.

    Parameters
    ----------
    weights_folder : Path
        Where registered weights are, from which a recipe's encoder may start.
    dock : PipelineSpec, optional
        What the preprocessing dock shows.
    parent : QWidget, optional
        Owner.
    """

    chosen = Signal()
    """Another recipe was chosen; `preset` and `choice` say which."""
    network_chosen = Signal()
    """Another network was chosen for the same recipe."""

    def __init__(
        self,
        weights_folder: Path,
        dock: PipelineSpec | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._weights_folder = weights_folder
        self._preset: TrainingPreset | None = None
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
        self.network = QComboBox(self)
        self.network.setAccessibleName(_("Network"))
        self.network.setToolTip(
            _("Networks as the papers have them; `medlab networks` tells their sizes")
        )
        self.network.hide()
        self.neighbours = QComboBox(self)
        self.neighbours.setAccessibleName(_("Neighbouring slices"))
        self.neighbours.setToolTip(
            _("2.5D: what lies above and below is seen with each slice, as channels")
        )
        self.neighbours.hide()
        self.transfer = QCheckBox(self)
        self.transfer.hide()
        self.cross_validate = QCheckBox(self)
        self.cross_validate.setToolTip(
            _("Each patient judges once; no weights are put to use. Off: trains once")
        )
        self.cross_validate.hide()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.box)
        rows.addWidget(self.about)
        rows.addWidget(self.network)
        rows.addWidget(self.neighbours)
        rows.addWidget(self.transfer)
        self.more = LearningChoices(dock, self)
        rows.addWidget(self.cross_validate)
        rows.addWidget(self.more)
        self.box.activated.connect(self._activated)
        for box in (self.network, self.neighbours):
            box.activated.connect(self._network_activated)

    @property
    def preset(self) -> TrainingPreset | None:
        """The recipe with the network that was chosen; None for fine-tuning."""
        preset = self._preset
        if preset is None:
            return None
        network = self._other_network() or preset.spec.network
        network = replace(network, in_channels=self._n_channels)
        return replace(preset, spec=replace(preset.spec, network=network))

    @property
    def folds(self) -> int | None:
        """How many folds the training gets, 0 for once; None where none are offered."""
        if self._preset is None or not self._preset.folds:
            return None
        return self._preset.folds if self.cross_validate.isChecked() else 0

    @property
    def settings(self) -> str:
        """What differs from the recipe, as `medlab train --set` takes it."""
        network = self._other_network()
        parts = []
        if network is not None:
            options = json.dumps(network.options)
            parts = [f"network.name={network.name}", f"network.options={options}"]
        own = self._preset.spec.network if self._preset is not None else None
        if own is not None and self._n_channels != own.in_channels:
            parts.append(f"network.in_channels={self._n_channels}")
        if not self.transfer.isHidden() and not self.transfer.isChecked():
            parts.append("encoder_weights=")
        return ",".join([*parts, *self.more.settings])

    @property
    def _n_channels(self) -> int:
        """Return how many slices the network sees together."""
        return int(self.neighbours.currentData() or 1)

    def _other_network(self) -> NetworkSpec | None:
        """Return the network where it is not the recipe's; only its width is kept."""
        name = self.network.currentData()
        if self._preset is None or not name:
            return None
        own = self._preset.spec.network
        options = {k: v for k, v in own.options.items() if k == "width"}
        return replace(own, name=str(name), options=options)

    def _offer_networks(self) -> None:
        for box in (self.network, self.neighbours):
            box.clear()
            box.setVisible(self._preset is not None)
        if self._preset is None:
            return
        n_channels = self._preset.spec.network.in_channels
        for n in sorted({1, 3, 5, n_channels}):
            text = (
                _("Each slice between {n} neighbours") if n > 1 else _("Single slices")
            )
            self.neighbours.addItem(text.format(n=n - 1), n)
        self.neighbours.setCurrentIndex(self.neighbours.findData(n_channels))
        own = self._preset.spec.network.name
        self.network.addItem(_("Network: {name}, as the recipe says").format(name=own))
        for name in CLASSIFIERS if own in CLASSIFIERS else NETWORKS:
            if name != own:
                self.network.addItem(_("Network: {name}").format(name=name), name)

    def choose(self, choice: str) -> None:
        """Take a recipe by name or file; ``""`` is fine-tuning."""
        try:
            preset = read_training_preset(choice) if choice else None
        except MedlabError as error:
            self._show(menu_words(error.message))
            self.box.setCurrentIndex(max(0, self.box.findData(self.choice)))
            return
        self._preset = preset
        self.choice = choice
        if self.box.findData(choice) < 0 and preset is not None:
            self.box.insertItem(self.box.count() - 1, preset.title, choice)
        self.box.setCurrentIndex(self.box.findData(choice))
        self._show("" if preset is None else _(preset.about))
        self._offer_networks()
        self._offer_transfer()
        self.more.take(preset.spec if preset is not None else None)
        n_folds = preset.folds if preset is not None else 0
        said = _("Cross-validate with {n} folds, as the recipe says").format(n=n_folds)
        self.cross_validate.setText(said)
        self.cross_validate.setChecked(bool(n_folds))
        self.cross_validate.setVisible(bool(n_folds))
        self.chosen.emit()

    def _offer_transfer(self) -> None:
        """Let the encoder start from the recipe's public weights, if they are here."""
        name = self.preset.spec.encoder_weights if self.preset is not None else ""
        self.transfer.setVisible(bool(name))
        if not name:
            return
        from medlab_gui.learning.registered_weights import registered_weights

        known = {w.name for w in registered_weights(self._weights_folder)}
        self.transfer.setEnabled(name in known)
        self.transfer.setChecked(name in known)
        text = _("Start the encoder from the registered weights {name}")
        if name not in known:
            text = _("The weights {name} are not registered: the start is random")
        self.transfer.setText(text.format(name=name))
        self.transfer.setToolTip(
            _("Model > Add public weights registers them, by the name {name}").format(
                name=name
            )
        )

    def _show(self, text: str) -> None:
        self.about.setText(text)
        self.about.setVisible(bool(text))

    def _network_activated(self, _index: int) -> None:
        self.network_chosen.emit()

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
