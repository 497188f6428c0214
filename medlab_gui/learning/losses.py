"""What training makes small. Voxels with the label 255 take no part in any of it.

Each loss is called with logits (N, C, H, W) and labels (N, H, W) of integers, and
returns a scalar. ``class_weights`` (C,) is how much each class counts, background
first; without it all count alike. A slice that is not labelled at all is 255
everywhere and adds nothing.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from medlab_gui.core.errors import SpecError
from medlab_gui.core.labels import IGNORE
from medlab_gui.core.registry import Registry
from medlab_gui.core.spec_checks import check_number, nearest
from medlab_gui.core.training import LossTerm

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.core.training import TrainSpec

__all__ = [
    "LOSSES",
    "cross_entropy",
    "dice",
    "dice_ce",
    "dice_plain",
    "focal",
    "make_loss",
]

LOSSES: Registry[Callable[..., Tensor]] = Registry(
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
_OWN = ("logits", "labels", "class_weights")


def make_loss(spec: TrainSpec) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss that a recipe asks for, as one function of logits and labels.

    Parameters
    ----------
    spec : TrainSpec
        Its ``loss`` and ``class_weights`` are used.

    Returns
    -------
    callable
        The weighted sum of the terms, in float32 whatever the network computes in.

    Raises
    ------
    SpecError
        If there is no such loss, it does not take such an option or no class weights.
    """
    named = isinstance(spec.loss, str)
    terms = (LossTerm(str(spec.loss)),) if named else tuple(spec.loss)
    parts: list[tuple[float, Callable[..., Tensor], dict[str, Any]]] = []
    for term in terms:
        assert isinstance(term, LossTerm)
        function = LOSSES[term.name]
        _check_options(term, function)
        if spec.class_weights and "class_weights" not in _parameters(function):
            msg = f"The loss {term.name!r} does not take class weights; leave them out."
            raise SpecError(msg)
        parts.append((term.weight, function, dict(term.options)))
    shares = torch.tensor(spec.class_weights) if spec.class_weights else None

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        logits = logits.float()
        total = logits.new_zeros(())
        for weight, function, options in parts:
            if shares is not None:
                options = {**options, "class_weights": shares.to(logits.device)}
            total = total + weight * function(logits, labels, **options)
        return total

    return loss


def _parameters(function: Callable[..., Tensor]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def _check_options(term: LossTerm, function: Callable[..., Tensor]) -> None:
    known = [name for name in _parameters(function) if name not in _OWN]
    for name, value in term.options.items():
        if name not in known:
            there = f"it knows {', '.join(known)}" if known else "it has none"
            msg = f"The loss {term.name!r} has no option {name!r}; {there}."
            raise SpecError(msg + nearest(name, known))
        check_number(f"{name} of the loss {term.name}", value, 0)


def _dice(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None, *, squared: bool
) -> Tensor:
    counts = (labels != IGNORE).unsqueeze(1)
    inside = torch.where(counts.squeeze(1), labels, 0).long()
    truth = functional.one_hot(inside, logits.shape[1]).movedim(-1, 1)
    p = (torch.softmax(logits, dim=1) * counts)[:, 1:]
    t = (truth * counts)[:, 1:].to(p.dtype)
    over = (0, 2, 3)
    below = ((p * p) if squared else p).sum(over) + t.sum(over)
    score = (2 * (p * t).sum(over) + _SMOOTH) / (below + _SMOOTH)
    if class_weights is None:
        return 1 - score.mean()
    shares = class_weights[1:] / class_weights[1:].sum()
    return 1 - (shares * score).sum()


def dice(logits: Tensor, labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return 1 - ``2 a.b / (|a|^2 + |b|^2)``, mean over foreground classes.

    Sums run over the whole batch; 1 is added above and below. The mean is weighted
    where there are class weights; background has no part in it.

    References
    ----------
    Milletari et al., V-Net, 3DV 2016; Duan et al., J. Graphics 2020.
    """
    return _dice(logits, labels, class_weights, squared=True)


def dice_plain(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Return 1 - ``2 a.b / (|a| + |b|)``, else as `dice`."""
    return _dice(logits, labels, class_weights, squared=False)


def _mean(per_voxel: Tensor, labels: Tensor, class_weights: Tensor | None) -> Tensor:
    counts = labels != IGNORE
    if class_weights is None:
        return per_voxel.sum() / counts.sum().clamp(min=1)
    shares = class_weights[torch.where(counts, labels, 0).long()] * counts
    # Weights that leave nothing in this batch must not make it 0 / 0.
    return (shares * per_voxel).sum() / shares.sum().clamp(min=1e-12)


def _minus_log(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(
        logits, labels.long(), ignore_index=IGNORE, reduction="none"
    )


def cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Return the (weighted) mean of ``-log p_t`` over voxels that count, else 0."""
    return _mean(_minus_log(logits, labels), labels, class_weights)


def focal(
    logits: Tensor,
    labels: Tensor,
    gamma: float = 2.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Return the (weighted) mean of ``-(1 - p_t)^gamma log p_t`` over what counts.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.
    """
    minus_log = _minus_log(logits, labels)
    # A p_t that rounds to 1 has no slope under a power below 1.
    missed = (1 - torch.exp(-minus_log)).clamp(min=1e-12)
    return _mean(missed**gamma * minus_log, labels, class_weights)


def dice_ce(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Return the sum of `dice` and `cross_entropy`."""
    return dice(logits, labels, class_weights) + cross_entropy(
        logits, labels, class_weights
    )
