"""The files that ``medlab predict`` writes for a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.commands.outputs import image_target, keep_inputs, target

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.commands.inputs import Input
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.learning.predict import PredictedArrays

__all__ = ["Targets"]


@dataclass(frozen=True)
class Targets:
    """Where the results go; None where nowhere.

    Parameters
    ----------
    mask, entropy, probability : Path or None
        Files.
    """

    mask: Path | None
    entropy: Path | None
    probability: Path | None

    @classmethod
    def of(cls, params: PredictParams) -> Targets:
        """Check the names of the files before anything is computed."""
        mask, entropy = (
            image_target(text) if text else None
            for text in (params.output, params.entropy)
        )
        probability = params.probability
        found = cls(
            mask,
            entropy,
            target(probability, (".nii.gz", ".nii")) if probability else None,
        )
        keep_inputs(found.files, [])
        return found

    @property
    def files(self) -> list[Path]:
        """All that is written."""
        return [p for p in (self.mask, self.entropy, self.probability) if p]

    def write(self, scan: Input, result: PredictedArrays) -> None:
        """Write what is wanted, each on the grid of the scan's own file."""
        import numpy as np

        from medlab_gui.io import write_image

        if self.mask is not None:
            write_image(self.mask, scan.back.restore(result.labels), scan.back.source)
        if self.entropy is not None:
            unsure = scan.back.restore(result.entropy).astype(np.float32)
            write_image(self.entropy, unsure, scan.back.source)
        if self.probability is not None and result.probs is not None:
            probs = np.stack([scan.back.restore(one) for one in result.probs])
            write_image(self.probability, probs, scan.back.source)
