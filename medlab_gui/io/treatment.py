"""Applies what was chosen about a series' geometry; nothing else changes a voxel.

Choices that only leave slices out, or take other ones, give a series of fewer or other
files. Resampling gives a series whose voxels are derived from the stored ones when they
are read. Either is a series of its own, with a UID made from the original's and the
choice, so that a mask of one is never taken for a mask of the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.core.errors import InputError
from medlab_gui.core.remedies import APART, REMEDIES, AppliedRemedy
from medlab_gui.io.resampled import resample
from medlab_gui.io.restack import (
    RESAMPLING,
    drop_copies,
    give_spacing,
    keep_longest,
    split_by,
    take_first,
    take_last,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from medlab_gui.io.series import FileSeries

__all__ = ["offered_remedies", "treat", "treat_all"]

Spacing = tuple[float, float, float]

_EXCLUSIVE = (
    ("keep-as-measured", "straighten"),
    ("keep-as-measured", "even-grid"),
    ("keep-as-measured", "longest-part"),
    ("even-grid", "longest-part"),
    ("first-of-each", "last-of-each"),
)


def offered_remedies(series: FileSeries) -> tuple[str, ...]:
    """Return the codes of the ways out that a series' problems have."""
    found = {r.code for p in series.problems for r in p.remedies}
    return tuple(code for code in REMEDIES if code in found)


def treat_all(
    found: Iterable[FileSeries],
    codes: Sequence[str],
    spacing: Spacing | None = None,
) -> list[FileSeries]:
    """Apply remedies to every series that offers one of them.

    Parameters
    ----------
    found : iterable of FileSeries
        As `scan` found them; those without such a problem come back as they are.
    codes : sequence of str
        Keys of `REMEDIES`.
    spacing : tuple of 3 floats, optional
        ``(dz, dy, dx)`` in mm; means the remedy ``given-spacing``.

    Raises
    ------
    InputError
        If a code is unknown, contradicts another, needs a spacing, or no series
        offers it.
    """
    found = list(found)
    codes = _checked(codes, spacing)
    offered = {s.uid: set(offered_remedies(s)) for s in found}
    unused = set(codes)
    result: list[FileSeries] = []
    for series in found:
        own = [c for c in codes if c in offered[series.uid]]
        done, used = _treated(series, codes if own else [], spacing)
        unused -= used
        result += done
    if unused:
        possible = set[str]().union(*offered.values())
        known = ", ".join(c for c in REMEDIES if c in possible)
        what = f"The ways out here are: {known}." if known else "Nothing has to be."
        msg = (
            f"No series here has a problem that {', '.join(sorted(unused))} is a way "
            f"out of. {what}"
        )
        raise InputError(msg)
    return result


def treat(
    series: FileSeries, codes: Sequence[str], spacing: Spacing | None = None
) -> list[FileSeries]:
    """Apply remedies to one series; the same as `treat_all` with it alone."""
    return treat_all([series], codes, spacing)


def _checked(codes: Sequence[str], spacing: Spacing | None) -> list[str]:
    codes = list(dict.fromkeys(codes))
    if spacing is not None and "given-spacing" not in codes:
        codes.append("given-spacing")
    unknown = [c for c in codes if c not in REMEDIES]
    if unknown:
        msg = (
            f"There is no remedy {unknown[0]!r}. There are: {', '.join(REMEDIES)}; "
            "`medlab inspect` says which fit."
        )
        raise InputError(msg)
    for one, other in _EXCLUSIVE:
        if one in codes and other in codes:
            msg = f"{one} and {other} contradict one another; choose one of them."
            raise InputError(msg)
    if "given-spacing" in codes and spacing is None:
        msg = (
            "Giving the spacing needs the figures: --spacing DZ,DY,DX in mm (distance "
            "of slices, of rows, of columns)."
        )
        raise InputError(msg)
    if spacing is not None and not all(0.001 <= v <= 1000 for v in spacing):
        shown = " x ".join(f"{v:g}" for v in spacing)
        msg = f"A spacing must be three lengths of 0.001 to 1000 mm; found {shown}."
        raise InputError(msg)
    return codes


def _treated(
    series: FileSeries, codes: Sequence[str], spacing: Spacing | None
) -> tuple[list[FileSeries], set[str]]:
    """Return what comes of a series, and the remedies that applied."""
    current, used = [series], set[str]()

    def each(code: str, how: Callable[[FileSeries], list[FileSeries]]) -> None:
        if code not in codes:
            return
        done: list[FileSeries] = []
        for one in current:
            if code in offered_remedies(one):
                used.add(code)
                done += how(one)
            else:
                done.append(one)
        current[:] = done

    each("drop-copies", lambda s: [drop_copies(s)])
    each("first-of-each", lambda s: [take_first(s)])
    each("last-of-each", lambda s: [take_last(s)])
    each("split-frames", lambda s: split_by(s, "split-frames"))
    each("split-acquisitions", lambda s: split_by(s, "split-acquisitions"))
    if spacing is not None:
        each("given-spacing", lambda s: [give_spacing(s, spacing)])
    each("longest-part", lambda s: [keep_longest(s)])
    wanted = tuple(c for c in RESAMPLING if c in codes)
    for n, one in enumerate(current):
        own = tuple(c for c in wanted if c in offered_remedies(one))
        if own:
            used.update(own)
            current[n] = resample(one, own)
    each(APART, lambda s: [_taken_apart(s)])
    each("keep-as-measured", lambda s: [_kept(s)])
    return current, used


def _taken_apart(series: FileSeries) -> FileSeries:
    effect = f"The {series.n_slices} pictures count as of different patients."
    left = tuple(p for p in series.problems if all(r.code != APART for r in p.remedies))
    applied = (*series.applied, AppliedRemedy(APART, effect))
    return replace(series, problems=left, applied=applied)


def _kept(series: FileSeries) -> FileSeries:
    code = "keep-as-measured"
    about = [p.code for p in series.problems if code in (r.code for r in p.remedies)]
    effect = f"Kept as measured, although: {', '.join(about)}."
    applied = AppliedRemedy(code, effect, {"problems": about})
    return replace(series, applied=(*series.applied, applied))
