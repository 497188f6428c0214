"""Every verb is on the command line and in the window; names and keys are unique."""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from dataclasses import fields
from itertools import product

import pytest
from app_model.expressions import parse_expression

from medlab_gui.cli.parser import build_parser
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Telling
from medlab_gui.gui.actions import ACTIONS
from medlab_gui.gui.key_actions import key_entries
from medlab_gui.gui.key_profiles import KEY_PROFILES
from medlab_gui.gui.keybook import keys_of, split_key

PROMISED = {
    *("import", "list", "inspect", "preprocess", "predict", "score", "queue", "train"),
    *("evaluate", "export", "networks", "doctor", "demo"),
}


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Parsers of the verbs."""
    parser = build_parser(COMMANDS)
    (choices,) = [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return choices


def twice(values: list[str]) -> list[str]:
    return [value for value, n in Counter(values).items() if n > 1]


def first_words(field) -> str:
    return " ".join(field.metadata["help"].split()[:3])


def test_all_promised_verbs_are_there():
    assert {c.verb for c in COMMANDS} >= PROMISED


def test_the_command_line_has_every_command():
    assert set(verbs()) == {c.verb for c in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_help_is_complete(command):
    text = verbs()[command.verb].format_help()
    for field in fields(command.params):
        positional = field.metadata.get("positional")
        shown = field.name if positional else f"--{field.name.replace('_', '-')}"
        # A positional shows the kind of thing it is, and its sentence.
        assert shown in text or (positional and first_words(field) in text)
        assert field.metadata.get("help"), f"{command.verb} {field.name} has no help"
    for option in ("--project", "--json", "--help"):
        assert option in text
    assert command.help.rstrip(".…").split()[0] in text
    assert command.examples, f"{command.verb} shows no example"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_examples_can_be_parsed(command):
    import shlex

    for example in command.examples:
        program, *arguments = shlex.split(example.partition(" #")[0])
        assert program == "medlab"
        # A verb's parser exits where the example is wrong.
        assert build_parser(COMMANDS).parse_args(arguments).command is command


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_the_window_has_words_for_what_it_asks_and_tells(command):
    assert command.told is Telling.SEEN or command.text is not None
    for field in fields(command.params):
        choices, words = field.metadata["choices"], field.metadata["words"]
        assert len(words) == len(choices)
        # Fine-tuning has a dialog of its own, with words of its own.
        asked = field.metadata["in_dialog"] and command.verb != "train"
        if asked and command.menu is not None and choices:
            assert words != choices, field.name


def test_ids_and_verbs_are_unique():
    assert not twice([c.verb for c in COMMANDS])
    assert not twice([*(c.id for c in COMMANDS), *(a.id for a in ACTIONS)])


def test_menus_are_known():
    known = {"study", "annotate", "measure", "model", "queue", "view", "help"}
    for entry in [*COMMANDS, *ACTIONS]:
        if entry.menu:
            root, menu, *_group = entry.menu.split("/")
            assert root == "medlab"
            assert menu in known


SHOWN_OTHERWISE = {
    "list": "the studies dock is this list, always open",
    "accept": "medlab.queue.accept_next",
    "skip": "medlab.queue.skip",
    "queue": "the queue dock is this list",
    "networks": "the training dialog lists them",
    "pace": "the training dialog asks it",
    "compare": "the comparison of the preprocessing dock asks it",
    "export-run": "the runs dock's Export",
    "delete-run": "the runs dock's Delete",
    "measurements": "the measurements dock is this list",
    "export-measurements": "medlab.measure.export",
    "delete-measurement": "medlab.measure.delete",
}
"""Commands without a menu entry of their own, and where a person finds them."""


def test_the_window_has_every_command():
    without = {c.verb for c in COMMANDS if c.menu is None}
    assert without <= set(SHOWN_OTHERWISE)
    ids = {a.id for a in ACTIONS}
    named = {where for where in SHOWN_OTHERWISE.values() if where.startswith("medlab.")}
    assert named <= ids


def together(first: str, second: str) -> bool:
    """Whether two enablement expressions can hold at the same time."""
    texts = [first or "True", second or "True"]
    names = sorted(
        {
            node.id
            for text in texts
            for node in ast.walk(ast.parse(text, mode="eval"))
            if isinstance(node, ast.Name)
        }
    )
    for values in product((False, True, 99), repeat=len(names)):
        context = dict(zip(names, values, strict=True))
        # The window is in one mode, so only one of these is true.
        if context.get("reviewing") and context.get("annotating"):
            continue
        if all(parse_expression(text).eval(context) for text in texts):
            return True
    return False


def test_expressions_that_exclude_each_other_are_told_apart():
    assert together("series_open", "")
    assert together("series_open", "can_undo")
    assert not together("polygon_open", "series_open and not polygon_open")
    assert not together("annotating", "reviewing and is_ct")


@pytest.mark.parametrize("profile", KEY_PROFILES, ids=lambda p: p.name)
def test_no_key_means_two_things_at_once(profile):
    entries = key_entries(COMMANDS, ACTIONS)
    keys = keys_of(profile, entries)
    wanted = [
        (name.lower(), f"({entry.when or 'True'}) and ({mode or 'True'})", entry.id)
        for entry in entries
        for mode, name in map(split_key, keys[entry.id])
    ]
    clashes = [
        (name, one, other)
        for n, (name, when, one) in enumerate(wanted)
        for other_name, other_when, other in wanted[n + 1 :]
        if name == other_name and together(when, other_when)
    ]
    assert not clashes
