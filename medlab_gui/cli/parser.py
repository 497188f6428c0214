"""Build argparse from the commands' parameter dataclasses."""

from __future__ import annotations

import argparse
import difflib
import math
import textwrap
import types
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, NoReturn, Union, get_args, get_origin

from medlab_gui import __version__
from medlab_gui.core.errors import InputError, MedlabError, SpecError
from medlab_gui.core.i18n import _
from medlab_gui.core.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medlab_gui.commands.command import Command

__all__ = ["UsageError", "build_parser", "params_from", "params_in_file"]

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}
_EXIT_CODES = (
    "Exit codes: 0 done, 2 you can mend it (one sentence on standard error says how), "
    "1 a bug, 130 cancelled."
)


class UsageError(MedlabError):
    """The command line was written wrongly.

    Parameters
    ----------
    program : str
        ``"medlab"``, or ``"medlab predict"``.
    message : str
        What is wrong with it.
    """

    def __init__(self, program: str, message: str) -> None:
        message = message[:1].upper() + message[1:]
        if message[-1:] not in (".", "?"):
            message += "."
        super().__init__(f"{message} `{program} --help` explains the options.")
        self.program = program


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence."""

    verbs: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message and self.verbs:
            wrong = message.split("'")[1] if "'" in message else ""
            near = difflib.get_close_matches(wrong, self.verbs, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            message = f"There is no verb {wrong!r}.{hint}"
        raise UsageError(self.prog, message)


class _Named(argparse.Action):
    """Takes words; refuses none.

    An empty one is mostly a variable of a script that was never set, and what is done
    without the option is not what was meant: `--resume ""` would begin anew.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if not str(values).strip() and (option_string or self.required):
            way = "write" if self.required else "leave it out, or write"
            msg = f"nothing is named; {way} what is meant"
            raise argparse.ArgumentError(self, msg)
        setattr(namespace, self.dest, values)


class _Listed(argparse.Action):
    """Gathers what an option is given, once or several times, with commas between."""

    between = ","

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = values if isinstance(values, list) else [values]
        words = (getattr(namespace, self.dest), *given)
        setattr(namespace, self.dest, self.between.join(str(w) for w in words if w))


class _Paths(_Listed):
    """Gathers places, which may hold any sign but the end of a line."""

    between = "\n"


def field_type(field: Field[Any]) -> type:
    """Return str, int, float or bool, whichever the field holds."""
    kind: Any = field.type
    if isinstance(kind, str):
        kind = _TYPES[kind.split("|")[0].strip()]
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(k for k in get_args(kind) if k is not type(None))
    if kind not in _TYPES.values():
        msg = f"A parameter must be str, int, float or bool, not {kind}."
        raise TypeError(msg)
    return kind  # type: ignore[no-any-return]  # checked in the line above


def _check_value(name: str, metadata: Any, kind: type, value: Any) -> None:
    """Raise ValueError, with a sentence, where a value is not one of a field's."""
    choices = metadata.get("choices")
    if choices and value not in choices:
        msg = f"{name} is one of {', '.join(choices)}; found {value!r}"
        raise ValueError(msg)
    if kind not in (int, float):
        return
    low, high = metadata.get("minimum"), metadata.get("maximum")
    if (
        not math.isfinite(value)
        or (low is not None and value < low)
        or (high is not None and value > high)
    ):
        msg = f"{value} is out of range: {name} must be {_range(metadata)}"
        raise ValueError(msg)


def _range(metadata: Any) -> str:
    # Ten digits: a million is no "1e+06" for a person.
    low, high = (
        None if end is None else f"{end:.10g}"
        for end in (metadata.get("minimum"), metadata.get("maximum"))
    )
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return f"at most {high}" if high is not None else "a finite number"


def _number(field: Field[Any], kind: type) -> Any:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            what = "whole number" if kind is int else "number"
            msg = f"{text!r} is not a {what}"
            raise argparse.ArgumentTypeError(msg) from None
        try:
            _check_value("it", field.metadata, kind, value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return parse


def _add_field(
    parser: argparse.ArgumentParser, field: Field[Any], *, from_file: bool
) -> None:
    metadata = field.metadata
    kind = field_type(field)
    required = field.default is MISSING and not from_file
    text = metadata.get("help", "")
    if kind in (int, float) and "minimum" in metadata:
        unit = f" {metadata['unit']}" if metadata.get("unit") else ""
        text += f" {_range(metadata).capitalize()}{unit}."
    if kind is bool and field.default is True:
        text += " Default: yes."
    elif kind is not bool and field.default not in ("", None, MISSING):
        text += f" Default: {field.default}."
    text = text.replace("%", "%%")
    options: dict[str, Any] = {"help": text, "dest": field.name}
    if field.default is not MISSING:
        options["default"] = field.default
    flag = f"--{field.name.replace('_', '-')}"
    if kind is bool:
        both: Any = argparse.BooleanOptionalAction
        options["action"] = "store_true" if field.default is False else both
        parser.add_argument(flag, **options)
        return
    if metadata.get("choices"):
        options["choices"] = metadata["choices"]
    if kind in (int, float):
        options["type"] = _number(field, kind)
        options["metavar"] = "N"
    elif "choices" not in options:
        options["action"] = _Named
        options["metavar"] = {
            "open": "PATH",
            "open_file": "FILE",
            "save": "PATH",
            "save_file": "FILE",
            "folder": "FOLDER",
            "series": "SERIES",
            "checkpoint": "WEIGHTS",
        }.get(metadata.get("kind", ""), "TEXT")
    if metadata.get("kind") == "codes":
        options["action"] = _Listed
        options["metavar"] = "CODE"
    if metadata.get("kind") == "paths":
        options["action"] = _Paths
        options["nargs"] = "+"
        options["metavar"] = "PLACE"
    if metadata.get("positional"):
        del options["dest"]
        options["metavar"] = field.name.upper()
        options["nargs"] = None if required else "?"
        parser.add_argument(field.name, **options)
    else:
        parser.add_argument(flag, required=required, **options)


def build_parser(
    commands: Iterable[Command[Any, Any]], *, from_file: bool = False
) -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Parameters
    ----------
    commands : iterable of Command
        Each becomes a verb.
    from_file : bool
        The parameters come from a file (``--params``), so no option is required.
    """
    commands = tuple(commands)
    parser = _Parser(
        prog="medlab",
        description=_(
            "Open CT and MRI scans, predict masks, correct them, and let the model ask "
            "for the most uncertain slice next. Without a verb the window opens; "
            "`medlab PATH` opens it on a scan. For research; not a medical device."
        ),
        epilog=_(_EXIT_CODES),
        allow_abbrev=False,
    )
    parser.verbs = tuple(c.verb for c in commands)
    parser.add_argument("--version", action="version", version=f"medlab {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    for command in commands:
        sub = verbs.add_parser(
            command.verb,
            help=_(command.help).replace("%", "%%"),
            description=_description(command),
            epilog=_epilog(command),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.set_defaults(command=command)
        for field in fields(command.params):
            _add_field(sub, field, from_file=from_file)
        _add_shared(sub, command)
    return parser


def _description(command: Command[Any, Any]) -> str:
    parts = [_(command.help), _(command.details)]
    return "\n\n".join(textwrap.fill(part, 79) for part in parts if part)


def _epilog(command: Command[Any, Any]) -> str:
    parts = [textwrap.fill(_(_EXIT_CODES), 79)]
    if command.examples:
        parts.append("\n".join(["Examples:", *(f"  {e}" for e in command.examples)]))
    return "\n\n".join(parts)


def _add_shared(parser: argparse.ArgumentParser, command: Command[Any, Any]) -> None:
    group = parser.add_argument_group("every verb")
    group.add_argument(
        "--project",
        action=_Named,
        default="",
        metavar="FOLDER",
        help=f"The same as --{command.place.replace('_', '-')}."
        if command.place
        else "The project. Default: the one in your own data folder.",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="One JSON object on standard output; all else on standard error.",
    )
    group.add_argument("--quiet", action="store_true", help="Do not show progress.")
    if command.computes:
        group.add_argument(
            "--device",
            choices=("auto", "cpu", "cuda"),
            default=None,
            help="Where to compute. Default: auto, the GPU where there is one.",
        )
    group.add_argument("--params", default="", help=argparse.SUPPRESS)
    group.add_argument("--events", action="store_true", help=argparse.SUPPRESS)


def params_from(command: Command[Any, Any], values: dict[str, Any]) -> Any:
    """Return the command's parameters from what argparse parsed.

    Raises
    ------
    InputError
        If a verb that makes its own project is given two places for it.
    """
    given = {f.name: values[f.name] for f in fields(command.params) if f.name in values}
    project = values.get("project", "")
    if command.place and project:
        own = given.get(command.place, "")
        if own and own != project:
            flag = command.place.replace("_", "-")
            msg = (
                f"--project {project} and --{flag} {own} name two places for one "
                f"project. Name it once, with --{flag}."
            )
            raise InputError(msg)
        given[command.place] = project
    return command.params(**given)


def params_in_file(command: Command[Any, Any], path: str) -> Any:
    """Return the command's parameters from a JSON file.

    Raises
    ------
    InputError
        If the file cannot be read.
    SpecError
        If it does not hold the parameters of this command.
    """
    from medlab_gui.commands.values import as_path

    values = read_json(as_path(path), "parameters")
    known = {f.name: f for f in fields(command.params)}
    try:
        if not isinstance(values, dict):
            msg = "they must be one JSON object"
            raise ValueError(msg)
        lacking = {n for n, f in known.items() if f.default is MISSING} - set(values)
        if unknown := set(values) - set(known):
            msg = f"there is no {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        if lacking:
            msg = f"{', '.join(sorted(lacking))} is missing"
            raise ValueError(msg)
        for name, value in values.items():
            kind = field_type(known[name])
            if value is None and known[name].default is None:
                continue  # left to the command
            fits = (int, float) if kind is float else (kind,)
            if not isinstance(value, fits) or isinstance(value, bool) != (kind is bool):
                msg = f"{name} must be of the type {kind.__name__}; found {value!r}"
                raise ValueError(msg)
            _check_value(name, known[name].metadata, kind, value)
    except ValueError as error:
        msg = f"The parameters in {path} do not fit `{command.verb}`: {error}."
        raise SpecError(msg) from None
    return command.params(**values)
