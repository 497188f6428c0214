"""Which keys mean which action now: the tables' own, changed by the chosen profile."""

from __future__ import annotations

import ast
import sys
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from psygnal import Signal

from medlab_gui.core.i18n import _
from medlab_gui.gui.key_profiles import KEY_PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.gui.key_profiles import KeyProfile

__all__ = [
    "Entry",
    "Keybook",
    "as_held",
    "can_be_together",
    "keys_of",
    "shown_key",
    "split_key",
]

_MODES = {"Review/": "reviewing", "Annotate/": "annotating"}


class Entry(NamedTuple):
    """An action as far as keys go.

    Parameters
    ----------
    id : str
        Of the action.
    keys : tuple of str
        Its keys where no profile says otherwise.
    when : str
        Expression over `gui.context.Key`; empty means always.
    """

    id: str
    keys: tuple[str, ...]
    when: str


def split_key(key: str) -> tuple[str, str]:
    """Return the fact that a key needs (or "") and its name.

    ``"Review/1"`` is the digit 1 in Review only: ``("reviewing", "1")``.
    """
    for prefix, fact in _MODES.items():
        if key.startswith(prefix):
            return fact, key.removeprefix(prefix)
    return "", key


def shown_key(key: str) -> str:
    """Return a key as a person reads it, without its mode."""
    words = {
        "Return": _("Enter"),
        "PgUp": _("Page Up"),
        "PgDown": _("Page Down"),
        "Escape": _("Esc"),
    }
    name = split_key(key)[1]
    held, plus, last = name.rpartition("+")
    return as_held(held + plus) + words.get(last, last) if last else name


def as_held(text: str) -> str:
    """Return a text with the keys that are held called as this system calls them.

    Qt's Ctrl is the Command key of a Mac.
    """
    if sys.platform == "darwin":
        return text.replace("Ctrl", "⌘").replace("Alt", "⌥")
    return text


def can_be_together(*expressions: str) -> bool:
    """Tell whether all expressions over facts can be true at the same time."""
    texts = [e for e in expressions if e]
    trees = [ast.parse(text, mode="eval") for text in texts]
    names = sorted(
        {n.id for t in trees for n in ast.walk(t) if isinstance(n, ast.Name)}
    )
    for values in product((False, True), repeat=len(names)):
        facts = dict(zip(names, values, strict=True))
        # The window is in one mode, so only one of these is true.
        if facts.get("reviewing") and facts.get("annotating"):
            continue
        if all(_is_true(tree.body, facts) for tree in trees):
            return True
    return False


def _is_true(node: ast.expr, facts: dict[str, bool]) -> bool:
    if isinstance(node, ast.Name):
        return facts[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _is_true(node.operand, facts)
    if isinstance(node, ast.BoolOp):
        parts = [_is_true(v, facts) for v in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    return True  # a comparison, which may hold


def _clash(key: str, when: str, other: str, other_when: str) -> bool:
    mode, name = split_key(key)
    other_mode, other_name = split_key(other)
    if name.casefold() != other_name.casefold():
        return False
    return can_be_together(mode, when, other_mode, other_when)


def keys_of(
    profile: KeyProfile, entries: Iterable[Entry]
) -> dict[str, tuple[str, ...]]:
    """Return the keys of every action in a profile.

    Parameters
    ----------
    profile : KeyProfile
        Its keys come first: another action loses the keys that are given away here,
        unless both can never be meant at once.
    entries : iterable of Entry
        Every action.
    """
    entries = tuple(entries)
    given = [
        (key, entry.when) for entry in entries for key in profile.keys.get(entry.id, ())
    ]
    return {
        entry.id: profile.keys[entry.id]
        if entry.id in profile.keys
        else tuple(
            key
            for key in entry.keys
            if not any(_clash(key, entry.when, other, when) for other, when in given)
        )
        for entry in entries
    }


class Keybook:
    """The keys that hold now.

    Parameters
    ----------
    entries : iterable of Entry
        Every action; the first of two that could be meant wins.
    profile : str
        Name of the profile; MedLab's own where there is none of that name.

    Attributes
    ----------
    changed : Signal()
        Another profile was chosen.
    keys : dict of str to tuple of str
        By id of the action, with modes (see `split_key`).
    """

    changed = Signal()

    def __init__(self, entries: Iterable[Entry], profile: str = "medlab") -> None:
        self._entries = tuple(entries)
        self._use(profile)

    def _use(self, name: str) -> None:
        named = {p.name: p for p in KEY_PROFILES}
        self.profile = named.get(name, KEY_PROFILES[0])
        self.keys = keys_of(self.profile, self._entries)

    def choose(self, name: str) -> None:
        """Use another profile from now on."""
        if name != self.profile.name:
            self._use(name)
            self.changed.emit()

    def of(self, id_: str) -> tuple[str, ...]:
        """Return the keys of an action."""
        return self.keys.get(id_, ())

    def shown(self, id_: str) -> str:
        """Return the first key of an action as a person reads it, or ""."""
        keys = self.of(id_)
        return shown_key(keys[0]) if keys else ""

    def tip(self, text: str, id_: str) -> str:
        """Return a text with the key of an action behind it: ``"Save (Ctrl+S)"``."""
        key = self.shown(id_)
        return f"{text} ({key})" if key else text

    def meant(self, key: str, facts: dict[str, bool]) -> list[str]:
        """Return the ids of the actions that a key means in this mode."""
        return [
            id_
            for id_, keys in self.keys.items()
            for mode, name in map(split_key, keys)
            if name == key and (not mode or facts[mode])
        ]
