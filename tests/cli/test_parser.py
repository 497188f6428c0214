from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

import pytest

from medlab_gui.cli.parser import (
    UsageError,
    build_parser,
    params_from,
    params_in_file,
)
from medlab_gui.commands import COMMANDS
from medlab_gui.commands.command import Command, param
from medlab_gui.core.errors import InputError, SpecError


@dataclass(frozen=True)
class BakeParams:
    what: str = param("What to bake.", positional=True)
    heat: int = param("How hot.", 180, minimum=50, maximum=300, unit="C")
    fan: bool = param("With the fan.", True)
    salt: float = param("How much.", 0.5)
    form: str = param("Which form.", "round", choices=("round", "square"))
    filling: str = param("What is in it.", "")


BAKE = Command(
    verb="bake",
    title="Bake",
    help="Bake 100% of it.",
    details="Takes 50% of the flour.",
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
        (["bake"], "WHAT"),
        (["bake", "b", "--heat", "20"], "50 to 300"),
        (["bake", "b", "--heat", "hot"], "not a whole number"),
        (["bake", "b", "--salt", "nan"], "out of range"),
        (["bake", "b", "--salt", "inf"], "out of range"),
        (["bake", "b", "--form", "oval"], "oval"),
        (["bake", ""], "WHAT: nothing is named; write what is meant"),
        (["bake", "b", "--filling", ""], "--filling: nothing is named; leave it out"),
        (["bake", "b", "--filling= "], "--filling: nothing is named"),
        (["bake", "b", "--project", ""], "--project: nothing is named"),
        (["bake", "b", "--hea", "60"], "--hea"),
        (["bale", "b"], "Did you mean 'bake'? `medlab --help`"),
        (["xyz"], "There is no verb 'xyz'. `medlab --help`"),
    ],
)
def test_wrong_arguments_get_a_sentence(argv, said):
    with pytest.raises(UsageError) as caught:
        build_parser([BAKE]).parse_args(argv)
    assert said in caught.value.message
    assert caught.value.message.endswith("explains the options.")


def test_help_tells_ranges_units_defaults_and_exit_codes(capsys):
    with pytest.raises(SystemExit):
        build_parser([BAKE]).parse_args(["bake", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Bake 100% of it." in shown
    assert "How hot. 50 to 300 C. Default: 180." in shown
    assert "With the fan. Default: yes." in shown
    assert "Which form. Default: round." in shown
    assert "Takes 50% of the flour." in shown
    assert "0 done" in shown
    assert "130 cancelled" in shown
    assert "medlab bake bread" in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"what": "bread", "heat": 400}', "out of range"),
        ('{"what": "bread", "heat": "hot"}', "type int"),
        ('{"what": "bread", "heat": true}', "type int"),
        ('{"what": "bread", "fan": 1}', "type bool"),
        ('{"what": "bread", "form": "oval"}', "round, square"),
        ('{"what": "bread", "salt": NaN}', "out of range"),
        ('{"what": "bread", "sugar": 1}', "there is no sugar"),
        ('{"heat": 200}', "what is missing"),
        ('["bread"]', "one JSON object"),
        ('{"what": ', "it is not JSON text"),
    ],
)
def test_wrong_parameters_in_a_file_get_a_sentence(tmp_path, content, said):
    file = tmp_path / "params.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        params_in_file(BAKE, str(file))


def test_parameters_in_a_file(tmp_path):
    file = tmp_path / "params.json"
    file.write_text('{"what": "bread", "heat": 200, "salt": 2}', encoding="utf-8")
    assert params_in_file(BAKE, str(file)) == BakeParams("bread", 200, salt=2)
    with pytest.raises(InputError, match="cannot be read"):
        params_in_file(BAKE, str(tmp_path / "absent.json"))


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
        program, *argv = shlex.split(line)
        assert program == "medlab"
        arguments = build_parser(COMMANDS).parse_args(argv)
        json.dumps(params_from(arguments.command, vars(arguments)).__dict__)
