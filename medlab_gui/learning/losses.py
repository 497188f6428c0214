"""What training makes small. Voxels with the label 255 take no part in any of it.

Each loss is called with logits (N, C, H, W) and labels (N, H, W) of integers, and
returns a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from medlab_gui.core.labels import IGNORE
from medlab_gui.core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "cross_entropy", "dice", "dice_ce", "dice_plain", "focal"]

LOSSES: Registry[Callable[[Tensor, Tensor], Tensor]] = Registry(
    "loss",
    {
        name: f"medlab_gui.learning.losses:{function}"
        for name, function in {
            "ce": "cross_entropy",
            "dice": "dice",
            "dice_ce": "dice_ce",
            "dice_plain": "dice_plain",
            "focal": "focal",
        }.items()
    },
    entry_point_group="medlab.losses",
)
"""Losses by name."""

# Keeps the quotient defined, and gives a class that is absent from a batch a small
# gradient towards absence instead of a large one.
_SMOOTH = 1.0


def _dice(logits: Tensor, labels: Tensor, *, squared: bool) -> Tensor:
    counts = (labels != IGNORE).unsqueeze(1)
    inside = torch.where(counts.squeeze(1), labels, 0).long()
    truth = functional.one_hot(inside, logits.shape[1]).movedim(-1, 1)
    p = (torch.softmax(logits, dim=1) * counts)[:, 1:]
    t = (truth * counts)[:, 1:].to(p.dtype)
    over = (0, 2, 3)
    below = ((p * p) if squared else p).sum(over) + t.sum(over)
    score = (2 * (p * t).sum(over) + _SMOOTH) / (below + _SMOOTH)
    return 1 - score.mean()


def dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - ``2 a.b / (|a|^2 + |b|^2)``, mean over foreground classes.

    Sums run over the whole batch; 1 is added above and below.

    References
    ----------
    Milletari et al., V-Net, 3DV 2016; Duan et al., J. Graphics 2020.
    """
    return _dice(logits, labels, squared=True)


def dice_plain(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - ``2 a.b / (|a| + |b|)``, else as `dice`."""
    return _dice(logits, labels, squared=False)


def _mean(per_voxel: Tensor, labels: Tensor) -> Tensor:
    return per_voxel.sum() / (labels != IGNORE).sum().clamp(min=1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of ``-log p_t`` over voxels that count; 0 where none does."""
    per_voxel = functional.cross_entropy(
        logits, labels.long(), ignore_index=IGNORE, reduction="none"
    )
    return _mean(per_voxel, labels)


def focal(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the mean of ``-(1 - p_t)^gamma log p_t`` over voxels that count.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.
    """
    minus_log = functional.cross_entropy(
        logits, labels.long(), ignore_index=IGNORE, reduction="none"
    )
    return _mean((1 - torch.exp(-minus_log)) ** gamma * minus_log, labels)


def dice_ce(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum of `dice` and `cross_entropy`."""
    return dice(logits, labels) + cross_entropy(logits, labels)
