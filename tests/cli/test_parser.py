from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from medlab_gui.cli.parser import build_parser, params_from
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Command, param


@dataclass(frozen=True)
class BakeParams:
    what: str = param("What to bake.", positional=True)
    heat: int = param("How hot.", 180, minimum=50, maximum=300, unit="C")
    fan: bool = param("With the fan.", True)
    form: str = param("Which form.", "round", choices=("round", "square"))


BAKE = Command(
    verb="bake",
    title="Bake",
    help="Bake 100% of it.",
    params=BakeParams,
    run=lambda params, ctx: {},
    examples=("medlab bake bread",),
)


def parsed(*argv: str) -> BakeParams:
    arguments = build_parser([BAKE]).parse_args(["bake", *argv])
    return params_from(BAKE, vars(arguments))


def test_fields_become_options():
    assert parsed("bread") == BakeParams("bread")
    assert parsed("bread", "--heat", "220", "--no-fan", "--form", "square") == (
        BakeParams("bread", 220, fan=False, form="square")
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["bake"], "what"),
        (["bake", "b", "--heat", "20"], "out of range"),
        (["bake", "b", "--heat", "hot"], "not a whole number"),
        (["bake", "b", "--form", "oval"], "oval"),
        (["bale", "b"], "Did you mean 'bake'?"),
    ],
)
def test_wrong_arguments_get_a_sentence_and_exit_2(argv, said, capsys):
    with pytest.raises(SystemExit) as stop:
        build_parser([BAKE]).parse_args(argv)
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_nothing_is_required_when_the_parameters_come_from_a_file():
    arguments = build_parser([BAKE], from_file=True).parse_args(
        ["bake", "--params", "x.json"]
    )
    assert arguments.params == "x.json"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_every_verb_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        build_parser(COMMANDS).parse_args([command.verb, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "--project" in shown
    assert "--json" in shown
    for field in command.params.__dataclass_fields__.values():
        first_words = " ".join(field.metadata["help"].split()[:3])
        assert first_words in " ".join(shown.split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.verb)
def test_examples_parse(command):
    for line in command.examples:
        program, *argv = line.split()
        assert program == "medlab"
        arguments = build_parser(COMMANDS).parse_args(argv)
        json.dumps(params_from(arguments.command, vars(arguments)).__dict__)
