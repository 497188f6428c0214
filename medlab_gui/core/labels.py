"""What the values of a mask mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medlab_gui.core.errors import SpecError

__all__ = ["IGNORE", "OKABE_ITO", "REST", "LabelClass", "LabelScheme"]

IGNORE = 255
"""Voxels of this value take no part in training and scoring."""

REST = "*"
"""In a translation of values: all that it does not name, and that is not 0."""

OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours that stay apart for colour-blind eyes (Okabe and Ito 2008)."""


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class of a mask.

    Parameters
    ----------
    value : int
        Value of its voxels, 1 to 254 (0 is background, 255 is ignore).
    name : str
        What a person reads, e.g. ``"Liver"``.
    color : tuple of int
        Red, green, blue, 0 to 255.
    code : str, optional
        DICOM coded concept as ``"scheme:value"``, e.g. ``"SCT:10200004"``.
    """

    value: int
    name: str
    color: tuple[int, int, int]
    code: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.value <= 254:
            msg = f"A class needs a value of 1 to 254; {self.name} has {self.value}."
            raise SpecError(msg)
        if not self.name.strip():
            msg = f"The class with value {self.value} has no name."
            raise SpecError(msg)


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """Named classes of a mask; 0 is background and 255 is "ignore".

    Parameters
    ----------
    name : str
        What a person reads.
    classes : tuple of LabelClass
        Foreground classes with values 1, 2, ... in order and without gaps, so that a
        value is also the channel of a network.
    """

    name: str
    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        values = [c.value for c in self.classes]
        if values != list(range(1, len(values) + 1)):
            msg = f"Classes must have the values 1, 2, ... in order; found {values}."
            raise SpecError(msg)
        if len({c.name.casefold() for c in self.classes}) != len(self.classes):
            msg = f"Two classes of {self.name!r} have the same name."
            raise SpecError(msg)

    @property
    def n_classes(self) -> int:
        """Number of classes with background: the channels of a network's output."""
        return len(self.classes) + 1

    @property
    def answers(self) -> tuple[str, ...]:
        """Names by value for classifiers of whole slices: 0 is ``"none"``."""
        return ("none", *(c.name for c in self.classes))

    @classmethod
    def from_names(cls, name: str, class_names: list[str]) -> LabelScheme:
        """Return a scheme with colour-blind-safe colours for the given names."""
        return cls(
            name,
            tuple(
                LabelClass(n, text, OKABE_ITO[(n - 1) % len(OKABE_ITO)])
                for n, text in enumerate(class_names, start=1)
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {
            "name": self.name,
            "classes": [
                {
                    "value": c.value,
                    "name": c.name,
                    "color": list(c.color),
                    "code": c.code,
                }
                for c in self.classes
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LabelScheme:
        """Rebuild what `to_dict` returned.

        Raises
        ------
        SpecError
            If keys are missing or of the wrong type.
        """
        try:
            classes = tuple(
                LabelClass(
                    int(c["value"]),
                    str(c["name"]),
                    (int(c["color"][0]), int(c["color"][1]), int(c["color"][2])),
                    c.get("code"),
                )
                for c in data["classes"]
            )
            return cls(str(data["name"]), classes)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            msg = (
                f"This is not a list of classes ({what}): it has a name and a list of "
                "classes with value, name and color."
            )
            raise SpecError(msg) from error
