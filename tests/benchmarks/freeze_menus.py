"""How long the window stands still when an entry of a menu is chosen, as in `freeze`.

Dialogs open, stay for a second and are closed again. As a program it is one side, in a
process of its own: ``python -m tests.benchmarks.freeze_menus NAME SIDE FOLDER [-v]``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.freeze import Day, demo_project, rows_of
from tests.benchmarks.say import say

if TYPE_CHECKING:
    from medlab_gui.gui.dialogs.palette import Choice
    from tests.benchmarks.__main__ import Bench
    from tests.benchmarks.table import Row

__all__ = ["freeze_menus"]

_MODULE = "tests.benchmarks.freeze_menus"
DIALOG_MS = 900
ENDS = "medlab.study.quit"


def freeze_menus(bench: Bench) -> list[Row]:
    """Each entry that can be chosen; the longest silence of each menu."""
    return rows_of(bench, "freeze_menus", _MODULE)


class MenuDay(Day):
    """Chooses every entry of the menus once, with a series open and a stroke drawn."""

    def run(self) -> None:
        from qtpy.QtCore import QTimer

        closer = QTimer()
        closer.timeout.connect(_close_dialog)
        closer.start(DIALOG_MS)
        self._open()
        self.stroke()
        for choice in self.window.menus.choices():
            if choice.id == ENDS:
                continue
            if self.bench.session is None:
                self._open()
            if self.window.menus.is_enabled(choice.id):
                self._choose(choice)
        say(rows=self.rows)

    def _open(self) -> None:
        assert self.bench.store is not None
        uid = self.bench.store.series_list()[0].uid
        self.act(
            "open a series", lambda: self.bench.open_series(uid), self.is_open(uid)
        )

    def _choose(self, choice: Choice) -> None:
        from qtpy.QtWidgets import QApplication, QDialog

        self.act(choice.title, lambda: self.window.menus.run(choice.id))
        menu = choice.title.partition(":")[0]
        self.rows[-1]["act"] = f"any entry of {menu}"
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                self.act("close a dialog", widget.close, quiet=0.2)


def _close_dialog() -> None:
    from qtpy.QtWidgets import QApplication

    asked = QApplication.activeModalWidget() or QApplication.activePopupWidget()
    if asked is not None:
        asked.close()


if __name__ == "__main__":
    with demo_project(Path(sys.argv[3])) as project:
        MenuDay(project).run()
