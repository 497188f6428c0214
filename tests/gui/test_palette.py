from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from medlab_gui.commands import COMMANDS
from medlab_gui.gui.actions import ACTIONS
from medlab_gui.gui.dialogs.palette import Choice, Palette, found

CHOICES = (
    Choice("a", "View: Mask", "S", True),
    Choice("b", "Annotate: Undo", "Ctrl+Z", False),
    Choice("c", "View: Unmask all", "", True),
    Choice("d", "Annotate: Redo", "Ctrl+Y", True),
)


def test_every_word_counts_in_any_order_and_keys_are_found_too():
    assert [c.id for c in found(CHOICES, "")] == ["a", "c", "d", "b"]
    assert [c.id for c in found(CHOICES, "mask")] == ["a", "c"]
    assert [c.id for c in found(CHOICES, "MASK view")] == ["a", "c"]
    assert [c.id for c in found(CHOICES, "ctrl+z")] == ["b"]
    assert found(CHOICES, "nothing like it") == []


def test_keys_move_and_enter_runs_what_is_possible(qtbot):
    ran: list[str] = []
    palette = Palette(CHOICES, ran.append)
    palette.show()
    QTest.keyClicks(palette.line, "undo")
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert ran == []
    assert palette.isVisible(), "it cannot be done now"
    palette.line.clear()
    QTest.keyClick(palette.line, Qt.Key.Key_Down)
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert ran == ["c"]


@pytest.fixture
def palette(window):
    window.main.activateWindow()
    window.menus.show_palette()
    shown = window.main.findChild(Palette)
    yield shown
    for left in window.main.findChildren(Palette):
        left.close()


@pytest.mark.gui
def test_it_lists_everything_with_keys_and_greys_what_is_not_possible(window, palette):
    ids = {c.id for c in window.menus.choices()}
    everything = {a.id for a in ACTIONS} | {c.id for c in COMMANDS if c.menu}
    assert everything - ids == {"medlab.view.preset_9"}, "there are eight for CT"
    assert palette.list.topLevelItemCount() == len(ids)
    by_id = {c.id: c for c in window.menus.choices()}
    assert by_id["medlab.view.preset_4"].title == "View: Lung  (W 1500  L -600 HU)"
    assert by_id["medlab.annotate.redo"].keys == "Ctrl+Shift+Z, Ctrl+Y"
    assert not by_id["medlab.annotate.undo"].is_possible
    assert by_id["medlab.view.mask"].is_possible


@pytest.mark.gui
def test_what_is_chosen_happens(window, palette):
    QTest.keyClicks(palette.line, "lung")
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert (window.bench.view.level, window.bench.view.width) == (-600, 1500)


@pytest.mark.gui
def test_its_key_is_in_the_menu(window):
    action = window.menus.menu("medlab/help").findAction("medlab.help.palette")
    assert action.shortcut().toString() == "Ctrl+Shift+P"
