"""Read what people write for slices, classes and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError
from medlab_gui.core.places import as_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.core.labels import LabelScheme

__all__ = [
    "as_path",
    "class_values",
    "counted",
    "parse_class_map",
    "parse_codes",
    "parse_slices",
    "parse_spacing",
    "slice_text",
]


def counted(n: int, what: str) -> str:
    """Return ``"1 slice"`` or ``"20 slices"``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def class_values(text: str, scheme: LabelScheme) -> tuple[int, ...]:
    """Return the values of classes that somebody named.

    Parameters
    ----------
    text : str
        Names (in any case) or values with commas between, ``"all"``, or nothing.
    scheme : LabelScheme
        The classes.

    Raises
    ------
    InputError
        If a class is not in the scheme.
    """
    if text.strip().casefold() == "all":
        return tuple(c.value for c in scheme.classes)
    known = {c.name.casefold(): c.value for c in scheme.classes}
    known |= {str(c.value): c.value for c in scheme.classes}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for part in wanted:
        if part.casefold() not in known:
            names = ", ".join(f"{c.name} ({c.value})" for c in scheme.classes)
            msg = f"These weights know no class {part!r}; they know {names}, or all."
            raise InputError(msg)
    return tuple(dict.fromkeys(known[part.casefold()] for part in wanted))


def parse_slices(text: str, n_slices: int) -> tuple[int, ...]:
    """Return slice indices from text such as ``"3-7, 12"``.

    Parameters
    ----------
    text : str
        Numbers as the window shows them, 1 for the slice nearest the feet; ``"all"``
        or nothing for every slice.
    n_slices : int
        Number of slices of the series.

    Returns
    -------
    tuple of int
        Indices from 0, in order, each once.

    Raises
    ------
    InputError
        If the text is not a list of numbers and ranges, or one is out of range.
    """
    if text.strip().lower() in ("", "all"):
        return tuple(range(n_slices))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            start = int(first)
            stop = int(last) if dash else start
        except ValueError:
            msg = f"{part.strip()!r} is not a slice or range; write e.g. 3-7,12."
            raise InputError(msg) from None
        if not 1 <= start <= stop <= n_slices:
            msg = (
                f"Slice {part.strip()} is out of range: the series has the slices 1 to "
                f"{n_slices}."
            )
            raise InputError(msg)
        found.update(range(start - 1, stop))
    return tuple(sorted(found))


def slice_text(indices: Iterable[int]) -> str:
    """Return indices from 0 as text such as ``"3-7, 12"``, counted from 1."""
    parts: list[str] = []
    run: list[int] = []
    for k in [*sorted(set(indices)), None]:
        if run and k != run[-1] + 1:
            first, last = run[0] + 1, run[-1] + 1
            parts.append(str(first) if first == last else f"{first}-{last}")
            run = []
        if k is not None:
            run.append(k)
    return ", ".join(parts)


def parse_class_map(text: str) -> dict[int | str, int] | None:
    """Return ``{5: 1, "liver": 2}`` from ``"5=1,liver=2"``; None from nothing.

    Raises
    ------
    InputError
        If it is not pairs of a value (or a label, as Labelme has them) and a value
        from 0 to 255.
    """
    if not text.strip():
        return None
    result: dict[int | str, int] = {}
    for part in text.split(","):
        source, _, target = (p.strip() for p in part.rpartition("="))
        try:
            key = int(source) if source.lstrip("+-").isdecimal() else source
            if not source:
                raise ValueError
            result[key] = int(target)
        except ValueError:
            msg = f"{part.strip()!r} is not a pair of values; write e.g. 5=1,1=2."
            raise InputError(msg) from None
        if not 0 <= int(target) <= 255:
            msg = f"A mask holds the values 0 to 255; {part.strip()!r} asks for more."
            raise InputError(msg)
    return result


def parse_codes(text: str) -> tuple[str, ...]:
    """Return the words of a list such as ``"straighten, even-grid"``, each once."""
    return tuple(dict.fromkeys(p.strip() for p in text.split(",") if p.strip()))


def parse_spacing(text: str) -> tuple[float, float, float] | None:
    """Return ``(dz, dy, dx)`` in mm from ``"5,0.7,0.7"`` or ``"5x0.7x0.7"``.

    Raises
    ------
    InputError
        If it is not three numbers.
    """
    if not text.strip():
        return None
    try:
        dz, dy, dx = (float(p) for p in text.lower().replace("x", ",").split(","))
    except ValueError:
        msg = (
            f"{text!r} is not a spacing; write the distances of slices, rows and "
            "columns in mm, e.g. 5,0.7,0.7."
        )
        raise InputError(msg) from None
    return dz, dy, dx
