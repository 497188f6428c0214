"""Dialogs without a mouse: names, Tab, the space bar, and what Enter does."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QAccessible, QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QDialog,
    QLineEdit,
    QMessageBox,
    QScrollArea,
    QWidget,
)

from medlab_gui.commands import COMMANDS
from medlab_gui.gui.dialogs.classes import ClassesDialog
from medlab_gui.gui.dialogs.form import ParamsDialog
from medlab_gui.gui.dialogs.room import resize_within_screen
from medlab_gui.gui.dialogs.text_report import TextReport
from medlab_gui.gui.dialogs.window_presets import WindowPresetsDialog
from medlab_gui.gui.preset_bar import PresetBar
from medlab_gui.store.project import ProjectStore
from tests.gui.docks_phantom import SCHEME


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "project"
    ProjectStore.open(place, create=True).close()
    return place


def name_of(widget: QWidget) -> str:
    """What a screen reader says."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


@pytest.mark.parametrize("verb", [c.verb for c in COMMANDS if c.menu])
def test_every_field_of_a_command_has_a_name_and_no_tab_stop_is_unseen(
    bench, qtbot, verb
):
    dialog = ParamsDialog(bench, bench.command(verb), {})
    qtbot.addWidget(dialog)
    for line in dialog.findChildren(QLineEdit):
        inside = line.objectName() == "qt_spinbox_lineedit"
        assert inside or name_of(line), line.parentWidget().objectName()
    for area in dialog.findChildren(QScrollArea):
        assert area.focusPolicy() is Qt.FocusPolicy.NoFocus


def test_tab_leaves_the_tables(bench, qtbot):
    for dialog in (ClassesDialog(SCHEME), WindowPresetsDialog(bench)):
        qtbot.addWidget(dialog)
        assert not dialog.table.tabKeyNavigation(), "Tab would go round in it for ever"


def test_a_colour_is_chosen_without_a_mouse(qtbot, monkeypatch):
    dialog = ClassesDialog(SCHEME)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_a: QColor("#123456"))
    dialog.table.setFocus()
    dialog.table.setCurrentCell(1, 0)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Space)
    assert dialog.table.item(1, 1).text() == "#123456"


def test_enter_deletes_and_replaces_no_recipe(qtbot, monkeypatch):
    asked = []

    def question(_parent, _title, _text, *answers):
        asked.append(answers)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr(PresetBar, "name", "Mine")
    bar = PresetBar(lambda *_a: None, lambda *_a: None)
    qtbot.addWidget(bar)
    bar._ask_delete()
    assert asked[0][1] is QMessageBox.StandardButton.No


def test_dialogs_leave_their_buttons_on_the_screen(qtbot, monkeypatch):
    class Screen:
        def availableGeometry(self):
            return QRect(0, 0, 911, 512)  # 1366 x 768 at 150 %

    dialog = QDialog()
    qtbot.addWidget(dialog)
    monkeypatch.setattr(dialog, "screen", Screen)
    resize_within_screen(dialog, 940, 680)
    assert dialog.size() == QSize(895, 464)
    resize_within_screen(dialog, 560, 420)
    assert dialog.size() == QSize(560, 420)
    report = TextReport("Machine", "all is well")
    qtbot.addWidget(report)
    assert report.screen().availableGeometry().contains(report.rect())
