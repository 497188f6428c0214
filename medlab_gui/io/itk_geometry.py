"""What the header of an NRRD or MetaImage file says of its geometry, word by word.

ITK makes 1, 0 or a guess of what is no number, without telling. So the header is looked
at first: what cannot be believed is named, and ITK is given something else instead.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SaidGeometry", "geometry_problems", "said_geometry"]

_LONGEST_HEADER = 1 << 20
_N_SPACE = 3
_OF_THE_PATIENT = (
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
    "left-posterior-superior",
    "lps",
    "left-posterior-superior-time",
    "lpst",
)
"""Spaces of NRRD that say where left and right are, and that ITK turns into LPS."""
_OF_SOMETHING = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
"""Spaces of NRRD that do not, and that ITK takes for LPS."""
_LONGEST_NAME = 40
_META_TURNS = ("TransformMatrix", "Orientation", "Rotation")
_META_ORIGINS = ("Offset", "Position", "Origin")
_META_SIZES = ("ElementSpacing", "ElementSize")


@dataclass(frozen=True, slots=True)
class SaidGeometry:
    """What a header says, and what it does not.

    Parameters
    ----------
    is_turned : bool
        Whether it gives directions in the patient.
    size_lost : str
        In words what it does not give of the size of a voxel, or "".
    zeros : tuple of int
        Axes, of (x, y, z), that have a length of 0 although ITK is told another one.
    negative : tuple of float
        Distances below 0.
    origin : str
        ``"given"``, ``"absent"`` or ``"garbled"``.
    space : str
        What it calls the space of its directions, where that says nothing, or "".
    scale : str
        A linear scale of the values that ITK does not apply, or "".
    instead : dict of str to (str or None)
        What ITK is to be told, by the names of lines in small letters without spaces;
        None where it is to be told nothing.
    """

    is_turned: bool
    size_lost: str = ""
    zeros: tuple[int, ...] = ()
    negative: tuple[float, ...] = ()
    origin: str = "given"
    space: str = ""
    scale: str = ""
    instead: dict[str, str | None] = field(default_factory=dict)


def said_geometry(path: Path) -> SaidGeometry:
    """Return what a file, whose header `check_itk_header` found sound, says."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    if head[:4] == b"NRRD":
        text = head.replace(b"\r", b"").split(b"\n\n")[0].decode("latin-1")
        return _of_nrrd(_fields(text.lower(), ":"))
    # Whole names: there are a CenterOfRotation and an AnatomicalOrientation, too,
    # which ITK does not turn anything by.
    text = head.decode("latin-1").partition("ElementDataFile")[0]
    return _of_meta(_fields(text, "="))


def geometry_problems(said: SaidGeometry) -> list[Problem]:
    """Return what to tell of a header that opens all the same."""
    problems = []
    if not said.is_turned:
        what = "The file does not give its orientation"
        if said.space:
            what = (
                "The file gives its orientation in a space that says nothing of the "
                f'patient ("{said.space}")'
            )
        problems.append(
            Problem(
                "no-orientation",
                Severity.UNSAFE,
                f"{what}; axes along left, back and head are assumed. LEFT AND RIGHT "
                "MAY BE SWAPPED.",
            )
        )
    if said.size_lost:
        problems.append(
            Problem(
                "no-spacing",
                Severity.UNSAFE,
                f"The file does not give its {said.size_lost}; 1 mm is assumed where "
                "nothing is said. Do not measure before you have given the spacing.",
            )
        )
    if said.negative:
        listed = ", ".join(f"{v:g}" for v in said.negative)
        problems.append(
            Problem(
                "negative-spacing",
                Severity.WARNING,
                f"The file gives distances below 0 ({listed} mm). Such an axis is "
                "taken to run the other way, as most programs do; make sure that left "
                "is left and that the head is up.",
            )
        )
    if said.origin == "garbled" or (said.origin == "absent" and said.is_turned):
        why = "does not say" if said.origin == "absent" else "says in no numbers"
        problems.append(
            Problem(
                "no-origin",
                Severity.WARNING if said.origin == "garbled" else Severity.NOTE,
                f"The file {why} where in the patient it begins; 0 is taken. Distances "
                "are right, but it lies beside other scans of the patient.",
            )
        )
    if said.scale:
        problems.append(
            Problem(
                "scale-not-applied",
                Severity.WARNING,
                f"The file gives a scale for its values ({said.scale}) that other "
                "programs pass over; values are shown as stored.",
            )
        )
    return problems


def _fields(text: str, mark: str) -> dict[str, str]:
    lines = (line.partition(mark) for line in text.split("\n"))
    return {name.strip(): value.strip() for name, found, value in lines if found}


def _number(word: str) -> float:
    """Return a number, or NaN where a word is none, or infinite."""
    try:
        value = float(word) if word.isascii() and "_" not in word else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _of_meta(fields: dict[str, str]) -> SaidGeometry:
    instead: dict[str, str | None] = {}
    for name in (*_META_TURNS, *_META_ORIGINS, "CenterOfRotation"):
        if any(math.isnan(_number(w)) for w in fields.get(name, "").split()):
            instead[name.lower()] = None
    numbers: list[float] = []
    for name in reversed(_META_SIZES):  # the spacing counts where both are there
        if name in fields:
            numbers = [_number(w) for w in fields[name].split()]
            if any(map(math.isnan, numbers)):
                known = (1.0 if math.isnan(v) else v for v in numbers)
                instead[name.lower()] = " ".join(f"{v:.17g}" for v in known)
    n_lost = sum(map(math.isnan, numbers[:_N_SPACE]))
    lost = f"distance along {n_lost} of its axes" if n_lost else ""
    origins = [name for name in _META_ORIGINS if name in fields]
    garbled = any(name.lower() in instead for name in origins)
    slope = fields.get("ElementToIntensityFunctionSlope", "1")
    offset = fields.get("ElementToIntensityFunctionOffset", "0")
    scaled = (_number(slope), _number(offset)) != (1.0, 0.0)
    return SaidGeometry(
        is_turned=any(n in fields and n.lower() not in instead for n in _META_TURNS),
        size_lost=lost if numbers else "pixel size",
        negative=tuple(v for v in numbers[:_N_SPACE] if v < 0),
        origin="garbled" if garbled else "given" if origins else "absent",
        scale=f"slope {slope[:20]}, offset {offset[:20]}" if scaled else "",
        instead=instead,
    )


def _of_nrrd(fields: dict[str, str]) -> SaidGeometry:
    directions = fields.get("space directions", "")
    # Of spaces that are none of the patient ("scanner-xyz") ITK takes axes for ours.
    lost = not directions or fields.get("space", "") not in _OF_THE_PATIENT
    vectors = re.findall(r"\(([^)]*)\)", directions)
    lost = lost or any("nan" in vector for vector in vectors)
    named, instead = _space_of(fields, len(vectors[0].split(",")) if vectors else 0)
    origin = "given" if "space origin" in fields else "absent"
    if "nan" in fields.get("space origin", ""):
        origin = "garbled"
    if vectors:
        n_unknown = _N_SPACE - sum("nan" not in vector for vector in vectors)
        return SaidGeometry(
            not (lost or instead),
            _distances(n_unknown),
            origin=origin,
            space=named,
            instead=instead,
        )
    words = fields.get("spacings", "").split()
    if not words:
        return SaidGeometry(not lost, "pixel size", origin=origin)
    numbers = [_number(w) for w in words]
    zeros = tuple(n for n, v in enumerate(numbers[:_N_SPACE]) if v == 0)
    pairs = zip(words, numbers, strict=True)
    if any((math.isnan(v) and w != "nan") or v == 0 for w, v in pairs):
        known = (v if v and not math.isnan(v) else math.nan for v in numbers)
        instead["spacings"] = " ".join(f"{v:.17g}" for v in known)
    return SaidGeometry(
        not lost,
        # Of an axis that has none, or "nan", ITK makes one of 1 mm.
        _distances(_N_SPACE - sum(not math.isnan(v) for v in numbers)),
        zeros=zeros,
        negative=tuple(v for v in numbers if v < 0),
        origin=origin,
        instead=instead,
    )


def _space_of(fields: dict[str, str], n: int) -> tuple[str, dict[str, str | None]]:
    """Return how a space is called that says nothing, and what ITK is told instead.

    ITK knows the spaces of NRRD's definition and calls files of others damaged. ``n``
    is how many numbers a direction has.
    """
    space = fields.get("space", "")
    shown = "".join(c for c in space if c.isprintable())[:_LONGEST_NAME]
    if n != _N_SPACE or space in (*_OF_THE_PATIENT[:-2], *_OF_SOMETHING):
        return ("" if space in _OF_THE_PATIENT else shown), {}
    if "space" in fields:
        return shown or "?", {"space": "left-posterior-superior"}
    if "space dimension" in fields:
        # A line of its own, before all that needs it.
        told = f"{fields.get('dimension', '')}\nspace: left-posterior-superior"
        return "", {"spacedimension": None, "dimension": told}
    return "", {}


def _distances(n_unknown: int) -> str:
    return f"distance along {n_unknown} of its axes" if n_unknown > 0 else ""
