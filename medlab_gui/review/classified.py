"""What a classifier said of the slices of the open series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.store.project import ProjectStore

__all__ = ["Classified", "latest_classified"]


@dataclass(frozen=True, eq=False)
class Classified:
    """A class with its probability for each slice; never a mask.

    Parameters
    ----------
    id : str
        Its id in the project.
    weights : str
        Name of the weights that said so.
    classes : tuple of str
        Names of the C classes, that of value 0 first.
    probs : ndarray of float32, shape (Z, C)
        Probability of each class in each slice of the working grid.
    """

    id: str
    weights: str
    classes: tuple[str, ...]
    probs: NDArray[np.float32]

    def value(self, k: int) -> int:
        """Return the value of the likeliest class of a slice, 0 for none."""
        return int(self.probs[k].argmax())

    def name(self, k: int) -> str:
        """Return the name of that class."""
        return self.classes[self.value(k)]

    def probability(self, k: int) -> float:
        """Return how probable that class is, 0 to 1."""
        return float(self.probs[k].max())

    def entropy(self, k: int) -> float:
        """Return how unsure the classifier is of a slice, 0 certain to 1 uniform."""
        p = self.probs[k][self.probs[k] > 0].astype(np.float64)
        return float(min(1.0, max(0.0, -(p * np.log(p)).sum() / math.log(self.n))))

    @property
    def n(self) -> int:
        """Number of classes."""
        return len(self.classes)


def latest_classified(
    store: ProjectStore, series_uid: str, checkpoint_id: str | None = None
) -> Classified | None:
    """Return what a classifier (or one of them) said last of a series, or None."""
    stored = store.latest_classification(series_uid, checkpoint_id)
    if stored is None:
        return None
    names = {c.id: c.name for c in store.checkpoints()}
    return Classified(
        stored.id,
        names.get(stored.checkpoint_id, stored.checkpoint_id),
        stored.classes,
        np.asarray(store.array(stored.probs_blob)),
    )
