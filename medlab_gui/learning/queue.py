"""In which order slices are shown to a person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Candidate", "Labelled", "Ranked", "rank"]

_JUST_BELOW = 1 - 1e-9
_FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slice that may be asked for.

    Parameters
    ----------
    series_uid : str
        Its series.
    slice_index : int
        ``k`` on the working grid.
    z_mm : float
        Position along the slice normal in mm.
    score : float
        The network's uncertainty, 0 to 1.
    patient : str
        Pseudonym; picks are spread over patients.
    reason : str
        Passed on.
    """

    series_uid: str
    slice_index: int
    z_mm: float
    score: float
    patient: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A slice that a person has done already.

    Parameters
    ----------
    series_uid : str
        Its series.
    z_mm : float
        Position along the slice normal in mm.
    patient : str
        Pseudonym.
    """

    series_uid: str
    z_mm: float
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and what it is worth after those before it.

    Parameters
    ----------
    candidate : Candidate
        The slice.
    priority : float
        0 to 1; falls strictly along the queue, so that sorting by it keeps the order.
    """

    candidate: Candidate
    priority: float


def rank(
    candidates: Iterable[Candidate],
    labelled: Iterable[Labelled] = (),
    *,
    radius_mm: float = 10.0,
) -> list[Ranked]:
    """Order slices by what a person's minute on them is worth.

    The most valuable slice is picked, its neighbours lose value, and again. A slice is
    worth its score times ``f + (1 - f) (1 - exp(-d^2 / (2 radius^2)))``, with d the
    distance in mm to the nearest slice of the same series and patient that is labelled
    or picked before it: a neighbour looks the same and teaches little. The floor f of a
    tenth keeps an uncertain neighbour ahead of a slice on which there is nothing. A
    patient whose share of the slices so far is above an even one is worth less by as
    much.

    Parameters
    ----------
    candidates : iterable of Candidate
        What may be asked for.
    labelled : iterable of Labelled
        What is done.
    radius_mm : float
        How far a slice makes its neighbours superfluous.

    Returns
    -------
    list of Ranked
        All candidates, the most valuable first. The same input, in any order, gives
        the same list: ties go by series and slice.

    Raises
    ------
    InputError
        If a score is not within 0 and 1, or the radius is not positive.
    """
    items = sorted(candidates, key=lambda c: (c.series_uid, c.slice_index))
    done = list(labelled)
    if not radius_mm > 0:
        msg = f"The radius must be above 0 mm; found {radius_mm}."
        raise InputError(msg)
    for c in items:
        if not (0 <= c.score <= 1 and math.isfinite(c.z_mm)):
            msg = (
                f"Slice {c.slice_index + 1} has the score {c.score} at {c.z_mm} mm; "
                "scores lie between 0 and 1."
            )
            raise InputError(msg)
    return _pick_all(items, done, radius_mm)


def _pick_all(
    items: list[Candidate], done: list[Labelled], radius_mm: float
) -> list[Ranked]:
    stacks = _stacks(items)
    patients = sorted({c.patient for c in items} | {d.patient for d in done})
    number = {name: n for n, name in enumerate(patients)}
    n_seen = np.zeros(len(patients))
    for one in done:
        n_seen[number[one.patient]] += 1
        if stack := stacks.get((one.series_uid, one.patient)):
            stack.lower(one.z_mm, radius_mm)

    rows = list(stacks.values())
    patient_of = np.array([number[s.items[0].patient] for s in rows], dtype=np.intp)
    best = np.array([s.best for s in rows])
    ranked: list[Ranked] = []
    ceiling = 1.0
    for _ in items:
        shares = n_seen / max(1.0, n_seen.sum())
        factors = 1 - np.maximum(0, shares - 1 / len(patients))
        worth = best * factors[patient_of]
        row = int(np.argmax(worth))  # the first of equals: rows are sorted
        priority = min(float(worth[row]), ceiling)
        ranked.append(Ranked(rows[row].pop(radius_mm), priority))
        ceiling = priority * _JUST_BELOW
        best[row] = rows[row].best
        n_seen[patient_of[row]] += 1
    return ranked


class _Stack:
    """The candidates of one patient in a series and what each is worth now."""

    def __init__(self, items: list[Candidate]) -> None:
        self.items = items
        self._z = np.array([c.z_mm for c in items])
        self._score = np.array([c.score for c in items], dtype=np.float64)
        self._nearness = np.ones(len(items))
        self._picked = np.zeros(len(items), dtype=np.bool_)

    @property
    def best(self) -> float:
        """Worth of the most valuable slice left, -1 where there is none."""
        return float(self._worth.max())

    @property
    def _worth(self) -> NDArray[np.float64]:
        return np.where(self._picked, -1, self._score * self._nearness)

    def lower(self, z_mm: float, radius_mm: float) -> None:
        """Lower what lies near a position."""
        offset = (self._z - z_mm) / radius_mm
        fresh = -np.expm1(-0.5 * offset * offset)
        self._nearness = np.minimum(self._nearness, _FLOOR + (1 - _FLOOR) * fresh)

    def pop(self, radius_mm: float) -> Candidate:
        """Take the most valuable slice and lower its neighbours."""
        n = int(np.argmax(self._worth))
        self._picked[n] = True
        self.lower(float(self._z[n]), radius_mm)
        return self.items[n]


def _stacks(items: list[Candidate]) -> dict[tuple[str, str], _Stack]:
    """Return who is beside whom: pictures of different patients are not."""
    together: dict[tuple[str, str], list[Candidate]] = {}
    for one in items:
        together.setdefault((one.series_uid, one.patient), []).append(one)
    return {key: _Stack(members) for key, members in together.items()}
