"""Labelled slices, wherever they come from, and as the network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.labels import IGNORE
from medlab_gui.core.specs import Resize
from medlab_gui.imaging.pipeline import fit_pipeline, needs_volume
from medlab_gui.learning.prepare import prepare_image, prepare_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec, Sampling
    from medlab_gui.imaging.pipeline import FittedPipeline

__all__ = [
    "ArraySource",
    "PreparedSlices",
    "ScanArrays",
    "SliceKey",
    "SliceSource",
    "Subset",
    "half_of",
    "near_slices",
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
        """Return the picture, shape (Y, X), in the scan's units.

        Of any slice of the scans in ``keys``: neighbours need no labels.
        """

    def scan(self, key: SliceKey) -> NDArray[Any]:
        """Return the whole scan of a slice, shape (Z, Y, X), in its units.

        It may have to be made: what needs one slice asks for that slice.
        """

    def depth(self, key: SliceKey) -> int:
        """Return how many slices the scan of a slice has."""

    def labels(self, key: SliceKey) -> NDArray[np.uint8]:
        """Return the truth, shape (Y, X); 255 is ignored."""

    def unmeasured(self, key: SliceKey) -> NDArray[np.bool_] | None:
        """Return where nothing was measured, shape (Y, X); None where all was.

        A prediction finds nothing there.
        """

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

    def depth(self, key: SliceKey) -> int:
        """Return how many slices the scan of a slice has."""
        return int(self._scans[key.series_uid].data.shape[0])

    def labels(self, key: SliceKey) -> NDArray[np.uint8]:
        """Return the truth, shape (Y, X)."""
        plane: NDArray[np.uint8] = self._scans[key.series_uid].labels[key.slice_index]
        return plane

    def unmeasured(self, key: SliceKey) -> NDArray[np.bool_] | None:
        """Return None: arrays do not say where nothing was measured."""
        del key
        return None

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
        self.depth = source.depth
        self.labels = source.labels
        self.unmeasured = source.unmeasured
        self.spacing = source.spacing
        self.group = source.group


def half_of(n_channels: int) -> int:
    """Return how many neighbours on each side make so many channels.

    Raises
    ------
    SpecError
        If the number of channels is even, or not above 0.
    """
    if n_channels < 1 or n_channels % 2 == 0:
        msg = (
            f"The network takes {n_channels} channels; a slice and its neighbours are "
            "an odd number."
        )
        raise SpecError(msg)
    return n_channels // 2


def near_slices(source: SliceSource, key: SliceKey, half: int) -> Iterator[SliceKey]:
    """Yield a slice between its neighbours, from below; the outermost are repeated.

    Parameters
    ----------
    source : SliceSource
        Knows how many slices the scan has.
    key : SliceKey
        The slice in the middle.
    half : int
        Neighbours on each side.
    """
    last = source.depth(key) - 1 if half else key.slice_index
    for k in range(key.slice_index - half, key.slice_index + half + 1):
        yield SliceKey(key.series_uid, min(last, max(0, k)))


class PreparedSlices:
    """Slices as the network sees them, kept in memory as far as there is room.

    Parameters
    ----------
    source : SliceSource
        The slices.
    pipeline : PipelineSpec
        Filters, in order.
    sampling : float, Resize or None
        Pixel size in mm, or number of pixels; None keeps each scan's own.
    n_classes : int
        Classes with background; other values in a mask than 0 to ``n_classes - 1`` and
        255 are refused.
    cache_bytes : int
        What does not fit is prepared again each time it is asked for.
    n_channels : int
        3, 5, ... show each slice between its neighbours ("2.5D"); the outermost slices
        of a scan are repeated.

    Raises
    ------
    SpecError
        If the number of channels is even.
    """

    def __init__(
        self,
        source: SliceSource,
        pipeline: PipelineSpec,
        sampling: Sampling,
        n_classes: int,
        *,
        cache_bytes: int = CACHE_BYTES,
        n_channels: int = 1,
    ) -> None:
        self._half = half_of(n_channels)
        self.keys = list(source.keys)
        self._source = source
        self._pipeline = pipeline
        self._fitted: dict[str, FittedPipeline] = {}
        self._sampling = sampling
        self._n_classes = n_classes
        self._room = cache_bytes
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._fills: dict[int, NDArray[np.bool_] | None] = {}
        self._planes: dict[SliceKey, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return picture and truth of a slice; do not write to them.

        Returns
        -------
        image : ndarray of float32, shape (Y', X'), or (channels, Y', X') of several
            The slice, in the middle of its neighbours.
        labels : ndarray of uint8, shape (Y', X')
            Class values.

        Raises
        ------
        InputError
            If picture and truth have different shapes, or the truth has classes that
            the network has not.
        """
        key = self.keys[n]
        image = self._plane(key)
        labels = self._truth(n, (image.shape[0], image.shape[1]))
        if not self._half:
            return image, labels
        near = near_slices(self._source, key, self._half)
        return np.stack([self._plane(one) for one in near]), labels

    def _plane(self, key: SliceKey) -> NDArray[np.float32]:
        if key not in self._planes:
            plane = prepare_image(
                self._source.image(key),
                self._source.spacing(key),
                self._fit(key),
                self._sampling,
                key.slice_index,
            )
            if not self._keeps(plane):
                return plane
            self._planes[key] = plane
        return self._planes[key]

    def _truth(self, n: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
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
        truth = prepare_labels(labels, shape)
        if self._keeps(truth):
            self._kept[n] = truth
        return truth

    def unmeasured(self, n: int) -> NDArray[np.bool_] | None:
        """Return where nothing of a slice was measured; None where all of it was.

        Returns
        -------
        ndarray of bool, shape (Y', X'), or None
            As the network sees the slice, nearest pixel taken.
        """
        if n in self._fills:
            return self._fills[n]
        fills = self._source.unmeasured(self.keys[n])
        if fills is not None:
            rows, columns = self[n][1].shape
            fills = prepare_labels(fills.astype(np.uint8), (rows, columns)) > 0
        if fills is None or self._keeps(fills):
            self._fills[n] = fills
        return fills

    def _keeps(self, array: NDArray[Any]) -> bool:
        """Take room for an array, if there is enough."""
        if array.nbytes > self._room:
            return False
        self._room -= array.nbytes
        return True

    def _fit(self, key: SliceKey) -> FittedPipeline:
        # Once for each scan: a step such as N4 takes it whole, all others one slice.
        whole = needs_volume(self._pipeline)
        name = key.series_uid if whole else ""
        if name not in self._fitted:
            scan = self._source.scan(key) if whole else self._source.image(key)[None]
            self._fitted[name] = fit_pipeline(self._pipeline, scan)
        return self._fitted[name]

    def pixel_mm(self, n: int) -> tuple[float, float]:
        """Return ``(dy, dx)`` in mm of a slice as the network sees it."""
        dy, dx = self._source.spacing(self.keys[n])
        if isinstance(self._sampling, Resize):
            rows, columns = self._source.image(self.keys[n]).shape
            new = self._sampling.pixels
            return rows * dy / new, columns * dx / new
        if self._sampling is not None:
            return self._sampling, self._sampling
        return dy, dx

    def has_foreground(self, n: int) -> bool:
        """Tell whether a slice has any voxel of a class."""
        labels = self._source.labels(self.keys[n])
        return bool(((labels > 0) & (labels != IGNORE)).any())
