"""A dialog made from a command's parameters: one declaration, shell and window."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.i18n import _
from medlab_gui.core.jobs import JobContext
from medlab_gui.gui.dialogs.recipe_field import RecipeField
from medlab_gui.gui.dialogs.replacing import may_replace
from medlab_gui.gui.dialogs.room import grow_within_screen
from medlab_gui.gui.dialogs.weights_field import WeightsField
from medlab_gui.gui.launching import context_of
from medlab_gui.gui.menu_words import field_title, menu_words
from medlab_gui.gui.number_box import NumberBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.commands.command import Command
    from medlab_gui.gui.workbench import Workbench

__all__ = ["ParamsDialog", "PathField"]

_FORMATS = {"NIfTI": (".nii.gz", ".nii"), "NRRD": (".nrrd",), "MetaImage": (".mha",)}

_BESIDE_FIELDS = 230
"""Height of what else a dialog has, its title bar and larger letters among it."""


def _is_extra_file(field: Field[Any]) -> bool:
    return field.metadata.get("kind") == "save_file" and field.default is not MISSING


def _filters(endings: tuple[str, ...]) -> str:
    """Return what a dialog for saving offers, of the formats with these endings."""
    wanted = {
        name: [e for e in theirs if not endings or e in endings]
        for name, theirs in _FORMATS.items()
    }
    shown = [f"{n} ({' '.join('*' + e for e in es)})" for n, es in wanted.items() if es]
    return ";;".join([*shown, _("All files (*)")])


class PathField(QWidget):
    """A line for a path with buttons that choose one.

    Parameters
    ----------
    kind : str
        ``"open"`` (file or folder), ``"open_file"``, ``"save"`` (file or folder),
        ``"save_file"`` or ``"folder"``.
    parent : QWidget, optional
        Owner.
    endings : tuple of str
        Of the files to save; those of scans and masks where empty.
    """

    def __init__(
        self,
        kind: str,
        parent: QWidget | None = None,
        endings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(parent)
        self._filters = _filters(endings)
        self.line = QLineEdit()
        self._writes = kind in ("save", "save_file")
        self._may_replace = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        buttons: list[tuple[str, Callable[[], str]]] = []
        if kind in ("open", "folder", "save"):
            buttons.append((_("Folder…"), self._folder))
        if kind in ("open", "open_file"):
            buttons.append((_("File…"), self._file))
        if self._writes:
            title = _("File…") if kind == "save" else _("Choose…")
            buttons.append((title, self._save))
        for text, choose in buttons:
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, c=choose: self._take(c()))
            layout.addWidget(button)
        self.setFocusProxy(self.line)

    def _take(self, path: str) -> None:
        if path:
            self.line.setText(path)

    def _start(self) -> str:
        text = self.line.text().strip()
        return text or str(Path.home())

    def _folder(self) -> str:
        return str(
            QFileDialog.getExistingDirectory(self, _("Choose a folder"), self._start())
        )

    def _file(self) -> str:
        found = QFileDialog.getOpenFileName(
            self, _("Choose a file"), self._start(), _("All files (*)")
        )
        return str(found[0])

    def _save(self) -> str:
        found = QFileDialog.getSaveFileName(
            self, _("Where to"), self._start(), self._filters
        )
        path, shown = str(found[0]), str(found[1])
        ending = re.search(r"\*(\.[\w.]+)", shown)
        if path and not Path(path).suffix and ending:
            return path + ending[1]
        self._may_replace = path  # it has asked
        return path

    def may_be_written(self) -> bool:
        """Ask before a file that is there is written over; True where there is none."""
        path = self.text()
        if not self._writes or path == self._may_replace:
            return True
        return may_replace(self, path)

    def text(self) -> str:
        """Return the path as written."""
        return self.line.text().strip()


class ParamsDialog(QDialog):
    """Asks for the parameters of a command.

    Parameters
    ----------
    bench : Workbench
        Series and weights to choose from.
    command : Command
        What will be done.
    given : dict
        Fields that are known already; they are not asked for again.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self,
        bench: Workbench,
        command: Command[Any, Any],
        given: dict[str, Any],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench = bench
        self._command = command
        self._given = given
        self._read: dict[str, Callable[[], Any]] = {}
        self._required: set[str] = set()
        self.params: Any = None
        self.setWindowTitle(_(command.title).rstrip("…"))
        self.setMinimumWidth(480)
        help_ = QLabel(_(command.help))
        help_.setWordWrap(True)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(
            QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow
        )
        types = get_type_hints(command.params)
        # A file that may be written comes after all that is about what is done.
        for field in sorted(fields(command.params), key=_is_extra_file):
            if field.name not in given and self._is_asked(field):
                self._add(field, types[field.name])
        self.error = QLabel()
        self.error.setObjectName("locked_note")
        self.error.setWordWrap(True)
        self.error.hide()
        # With its parent from the start: the theme's rules (no icons) come with it.
        buttons = QDialogButtonBox(self)
        self.ok = buttons.addButton(
            _(command.title).rstrip("…"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.ok.setDefault(True)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        inner = QWidget()
        inner.setLayout(self._form)
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        room = self.screen().availableGeometry().height() - _BESIDE_FIELDS
        scroll.setMinimumHeight(min(420, room, inner.sizeHint().height() + 6))
        layout = QVBoxLayout(self)
        layout.addWidget(help_)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.error)
        layout.addWidget(buttons)
        self._check()
        # Where one types: not "Cancel", which is the first that is enabled.
        first = inner.findChild(QWidget, f"param_{next(iter(self._read), '')}")
        if first is not None:
            first.setFocus()

    # ---- fields -------------------------------------------------------------

    def _is_asked(self, field: Field[Any]) -> bool:
        """Tell whether there is anything to choose."""
        if not field.metadata.get("in_dialog", True):
            return False
        asked_of = field.metadata.get("asked_of")
        if asked_of is None:
            return True
        session = self._bench.session
        if session is None or session.series_uid not in self._given.values():
            return True  # nothing is known yet of the series that is meant
        return bool(asked_of(session.series))

    def _add(self, field: Field[Any], type_: Any) -> None:
        meta = field.metadata
        default = None if field.default is MISSING else field.default
        widget, read = self._widget(type_, meta, default)
        widget.setToolTip(str(meta.get("help", "")))
        widget.setObjectName(f"param_{field.name}")
        label = QLabel(field_title(field))
        label.setBuddy(widget)
        if isinstance(widget, PathField):
            widget.line.setAccessibleName(field_title(field))
        label.setToolTip(str(meta.get("help", "")))
        self._form.addRow(label, widget)
        self._read[field.name] = read
        if field.default is MISSING and field.default_factory is MISSING:
            self._required.add(field.name)

    def _widget(
        self, type_: Any, meta: Any, default: Any
    ) -> tuple[QWidget, Callable[[], Any]]:
        kind = meta.get("kind", "")
        if type_ is bool:
            check = QCheckBox()
            check.setChecked(bool(default))
            return check, check.isChecked
        if meta.get("choices"):
            entries = zip(meta["words"], meta["choices"], strict=True)
            return self._choice([(_(word), c) for word, c in entries], default)
        if kind == "recipe":
            recipe = RecipeField(self._bench.pipeline)
            return recipe, recipe.text
        if kind == "series":
            return self._choice(self._series(), default)
        if kind == "checkpoint":
            weights = WeightsField(self._checkpoints(default == ""), default)
            return weights, weights.choice
        if type_ is int:
            return self._number(QSpinBox(), meta, default)
        if type_ is float:
            return self._number(NumberBox(), meta, default)
        if kind in ("open", "open_file", "save", "save_file", "folder"):
            path = PathField(kind, endings=meta.get("endings", ()))
            path.line.setText(default or "")
            if kind == "save_file" and default is not None:
                path.line.setPlaceholderText(_("None"))
            path.line.textChanged.connect(self._check)
            return path, path.text
        line = QLineEdit(str(default or ""))
        if kind == "classes":
            line.setPlaceholderText(_("None; names with commas between, or all"))
        line.textChanged.connect(self._check)
        return line, lambda: line.text().strip()

    @staticmethod
    def _choice(
        entries: list[tuple[str, str]], default: Any
    ) -> tuple[QWidget, Callable[[], Any]]:
        box = QComboBox()
        for text, value in entries:
            box.addItem(text, value)
        at = box.findData(default)
        if at >= 0:
            box.setCurrentIndex(at)
        return box, box.currentData

    @staticmethod
    def _number(
        box: QSpinBox | NumberBox, meta: Any, default: Any
    ) -> tuple[QWidget, Callable[[], Any]]:
        low, high = meta.get("minimum"), meta.get("maximum")
        if isinstance(box, NumberBox):
            # As many decimals as the default needs, so that 0.0003 is not shown as 0.
            text = f"{default or 0:.10f}".rstrip("0")
            box.setDecimals(max(2, len(text.partition(".")[2]) + 1))
            box.setRange(-1e12 if low is None else low, 1e12 if high is None else high)
            box.setSingleStep(max(abs(default or 1.0) / 10, 10.0 ** -box.decimals()))
            box.setValue(float(default or 0.0))
        else:
            most = 2**31 - 1
            box.setRange(-most if low is None else int(low), int(high or most))
            box.setValue(int(default or 0))
        if meta.get("unit"):
            box.setSuffix(f" {meta['unit']}")
        return box, box.value

    def _series(self) -> list[tuple[str, str]]:
        store = self._bench.store
        if store is None:
            return []
        return [
            (f"{s.modality}  {s.description or s.uid}  ({s.n_slices})", s.uid)
            for s in store.series_list()
        ]

    def _checkpoints(self, may_be_empty: bool) -> list[tuple[str, str]]:
        entries = [(_("Weights in use"), "")] if may_be_empty else []
        store = self._bench.store
        if store is not None:
            current = store.current_checkpoint()
            for c in store.checkpoints():
                used = _(" (in use)") if current and current.id == c.id else ""
                entries.append((c.name + used, c.id))
            if store.previous_checkpoint() is not None and not may_be_empty:
                entries.append((_("The previous weights"), "previous"))
        entries.append((_("Starter weights"), "starter"))
        return entries

    # ---- answers ------------------------------------------------------------

    def _values(self) -> dict[str, Any]:
        return {**self._given, **{name: read() for name, read in self._read.items()}}

    def _check(self) -> None:
        values = self._values() if self._read else {}
        self.ok.setEnabled(all(values.get(n) not in ("", None) for n in self._required))

    def _say(self, text: str) -> None:
        """Say what is wrong, beside the fields and not over them."""
        layout = self.layout()
        assert layout is not None
        before = self.sizeHint().height()
        self.error.setText(text)
        self.error.show()
        layout.activate()
        more = self.sizeHint().height() - before
        grow_within_screen(self, self.height() + max(0, more))

    def accept(self) -> None:
        """Make the params, or say what is wrong with them and stay."""
        try:
            params = self._command.params(**self._values())
            if self._command.check is not None:
                self._command.check(params, context_of(self._bench)(JobContext()))
        except MedlabError as error:
            self._say(menu_words(error.message, self.windowTitle()))
            return
        if all(field.may_be_written() for field in self.findChildren(PathField)):
            self.params = params
            super().accept()
