"""Tensors with names and shapes of torchvision's files, but numbers of our own.

``torchvision_shapes.json`` lists what torchvision 0.20.1 (BSD-3-Clause) saves.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

__all__ = ["SHAPES", "public_tensors"]

SHAPES: dict[str, dict[str, list[int]]] = json.loads(
    Path(__file__).with_name("torchvision_shapes.json").read_text(encoding="utf-8")
)


def public_tensors(name: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random tensors as a file would hold them.

    Dense layers, which make VGG16 large, share one number and take no memory.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for key, shape in SHAPES[name].items():
        if key.endswith("num_batches_tracked"):
            tensors[key] = torch.tensor(7)
        elif key.startswith("classifier"):
            tensors[key] = torch.zeros(1).expand(shape)
        else:
            numbers = torch.rand(shape, generator=generator)
            # Variances and scales are above 0; convolutions keep what they are given.
            n_inputs = max(1, numbers[0].numel()) if numbers.ndim == 4 else 1
            is_kernel = numbers.ndim == 4
            tensors[key] = (
                (numbers - 0.5) * (12 / n_inputs) ** 0.5 if is_kernel else numbers + 0.5
            )
    return tensors
