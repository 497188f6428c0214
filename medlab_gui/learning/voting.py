"""Several looks at one picture: tiles, mirrored pictures, dropout; their mean."""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from medlab_gui.core.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medlab_gui.core.predict_spec import PredictSpec

__all__ = [
    "blending_weights",
    "dropout_on",
    "starts",
    "tile_shape",
    "voted_probs",
]

_MIRRORED: dict[str, tuple[tuple[int, ...], ...]] = {
    "none": ((),),
    "left-right": ((), (-1,)),
    "all": ((), (-1,), (-2,), (-2, -1)),
}
"""Axes of (N, C, H, W) that are turned round in each look."""

_DROPOUTS = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)
_SIGMA = 1 / 8
_FAINTEST = 1e-3


@torch.inference_mode()
def voted_probs(
    network: Callable[[Tensor], Tensor], images: Tensor, spec: PredictSpec
) -> Tensor:
    """Return the mean of the probabilities of all looks at some pictures.

    Probabilities are averaged, not logits: the entropy of their mean is the predictive
    entropy, which is also high where the looks are each sure of something else.

    Parameters
    ----------
    network : callable
        From ``(N, C_in, h, w)`` to logits ``(N, C, h, w)``, on a device of its own.
    images : Tensor of float, shape (N, C_in, H, W)
        Prepared pictures of one shape.
    spec : PredictSpec
        Tiles, flips and the number of dropout passes; switching dropout on is the
        caller's (`dropout_on`).

    Returns
    -------
    Tensor of float32, shape (N, C, H, W)
        On the network's device; they sum to 1 over axis 1. Beside the network's own
        memory this takes one such tensor, however many tiles there are.
    """
    size = (int(images.shape[-2]), int(images.shape[-1]))
    tile = tile_shape(size, spec)
    if tile == size:
        return _looks(network, images, spec)
    total: Tensor | None = None
    for y in starts(size[0], tile[0], spec.overlap):
        for x in starts(size[1], tile[1], spec.overlap):
            rows, columns = slice(y, y + tile[0]), slice(x, x + tile[1])
            probs = _looks(network, images[..., rows, columns], spec)
            if total is None:
                shape = (*probs.shape[:2], *size)
                total = torch.zeros(shape, device=probs.device)
                weights = blending_weights(tile).to(probs.device)
            total[..., rows, columns] += probs * weights
    assert total is not None  # there is at least one tile
    # The weights are the same for all classes, so their sum is that of the result.
    return total.div_(total.sum(dim=1, keepdim=True))


def _looks(
    network: Callable[[Tensor], Tensor], images: Tensor, spec: PredictSpec
) -> Tensor:
    mirrored = _MIRRORED[spec.flips]
    n_looks = len(mirrored) * max(1, spec.dropout_passes)
    total: Tensor | None = None
    for axes in mirrored:
        shown = images.flip(axes) if axes else images
        for _ in range(max(1, spec.dropout_passes)):
            probs = torch.softmax(network(shown).float(), dim=1)
            if axes:
                probs = probs.flip(axes)
            total = probs if total is None else total.add_(probs)
    assert total is not None  # there is at least one look
    return total if n_looks == 1 else total.div_(n_looks)


def tile_shape(size: tuple[int, int], spec: PredictSpec) -> tuple[int, int]:
    """Return height and width of what the network is shown of pictures of a size."""
    if spec.tile == 0:
        return size
    return min(spec.tile, size[0]), min(spec.tile, size[1])


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Return where tiles begin along an axis: evenly, the last one ends at its end.

    Parameters
    ----------
    length, tile : int
        In pixels; the tile is not longer.
    overlap : float
        Share of a tile that neighbours share at least.
    """
    step = max(1.0, tile * (1 - overlap))
    gaps = math.ceil((length - tile) / step)
    return [round(n * (length - tile) / gaps) for n in range(gaps)] + [length - tile]


@lru_cache(maxsize=4)
def blending_weights(tile: tuple[int, int]) -> Tensor:
    """Return how much each pixel of a tile counts: a bell, lowest at the borders.

    A network knows less at the border of a tile than in its middle, and weights that
    fall off smoothly leave no seams.

    Parameters
    ----------
    tile : tuple of int
        Height and width.

    Returns
    -------
    Tensor of float32, shape ``tile``
        1 in the middle, above 0 everywhere: a Gaussian whose standard deviation is an
        eighth of the side, as in nnU-Net.

    References
    ----------
    .. [1] F. Isensee et al., nnU-Net: a self-configuring method for deep learning-based
       biomedical image segmentation, Nature Methods 18 (2021) 203-211.
    """
    rows, columns = (
        torch.exp(-0.5 * ((torch.arange(n) - (n - 1) / 2) / (n * _SIGMA)) ** 2).clamp_(
            min=_FAINTEST
        )
        for n in tile
    )
    # Each side's own limit: one for the product would make the upper rows all alike.
    return torch.outer(rows, columns)


@contextmanager
def dropout_on(network: nn.Module, seed: int) -> Iterator[None]:
    """Switch a network's dropout on, and nothing else, for Monte-Carlo passes.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; normalisation keeps its statistics.
    seed : int
        Of what is dropped. The random state of the rest of the program is put back.

    Raises
    ------
    SpecError
        If the network has no dropout, so that all passes would say the same.

    References
    ----------
    .. [1] Y. Gal, Z. Ghahramani, Dropout as a Bayesian approximation, ICML 2016.
    """
    layers = [m for m in network.modules() if isinstance(m, _DROPOUTS) and m.p > 0]
    if not layers:
        msg = (
            "These weights' network has no dropout, so all dropout passes would say "
            "the same; leave them out, or average mirrored slices instead."
        )
        raise SpecError(msg)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        try:
            yield
        finally:
            for layer in layers:
                layer.eval()
