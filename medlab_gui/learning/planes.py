"""A scan's planes along an axis, prepared for a network, and the sum of their votes."""

from __future__ import annotations

import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from medlab_gui.core.errors import SpecError
from medlab_gui.core.specs import Resize
from medlab_gui.imaging.pipeline import fit_pipeline
from medlab_gui.learning.prepare import prepare_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta

__all__ = ["PlaneSums", "Planes"]

_AHEAD = 4  # planes that are prepared while the network works on others
_IN_MEMORY = 1_000_000_000  # bytes of sums; more goes to a temporary file


class Planes:
    """All planes of a scan across one axis, as the network is to see them.

    Parameters
    ----------
    data : ndarray, shape (Z, Y, X)
        The scan on its working grid, in its units.
    spacing : sequence of 3 floats
        ``(dz, dy, dx)`` in mm.
    axis : int
        0 for axial planes (Y, X), 1 for coronal (Z, X), 2 for sagittal (Z, Y). Rows of
        the latter two go from the feet to the head.
    recipe : PipelineSpec
        Preprocessing, which takes each plane for a slice.
    meta : CheckpointMeta
        Pixels and number of channels. Where the checkpoint keeps each scan's own
        pixels, or gives each slice a number of them, coronal and sagittal planes get
        square ones of the size that they have in axial slices: the network never saw
        slices squeezed to their distance. A network with 3, 5, ... channels sees as
        many neighbouring planes, the outermost repeated.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of a plane at the scan's own voxels.
    indices : range
        Of all planes.
    pixel : tuple of float
        Height and width in mm of a plane's pixels.

    Raises
    ------
    SpecError
        If the network has an even number of channels.
    """

    def __init__(
        self,
        data: NDArray[Any],
        spacing: Sequence[float],
        axis: int,
        recipe: PipelineSpec,
        meta: CheckpointMeta,
    ) -> None:
        self._n_channels = meta.network.in_channels
        if self._n_channels % 2 == 0:
            msg = (
                f"The network takes {self._n_channels} channels; a slice and its "
                "neighbours are an odd number."
            )
            raise SpecError(msg)
        self._data = np.moveaxis(data, axis, 0)
        own = [float(mm) for mm in spacing]
        self._sampling = meta.sampling
        if axis and (self._sampling is None or isinstance(self._sampling, Resize)):
            self._sampling = _axial_pixel(data.shape, own, self._sampling)
        del own[axis]
        self.pixel = (own[0], own[1])
        self._fitted = fit_pipeline(recipe, self._data)
        self.shape = (int(self._data.shape[1]), int(self._data.shape[2]))
        self.indices = range(len(self._data))

    def _prepare(self, k: int) -> NDArray[np.float32]:
        return prepare_image(self._data[k], self.pixel, self._fitted, self._sampling, k)

    def picture(self, k: int) -> NDArray[np.float32]:
        """Return a preprocessed plane at the scan's own pixels."""
        return prepare_image(self._data[k], self.pixel, self._fitted, None, k)

    def batches(
        self, wanted: Iterable[int], size: Callable[[tuple[int, int]], int]
    ) -> Iterator[list[tuple[int, NDArray[np.float32]]]]:
        """Yield batches of planes; the next ones are prepared in the meantime.

        Parameters
        ----------
        wanted : iterable of int
            Which planes, in this order.
        size : callable
            From the height and width of a prepared plane to how many make a batch.

        Yields
        ------
        list of (int, ndarray of float32, shape (channels, H, W))
            Index and prepared plane, the slice itself in the middle channel.
        """
        left = iter(wanted)
        batch: list[tuple[int, NDArray[np.float32]]] = []
        pool = ThreadPoolExecutor(1, thread_name_prefix="medlab-prepare")
        known: dict[int, Future[NDArray[np.float32]]] = {}

        def ask(k: int) -> tuple[int, list[Future[NDArray[np.float32]]]]:
            half = self._n_channels // 2
            last = len(self.indices) - 1
            near = [min(last, max(0, n)) for n in range(k - half, k + half + 1)]
            for n in near:
                if n not in known:
                    known[n] = pool.submit(self._prepare, n)
            asked = k, [known[n] for n in near]
            for n in [n for n in known if n not in near]:
                del known[n]
            return asked

        try:
            ahead = [ask(k) for k in islice(left, _AHEAD)]
            while ahead:
                k, futures = ahead.pop(0)
                image = np.stack([future.result() for future in futures])
                ahead += [ask(n) for n in islice(left, 1)]
                batch.append((k, image))
                if len(batch) == size((image.shape[1], image.shape[2])) or not ahead:
                    yield batch
                    batch = []
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _axial_pixel(
    shape: tuple[int, ...], spacing: Sequence[float], resize: Resize | None
) -> float:
    """Return the size in mm of an axial slice's pixels, as the network sees them."""
    sides = [spacing[1], spacing[2]]
    if resize is not None:
        sides = [n * mm / resize.pixels for n, mm in zip(shape[1:], sides, strict=True)]
    return math.sqrt(sides[0] * sides[1])


class PlaneSums:
    """Adds up what coronal and sagittal planes say, for the axial ones to be added.

    Nothing is kept until something is added. Sums of more than a gigabyte lie in a
    temporary file, so that the memory does not grow with the scan.

    Parameters
    ----------
    n_classes : int
        Background included.
    shape : tuple of int
        ``(Z, Y, X)``.
    """

    def __init__(self, n_classes: int, shape: tuple[int, ...]) -> None:
        self._shape = (n_classes, *shape)
        self._axes: set[int] = set()
        self._sums: NDArray[np.float16] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sums = None  # unmapped before its file goes
        self._stack.close()

    def add(self, axis: int, index: int, probs: Tensor) -> None:
        """Add the probabilities (C, rows, columns) of a plane across an axis."""
        sums = self._room()
        self._axes.add(axis)
        where = [slice(None)] * 4
        where[1 + axis] = slice(index, index + 1)
        sums[tuple(where)] += np.expand_dims(probs.cpu().numpy(), 1 + axis)

    def mean(self, k: int, probs: Tensor) -> Tensor:
        """Return the mean (C, Y, X) of all axes for slice ``k``, given its own."""
        if self._sums is None:
            return probs
        others = torch.from_numpy(self._sums[:, k].astype(np.float32))
        return (others.to(probs.device) + probs) / (1 + len(self._axes))

    def _room(self) -> NDArray[np.float16]:
        if self._sums is None:
            size = math.prod(self._shape) * np.dtype(np.float16).itemsize
            if size <= _IN_MEMORY:
                self._sums = np.zeros(self._shape, np.float16)
            else:
                folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
                file = Path(self._stack.enter_context(folder)) / "sums"
                self._sums = np.memmap(file, np.float16, "w+", shape=self._shape)
        return self._sums
