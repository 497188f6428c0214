"""The files that ``medlab predict`` writes for a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.outputs import image_target, keep_inputs, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.commands.inputs import Input
    from medlab_gui.commands.predict import PredictParams
    from medlab_gui.core.geometry import Grid
    from medlab_gui.learning.predict import PredictedArrays

__all__ = ["PROBABILITY_ENDINGS", "Targets"]

PROBABILITY_ENDINGS = (".nii.gz", ".nii")
"""Of the formats that hold classes along a fourth axis."""


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
            target(probability, PROBABILITY_ENDINGS) if probability else None,
        )
        keep_inputs(found.files, [])
        return found

    @property
    def files(self) -> list[Path]:
        """All that is written."""
        return [p for p in (self.mask, self.entropy, self.probability) if p]

    def write(self, scan: Input, result: PredictedArrays) -> None:
        """Write what is wanted, each on the grid of the scan's own file; all or none.

        Raises
        ------
        StorageFullError
            If one of them cannot be written; the others are not there either.
        """
        from medlab_gui.io import write_images

        write_images(self._images(scan, result))

    def _images(
        self, scan: Input, result: PredictedArrays
    ) -> Iterator[tuple[Path, NDArray[Any], Grid]]:
        import numpy as np

        grid = scan.back.source
        if self.mask is not None:
            yield self.mask, scan.back.restore(result.labels), grid
        if self.entropy is not None:
            unsure = scan.back.restore(result.entropy).astype(np.float32)
            yield self.entropy, unsure, grid
        if self.probability is not None and result.probs is not None:
            probs = np.stack([scan.back.restore(one) for one in result.probs])
            yield self.probability, probs, grid
