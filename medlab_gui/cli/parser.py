"""Build argparse from the commands' parameter dataclasses."""

from __future__ import annotations

import argparse
import difflib
import types
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, NoReturn, Union, get_args, get_origin

from medlab_gui import __version__
from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.commands.command import Command

__all__ = ["build_parser", "params_from"]

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence, on standard error, with exit 2."""

    def error(self, message: str) -> NoReturn:
        verbs = getattr(self, "verbs", ())
        if "invalid choice" in message and verbs:
            wrong = message.split("'")[1] if "'" in message else ""
            near = difflib.get_close_matches(wrong, verbs, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            message = f"there is no verb {wrong!r}.{hint}"
        self.exit(2, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


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


def _number(kind: type, metadata: Any) -> Any:
    low, high = metadata.get("minimum"), metadata.get("maximum")

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            what = "whole number" if kind is int else "number"
            msg = f"{text!r} is not a {what}"
            raise argparse.ArgumentTypeError(msg) from None
        if (low is not None and value < low) or (high is not None and value > high):
            msg = f"{text} is out of range ({low} to {high})"
            raise argparse.ArgumentTypeError(msg)
        return value

    return parse


def _add_field(
    parser: argparse.ArgumentParser, field: Field[Any], *, from_file: bool
) -> None:
    metadata = field.metadata
    kind = field_type(field)
    required = field.default is MISSING and not from_file
    text = metadata.get("help", "").replace("%", "%%")
    if field.default not in ("", None, False, MISSING):
        text += f" Default: {field.default}."
    options: dict[str, Any] = {"help": text, "dest": field.name}
    if field.default is not MISSING:
        options["default"] = field.default
    flag = f"--{field.name.replace('_', '-')}"
    if kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
        return
    if metadata.get("choices"):
        options["choices"] = metadata["choices"]
    if kind in (int, float):
        options["type"] = _number(kind, metadata)
        options["metavar"] = metadata.get("unit") or "N"
    elif "choices" not in options:
        options["metavar"] = {
            "open": "PATH",
            "open_file": "FILE",
            "save_file": "FILE",
            "folder": "FOLDER",
            "series": "SERIES",
            "checkpoint": "WEIGHTS",
        }.get(metadata.get("kind", ""), "TEXT")
    if metadata.get("positional"):
        del options["dest"]
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
        epilog=_(
            "Exit codes: 0 done, 2 you can mend it (one sentence says how), 1 a bug, "
            "130 cancelled."
        ),
    )
    parser.verbs = [c.verb for c in commands]  # type: ignore[attr-defined]  # read in error
    parser.add_argument("--version", action="version", version=f"medlab {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    for command in commands:
        example = "\n".join(f"  {line}" for line in command.examples)
        sub = verbs.add_parser(
            command.verb,
            help=_(command.help).replace("%", "%%"),
            description=_(command.help).replace("%", "%%"),
            epilog=f"Examples:\n{example}" if example else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=command)
        for field in fields(command.params):
            _add_field(sub, field, from_file=from_file)
        _add_shared(sub, command)
    return parser


def _add_shared(parser: argparse.ArgumentParser, command: Command[Any, Any]) -> None:
    group = parser.add_argument_group("every verb")
    group.add_argument(
        "--project",
        default="",
        metavar="FOLDER",
        help="The project. Default: the one in your own data folder.",
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
    """Return the command's parameters from parsed values or a JSON object."""
    return command.params(
        **{f.name: values[f.name] for f in fields(command.params) if f.name in values}
    )
