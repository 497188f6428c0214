"""Files that hold several volumes (4-D): each becomes a series of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.series import derived_uid

if TYPE_CHECKING:
    from medlab_gui.io.series import FileSeries

__all__ = ["one_for_each"]


def one_for_each(first: FileSeries, n_volumes: int) -> tuple[FileSeries, ...]:
    """Return a series for each volume of a file.

    Parameters
    ----------
    first : FileSeries
        The first volume, as it is without the others.
    n_volumes : int
        How many volumes the file holds.

    Returns
    -------
    tuple of FileSeries
        ``first`` itself where it is the only one. Else each is named by its number,
        from 1; the first keeps its UID, so that it is known again.
    """
    if n_volumes <= 1:
        return (first,)
    return tuple(
        replace(
            first,
            uid=derived_uid(first.uid, f"volume={n}") if n else first.uid,
            part=f"volume {n + 1}",
            volume_index=n,
            problems=(_note(n, n_volumes), *first.problems),
        )
        for n in range(n_volumes)
    )


def _note(n: int, n_volumes: int) -> Problem:
    return Problem(
        "several-volumes",
        Severity.NOTE,
        f"The file holds {n_volumes} volumes; this one is number {n + 1}. Each is "
        "listed on its own.",
    )
