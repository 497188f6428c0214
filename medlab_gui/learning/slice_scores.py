"""How sure a classifier is that a slice shows its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from medlab_gui.core.errors import CheckpointError, InputError
from medlab_gui.learning.batches import collate
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.dataset import PreparedSlices
from medlab_gui.learning.predict import choose_device
from medlab_gui.learning.progress import silent
from medlab_gui.learning.whole_slices import looked_at, slice_classes
from medlab_gui.networks import CLASSIFIERS, NETWORKS, build_classifier

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.learning.dataset import SliceKey, SliceSource
    from medlab_gui.learning.progress import Progress

__all__ = ["is_classifier", "score_slices"]


def is_classifier(spec: NetworkSpec) -> bool:
    """Tell whether a network says what slices show, instead of drawing masks."""
    return spec.name in CLASSIFIERS and spec.name not in NETWORKS


def score_slices(
    path: Path,
    source: SliceSource,
    device: str = "auto",
    *,
    progress: Progress | None = None,
) -> dict[SliceKey, tuple[bool, float]]:
    """Return truth and probability of each slice that the class is seen on it.

    Parameters
    ----------
    path : Path
        Weights of a classifier of one class.
    source : SliceSource
        The slices; what a slice shows follows from its mask (see `slice_classes`).
        Slices of which every voxel is ignored are left out.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress : callable, optional
        Called after each slice; may raise to stop.

    Returns
    -------
    dict of SliceKey to tuple
        Whether the slice shows the class, and the probability, 0 to 1.

    Raises
    ------
    CheckpointError
        If the weights tell more than one class apart: there is no one curve then.
    InputError
        If the network gives no number.
    """
    meta, state = load_checkpoint(path)
    if meta.scheme.n_classes != 2:
        names = ", ".join(c.name for c in meta.scheme.classes)
        msg = (
            f"{meta.name!r} tells {meta.scheme.n_classes} classes apart (none, {names})"
            "; a ROC curve is of one class against none."
        )
        raise CheckpointError(msg, path=path)
    chosen = choose_device(device)
    network = build_classifier(meta.network)
    network.load_state_dict(state)
    network.to(chosen).eval()
    slices = PreparedSlices(
        source, meta.pipeline, meta.inplane_mm, 2, n_channels=meta.network.in_channels
    )
    report = progress or silent
    found = {}
    for n, key in enumerate(slices.keys):
        images, labels = collate([slices[n]])
        shown = int(slice_classes(labels))
        with torch.no_grad():
            logits = looked_at(network, images.to(chosen)).float().cpu()
        score = float(logits[0, :, 0, 0].softmax(dim=0)[1])
        if not 0 <= score <= 1:
            msg = f"{meta.name!r} gives no number for slice {key.slice_index + 1}."
            raise InputError(msg)
        if shown <= 1:
            found[key] = (shown == 1, score)
        report(n + 1, len(slices.keys), "Judging")
    return found
