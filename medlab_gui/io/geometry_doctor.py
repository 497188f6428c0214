"""The geometry doctor: what is odd about how slices lie, in words.

Positions along the normal of the slices are believed; what the header claims besides
(`slice_claims`) is compared with them. Each finding is a `Problem`,
whose ways out are in `core.remedies`. Nothing is changed here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.grid_checks import KEPT_SLANTED
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from medlab_gui.io.series import Frame

__all__ = ["Distances", "judge_slices", "measure_distances"]

_EVEN = 0.1
"""Share of the median distance by which a distance may differ."""
_ROUNDED_MM = 0.051
"""How far a slice is off its true place where positions have one decimal."""
_LINE_MM = 0.06
"""How far such positions are at most from the even ones that fit them best."""
_FARTHEST_MM = 10_000.0


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances between neighbouring slices.

    Parameters
    ----------
    gaps : ndarray of float64, shape (n - 1,)
        In mm.
    median : float
        Of them.
    holes : tuple of int
        Gaps n to n + 1 in which whole slices are missing.
    odd : tuple of int
        Other gaps that differ from the median.
    bridged : tuple of bool
        For each gap, whether both sides are neighbours that the scanner meant to be
        neighbours, so that interpolating between them makes nothing up.
    """

    gaps: NDArray[np.float64]
    median: float
    holes: tuple[int, ...]
    odd: tuple[int, ...]
    bridged: tuple[bool, ...]


def measure_distances(along: NDArray[np.float64]) -> Distances:
    """Tell even distances, missing slices and a change of the distance apart.

    A distance of two, three or more times the median is a hole, unless it repeats at
    least three times in a row: then the scanner changed its distance.

    Parameters
    ----------
    along : ndarray of float64, shape (n,), n > 1
        Positions along the normal in mm, growing.
    """
    gaps = np.diff(along)
    median = float(np.median(gaps))
    ratio = gaps / median
    whole = np.rint(ratio)
    wide = ratio >= 1.5
    repeats = np.zeros(gaps.size, np.bool_)
    start = 0
    for n in range(1, gaps.size + 1):
        if n == gaps.size or abs(gaps[n] - gaps[start]) > _EVEN * gaps[start]:
            repeats[start:n] = n - start >= 3
            start = n
    holes = wide & ~repeats & (np.abs(ratio - whole) <= _EVEN)
    odd = (np.abs(ratio - 1) > _EVEN) & ~holes
    return Distances(
        gaps,
        median,
        tuple(int(k) for k in np.flatnonzero(holes)),
        tuple(int(k) for k in np.flatnonzero(odd)),
        tuple(bool(b) for b in ~wide | repeats),
    )


def judge_slices(
    frames: tuple[Frame, ...],
    positions: NDArray[np.float64],
    normal: NDArray[np.float64],
    pixel_mm: float,
    tilt: float,
) -> tuple[NDArray[np.float64], list[Problem]]:
    """Return the vector from slice to slice, and what is wrong with it.

    Parameters
    ----------
    frames : tuple of Frame
        In the order of their positions along the normal.
    positions : ndarray of float64, shape (n, 3), n > 1
        Their positions in LPS mm.
    normal : ndarray of float64, shape (3,)
        Unit normal of the slices.
    pixel_mm : float
        Size of a pixel, to judge shifts by.
    tilt : float
        Gantry tilt that the header names, in degrees.
    """
    n = len(positions)
    problems: list[Problem] = []
    if n == 2:
        problems.append(
            Problem(
                "few-slices",
                Severity.WARNING,
                "There are only two slices, so nobody can tell whether one is missing "
                "between them.",
            )
        )
    whole = positions[-1] - positions[0]
    along = positions @ normal
    step: NDArray[np.float64] = whole / (n - 1)
    distances = measure_distances(along)
    if _judge_distances(frames, along, distances, problems):
        step = whole / (whole @ normal) * distances.median
    _judge_shift(frames, positions, along, whole, normal, pixel_mm, tilt, problems)
    _judge_place(frames, positions, problems)
    return step, problems


def _names(frames: Iterable[Frame]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f.path.name for f in frames))


def _judge_distances(
    frames: tuple[Frame, ...],
    along: NDArray[np.float64],
    found: Distances,
    problems: list[Problem],
) -> bool:
    """Report missing and uneven slices; return whether the median step must serve."""
    gaps, median = found.gaps, found.median
    ideal = np.linspace(along[0], along[-1], along.size)
    error = float(np.abs(along - ideal).max())
    mean = float(gaps.mean())
    if found.odd and _off_a_line(along) <= min(_LINE_MM, _EVEN * mean):
        problems.append(
            Problem(
                "rounded-positions",
                Severity.NOTE,
                f"The positions of the slices are rounded: {gaps.min():.3g} to "
                f"{gaps.max():.3g} mm lie between neighbours. The mean distance of "
                f"{mean:.4g} mm is used; no slice is more than {error:.2g} mm off its "
                "place.",
            )
        )
        return False
    uneven = bool(found.odd or found.holes)
    blocks = _overlapping_blocks(frames, along) if uneven else []
    if blocks:
        listed = "; ".join(
            f"{name}: {low:.1f} to {high:.1f} mm" for name, low, high in blocks
        )
        problems.append(
            Problem(
                "overlapping-blocks",
                Severity.UNSAFE,
                f"The series holds {len(blocks)} acquisitions whose slices lie between "
                f"one another ({listed} along the scan). They are shown as one stack "
                f"with the median distance of {median:.3g} mm; volumes and distances "
                "across slices would be wrong.",
            )
        )
        return True
    if found.holes:
        _tell_holes(frames, along, found, problems)
    if found.odd:
        problems.append(
            Problem(
                "uneven-spacing",
                Severity.UNSAFE,
                f"The distance between slices is not even: {gaps.min():.3g} to "
                f"{gaps.max():.3g} mm, median {median:.3g} mm. The median is used and "
                "nothing is resampled; volumes and distances across slices would be "
                "wrong.",
                _names(frames[k + 1] for k in found.odd[:20]),
            )
        )
    if found.holes or found.odd:
        return True
    if error > max(_ROUNDED_MM, 0.01 * median):
        problems.append(
            Problem(
                "uneven-spacing",
                Severity.UNSAFE if error > 0.5 * median else Severity.WARNING,
                f"The distance between slices varies from {gaps.min():.4g} to "
                f"{gaps.max():.4g} mm; with an even distance a slice is up to "
                f"{error:.2g} mm off its true place.",
            )
        )
    return False


def _off_a_line(along: NDArray[np.float64]) -> float:
    """Return how far positions are at most from even ones that fit them best."""
    n = np.arange(along.size) - (along.size - 1) / 2
    centred = along - along.mean()
    return float(np.abs(centred - n * (n @ centred) / (n @ n)).max())


def _tell_holes(
    frames: tuple[Frame, ...],
    along: NDArray[np.float64],
    found: Distances,
    problems: list[Problem],
) -> None:
    n_lost = [round(found.gaps[k] / found.median) - 1 for k in found.holes]
    # Absurd positions would make thousands of millions of them.
    at = [
        f"{along[k] + m * found.median:.1f}"
        for k, lost in zip(found.holes, n_lost, strict=True)
        for m in range(1, min(lost, 8) + 1)
    ]
    n_more = sum(n_lost) - min(8, len(at))
    listed = ", ".join(at[:8]) + (f" and {n_more:,} more" if n_more else "")
    problems.append(
        Problem(
            "missing-slices",
            Severity.UNSAFE,
            f"{counted(sum(n_lost), 'slice is', 'slices are')} missing (slice distance "
            f"{found.median:g} mm): there is none at {listed} mm along the scan. The "
            "others are shown without a gap and nothing is made up; volumes and "
            "distances across the gap would be wrong. Fetch the missing slices.",
            _names(frames[k + m] for k in found.holes for m in (0, 1)),
        )
    )


def _overlapping_blocks(
    frames: Sequence[Frame], along: NDArray[np.float64]
) -> list[tuple[str, float, float]]:
    """Return acquisitions that are even by themselves but lie within one another."""
    groups: dict[str, list[float]] = defaultdict(list)
    for frame, place in zip(frames, along, strict=True):
        groups[dict(frame.kinds).get("acquisition", "")].append(float(place))
    if len(groups) < 2 or "" in groups or min(map(len, groups.values())) < 3:
        return []
    for places in groups.values():
        found = measure_distances(np.array(places))
        if found.holes or found.odd:
            return []
    blocks = sorted((min(places), max(places), name) for name, places in groups.items())
    overlap = any(blocks[n + 1][0] < blocks[n][1] for n in range(len(blocks) - 1))
    if not overlap:
        return []
    return [(f"acquisition {name}", low, high) for low, high, name in blocks]


def _judge_shift(
    frames: tuple[Frame, ...],
    positions: NDArray[np.float64],
    along: NDArray[np.float64],
    whole: NDArray[np.float64],
    normal: NDArray[np.float64],
    pixel_mm: float,
    tilt: float,
    problems: list[Problem],
) -> None:
    """Report slices that lie beside, shifted against or slanted to one another."""
    length = float(np.linalg.norm(whole))
    slant = float(np.degrees(np.arccos(np.clip(whole @ normal / length, -1, 1))))
    if slant > 60:
        problems.append(
            Problem(
                "not-a-volume",
                Severity.NOT_A_VOLUME,
                "The slices lie beside one another rather than behind one another, so "
                "they make no volume.",
            )
        )
    expected = positions[0] + np.outer((along - along[0]) / (whole @ normal), whole)
    sideways = np.linalg.norm(positions - expected, axis=1)
    if sideways.max() > max(0.05, 0.2 * pixel_mm):
        problems.append(
            Problem(
                "shifted-slices",
                Severity.UNSAFE,
                f"Slices are shifted sideways against one another by up to "
                f"{sideways.max():.1f} mm. They are shown one upon the other as "
                "stored; do not measure across slices.",
                _names(frames[k] for k in np.flatnonzero(sideways > 0.2 * pixel_mm)),
            )
        )
    drift = length * np.sin(np.radians(slant))
    if slant > 0.1 and drift > 0.5 * pixel_mm:
        problems.append(
            Problem(
                "gantry-tilt",
                Severity.WARNING,
                f"The scanner was tilted: each slice is shifted against the one before "
                f"(slant {slant:.1f} degrees, {drift:.1f} mm over the whole scan). "
                f"{KEPT_SLANTED}",
            )
        )
    elif abs(tilt) > 0.5:
        problems.append(
            Problem(
                "gantry-tilt-not-in-positions",
                Severity.WARNING,
                f"The header names a gantry tilt of {tilt:g} degrees, but the "
                "positions of the slices are not slanted; the positions are believed.",
            )
        )


def _judge_place(
    frames: tuple[Frame, ...],
    positions: NDArray[np.float64],
    problems: list[Problem],
) -> None:
    far = np.flatnonzero(np.abs(positions).max(axis=1) > _FARTHEST_MM)
    if far.size:
        worst = float(np.abs(positions).max())
        problems.append(
            Problem(
                "absurd-position",
                Severity.UNSAFE,
                f"The files put slices {worst / 1000:,.0f} m away from the scanner's "
                "centre, which cannot be; do not measure before it is clear why.",
                _names(frames[k] for k in far[:20]),
            )
        )
