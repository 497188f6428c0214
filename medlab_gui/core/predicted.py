"""What networks said of a series, as a project keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["StoredClassification", "StoredPrediction"]


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A prediction kept in the project.

    Parameters
    ----------
    id, series_uid, checkpoint_id : str
        Which, of what, by which weights.
    labels_blob, entropy_blob : str
        Content addresses of the masks and the entropy.
    created : str
        ISO time in UTC.
    options : dict or None
        How the network was asked and what was done to its mask; None where an older
        MedLab did not write it down.
    """

    id: str
    series_uid: str
    checkpoint_id: str
    labels_blob: str
    entropy_blob: str
    created: str
    options: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredClassification:
    """What a classifier said of the slices of a series.

    Parameters
    ----------
    id, series_uid, checkpoint_id : str
        Which, of what, by which weights.
    classes : tuple of str
        Names of the C classes, that of value 0 first.
    probs_blob : str
        Content address of the probabilities, float32 (Z, C).
    created : str
        ISO time in UTC.
    options : dict or None
        How the network was asked.
    """

    id: str
    series_uid: str
    checkpoint_id: str
    classes: tuple[str, ...]
    probs_blob: str
    created: str
    options: dict[str, Any] | None = None
