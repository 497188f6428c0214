"""Names for the parts of a series, so that a person can choose among them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.io.dicom_split import Labels
    from medlab_gui.io.series import Frame

__all__ = ["part_names"]

_ALWAYS = ("page", "localiser")
"""Told even where the whole series is one."""


def part_names(parts: Sequence[tuple[Sequence[Frame], Labels]]) -> list[str]:
    """Return what tells each part of a series from the others, in words.

    Parameters
    ----------
    parts : sequence of (frames, labels)
        As `split_frames` returns them.

    Returns
    -------
    list of str
        ``"b=800"``, ``"time 2 of 3"``, ``"water"``, ``"coronal"``; empty for a series
        that is one part and a plain scan. No two are the same.
    """
    values: dict[str, set[str]] = {}
    for _frames, labels in parts:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    ranked = {
        name: sorted((v for v in found if v), key=_rank)
        for name, found in values.items()
    }
    names = []
    for frames, labels in parts:
        words = [
            _word(name, value, ranked[name], frames[0])
            for name, value in labels
            if name not in _ALWAYS
        ]
        kinds = dict(frames[0].kinds)
        words += [kinds[name] for name in _ALWAYS if kinds.get(name)]
        names.append(", ".join(dict.fromkeys(w for w in words if w)))
    return _unlike(names)


def _unlike(names: list[str]) -> list[str]:
    counts = Counter(names)
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        if counts[name] > 1 and seen[name] > 1:
            name = f"{name} ({seen[name]})".strip()
        result.append(name)
    return result


def _rank(value: str) -> tuple[float, str]:
    try:
        number = float(value)
    except ValueError:
        return math.inf, value
    return (number, value) if math.isfinite(number) else (math.inf, value)


def _plain(value: str) -> str:
    number = _rank(value)[0]
    return f"{number:.10g}" if math.isfinite(number) else value


def _word(name: str, value: str, ranked: list[str], frame: Frame) -> str:
    place, n = ranked.index(value) + 1 if value else 0, len(ranked)
    if name == "orientation":
        return _direction(frame)
    if name == "position":
        return _("without position") if frame.position is None else ""
    if name == "size":
        alike = [v for v in ranked if v.split(",")[:3] == value.split(",")[:3]]
        return _size(frame, with_pixels=len(alike) > 1)
    if name == "b-value":
        return f"b={_plain(value)}" if value else _("no b-value")
    if name in ("component", "dixon", "map", "origin"):
        return _(value)
    if name == "label":
        return value.replace("_", " ")
    if name.startswith("dimension ") and value:
        # The maker's own word for it, with the number that it has there.
        what = name.removeprefix("dimension ").removeprefix("Private ").lower()
        return _("{what} {place} of {n}").format(what=what, place=place, n=n)
    if name == "kind of picture":
        # The first two say original or derived, primary or secondary.
        tokens = [t for t in value.split("\\")[2:] if t not in ("", "NONE")]
        return " ".join(tokens) or value.replace("\\", " ").lower()
    counted = {
        "point in time": _("time {place} of {n}"),
        "gradient direction": _("direction {place} of {n}"),
        "order": _("volume {place} of {n}"),
        "stack": _("stack {place} of {n}"),
    }
    if name in counted:
        return counted[name].format(place=place, n=n) if value else ""
    figures = {
        "echo time": _("TE {value} ms"),
        "inversion time": _("TI {value} ms"),
        "trigger time": _("{value} ms after the trigger"),
        "heart phase": _("{value} % of the heartbeat"),
        "echo": _("echo {value}"),
        "kernel": _("kernel {value}"),
        "acquisition": _("acquisition {value}"),
    }
    shown = value.replace("\\", " ") if name == "kernel" else _plain(value)
    return figures[name].format(value=shown) if value and name in figures else shown


def _size(frame: Frame, *, with_pixels: bool) -> str:
    layout = frame.layout
    size = f"{layout.columns} x {layout.rows}"
    if not layout.is_grey:
        return _("{size} in colour").format(size=size)
    if not with_pixels:
        return size
    if frame.pixel_spacing is None:
        return _("{size} without spacing").format(size=size)
    dy, dx = frame.pixel_spacing
    pixel = f"{dx:.4g}" if abs(dx - dy) < 1e-4 else f"{dx:.4g} x {dy:.4g}"
    return _("{size} of {pixel} mm").format(size=size, pixel=pixel)


def _direction(frame: Frame) -> str:
    if frame.orientation is None:
        return _("without direction")
    normal = np.abs(np.cross(frame.orientation[:3], frame.orientation[3:]))
    if not normal.any():
        return _("without direction")
    axis = int(np.argmax(normal))
    word = (_("sagittal"), _("coronal"), _("axial"))[axis]
    # Beyond about 18 degrees nobody would call it so without saying more.
    if normal[axis] < 0.95 * np.linalg.norm(normal):
        return _("oblique {word}").format(word=word)
    return word
