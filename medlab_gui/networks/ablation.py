"""The eight rows of paper 2's ablation, as data; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ABLATION", "AblationRow"]


@dataclass(frozen=True)
class AblationRow:
    """One row: which of the three parts are there.

    Parameters
    ----------
    residual, attention, transfer : bool
        Residual encoder, CBAM in the decoder, encoder from public weights.
    paper_miou : float
        The paper's mean IoU on its own data: for reference, never ours.
    """

    residual: bool
    attention: bool
    transfer: bool
    paper_miou: float

    @property
    def name(self) -> str:
        """What a person reads: ``"residual + CBAM"``, or ``"none"``."""
        parts = {
            "residual": self.residual,
            "CBAM": self.attention,
            "transfer": self.transfer,
        }
        return " + ".join(part for part, is_there in parts.items() if is_there) or (
            "none"
        )

    @property
    def options(self) -> dict[str, Any]:
        """Options of the network ``resnet_cbam_unet`` for this row."""
        return {
            "encoder": "residual" if self.residual else "plain",
            "attention": "on" if self.attention else "off",
        }

    @property
    def weights(self) -> str | None:
        """Public weights that the encoder starts from, or None for random ones."""
        if not self.transfer:
            return None
        return "resnet50" if self.residual else "vgg16"


ABLATION: tuple[AblationRow, ...] = (
    AblationRow(False, False, False, 0.8330),
    AblationRow(True, False, False, 0.9151),
    AblationRow(False, True, False, 0.9320),
    AblationRow(False, False, True, 0.9374),
    AblationRow(True, True, False, 0.9360),
    AblationRow(True, False, True, 0.9344),
    AblationRow(False, True, True, 0.9370),
    AblationRow(True, True, True, 0.9448),
)
"""Rows in the paper's order (Fang et al. 2024)."""
