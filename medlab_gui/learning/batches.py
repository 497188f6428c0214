"""Slices in random order, gathered in batches, the same way for the same seed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from medlab_gui.core.labels import IGNORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["collate", "epoch_order", "in_batches", "repeatable"]

_SMALLEST = 32  # pixels: batch norm needs more than one value at a network's bottom


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Make torch draw the same numbers inside, and leave its state as it was."""
    devices = list(range(torch.cuda.device_count()))
    exact = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.random.fork_rng(devices=devices), exact:
        torch.manual_seed(seed)
        yield


def epoch_order(rng: np.random.Generator, has_foreground: list[bool]) -> list[int]:
    """Return the slices of an epoch in random order, at least half with foreground.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the order.
    has_foreground : list of bool
        For each slice, whether it shows any class.

    Returns
    -------
    list of int
        As many as there are slices. Where fewer than half show a class, those are
        repeated in turn, and as many of the others sit this epoch out.
    """
    n = len(has_foreground)
    shown = [k for k in range(n) if has_foreground[k]]
    empty = [k for k in range(n) if not has_foreground[k]]
    if not shown or 2 * len(shown) >= n:
        return [int(k) for k in rng.permutation(n)]
    n_shown = n - n // 2
    repeated: list[int] = []
    while len(repeated) < n_shown:
        repeated += rng.permutation(shown).tolist()
    chosen = repeated[:n_shown] + rng.permutation(empty).tolist()[: n - n_shown]
    return [int(k) for k in rng.permutation(chosen)]


def in_batches(order: list[int], size: int) -> list[list[int]]:
    """Return the order cut into batches; a lone last slice joins the batch before."""
    batches = [order[n : n + size] for n in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        # Batch norm learns little from a lone slice.
        lone = batches.pop()
        batches[-1] = batches[-1] + lone
    return batches


def collate(
    samples: list[tuple[NDArray[np.float32], NDArray[np.uint8]]],
) -> tuple[Tensor, Tensor]:
    """Return a batch; smaller slices are padded below and right.

    Parameters
    ----------
    samples : list of (image, labels)
        float32 (Y, X) or (C, Y, X), the same C in all, and uint8 (Y, X).

    Returns
    -------
    images : Tensor of float32, shape (N, C, H, W)
        Padded by repeating the edge.
    labels : Tensor of uint8, shape (N, H, W)
        Padded with 255, which is ignored.
    """
    height = max(_SMALLEST, *(labels.shape[0] for _, labels in samples))
    width = max(_SMALLEST, *(labels.shape[1] for _, labels in samples))
    n_channels = 1 if samples[0][0].ndim == 2 else samples[0][0].shape[0]
    images = np.empty((len(samples), n_channels, height, width), dtype=np.float32)
    truth = np.full((len(samples), height, width), IGNORE, dtype=np.uint8)
    for n, (image, labels) in enumerate(samples):
        rows, columns = labels.shape
        images[n, :, :rows, :columns] = image
        images[n, :, :rows, columns:] = images[n, :, :rows, columns - 1 : columns]
        images[n, :, rows:] = images[n, :, rows - 1 : rows]
        truth[n, :rows, :columns] = labels
    return torch.from_numpy(images), torch.from_numpy(truth)
