"""Actions that choose a key profile, and every action as the keybook wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.gui.choices import remember
from medlab_gui.gui.key_profiles import KEY_PROFILES
from medlab_gui.gui.keybook import Entry, Keybook
from medlab_gui.gui.plain_action import PlainAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medlab_gui.commands.command import Command
    from medlab_gui.gui.window import MedlabWindow

__all__ = ["KEY_ACTIONS", "key_entries", "new_keybook"]


def _profile(name: str) -> Callable[[MedlabWindow], object]:
    def run(window: MedlabWindow) -> None:
        window.bench.keybook.choose(name)
        remember(window.bench, key_profile=name)

    return run


KEY_ACTIONS = tuple(
    PlainAction(
        f"medlab.view.keys_{profile.name}",
        profile.title,
        _profile(profile.name),
        (),
        "medlab/view/keys/1_profiles",
        "",
        f"key_profile == '{profile.name}'",
    )
    for profile in KEY_PROFILES
)


def key_entries(
    commands: Iterable[Command[Any, Any]], actions: Iterable[PlainAction]
) -> tuple[Entry, ...]:
    """Return both tables of actions as far as keys go; commands come first."""
    return (
        *(
            Entry(c.id, (c.shortcut,) if c.shortcut else (), c.when or "")
            for c in commands
            if c.menu
        ),
        *(Entry(a.id, a.keys, a.when) for a in actions),
    )


def new_keybook(profile: str) -> Keybook:
    """Return the keys of all actions of the window in a profile."""
    from medlab_gui.commands import COMMANDS
    from medlab_gui.gui.actions import ACTIONS

    return Keybook(key_entries(COMMANDS, ACTIONS), profile)
