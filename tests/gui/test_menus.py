from __future__ import annotations

import re
from collections import Counter

import pytest
from app_model.expressions import parse_expression

from medlab_gui.commands import COMMANDS
from medlab_gui.gui.actions import ACTIONS
from medlab_gui.gui.context import Key
from medlab_gui.gui.menus import MENUS


def test_ids_are_unique_and_in_our_menus():
    ids = [a.id for a in ACTIONS] + [c.id for c in COMMANDS]
    assert [i for i, n in Counter(ids).items() if n > 1] == []
    places = {menu for menu, _title in MENUS}
    for menu in [a.menu for a in ACTIONS] + [c.menu for c in COMMANDS if c.menu]:
        assert "/".join(menu.split("/")[:2]) in places


def test_conditions_use_known_facts():
    known = {str(k) for k in Key}
    for when in [
        *(a.when for a in ACTIONS),
        *(a.toggled for a in ACTIONS),
        *(c.when for c in COMMANDS if c.menu),
    ]:
        if when:
            parse_expression(when)
            words = set(re.findall(r"[a-z_]+", re.sub(r"'[^']*'", "", when)))
            assert words - {"and", "or", "not"} <= known, when


@pytest.mark.gui
def test_the_menu_bar_is_ours_and_every_command_is_in_it(window):
    bar = window.viewer.window.main_menu
    titles = [a.text().replace("&", "") for a in bar.actions() if a.isVisible()]
    assert titles == ["Study", "Annotate", "Measure", "Model", "Queue", "View", "Help"]
    for command in COMMANDS:
        if command.menu:
            menu = window.menus.menu("/".join(command.menu.split("/")[:2]))
            assert menu.findAction(command.id) is not None, command.verb


@pytest.mark.gui
def test_no_menu_of_napari_holds_a_shortcut(window):
    from medlab_gui.gui import napari_private as private

    def shortcuts(menu):
        for action in menu.actions():
            if action.menu() is not None:
                yield from shortcuts(action.menu())
            elif not action.shortcut().isEmpty():
                yield action.text()

    found = [t for m in private.napari_menus(window.viewer) for t in shortcuts(m)]
    assert found == []


@pytest.mark.gui
def test_entries_follow_the_facts(window):
    window.refresh_facts()
    assert window.menus.is_enabled("medlab.predict")
    assert not window.menus.is_enabled("medlab.annotate.undo")
    window.bench.close_series()
    window.refresh_facts()
    assert not window.menus.is_enabled("medlab.predict")
    assert (
        not window.menus.menu("medlab/model").findAction("medlab.predict").isEnabled()
    )
    assert window.menus.is_enabled("medlab.import")
