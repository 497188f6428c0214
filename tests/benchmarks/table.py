"""Ratios and what they are held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One ratio.

    Parameters
    ----------
    name : str
        What was measured.
    ours, theirs : float
        Medians, in ``unit``.
    unit : str
        Of both.
    peer : str
        Who the other one is.
    target : float or None
        The most that the ratio may be; None where it is only reported.
    """

    name: str
    ours: float
    theirs: float
    unit: str
    peer: str
    target: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        return self.target is None or self.ratio <= self.target

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "holds": self.holds}


def as_text(rows: list[Row]) -> str:
    """The rows as a table for people."""
    head = ("what", "MedLab", "peer", "ratio", "at most", "", "against")
    lines = [head]
    for row in rows:
        target = "" if row.target is None else f"{row.target:.2f}"
        verdict = "" if row.target is None else ("ok" if row.holds else "MISSED")
        lines.append(
            (
                row.name,
                f"{row.ours:.4g} {row.unit}",
                f"{row.theirs:.4g} {row.unit}",
                f"{row.ratio:.2f}",
                target,
                verdict,
                row.peer,
            )
        )
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(
        "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
