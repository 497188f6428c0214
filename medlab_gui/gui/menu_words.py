"""Sentences of the commands in the window's words: menus and fields, no options.

One sentence serves the command line and the window. It names what to do as one types it
(`` `medlab lock` ``, ``--truth``); a person at the window knows menus and fields only.
"""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from dataclasses import Field

    from medlab_gui.commands.command import Command

__all__ = ["field_title", "menu_words"]

_CALLED = re.compile(r"`medlab ([a-z-]+)(?: [A-Z]+)?`")
_OPTION = re.compile(r"`?--([a-z][a-z-]*)(?: ([a-z]+)`)?")


def field_title(field: Field[Any]) -> str:
    """Return what the dialog calls a parameter of a command."""
    title = str(field.metadata.get("title") or "")
    return _(title or field.name.replace("_", " ").capitalize())


def menu_words(text: str, title: str = "") -> str:
    """Return a sentence with menus and fields in place of verbs and options.

    Parameters
    ----------
    text : str
        What a command has to say.
    title : str
        Of the command, without its dots: the options are those of its dialog. What
        has no entry in a menu, or no field in the dialog, stays as it is.
    """
    places, options = _places(), _options().get(title, {})

    def place(found: re.Match[str]) -> str:
        return places.get(found[1], found[0])

    def option(found: re.Match[str]) -> str:
        field = options.get(found[1])
        if field is None:
            return found[0]
        if not found[2]:
            return f"“{field_title(field)}”"
        words = dict(
            zip(
                field.metadata.get("choices", ()),
                field.metadata.get("words", ()),
                strict=False,
            )
        )
        return f"“{field_title(field)}”: “{_(str(words.get(found[2], found[2])))}”"

    return _OPTION.sub(option, _CALLED.sub(place, text))


def _commands() -> tuple[Command[Any, Any], ...]:
    from medlab_gui.commands import COMMANDS

    return tuple(c for c in COMMANDS if c.menu)


@cache
def _places() -> dict[str, str]:
    from medlab_gui.gui.menus import MENUS

    heads = {menu: _(title).replace("&", "") for menu, title in MENUS}
    return {
        c.verb: f"{heads['/'.join((c.menu or '').split('/')[:2])]} > "
        f"{_(c.title).rstrip('…')}"
        for c in _commands()
    }


@cache
def _options() -> dict[str, dict[str, Field[Any]]]:
    return {
        _(c.title).rstrip("…"): {
            f.name.replace("_", "-"): f
            for f in fields(c.params)
            if f.metadata.get("in_dialog", True)
        }
        for c in _commands()
    }
