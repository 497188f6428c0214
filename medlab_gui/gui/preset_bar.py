"""Recipes by name: choose, save, export, import, delete; undo, redo and reset."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy import QtCore
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.presets import (
    SHIPPED_PRESETS,
    delete_preset,
    export_preset,
    import_preset,
    pipeline_presets,
    read_pipeline,
    save_preset,
)
from medlab_gui.core.specs import PipelineSpec
from medlab_gui.gui.dialogs.replacing import with_ending
from medlab_gui.gui.keybook import as_held
from medlab_gui.gui.own_keys import OwnKeys
from medlab_gui.imaging.recipes import same_effect

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PresetBar", "file_name"]

_NONE, _MODEL, _OWN = "none", "model", "own"
_YES_OR_NO = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No
_FILES = "JSON (*.json)"
_NOT_IN_FILES = re.compile(r'[<>:"/\\|?*]+')
"""Of these some systems make folders, others refuse them."""


def file_name(name: str) -> str:
    """Return what a recipe's file is called: its name, as far as files may have it."""
    return f"{_NOT_IN_FILES.sub('-', name).strip(' .-') or _('recipe')}.json"


class PresetBar(QWidget):
    """A list of recipes by name, and what can be done with the shown one.

    Parameters
    ----------
    say : callable
        Shows a sentence in passing.
    fail : callable
        Shows an error that a person can mend.
    parent : QWidget, optional
        Owner.
    """

    chosen = QtCore.Signal(object)
    """The person wants this `PipelineSpec`."""
    undo_wanted = QtCore.Signal()
    redo_wanted = QtCore.Signal()
    reset_wanted = QtCore.Signal()

    def __init__(
        self,
        say: Callable[[str], object],
        fail: Callable[[BaseException], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._say, self._fail = say, fail
        self._spec = PipelineSpec()
        self._model: PipelineSpec | None = None
        self._presets: dict[str, PipelineSpec] = {}
        self.combo = QComboBox(self)
        self.combo.setAccessibleName(_("Preprocessing recipe"))
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(12)
        self.combo.activated.connect(self._activated)
        self.combo.installEventFilter(OwnKeys(self))
        label = QLabel(_("Recipe"), self)
        label.setBuddy(self.combo)
        first = QHBoxLayout()
        first.addWidget(label)
        first.addWidget(self.combo, 1)
        second = QHBoxLayout()
        second.setSpacing(4)
        self.undo = self._button(
            _("Undo"), as_held(_("Take back the last change (Ctrl+Z)"))
        )
        self.undo.clicked.connect(self.undo_wanted)
        self.redo = self._button(_("Redo"), as_held(_("Do it again (Ctrl+Shift+Z)")))
        self.redo.clicked.connect(self.redo_wanted)
        self.reset = self._button(
            _("Reset"), _("Back to the recipe that was chosen, saved or opened last")
        )
        self.reset.clicked.connect(self.reset_wanted)
        self.more = self._button(_("Recipes"), _("Save, export, import or delete"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._build_menu()
        for button in (self.undo, self.redo, self.reset):
            second.addWidget(button)
        second.addStretch(1)
        second.addWidget(self.more)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(first)
        rows.addLayout(second)
        self.refresh()

    def _button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        return button

    def _build_menu(self) -> None:
        menu = QMenu(self.more)
        self.save = menu.addAction(_("Save as…"))
        self.save.triggered.connect(self._ask_save)
        self.export = menu.addAction(_("Export to a file…"))
        self.export.triggered.connect(self._ask_export)
        self.import_ = menu.addAction(_("Import from a file…"))
        self.import_.triggered.connect(self._ask_import)
        menu.addSeparator()
        self.delete = menu.addAction(_("Delete…"))
        self.delete.triggered.connect(self._ask_delete)
        self.more.setMenu(menu)

    def minimumSizeHint(self) -> QSize:
        """Return the width at which the four buttons fit."""
        return QSize(250, super().minimumSizeHint().height())

    # ---- what is listed -------------------------------------------------------

    def refresh(self) -> None:
        """Read the names again."""
        self._presets = pipeline_presets()
        self.combo.blockSignals(True)
        self.combo.clear()
        for name in self._presets:
            shown = _(name) if name in SHIPPED_PRESETS else name
            self.combo.addItem(shown, f"preset:{name}")
        self.combo.addItem(_("None"), _NONE)
        self.combo.addItem(_("Same as the model"), _MODEL)
        self.combo.addItem(_("Your own, not saved"), _OWN)
        # "Same as the model" can be chosen only where there is one, and "Your own"
        # is what a recipe becomes, not something to go to.
        for data, can in ((_MODEL, self._model is not None), (_OWN, False)):
            row = self.combo.findData(data)
            self.combo.setItemData(
                row, None if can else 0, Qt.ItemDataRole.UserRole - 1
            )
        self.combo.blockSignals(False)
        self._show()

    def set_model(self, spec: PipelineSpec | None) -> None:
        """Tell what the weights in use were trained on; None without any."""
        self._model = spec
        self.refresh()

    def set_spec(self, spec: PipelineSpec) -> None:
        """Show which of the recipes this one is."""
        self._spec = spec
        self._show()

    def set_history(self, *, can_undo: bool, can_redo: bool, can_reset: bool) -> None:
        """Enable what there is something for."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)
        self.reset.setEnabled(can_reset)

    @property
    def name(self) -> str | None:
        """Name of the preset that is shown; None where it is none."""
        kind, _colon, name = str(self.combo.currentData()).partition(":")
        return name if kind == "preset" else None

    def _show(self) -> None:
        self.combo.setCurrentIndex(self.combo.findData(self._key()))
        self.combo.setToolTip(self.combo.currentText())
        self.delete.setEnabled(
            self.name is not None and self.name not in SHIPPED_PRESETS
        )

    def _key(self) -> str:
        now = self.combo.currentData()
        keys = [f"preset:{name}" for name in self._presets] + [_NONE, _MODEL]
        # Two presets may do the same: the one that was chosen stays.
        for key in sorted(keys, key=lambda key: key != now):
            spec = self._meant(key)
            if spec is not None and self._same(spec):
                return key
        return _OWN

    def _same(self, spec: PipelineSpec) -> bool:
        try:
            return same_effect(self._spec, spec)
        except MedlabError:  # a step of a plugin that is away
            return self._spec == spec

    def _meant(self, key: str) -> PipelineSpec | None:
        if key == _NONE:
            return PipelineSpec()
        if key == _MODEL:
            return self._model
        return self._presets.get(key.partition(":")[2])

    def _activated(self, _row: int) -> None:
        spec = self._meant(str(self.combo.currentData()))
        if spec is not None:
            self.chosen.emit(spec)
        self._show()

    # ---- saving and files -----------------------------------------------------

    def save_as(self, name: str) -> bool:
        """Keep the shown recipe under a name; return whether that worked."""
        try:
            save_preset(name, self._spec)
        except MedlabError as error:
            self._fail(error)
            return False
        self.refresh()
        self._select(name.strip())
        self.chosen.emit(self._spec)
        return True

    def _select(self, name: str) -> None:
        row = self.combo.findData(f"preset:{name}")
        if row >= 0:
            self.combo.setCurrentIndex(row)
        self._show()

    def export_to(self, path: str) -> None:
        """Write the shown preset to a file."""
        assert self.name is not None
        try:
            export_preset(self.name, path)
        except MedlabError as error:
            self._fail(error)
        else:
            self._say(_("The recipe is in {path}.").format(path=path))

    def import_from(self, path: str) -> None:
        """Take a recipe from a file and show it; one that cannot run is not kept."""
        from medlab_gui.imaging.pipeline import check_pipeline

        try:
            check_pipeline(read_pipeline(path))
            name = import_preset(path)
            self.refresh()
            self.chosen.emit(self._presets[name])
        except MedlabError as error:
            self._fail(error)
        else:
            self._select(name)
            self._say(_("Imported as “{name}”.").format(name=name))

    def delete_shown(self) -> None:
        """Remove the shown preset; its steps stay as a recipe without a name."""
        assert self.name is not None
        try:
            delete_preset(self.name)
        except MedlabError as error:
            self._fail(error)
        self.refresh()

    def _ask_name(self) -> str | None:
        name, sure = QInputDialog.getText(
            self,
            _("Save the recipe"),
            _("Name:"),
            QLineEdit.EchoMode.Normal,
            "" if self.name is None or self.name in SHIPPED_PRESETS else self.name,
        )
        name = name.strip()
        if not sure or not name:
            return None
        if name in self._presets and name not in SHIPPED_PRESETS and name != self.name:
            answer = QMessageBox.question(
                self,
                _("Save the recipe"),
                _("There is a recipe “{name}” already. Replace it?").format(name=name),
                _YES_OR_NO,
                QMessageBox.StandardButton.No,
            )
            if answer != QMessageBox.StandardButton.Yes:
                return None
        return name

    def _ask_save(self) -> None:
        name = self._ask_name()
        if name is not None:
            self.save_as(name)

    def _ask_export(self) -> None:
        # What goes out has a name, so that it has one where it comes in.
        if self.name is None:
            name = self._ask_name()
            if name is None or not self.save_as(name):
                return
        assert self.name is not None
        start = str(Path.home() / file_name(self.name))
        path, _kind = QFileDialog.getSaveFileName(
            self, _("Export the recipe"), start, _FILES
        )
        path = with_ending(self, path, ".json")
        if path:
            self.export_to(path)

    def _ask_import(self) -> None:
        path, _kind = QFileDialog.getOpenFileName(
            self, _("Import a recipe"), str(Path.home()), _FILES
        )
        if path:
            self.import_from(path)

    def _ask_delete(self) -> None:
        if self.name is None:
            return
        answer = QMessageBox.question(
            self,
            _("Delete the recipe"),
            _("Delete “{name}”? Its steps stay in the project.").format(name=self.name),
            _YES_OR_NO,
            QMessageBox.StandardButton.No,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.delete_shown()
