"""Labelled slices, wherever they come from, and as the network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE
from medlab_gui.imaging.pipeline import fit_pipeline
from medlab_gui.learning.prepare import prepare_image, prepare_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.imaging.pipeline import FittedPipeline

__all__ = [
    "ArraySource",
    "PreparedSlices",
    "ScanArrays",
    "SliceKey",
    "SliceSource",
    "Subset",
]

CACHE_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, order=True)
class SliceKey:
    """Names a slice.

    Parameters
    ----------
    series_uid : str
        Its series.
    slice_index : int
        ``k`` on the series' working grid.
    """

    series_uid: str
    slice_index: int


class SliceSource(Protocol):
    """Where labelled slices come from: a project, or arrays in memory."""

    @property
    def keys(self) -> Sequence[SliceKey]:
        """The slices, in a stable order."""

    def image(self, key: SliceKey) -> NDArray[Any]:
        """Return the picture, shape (Y, X), in the scan's units."""

    def scan(self, key: SliceKey) -> NDArray[Any]:
        """Return the whole scan of a slice, shape (Z, Y, X), in its units."""

    def labels(self, key: SliceKey) -> NDArray[np.uint8]:
        """Return the truth, shape (Y, X); 255 is ignored."""

    def spacing(self, key: SliceKey) -> tuple[float, float]:
        """Return ``(dy, dx)`` in mm."""

    def group(self, key: SliceKey) -> str:
        """Return what must not be parted by a split: the patient."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanArrays:
    """A scan in memory with its truth, on its working grid.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        In the scan's units.
    labels : ndarray of uint8, shape (Z, Y, X)
        Class values.
    spacing : tuple of 3 floats
        ``(dz, dy, dx)`` in mm.
    group : str
        The patient.
    """

    data: NDArray[Any]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    group: str = ""

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.shape != self.labels.shape:
            msg = (
                f"A scan {self.data.shape} and its mask {self.labels.shape} must have "
                "the same shape (Z, Y, X)."
            )
            raise InputError(msg)


class ArraySource:
    """Slices of scans in memory.

    Parameters
    ----------
    scans : dict of str to ScanArrays
        By the UID of their series.
    """

    def __init__(self, scans: dict[str, ScanArrays]) -> None:
        self._scans = dict(scans)

    @property
    def keys(self) -> Sequence[SliceKey]:
        """All slices, series by series."""
        return [
            SliceKey(uid, k)
            for uid, scan in self._scans.items()
            for k in range(scan.data.shape[0])
        ]

    def image(self, key: SliceKey) -> NDArray[Any]:
        """Return the picture, shape (Y, X)."""
        plane: NDArray[Any] = self._scans[key.series_uid].data[key.slice_index]
        return plane

    def scan(self, key: SliceKey) -> NDArray[Any]:
        """Return the whole scan of a slice, shape (Z, Y, X)."""
        return self._scans[key.series_uid].data

    def labels(self, key: SliceKey) -> NDArray[np.uint8]:
        """Return the truth, shape (Y, X)."""
        plane: NDArray[np.uint8] = self._scans[key.series_uid].labels[key.slice_index]
        return plane

    def spacing(self, key: SliceKey) -> tuple[float, float]:
        """Return ``(dy, dx)`` in mm."""
        _, dy, dx = self._scans[key.series_uid].spacing
        return dy, dx

    def group(self, key: SliceKey) -> str:
        """Return the patient."""
        return self._scans[key.series_uid].group


class Subset:
    """Some slices of a source.

    Parameters
    ----------
    source : SliceSource
        Where they are.
    keys : iterable of SliceKey
        Which ones.
    """

    def __init__(self, source: SliceSource, keys: Iterable[SliceKey]) -> None:
        self._source = source
        self.keys: Sequence[SliceKey] = list(keys)
        self.image = source.image
        self.scan = source.scan
        self.labels = source.labels
        self.spacing = source.spacing
        self.group = source.group


class PreparedSlices:
    """Slices as the network sees them, kept in memory as far as there is room.

    Parameters
    ----------
    source : SliceSource
        The slices.
    pipeline : PipelineSpec
        Filters, in order.
    inplane_mm : float or None
        Pixel size in mm; None keeps each scan's own.
    n_classes : int
        Classes with background; other values in a mask than 0 to ``n_classes - 1`` and
        255 are refused.
    cache_bytes : int
        What does not fit is prepared again each time it is asked for.
    """

    def __init__(
        self,
        source: SliceSource,
        pipeline: PipelineSpec,
        inplane_mm: float | None,
        n_classes: int,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.keys = list(source.keys)
        self._source = source
        self._pipeline = pipeline
        self._fitted: dict[str, FittedPipeline] = {}
        self._inplane_mm = inplane_mm
        self._n_classes = n_classes
        self._room = cache_bytes
        self._kept: dict[int, tuple[NDArray[np.float32], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return picture and truth of a slice, both of shape (Y', X'); do not write.

        Raises
        ------
        InputError
            If picture and truth have different shapes, or the truth has classes that
            the network has not.
        """
        if n in self._kept:
            return self._kept[n]
        key = self.keys[n]
        data, labels = self._source.image(key), self._source.labels(key)
        if data.shape != labels.shape:
            msg = (
                f"Slice {key.slice_index} has {data.shape} pixels but its mask has "
                f"{labels.shape}."
            )
            raise InputError(msg)
        unknown = sorted(
            set(np.unique(labels).tolist()) - {*range(self._n_classes), IGNORE}
        )
        if unknown:
            msg = (
                f"The mask of slice {key.slice_index} holds the values {unknown}, but "
                f"the classes are 0 to {self._n_classes - 1} (255 is ignored)."
            )
            raise InputError(msg)
        spacing = self._source.spacing(key)
        image = prepare_image(
            data, spacing, self._fit(key), self._inplane_mm, key.slice_index
        )
        sample = image, prepare_labels(labels, (image.shape[0], image.shape[1]))
        size = sum(a.nbytes for a in sample)
        if size <= self._room:
            self._room -= size
            self._kept[n] = sample
        return sample

    def _fit(self, key: SliceKey) -> FittedPipeline:
        # Once for each scan: a step such as N4 takes it whole.
        if key.series_uid not in self._fitted:
            self._fitted[key.series_uid] = fit_pipeline(
                self._pipeline, self._source.scan(key)
            )
        return self._fitted[key.series_uid]

    def has_foreground(self, n: int) -> bool:
        """Tell whether a slice has any voxel of a class."""
        labels = self._source.labels(self.keys[n])
        return bool(((labels > 0) & (labels != IGNORE)).any())
