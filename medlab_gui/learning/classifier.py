"""What the slices of a scan show, by a classifier's checkpoint."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.predict_spec import PredictSpec
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.planes import Planes
from medlab_gui.learning.predict import choose_device
from medlab_gui.learning.progress import silent
from medlab_gui.learning.runtime import TorchRuntime
from medlab_gui.learning.uncertainty import entropy
from medlab_gui.learning.voting import dropout_on, voted_probs
from medlab_gui.learning.whole_slices import looked_at
from medlab_gui.networks import build_classifier, is_classifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.learning.progress import Progress
    from medlab_gui.networks.base import ClassificationNetwork

__all__ = ["ClassifiedSlices", "SliceClassifier"]

_BATCH = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True, slots=True, eq=False)
class ClassifiedSlices:
    """What a classifier says of slices.

    Parameters
    ----------
    probs : ndarray of float32, shape (n, C)
        Probability of each class in each slice; rows sum to 1.
    slices : tuple of int
        Which slices they are, in the order of the rows.
    seconds_per_slice : float
        Preprocessing and network together, as waited for.
    runtime : str
        What ran the network.
    """

    probs: NDArray[np.float32]
    slices: tuple[int, ...]
    seconds_per_slice: float
    runtime: str = "torch"

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Most probable class of each slice, the first of equals; shape (n,)."""
        found: NDArray[np.uint8] = self.probs.argmax(axis=1).astype(np.uint8)
        return found

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Entropy of each slice, 0 certain to 1 uniform; shape (n,)."""
        found: NDArray[np.float32] = entropy(torch.from_numpy(self.probs), 1).numpy()
        return found


class _OnePixel(nn.Module):
    """A classifier whose answer has the axes of a mask's logits, (N, C, 1, 1)."""

    def __init__(self, network: ClassificationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return looked_at(self.network, images)


class SliceClassifier:
    """A classifier's checkpoint, ready to say what slices show.

    Parameters
    ----------
    path : Path
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
    SpecError
        If its network draws masks.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.device = choose_device(device)
        self.meta, state = load_checkpoint(path)
        if not is_classifier(self.meta.network):
            msg = (
                f"The network {self.meta.network.name!r} of {self.meta.name!r} draws "
                "masks and does not say what whole slices show; name a classifier's "
                "weights."
            )
            raise SpecError(msg)
        network = build_classifier(self.meta.network)
        network.load_state_dict(state)
        self._network = _OnePixel(network)
        self._torch = TorchRuntime(self._network, self.device)

    def classify(
        self,
        data: NDArray[Any],
        spacing: Sequence[float],
        *,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        spec: PredictSpec | None = None,
    ) -> ClassifiedSlices:
        """Say what axial slices show.

        Parameters
        ----------
        data : ndarray, shape (Z, Y, X)
            The scan on its working grid in its units.
        spacing : sequence of 3 floats
            ``(dz, dy, dx)`` in mm.
        slices : iterable of int, optional
            Which; all of them by default.
        progress : callable, optional
            Called after each slice; may raise to stop.
        spec : PredictSpec, optional
            Flips and dropout passes, whose probabilities are averaged.

        Returns
        -------
        ClassifiedSlices

        Raises
        ------
        SpecError
            If tiles, other axes or a CRF are asked for, or dropout passes of a network
            without dropout.
        InputError
            If the network gives no number.
        """
        spec = spec or PredictSpec()
        _refuse_masks(spec)
        wanted = tuple(range(len(data)) if slices is None else slices)
        report = progress or silent
        started = time.perf_counter()
        planes = Planes(data, spacing, 0, self.meta.pipeline, self.meta)
        report(0, len(wanted), "Predicting")
        rows = []
        drops = bool(spec.dropout_passes)
        with dropout_on(self._network, spec.seed) if drops else nullcontext():
            for batch in planes.batches(wanted, lambda _: _BATCH[self.device]):
                images = torch.from_numpy(np.stack([image for _, image in batch]))
                found = self.probabilities(images, spec)
                for (k, _), one in zip(batch, found, strict=True):
                    if not np.isfinite(one).all():
                        msg = f"{self.meta.name!r} gives no number for slice {k + 1}."
                        raise InputError(msg)
                    rows.append(one)
                    report(len(rows), len(wanted), "Predicting")
        seconds = (time.perf_counter() - started) / max(1, len(wanted))
        n_classes = self.meta.network.n_classes
        probs = np.stack(rows) if rows else np.zeros((0, n_classes), np.float32)
        return ClassifiedSlices(probs, wanted, seconds, self._torch.name)

    def probabilities(
        self, images: Tensor, spec: PredictSpec | None = None
    ) -> NDArray[np.float32]:
        """Return the probability of each class in prepared pictures.

        Parameters
        ----------
        images : Tensor of float32, shape (N, channels, H, W)
            As `learning.dataset.PreparedSlices` gives them.
        spec : PredictSpec, optional
            As in `classify`.

        Returns
        -------
        ndarray of float32, shape (N, C)
        """
        found = voted_probs(self._torch, images, spec or PredictSpec())
        probs: NDArray[np.float32] = found[:, :, 0, 0].cpu().numpy()
        return probs


def _refuse_masks(spec: PredictSpec) -> None:
    """Raise `SpecError` where something is asked that only masks have."""
    asked = {
        "tiles": spec.tile,
        "coronal and sagittal slices": spec.axes != "axial",
        "a CRF": spec.crf,
    }
    wrong = [name for name, is_so in asked.items() if is_so]
    if wrong:
        msg = (
            f"A classifier looks at whole axial slices and draws no borders, so "
            f"{' and '.join(wrong)} mean nothing to it; leave them out."
        )
        raise SpecError(msg)
