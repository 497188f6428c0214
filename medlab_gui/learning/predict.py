"""Masks and entropy of a scan by a checkpoint."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from medlab_gui.core.errors import InputError, ResourceError
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.imaging.dense_crf import dense_crf
from medlab_gui.imaging.padding import is_padding
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.planes import Planes, PlaneSums
from medlab_gui.learning.progress import silent
from medlab_gui.learning.runtime import (
    TorchRuntime,
    failed,
    fold_normalisation,
    openvino_of,
)
from medlab_gui.learning.verdict import judged
from medlab_gui.learning.voting import dropout_on, tile_shape, voted_probs
from medlab_gui.networks import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.specs import PipelineSpec
    from medlab_gui.learning.checkpoint import CheckpointMeta
    from medlab_gui.learning.openvino_runtime import OpenVinoRuntime
    from medlab_gui.learning.progress import Progress
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["PredictedArrays", "Predictor", "choose_device"]

_BATCH_PIXELS = {"cpu": 512 * 512, "cuda": 16 * 512 * 512}
_LARGEST_BATCH = {"cpu": 4, "cuda": 32}
_MESSAGE = "Predicting"


@dataclass(frozen=True, slots=True)
class PredictedArrays:
    """What a network says about a scan, on the scan's working grid.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        The most probable class; 0 in slices that were not asked for.
    entropy : ndarray of float16, shape (Z, Y, X)
        Of the mean probabilities, 0 certain to 1 uniform; 0 in slices that were not
        asked for.
    probs : ndarray of float16, shape (C, Z, Y, X), or None
        Class probabilities, where they were to be kept.
    seconds_per_slice : float
        Preprocessing and network together, as waited for.
    slices : tuple of int
        Which slices were predicted.
    runtime : str
        What ran the network.
    """

    labels: NDArray[np.uint8]
    entropy: NDArray[np.float16]
    probs: NDArray[np.float16] | None
    seconds_per_slice: float
    slices: tuple[int, ...]
    runtime: str = "torch"

    def clear(
        self, data: NDArray[Any], padding: tuple[float, float] | None
    ) -> PredictedArrays:
        """Take back what was said of voxels where nothing was measured.

        They become background without a doubt, in place: there is nothing to find.

        Parameters
        ----------
        data : ndarray, shape (Z, Y, X)
            The scan as it was read, with its filling values.
        padding : tuple of float or None
            Lowest and highest of those (`core.display.Display.padding`).
        """
        for k in self.slices:
            fills = is_padding(data[k], padding)
            if fills is None:
                continue
            self.labels[k, fills] = 0
            self.entropy[k, fills] = 0
            if self.probs is not None:
                self.probs[:, k, fills] = 0
                self.probs[0, k, fills] = 1
        return self


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
    fastest : bool
        Whether to use what is fastest here: mixed precision on a graphics card; with
        ``"auto"`` and no card OpenVINO, where it is installed. Masks then agree with
        torch's to a thousandth of the voxels. By default torch alone computes, in
        float32, as in training.

    Attributes
    ----------
    meta : CheckpointMeta
        The checkpoint's description.
    device : str
        Where it computes.
    notes : list of str
        Sentences on what did not go as wished, such as OpenVINO that failed.

    Raises
    ------
    CheckpointError
        If the file is not a checkpoint that can be used.
    """

    _openvino: OpenVinoRuntime | None

    def __init__(
        self, path: str | Path, device: str = "auto", *, fastest: bool = False
    ) -> None:
        where = choose_device(device)
        meta, state_dict = load_checkpoint(path)
        network = build(meta.network)
        network.load_state_dict(state_dict)
        network.eval()
        if fastest:
            fold_normalisation(network)
        self._set(meta, network, where, mixed=fastest)
        if fastest and device == "auto" and where == "cpu":
            self._openvino, why = openvino_of(network, Path(path))
            self.notes += [why] if why else []

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
        predictor._set(meta, network, choose_device(device), mixed=False)
        return predictor

    def _set(
        self,
        meta: CheckpointMeta,
        network: SegmentationNetwork,
        device: str,
        *,
        mixed: bool,
    ) -> None:
        self.meta = meta
        self.device = device
        self.notes: list[str] = []
        self._network = network
        self._torch = TorchRuntime(network, device, mixed=mixed)
        self._openvino = None

    @property
    def runtime(self) -> str:
        """What runs the network, e.g. ``"torch"`` or ``"OpenVINO 2026.4.1"``."""
        return (self._openvino or self._torch).name

    def predict(
        self,
        data: NDArray[Any],
        spacing: Sequence[float],
        *,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        keep_probs: bool = False,
        pipeline: PipelineSpec | None = None,
        spec: PredictSpec | None = None,
    ) -> PredictedArrays:
        """Predict a scan.

        The checkpoint's pipeline runs on the scan's own pixels; its result is resampled
        to the checkpoint's pixel size; the network's probabilities, averaged over tiles
        and looks, are brought back to the scan's pixels, averaged over the axes, and
        only there turned into classes and entropy.

        Parameters
        ----------
        data : ndarray, shape (Z, Y, X)
            The scan on its working grid (axial, rows to P, columns to L) in its units.
        spacing : sequence of 3 floats
            ``(dz, dy, dx)`` in mm.
        slices : iterable of int, optional
            Axial slices to predict; all of them by default.
        progress : callable, optional
            Called after each slice; may raise to stop.
        keep_probs : bool
            Whether to keep the probabilities, at 2 C bytes a voxel.
        pipeline : PipelineSpec, optional
            Other preprocessing than the checkpoint's own, to see what that would do.
        spec : PredictSpec, optional
            Tiles, axes, flips and dropout passes; whole axial slices by default.

        Returns
        -------
        PredictedArrays
            Arrays of the shape of ``data``.

        Raises
        ------
        InputError
            If the data is not a stack, or a slice is not in it.
        SpecError
            If dropout passes are asked of a network without dropout.
        ResourceError
            If the graphics card has no room even for a single slice.
        """
        wanted = _wanted(data, slices)
        spec = spec or PredictSpec()
        recipe = self.meta.pipeline if pipeline is None else pipeline
        n_classes = self.meta.network.n_classes
        labels = np.zeros(data.shape, dtype=np.uint8)
        unsure = np.zeros(data.shape, dtype=np.float16)
        probs: NDArray[np.float16] | None = None
        if keep_probs:
            probs = np.zeros((n_classes, *data.shape), dtype=np.float16)
        started = time.perf_counter()
        if self._openvino is not None:
            self._openvino.begin()
        count = _Count(progress or silent, _n_planes(data.shape, wanted, spec))
        with self._dropout(spec), PlaneSums(n_classes, data.shape) as sums:
            for axis in (1, 2) if spec.axes == "all" else ():
                planes = Planes(data, spacing, axis, recipe, self.meta)
                for found, one in self._plane_probs(planes, planes.indices, spec):
                    sums.add(axis, found, one)
                    count.tick()
            planes = Planes(data, spacing, 0, recipe, self.meta)
            for k, one in self._plane_probs(planes, wanted, spec):
                mean = sums.mean(k, one)
                labels[k], unsure[k] = judged(mean)
                if not np.isfinite(unsure[k]).all():
                    msg = (
                        f"The network gave no number in slice {k + 1}; the scan or the "
                        "checkpoint holds values that are not numbers."
                    )
                    raise InputError(msg)
                if spec.crf:
                    refined = dense_crf(
                        mean.cpu().numpy(), planes.picture(k), planes.pixel
                    )
                    mean = torch.from_numpy(refined)
                    labels[k] = judged(mean)[0]
                if probs is not None:
                    probs[:, k] = mean.cpu().numpy()
                count.tick()
            ran = self.runtime
        seconds = (time.perf_counter() - started) / max(1, len(wanted))
        return PredictedArrays(labels, unsure, probs, seconds, wanted, ran)

    @contextmanager
    def _dropout(self, spec: PredictSpec) -> Iterator[None]:
        if not spec.dropout_passes:
            yield
            return
        # What OpenVINO has converted is without dropout.
        openvino, self._openvino = self._openvino, None
        try:
            with dropout_on(self._network, spec.seed):
                yield
        finally:
            self._openvino = openvino

    def _plane_probs(
        self, planes: Planes, wanted: Iterable[int], spec: PredictSpec
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield planes' class probabilities (C, rows, columns) at the scan's voxels."""

        def size(shape: tuple[int, int]) -> int:
            return self._batch_size(tile_shape(shape, spec))

        for batch in planes.batches(wanted, size):
            images = torch.from_numpy(np.stack([image for _, image in batch]))
            found = voted_probs(self._logits, images, spec)
            for (k, _), probs in zip(batch, found, strict=True):
                yield k, _probs_at(probs, planes.shape)

    def _batch_size(self, shape: tuple[int, int]) -> int:
        fits = _BATCH_PIXELS[self.device] // max(1, shape[0] * shape[1])
        return max(1, min(_LARGEST_BATCH[self.device], fits))

    def _logits(self, images: Tensor) -> Tensor:
        if self._openvino is not None:
            try:
                return self._openvino(images)
            except RuntimeError as error:
                self._openvino = None
                self.notes.append(failed(error))
        return self._torch(images)


class _Count:
    """Reports each plane that is done."""

    def __init__(self, report: Progress, total: int) -> None:
        self._report, self._done, self._total = report, 0, total
        report(0, total, _MESSAGE)

    def tick(self) -> None:
        self._done += 1
        self._report(self._done, self._total, _MESSAGE)


def _n_planes(shape: tuple[int, ...], wanted: Sequence[int], spec: PredictSpec) -> int:
    return len(wanted) + (shape[1] + shape[2] if spec.axes == "all" else 0)


@torch.inference_mode()
def _probs_at(probs: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return probabilities (C, Y, X) at another size."""
    if probs.shape[1:] == shape:
        return probs
    # Pixel centres as in imaging.resample; the kernel is widened where the scan's
    # pixels are the larger ones.
    probs = functional.interpolate(
        probs[None], size=shape, mode="bilinear", align_corners=False, antialias=True
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
