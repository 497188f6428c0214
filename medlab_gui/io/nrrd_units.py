"""Units of length in NRRD files, which ITK passes over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["nrrd_unit_mm"]

_LONGEST_HEADER = 8192
_MM = {
    **dict.fromkeys(
        ("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1
    ),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1000.0),
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", "micron", "microns"), 0.001),
    **dict.fromkeys(("micrometer", "micrometers", "micrometre"), 0.001),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
}


def nrrd_unit_mm(path: Path, problems: list[Problem]) -> float:
    """Return how many mm the unit of length of a file is.

    Parameters
    ----------
    path : Path
        An NRRD file; of a pair, the header.
    problems : list of Problem
        Takes a note where lengths are turned into mm, and what is unsafe where the
        unit is not known or differs from axis to axis.

    References
    ----------
    Definition of NRRD, ``space units``, and ``units`` for axes without directions.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER).replace(b"\r", b"").split(b"\n\n")[0]
    named: list[str] = []
    for line in head.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() in ("space units", "units"):
            named += [u.strip() for u in re.findall(r'"([^"]*)"', value)]
    # An axis of time, or of a list, has its own unit, or none.
    units = {u for u in named if u and u.lower() not in ("s", "ms", "sec", "???")}
    if not units:
        return 1.0
    found = {_MM.get(u.lower()) for u in units}
    (factor,) = found if len(found) == 1 else (None,)
    if factor is None:
        shown = ", ".join(
            sorted("".join(filter(str.isprintable, u))[:20] for u in units)
        )
        problems.append(
            Problem(
                "units",
                Severity.UNSAFE,
                f"The file gives its lengths in a unit that MedLab does not know "
                f"({shown}); they are taken for mm. Do not measure before it is clear "
                "what they are.",
            )
        )
        return 1.0
    if factor != 1:
        message = (
            f"The file gives its lengths in {units.pop()}; they were turned into mm."
        )
        problems.append(Problem("units", Severity.NOTE, message))
    return float(factor)
