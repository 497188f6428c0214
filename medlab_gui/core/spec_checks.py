"""What every recipe checks of its keys and values, with the same sentences."""

from __future__ import annotations

import difflib
import math
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "check_choice",
    "check_kind",
    "check_number",
    "check_whole",
    "known_keys",
    "nearest",
    "needed_keys",
    "only_known",
]


def nearest(wrong: object, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"``, or nothing where no known word is like it."""
    near = difflib.get_close_matches(str(wrong), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


_SPOKEN = {
    "TrainSpec": "training recipe",
    "Phase": "phase of a training",
    "LossTerm": "part of a loss",
    "NetworkSpec": "network of a recipe",
    "PipelineSpec": "preprocessing recipe",
    "Resize": "'resize' of a recipe",
}
"""What a person calls what is rebuilt from JSON."""


def only_known(cls: type[Any], data: Any) -> dict[str, Any]:
    """Return plain data if each key is a field of a dataclass, and none is lacking.

    Raises
    ------
    SpecError
        If it is no JSON object, has another key (names the nearest one that is known),
        or lacks one that has no default.
    """
    what = _SPOKEN.get(cls.__name__, cls.__name__)
    known_keys(what, data, [f.name for f in fields(cls)])
    return needed_keys(
        what,
        data,
        [
            f.name
            for f in fields(cls)
            if f.default is MISSING and f.default_factory is MISSING
        ],
    )


def known_keys(what: str, data: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Return plain data if it is a JSON object with no other keys than these.

    Raises
    ------
    SpecError
        If not; names the nearest key that is known.
    """
    if not isinstance(data, dict):
        msg = f"A {what} must be a JSON object; found {type(data).__name__}."
        raise SpecError(msg)
    known = sorted(keys)
    unknown = sorted(str(key) for key in set(data) - set(known))
    if unknown:
        hints = "".join(dict.fromkeys(nearest(key, known) for key in unknown))
        msg = (
            f"A {what} does not know {', '.join(unknown)}; "
            f"it knows {', '.join(known)}.{hints}"
        )
        raise SpecError(msg)
    return data


def needed_keys(what: str, data: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return plain data if none of these keys is lacking, or raise `SpecError`."""
    needed = list(keys)
    lacking = [key for key in needed if key not in data]
    if lacking:
        msg = f"A {what} lacks {', '.join(lacking)}; it needs {', '.join(needed)}."
        raise SpecError(msg)
    return data


def _quoted(key: str) -> str:
    """Return a key in quotes; what quotes a name within has no more of them."""
    return key if "'" in key else repr(key)


def check_choice(key: str, value: object, allowed: Iterable[str]) -> None:
    """Raise `SpecError` unless a value is one of a few words."""
    words = list(allowed)
    if not isinstance(value, str) or value not in words:
        msg = f"{_quoted(key)} is one of {', '.join(words)}; found {value!r}."
        raise SpecError(msg + nearest(value, words))


def check_kind(key: str, value: object, kind: type) -> None:
    """Raise `SpecError` unless a value is text (str), an object (dict) or a list."""
    if not isinstance(value, (list, tuple) if kind is list else kind):
        words = {"str": "text", "dict": "a JSON object", "list": "a list"}
        what = words[kind.__name__]
        msg = f"{_quoted(key)} is {what}; found {value!r}."
        raise SpecError(msg)


def check_whole(key: str, value: object, low: int, high: int | None = None) -> None:
    """Raise `SpecError` unless a value is a whole number in a range."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not _between(float(str(value)), low, high):
        msg = f"{_quoted(key)} is a whole number {_range(low, high)}; found {value!r}."
        raise SpecError(msg)


def check_number(
    key: str,
    value: object,
    low: float,
    high: float | None = None,
    *,
    above: bool = False,
    below: bool = False,
) -> None:
    """Raise `SpecError` unless a value is a finite number in a range.

    Parameters
    ----------
    key : str
        Whose value it is.
    value : object
        What was found.
    low, high : float
        The range; no upper end where ``high`` is None.
    above, below : bool
        Whether ``low``, and ``high``, are themselves outside.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    number = float(str(value)) if is_number else math.nan
    outside = (above and number == low) or (below and number == high)
    if outside or not _between(number, low, high):
        start = f"above {low:g}" if above else f"of at least {low:g}"
        end = "" if high is None else f" and {'below' if below else 'up to'} {high:g}"
        msg = f"{_quoted(key)} is a number {start}{end}; found {value!r}."
        raise SpecError(msg)


def _between(value: float, low: float, high: float | None) -> bool:
    return math.isfinite(value) and low <= value and (high is None or value <= high)


def _range(low: int, high: int | None) -> str:
    return f"of at least {low}" if high is None else f"from {low} to {high}"
