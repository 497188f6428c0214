"""Every network at a small width, and pictures for it."""

from __future__ import annotations

import torch
from torch import nn

from medlab_gui.core.specs import NetworkSpec
from medlab_gui.networks import (
    CLASSIFIERS,
    NETWORKS,
    build_any,
)
from medlab_gui.networks.ablation import ABLATION

SMALL = {"width": 1 / 16}


# The ablation's networks are rows of the suite, as networks of their own.
ROWS = {
    f"resnet_cbam_unet, {row.name}": row.options
    for row in ABLATION
    if not row.transfer and row.name != "residual + CBAM"
}


NAMES = [*sorted(NETWORKS), *ROWS]


BOTH = [*NAMES, *sorted(CLASSIFIERS)]


def spec_of(name: str, in_channels: int = 1, n_classes: int = 3) -> NetworkSpec:
    options = {**SMALL, **ROWS.get(name, {})}
    return NetworkSpec(name.partition(",")[0], in_channels, n_classes, options)


def small(name: str, in_channels: int = 1, n_classes: int = 3, seed: int = 0):
    torch.manual_seed(seed)
    return build_any(spec_of(name, in_channels, n_classes))


def n_logits(name: str, n_classes: int) -> int:
    is_one = name in CLASSIFIERS and n_classes == 2
    return 1 if is_one else n_classes


def loss_of(name: str, logits: torch.Tensor, n_classes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    shape = (
        logits.shape[:1] if name in CLASSIFIERS else (len(logits), *logits.shape[2:])
    )
    target = torch.randint(0, n_classes, shape, generator=generator)
    return nn.functional.cross_entropy(logits, target)


def picture(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
