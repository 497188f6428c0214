"""The key sheet (F1), made from the tables that the keys themselves come from."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from medlab_gui.core.i18n import _
from medlab_gui.gui.actions import ACTIONS, HELD_KEYS, MOUSE
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.keybook import as_held, shown_key, split_key
from medlab_gui.gui.window_presets import N_DIGITS, preset_id

if TYPE_CHECKING:
    from medlab_gui.commands.command import Command
    from medlab_gui.gui.keybook import Keybook
    from medlab_gui.gui.workbench import Workbench

__all__ = ["KeySheet", "key_table"]

_HEADS = {
    "study": "Study",
    "annotate": "Annotate",
    "measure": "Measure",
    "model": "Model",
    "queue": "Queue",
    "view": "View",
    "help": "Help",
}


def key_table(
    commands: tuple[Command[Any, Any], ...],
    keybook: Keybook,
    titles: dict[str, str],
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return ``(heading, [(keys, what they do)])`` for everything that has a key.

    Parameters
    ----------
    commands : tuple of Command
        The project's verbs.
    keybook : Keybook
        The keys of now.
    titles : dict of str to str
        What some actions are called now, by id; others have the title of their table.
    """
    table: dict[str, list[tuple[str, str]]] = {name: [] for name in _HEADS}
    entries = [(c.id, c.title, c.menu) for c in commands if c.menu]
    entries += [(a.id, a.title, a.menu) for a in ACTIONS]
    modes = {"": "", "reviewing": _("Review: "), "annotating": _("Annotate: ")}
    unused = {preset_id(n) for n in range(1, N_DIGITS + 1)} - set(titles)
    for id_, title, menu in entries:
        if titles and id_ in unused:
            continue
        keys: dict[str, list[str]] = {}
        for key in keybook.of(id_):
            keys.setdefault(split_key(key)[0], []).append(shown_key(key))
        for mode, shown in keys.items():
            text = modes[mode] + titles.get(id_, _(title)).rstrip("…")
            table[menu.split("/")[1]].append((", ".join(shown), text))
    table["view"] += [(_(key), _(text)) for key, text in HELD_KEYS]
    sheet = [(_(_HEADS[name]), rows) for name, rows in table.items() if rows]
    sheet.append(
        (_("Mouse"), [(as_held(_(what)), as_held(_(does))) for what, does in MOUSE])
    )
    return sheet


class KeySheet(QDialog):
    """All keys, in a text that can be copied and printed.

    Parameters
    ----------
    bench : Workbench
        Its keys and windows; the sheet follows another key profile.
    commands : tuple of Command
        The project's verbs.
    parent : QWidget, optional
        Owner.
    """

    def __init__(
        self,
        bench: Workbench,
        commands: tuple[Command[Any, Any], ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands, self._bench = commands, bench
        self._text = text = QTextBrowser()
        text.setAccessibleName(_("Keys and mouse"))
        self._fill()
        bench.keybook.changed.connect(self._fill)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton(
            _("Copy as text"), QDialogButtonBox.ButtonRole.ActionRole
        )
        copy.clicked.connect(self._on_copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(buttons)
        resize_within_screen(self, 940, 680)

    def _fill(self) -> None:
        bench = self._bench
        self._table = key_table(self._commands, bench.keybook, bench.presets.titles())
        profile = _(bench.keybook.profile.title)
        self.setWindowTitle(_("Keys and mouse: {profile}").format(profile=profile))
        self._text.setHtml(self._html())

    def plain_text(self) -> str:
        """Return the sheet as plain text."""
        lines = []
        for head, rows in self._table:
            lines += [head, *(f"  {keys:22} {text}" for keys, text in rows), ""]
        return "\n".join(lines)

    def _html(self) -> str:
        columns: list[list[str]] = [[], []]
        total = sum(len(rows) + 2 for _head, rows in self._table)
        used = 0
        for head, rows in self._table:
            cells = "".join(
                f"<tr><td style='padding-right:14px'><b>{escape(keys)}</b></td>"
                f"<td>{escape(text)}</td></tr>"
                for keys, text in rows
            )
            block = f"<h4>{escape(head)}</h4><table cellspacing='2'>{cells}</table>"
            size = len(rows) + 2
            columns[0 if used + size / 2 < total / 2 else 1].append(block)
            used += size
        left, right = ("".join(c) for c in columns)
        return (
            "<table width='100%'><tr>"
            f"<td width='50%' valign='top'>{left}</td>"
            f"<td width='50%' valign='top'>{right}</td></tr></table>"
        )

    def _on_copy(self) -> None:
        QApplication.clipboard().setText(self.plain_text())
