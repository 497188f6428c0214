"""Single elements of a DICOM header as text or numbers, however sloppy they are."""

from __future__ import annotations

import math
from collections.abc import MutableSequence
from typing import Any

_LONGEST = 10240
"""Characters; the longest text that the standard knows (LT)."""

__all__ = ["is_garbled", "numbers", "printable", "text"]


def text(dataset: Any, name: str) -> str:
    """Return an element as text without padding, or "" where it is absent or broken."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError, NotImplementedError):
        return ""
    if isinstance(value, bytes):  # of a VR that is none of text
        value = value.decode("latin-1")
    if isinstance(value, MutableSequence):
        if any(hasattr(v, "iterall") for v in value):
            return ""  # a sequence of data sets is no text
        value = "\\".join(str(v) for v in value)
    return "" if value is None else printable(str(value)[:_LONGEST])


def printable(value: str) -> str:
    """Return text on one line, without padding and control characters."""
    if not value.isprintable():
        value = "".join(
            c if c.isprintable() else " " * c.isspace() for c in value.strip(" \0")
        )
    return value.strip()


def numbers(dataset: Any, name: str) -> tuple[float, ...] | None:
    """Return an element's numbers, or None where one is absent, broken or infinite."""
    try:
        value = dataset.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            value = (value,)
        result = tuple(float(v) for v in value)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    if not result or not all(math.isfinite(v) for v in result):
        return None
    return result


def is_garbled(dataset: Any, name: str) -> bool:
    """Tell whether an element is there and says something, but not in numbers."""
    if name not in dataset or numbers(dataset, name) is not None:
        return False
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return True
    return value is not None and str(value).strip(" \0") != ""
