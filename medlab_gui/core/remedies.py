"""Ways out of a scan's geometry problems: what may be chosen, and what was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medlab_gui.core.i18n import N_, _

__all__ = ["APART", "REMEDIES", "AppliedRemedy", "Remedy", "remedies_for"]

APART = "different-patients"
"""Code of the remedy by which slices are no neighbours and of no common patient."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out of a problem; nothing of it happens without being asked for.

    Parameters
    ----------
    code : str
        Stable name, e.g. ``"straighten"``; what ``medlab import --remedy`` takes.
    title : str
        What a person chooses, marked with `N_`.
    effect : str
        A sentence on what it does, marked with `N_`.
    answers : tuple of str
        Codes of the problems that it is a way out of.
    """

    code: str
    title: str
    effect: str
    answers: tuple[str, ...]

    def to_dict(self) -> dict[str, str]:
        """Return plain data in the user's language, for JSON."""
        return {"code": self.code, "title": _(self.title), "effect": _(self.effect)}


_ALL = (
    Remedy(
        "keep-as-measured",
        N_("Keep as measured"),
        N_(
            "Nothing is changed: the slices are shown as stored, and the warning stays "
            "with the series."
        ),
        (
            "gantry-tilt",
            "gantry-tilt-not-in-positions",
            "missing-slices",
            "uneven-spacing",
            "shifted-slices",
            "overlapping-blocks",
            "duplicate-slices",
            "frames-of-reference-differ",
            "spacing-contradicts",
            "absurd-spacing",
            "absurd-position",
            "single-slice",
            "few-slices",
        ),
    ),
    Remedy(
        "straighten",
        N_("Resample onto a straight grid"),
        N_(
            "Each slice is moved within its own plane to where it was taken (linear "
            "interpolation within the slice, none between slices); the field of view "
            "grows, and what was not measured is filled, hatched in the picture and "
            "counted in no figure."
        ),
        ("gantry-tilt", "shifted-slices"),
    ),
    Remedy(
        "even-grid",
        N_("Resample onto an even grid"),
        N_(
            "Slices are put at even distances by linear interpolation between "
            "neighbours; where slices are missing nothing is made up: the place is "
            "filled, hatched in the picture as not measured and counted in no figure."
        ),
        ("missing-slices", "uneven-spacing"),
    ),
    Remedy(
        "longest-part",
        N_("Use only the longest regular part"),
        N_("The longest run of evenly spaced slices is used, the others are left out."),
        ("missing-slices", "uneven-spacing", "shifted-slices", "overlapping-blocks"),
    ),
    Remedy(
        "drop-copies",
        N_("Drop exact copies"),
        N_(
            "Slices at the same place are compared pixel by pixel and exact copies are "
            "dropped; if two differ, nothing is done and you are told."
        ),
        ("duplicate-slices",),
    ),
    Remedy(
        "first-of-each",
        N_("Take the first at each place"),
        N_("Of slices at the same place, the one with the lowest number is used."),
        ("duplicate-slices",),
    ),
    Remedy(
        "last-of-each",
        N_("Take the last at each place"),
        N_("Of slices at the same place, the one with the highest number is used."),
        ("duplicate-slices",),
    ),
    Remedy(
        "given-spacing",
        N_("Give the spacing by hand"),
        N_(
            "The distances that you give in mm (slices, rows, columns) replace those "
            "of the files; slices without a position are stacked by their number."
        ),
        (
            "no-spacing",
            "no-position",
            "bad-orientation",
            "not-a-volume",
            "absurd-spacing",
            "spacing-contradicts",
            "single-slice",
        ),
    ),
    Remedy(
        "split-frames",
        N_("Split by frame of reference"),
        N_("Slices of each frame of reference become a series of their own."),
        ("frames-of-reference-differ",),
    ),
    Remedy(
        "split-acquisitions",
        N_("Split by acquisition"),
        N_("Slices of each acquisition become a series of their own."),
        ("overlapping-blocks",),
    ),
    Remedy(
        APART,
        N_("Pictures of different patients"),
        N_(
            "Each picture counts as one of a patient of its own, so that trainings may "
            "part them; pictures that look nearly the same are never parted."
        ),
        ("one-patient",),
    ),
)

REMEDIES = {remedy.code: remedy for remedy in _ALL}
"""Every remedy by its code, in the order in which they are offered."""


def remedies_for(problem_code: str) -> tuple[Remedy, ...]:
    """Return the ways out of a problem."""
    return tuple(r for r in _ALL if problem_code in r.answers)


@dataclass(frozen=True, slots=True)
class AppliedRemedy:
    """What was chosen about the geometry of a series, and what came of it.

    Parameters
    ----------
    code : str
        Of the remedy.
    effect : str
        A sentence with the figures of this series.
    details : dict
        Plain data; of a resampling ``"source"`` (`SliceStack.to_dict`: where the
        slices lay), ``"source_grid"`` (`Grid.to_dict`: the grid that they go by) and
        ``"not_measured"`` (slices of the new grid that nothing was measured for).
    """

    code: str
    effect: str
    details: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for the store."""
        return {"code": self.code, "effect": self.effect, "details": self.details}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AppliedRemedy:
        """Rebuild what `to_dict` returned."""
        return cls(data["code"], data["effect"], dict(data["details"]))
