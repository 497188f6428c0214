"""How the files of a series ask to be shown; the values themselves are not changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Display"]


@dataclass(frozen=True, slots=True)
class Display:
    """What a viewer needs besides values and a window.

    Parameters
    ----------
    function : str
        VOI LUT Function: ``"LINEAR"``, ``"LINEAR_EXACT"`` or ``"SIGMOID"``
        (`imaging.voi`).
    inverted : bool
        Whether low values are bright (MONOCHROME1).
    padding : tuple of float or None
        Lowest and highest value, in the units of the volume, of voxels that only fill
        the picture outside what was measured (Pixel Padding). They stay as they are in
        the array; windows, histograms and statistics leave them out.
    """

    function: str = "LINEAR"
    inverted: bool = False
    padding: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {
            "function": self.function,
            "inverted": self.inverted,
            "padding": list(self.padding) if self.padding is not None else None,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> Display:
        """Rebuild what `to_dict` returned; None is what older projects have."""
        if data is None:
            return cls()
        padding = data["padding"]
        return cls(
            data["function"],
            bool(data["inverted"]),
            (float(padding[0]), float(padding[1])) if padding is not None else None,
        )
