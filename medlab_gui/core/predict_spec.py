"""How a scan is predicted: as plain data, for the command line, a dialog, a script."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from medlab_gui.core.errors import SpecError

__all__ = ["AXES", "FLIPS", "SMALLEST_TILE", "PredictSpec"]

AXES = ("axial", "all")
FLIPS = ("none", "left-right", "all")
SMALLEST_TILE = 32


@dataclass(frozen=True, kw_only=True)
class PredictSpec:
    """What a network is asked about a scan; its answers are averaged.

    Every option but the tiles multiplies the time: ``axes="all"`` by about three,
    flips by two or four, dropout passes by their number.

    Parameters
    ----------
    tile : int
        Side in pixels of the network's input; 0 shows it whole slices. Where a slice is
        smaller than a tile, the slice is the tile.
    overlap : float
        Share of a tile that neighbours share at least, 0 to 0.9.
    axes : "axial" or "all"
        Axial slices alone, or axial, coronal and sagittal ones with one vote each.
    flips : "none", "left-right" or "all"
        ``"left-right"`` also shows each slice with its columns mirrored, ``"all"`` with
        columns, rows and both mirrored.
    dropout_passes : int
        0 leaves dropout off, as is usual; from 2 on so many passes with dropout on are
        averaged (Monte-Carlo dropout).
    seed : int
        Of the dropout: the same seed on the same machine gives the same mask.
    crf : bool
        Whether a fully connected CRF moves the borders of the mask to those of the
        preprocessed slice (`imaging.dense_crf`). The entropy stays the network's.

    Raises
    ------
    SpecError
        If a value is not one of these.
    """

    tile: int = 0
    overlap: float = 0.5
    axes: str = "axial"
    flips: str = "none"
    dropout_passes: int = 0
    seed: int = 0
    crf: bool = False

    def __post_init__(self) -> None:
        if self.tile and self.tile < SMALLEST_TILE:
            msg = (
                f"A tile has at least {SMALLEST_TILE} pixels a side, and 0 means whole "
                f"slices; found {self.tile}."
            )
            raise SpecError(msg)
        if not 0 <= self.overlap <= 0.9:
            msg = f"Tiles overlap by a share of 0 to 0.9; found {self.overlap}."
            raise SpecError(msg)
        for name, value, known in (
            ("axes", self.axes, AXES),
            ("flips", self.flips, FLIPS),
        ):
            if value not in known:
                msg = f"{name} is one of {', '.join(known)}; found {value!r}."
                raise SpecError(msg)
        if self.dropout_passes < 0 or self.dropout_passes == 1:
            msg = (
                "Dropout passes are 0 (off) or at least 2, as one alone would only be "
                f"a worse mask; found {self.dropout_passes}."
            )
            raise SpecError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)
