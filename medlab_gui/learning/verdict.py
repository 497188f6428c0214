"""What probabilities come to: the class of each pixel, and how unsure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from medlab_gui.learning.uncertainty import entropy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["judged"]

_STEPS = 500
"""Entropy is kept to a 500th: finer noise would only fill the disk."""
_ONE_THREAD = 32768
"""Numbers below which torch wakes no other threads (at::internal::GRAIN_SIZE)."""


@torch.inference_mode()
def judged(probs: Tensor) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Return the most probable class and the entropy of each pixel.

    Parameters
    ----------
    probs : Tensor of float32, shape (C, Y, X)
        Class probabilities, on any device.

    Returns
    -------
    labels : ndarray of uint8, shape (Y, X)
        The class of the highest probability, the first of equals.
    entropy : ndarray of float16, shape (Y, X)
        0 certain to 1 uniform, in steps of a 500th; NaN where a probability is none.
    """
    shape = probs.shape[1:]
    labels = torch.empty(shape, dtype=torch.uint8, device=probs.device)
    unsure = torch.empty(shape, dtype=torch.float16, device=probs.device)
    for rows in _blocks(probs):
        some = probs[:, rows]
        labels[rows] = _most_probable(some)
        unsure[rows] = _in_steps(entropy(some))
    return labels.cpu().numpy(), unsure.cpu().numpy()


def _blocks(maps: Tensor) -> Iterator[slice]:
    """Yield rows of maps (C, Y, X) that are reckoned with at a time.

    On a processor few enough for one thread and its cache: starting others and waiting
    for them costs more than this work, the more so beside a network's own threads. On
    a graphics card all rows.
    """
    height = int(maps.shape[1])
    step = height
    if maps.device.type == "cpu":
        step = max(1, _ONE_THREAD * height // max(1, maps.numel()))
    for row in range(0, height, step):
        yield slice(row, min(height, row + step))


def _in_steps(unsure: Tensor) -> Tensor:
    """Round to steps, in place."""
    unsure.mul_(_STEPS)
    if unsure.device.type == "cpu":
        # torch's own wakes other threads from some thousand numbers on.
        np.rint(unsure.numpy(), out=unsure.numpy())
    else:
        unsure.round_()
    return unsure.div_(_STEPS)


def _most_probable(probs: Tensor) -> Tensor:
    # Class by class: Tensor.argmax across the first axis takes many times as long.
    # A class that beats all before it has the highest number, so the maximum of numbers
    # keeps it; torch reckons that many pixels at a time, and `masked_fill_` one by one.
    best, second, *others = probs
    labels: Tensor = (second > best).view(torch.uint8)
    for value, one in enumerate(others, start=2):
        best, second = torch.maximum(best, second), one
        found = (second > best).view(torch.uint8).mul_(value)
        torch.maximum(labels, found, out=labels)
    return labels
