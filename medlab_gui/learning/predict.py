"""Masks and entropy of a scan by a checkpoint."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from medlab_gui.core.errors import InputError, ResourceError
from medlab_gui.imaging.pipeline import fit_pipeline
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.prepare import prepare_image
from medlab_gui.learning.progress import silent
from medlab_gui.learning.uncertainty import entropy
from medlab_gui.networks import build
from medlab_gui.networks.base import channels_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta
    from medlab_gui.learning.progress import Progress
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["PredictedArrays", "Predictor", "choose_device"]

_STEPS = 500
"""Entropy is kept to a 500th: finer noise would only fill the disk."""

_BATCH_PIXELS = {"cpu": 512 * 512, "cuda": 16 * 512 * 512}
_LARGEST_BATCH = {"cpu": 4, "cuda": 32}
_AHEAD = 4  # slices that are prepared while the network works on others


@dataclass(frozen=True, slots=True)
class PredictedArrays:
    """What a network says about a scan, on the scan's working grid.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        The most probable class; 0 in slices that were not asked for.
    entropy : ndarray of float16, shape (Z, Y, X)
        0 certain to 1 uniform; 0 in slices that were not asked for.
    probs : ndarray of float16, shape (C, Z, Y, X), or None
        Class probabilities, where they were to be kept.
    seconds_per_slice : float
        Preprocessing and network together, as waited for.
    slices : tuple of int
        Which slices were predicted.
    """

    labels: NDArray[np.uint8]
    entropy: NDArray[np.float16]
    probs: NDArray[np.float16] | None
    seconds_per_slice: float
    slices: tuple[int, ...]


def choose_device(device: str = "auto") -> str:
    """Return the device to compute on.

    Parameters
    ----------
    device : str
        ``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    InputError
        If it is another word.
    ResourceError
        If CUDA is asked for and this torch or this machine has none.
    """
    if device not in ("auto", "cpu", "cuda"):
        msg = f"The device is auto, cpu or cuda; found {device!r}."
        raise InputError(msg)
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        why = (
            "this torch is built without CUDA"
            if torch.version.cuda is None
            else ("no usable NVIDIA graphics card or driver was found")
        )
        msg = f"CUDA was asked for, but {why}; use --device auto or cpu."
        raise ResourceError(msg)
    return "cuda" if has_cuda and device != "cpu" else "cpu"


class Predictor:
    """A checkpoint, ready to predict.

    Parameters
    ----------
    path : str or Path
        The checkpoint file.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Attributes
    ----------
    meta : CheckpointMeta
        The checkpoint's description.
    device : str
        Where it computes.

    Raises
    ------
    CheckpointError
        If the file is not a checkpoint that can be used.
    """

    def __init__(self, path: str | Path, device: str = "auto") -> None:
        meta, state_dict = load_checkpoint(path)
        network = build(meta.network)
        network.load_state_dict(state_dict)
        self._set(meta, network, choose_device(device))

    @classmethod
    def of_network(
        cls, meta: CheckpointMeta, network: SegmentationNetwork, device: str = "auto"
    ) -> Predictor:
        """Return a predictor of a network in memory; the network is moved, not copied.

        Parameters
        ----------
        meta : CheckpointMeta
            What describes it.
        network : SegmentationNetwork
            The network; put in evaluation mode.
        device : str
            ``"auto"``, ``"cpu"`` or ``"cuda"``.
        """
        predictor = cls.__new__(cls)
        predictor._set(meta, network, choose_device(device))
        return predictor

    def _set(
        self, meta: CheckpointMeta, network: SegmentationNetwork, device: str
    ) -> None:
        self.meta = meta
        self.device = device
        self._network = network.to(device).eval()
        channels_last(self._network)

    def predict(
        self,
        data: NDArray[Any],
        spacing: Sequence[float],
        *,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        keep_probs: bool = False,
        pipeline: PipelineSpec | None = None,
    ) -> PredictedArrays:
        """Predict a scan slice by slice.

        The checkpoint's pipeline runs on the scan's own pixels; its result is resampled
        to the checkpoint's pixel size; the network's probabilities are brought back to
        the scan's pixels, and only there turned into classes and entropy.

        Parameters
        ----------
        data : ndarray, shape (Z, Y, X)
            The scan on its working grid (axial, rows to P, columns to L) in its units.
        spacing : sequence of 3 floats
            ``(dz, dy, dx)`` in mm.
        slices : iterable of int, optional
            Slices to predict; all of them by default.
        progress : callable, optional
            Called after each slice; may raise to stop.
        keep_probs : bool
            Whether to keep the probabilities, at 2 C bytes a voxel.
        pipeline : PipelineSpec, optional
            Other preprocessing than the checkpoint's own, to see what that would do.

        Returns
        -------
        PredictedArrays
            Arrays of the shape of ``data``.

        Raises
        ------
        InputError
            If the data is not a stack, or a slice is not in it.
        ResourceError
            If the graphics card has no room even for a single slice.
        """
        wanted = _wanted(data, slices)
        report = progress or silent
        labels = np.zeros(data.shape, dtype=np.uint8)
        unsure = np.zeros(data.shape, dtype=np.float16)
        n_classes = self.meta.network.n_classes
        probs: NDArray[np.float16] | None = None
        if keep_probs:
            probs = np.zeros((n_classes, *data.shape), dtype=np.float16)
        started = time.perf_counter()
        report(0, len(wanted), "Predicting")
        done = 0
        recipe = self.meta.pipeline if pipeline is None else pipeline
        for batch in self._prepared_batches(data, spacing, wanted, recipe):
            images = np.stack([image for _, image in batch])[:, None]
            for (k, _), one in zip(
                batch, self._probs(images, data.shape[1:]), strict=True
            ):
                if not np.isfinite(one).all():
                    msg = (
                        f"The network gave no number in slice {k + 1}; the scan or the "
                        "checkpoint holds values that are not numbers."
                    )
                    raise InputError(msg)
                labels[k] = one.argmax(axis=0)
                unsure[k] = np.rint(entropy(one) * _STEPS) / _STEPS
                if probs is not None:
                    probs[:, k] = one
                done += 1
                report(done, len(wanted), "Predicting")
        seconds = (time.perf_counter() - started) / max(1, len(wanted))
        return PredictedArrays(labels, unsure, probs, seconds, wanted)

    def _prepared_batches(
        self,
        data: NDArray[Any],
        spacing: Sequence[float],
        wanted: Sequence[int],
        pipeline: PipelineSpec,
    ) -> Iterator[list[tuple[int, NDArray[np.float32]]]]:
        """Yield batches of slices; the next ones are prepared in the meantime."""
        pixel = (float(spacing[1]), float(spacing[2]))
        inplane_mm = self.meta.inplane_mm
        fitted = fit_pipeline(pipeline, data)

        def prepare(k: int) -> NDArray[np.float32]:
            return prepare_image(data[k], pixel, fitted, inplane_mm, k)

        left = iter(wanted)
        batch: list[tuple[int, NDArray[np.float32]]] = []
        pool = ThreadPoolExecutor(1, thread_name_prefix="medlab-prepare")
        try:
            ahead: list[tuple[int, Future[NDArray[np.float32]]]] = [
                (k, pool.submit(prepare, k)) for k in islice(left, _AHEAD)
            ]
            while ahead:
                k, future = ahead.pop(0)
                image = future.result()
                ahead += [(n, pool.submit(prepare, n)) for n in islice(left, 1)]
                batch.append((k, image))
                if len(batch) == self._batch_size(image.shape) or not ahead:
                    yield batch
                    batch = []
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _batch_size(self, shape: tuple[int, ...]) -> int:
        fits = _BATCH_PIXELS[self.device] // max(1, shape[0] * shape[1])
        return max(1, min(_LARGEST_BATCH[self.device], fits))

    def _probs(
        self, images: NDArray[np.float32], shape: tuple[int, ...]
    ) -> Iterator[NDArray[np.float32]]:
        """Yield class probabilities (C, Y, X) at the scan's pixels, one by one."""
        for logits in self._logits(torch.from_numpy(images)):
            yield _probs_at(logits, shape).cpu().numpy()

    def _logits(self, images: Tensor) -> Tensor:
        try:
            with torch.inference_mode():
                logits: Tensor = self._network(images.to(self.device))
                return logits
        except torch.OutOfMemoryError as error:
            if len(images) == 1:
                msg = (
                    "The graphics card has no room for this slice; close other "
                    "programs that use it, or choose the device cpu."
                )
                raise ResourceError(msg) from error
        torch.cuda.empty_cache()
        half = len(images) // 2
        return torch.cat([self._logits(images[:half]), self._logits(images[half:])])


@torch.inference_mode()
def _probs_at(logits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return probabilities (C, Y, X) of logits (C, Y', X') at another size."""
    probs = torch.softmax(logits.float(), dim=0)
    if probs.shape[1:] == tuple(shape):
        return probs
    # Pixel centres as in imaging.resample; the kernel is widened where the scan's
    # pixels are the larger ones.
    probs = functional.interpolate(
        probs[None],
        size=tuple(shape),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )[0].clamp(min=0)
    return probs / probs.sum(dim=0)


def _wanted(data: NDArray[Any], slices: Iterable[int] | None) -> tuple[int, ...]:
    if data.ndim != 3:
        msg = f"A scan has the axes (Z, Y, X); found the shape {data.shape}."
        raise InputError(msg)
    if slices is None:
        return tuple(range(data.shape[0]))
    wanted = tuple(dict.fromkeys(int(k) for k in slices))
    for k in wanted:
        if not 0 <= k < data.shape[0]:
            msg = f"There is no slice {k}; the scan has {data.shape[0]} (from 0)."
            raise InputError(msg)
    return wanted
