from __future__ import annotations

import pytest

from medlab_gui.commands import COMMANDS
from medlab_gui.gui.actions import ACTIONS
from medlab_gui.gui.dialogs.keys import key_table
from medlab_gui.gui.key_actions import key_entries, new_keybook
from medlab_gui.gui.key_profiles import KEY_PROFILES, KeyProfile
from medlab_gui.gui.keybook import (
    Entry,
    Keybook,
    can_be_together,
    keys_of,
    shown_key,
    split_key,
)

ENTRIES = key_entries(COMMANDS, ACTIONS)
NAMED_IN_TEXTS = {
    "medlab.queue.accept_next": "Return",
    "medlab.queue.skip": "Shift+N",
    "medlab.measure.delete": "Del",
    "medlab.annotate.undo": "Ctrl+Z",
    "medlab.annotate.redo": "Ctrl+Shift+Z",
    "medlab.save": "Ctrl+S",
    "medlab.help.keys": "F1",
}
"""Sentences elsewhere name these keys, so every profile has them first."""


def test_modes_and_words_of_keys():
    assert split_key("Review/1") == ("reviewing", "1")
    assert split_key("Annotate//") == ("annotating", "/")
    assert split_key("Ctrl+S") == ("", "Ctrl+S")
    assert shown_key("Review/1") == "1"
    assert shown_key("+") == "+"
    assert shown_key("Ctrl+Return") == "Ctrl+Enter"
    assert shown_key("PgUp") == "Page Up"


def test_keys_that_are_held_are_called_as_on_a_mac(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert shown_key("Ctrl+Shift+Z") == "⌘+Shift+Z"
    assert shown_key("Ctrl+Alt+P") == "⌘+⌥+P"
    assert shown_key("+") == "+"
    book = Keybook(ENTRIES, "medlab")
    sheet = key_table(COMMANDS, book, {})
    assert not [row for _, rows in sheet for row in rows if "Ctrl" in " ".join(row)]
    assert ("⌘ + wheel", "Zoom at the mouse") in dict(sheet)["Mouse"]


@pytest.mark.parametrize(
    ("texts", "together"),
    [
        (("series_open", ""), True),
        (("reviewing", "annotating"), False),
        (("reviewing and is_ct", "annotating or is_ct"), True),
        (("polygon_open", "series_open and not polygon_open"), False),
        (("not (a or b)", "a"), False),
        (("not (a and b)", "a"), True),
        (("tool == 'brush'", "tool == 'pan'"), True),
    ],
)
def test_what_can_be_meant_at_once(texts, together):
    assert can_be_together(*texts) is together


def test_a_profile_takes_its_keys_from_others_where_they_would_clash():
    entries = (
        Entry("a", ("X", "Review/1"), ""),
        Entry("b", ("Y",), ""),
        Entry("c", ("x",), "polygon_open"),
        Entry("d", ("X",), "not polygon_open"),
    )
    profile = KeyProfile("p", "P", {"b": ("Annotate/1",), "c": ("X",)})
    assert keys_of(profile, entries) == {
        "a": ("Review/1",),
        "b": ("Annotate/1",),
        "c": ("X",),
        "d": ("X",),
    }


@pytest.mark.parametrize("profile", KEY_PROFILES, ids=lambda p: p.name)
def test_every_action_of_a_profile_exists_and_none_gets_lost(profile):
    ids = {e.id for e in ENTRIES}
    assert set(profile.keys) <= ids
    keys = keys_of(profile, ENTRIES)
    assert set(keys) == ids
    # What has no key any more is still in its menu.
    menus = {a.id: a.menu for a in ACTIONS} | {c.id: c.menu for c in COMMANDS}
    for id_, own in keys_of(KEY_PROFILES[0], ENTRIES).items():
        if own and not keys[id_]:
            assert menus[id_]
    for id_, key in NAMED_IN_TEXTS.items():
        assert split_key(keys[id_][0])[1] == key


def test_a_profile_that_does_not_exist_is_medlabs_own():
    assert Keybook(ENTRIES, "emacs").profile.name == "medlab"


def test_choosing_tells_once():
    book, told = new_keybook("medlab"), []
    book.changed.connect(lambda: told.append(book.profile.name))
    book.choose("medlab")
    book.choose("pacs")
    assert told == ["pacs"]
    assert book.shown("medlab.measure.angle") == "A"
    assert book.tip("Angle", "medlab.measure.angle") == "Angle (A)"
    assert book.tip("Class", "medlab.annotate.previous_class") == "Class"
