"""Classifiers in a training made for masks: a whole slice is one pixel.

A classifier's logits become a picture of one pixel, and a mask becomes the one class
that the slice shows. So losses, scores and the best epoch are found in one way for both
kinds of network; the Dice of a class over slices is its F1 score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    from torch import Tensor

    from medlab_gui.learning.dataset import SliceSource
    from medlab_gui.networks.base import Network

__all__ = ["looked_at", "shown_classes", "slice_classes", "target_of"]


def looked_at(network: Network, images: Tensor) -> Tensor:
    """Return logits (N, C, H, W) of a network; (N, C, 1, 1) of a classifier."""
    logits: Tensor = network(images)
    if network.kind != "classification":
        return logits
    if logits.shape[1] == 1:
        # One number for two classes: its sigmoid is the softmax beside a 0.
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return logits[:, :, None, None]


def target_of(network: Network, labels: Tensor) -> Tensor:
    """Return what `looked_at` is to be compared with."""
    if network.kind != "classification":
        return labels
    return slice_classes(labels)


def shown_classes(source: SliceSource) -> list[int]:
    """Return the class of each slice, 255 of one that has none, in the keys' order."""
    found = []
    for key in source.keys:
        labels = torch.from_numpy(np.ascontiguousarray(source.labels(key)))
        found.append(int(slice_classes(labels[None])))
    return found


def slice_classes(labels: Tensor) -> Tensor:
    """Return the class of each slice.

    Parameters
    ----------
    labels : Tensor of uint8, shape (N, H, W)
        Class values; 255 does not count.

    Returns
    -------
    Tensor of uint8, shape (N, 1, 1)
        The foreground class with most voxels, the smaller value of two with as many; 0
        where there is none; 255 where no voxel counts.
    """
    found = []
    for one in labels.cpu():
        counts = torch.bincount(one.flatten().long(), minlength=256)
        classes = counts[1:IGNORE]
        if classes.max() > 0:
            found.append(int(classes.argmax()) + 1)
        else:
            found.append(0 if counts[0] > 0 else IGNORE)
    result = torch.tensor(found, dtype=torch.uint8, device=labels.device)
    return result[:, None, None]
