"""Networks reckoned in bfloat16, without another mask coming of it.

bfloat16 keeps eight bits of a number. What a network makes of pictures and weights that
are rounded so differs by a few thousandths, and where two classes are all but equally
likely the other one may win. Two things keep that from being seen. The first layer is
given what rounding would take away (`parts_of`, `first_layer_in_parts`): pixels of a
scan differ by little beside their mean, and most of the difference arises there. And
each answer is looked at, and reckoned again in float32 where too many pixels are close
(`RoundingGuard`).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["RoundingGuard", "first_layer_in_parts", "parts_of"]

_MOST_CHANGED = 5e-4
"""Share of a picture's pixels that may be expected to change: half of what may."""
_LARGEST_ERROR = 0.1
"""Of the difference of two logits: a pixel that changes had some 45 to 55 percent."""
_MORE, _LARGER, _UNSEEN = 4, 1.5, 16
"""An answer is compared that has so many times the pixels of a class, or logits so many
times as large, as any that was, and one of so many that show several classes."""
_FEW = 4096
"""One of so many pixels is too few to say that a class is new."""
_CLOSEST = (16, 256)
"""The error counts where classes are closest, on one of so many pixels."""
_CHANCE = 16
"""Pixels that may change beyond what is expected."""
_TRIED = 8
"""Answers that may fail before it is given up."""
_ALIKE = 1e-3
_EXAMPLE_SIDE = 64
_FAR = 6.0
"""Errors, in standard deviations, that do not happen."""


def parts_of(images: Tensor) -> Tensor:
    """Split pictures into what bfloat16 keeps of them and what it takes away.

    Parameters
    ----------
    images : Tensor of float32, shape (N, C, H, W)
        Pictures.

    Returns
    -------
    Tensor of float32, shape (N, 3 C + 2, H, W)
        What is kept, the rest, and again what is kept, which make up the picture to
        within 2^-17 in bfloat16, too; and ones. They are the partners of what
        `first_layer_in_parts` makes of the weights.
    """
    kept = images.bfloat16().float()
    ones = torch.ones(len(images), 2, *images.shape[2:])
    return torch.cat([kept, images - kept, kept, ones], dim=1)


@contextmanager
def first_layer_in_parts(network: SegmentationNetwork) -> Iterator[bool]:
    """Let a network's first convolutions take `parts_of` pictures, for a while.

    The product of two numbers is that of their parts: kept by kept, rest by kept and
    kept by rest; rest by rest is too small to matter. The bias is in parts, too, as the
    weights of ones: OpenVINO rounds biases as all else.

    Parameters
    ----------
    network : SegmentationNetwork
        On the processor, in evaluation mode. As it was afterwards.

    Yields
    ------
    bool
        Whether `logits` takes parts now; not where something else than plain
        convolutions looks at the picture. Then it is as it was.
    """
    images = _example(network)
    first, expected = _first_layers(network, images)
    whole = [(layer.weight, layer.bias) for layer in first]
    try:
        for layer in first:
            layer.weight = nn.Parameter(_weights_in_parts(layer), requires_grad=False)
            layer.bias = None
        takes_parts = bool(first) and _same(network, images, expected)
        if not takes_parts:
            _put_back(first, whole)
        yield takes_parts
    finally:
        _put_back(first, whole)


def _put_back(
    layers: list[nn.Conv2d], whole: list[tuple[Tensor, Tensor | None]]
) -> None:
    for layer, (weight, bias) in zip(layers, whole, strict=True):
        layer.weight, layer.bias = weight, bias


def _weights_in_parts(layer: nn.Conv2d) -> Tensor:
    weight = layer.weight.detach()
    kept = weight.bfloat16().float()
    of_ones = torch.zeros(len(weight), 2, *weight.shape[2:])
    if layer.bias is not None:
        bias = layer.bias.detach()
        of_ones[:, 0, *_own_tap(layer)] = bias.bfloat16().float()
        of_ones[:, 1, *_own_tap(layer)] = bias - bias.bfloat16().float()
    return torch.cat([kept, kept, weight - kept, of_ones], dim=1)


def _own_tap(layer: nn.Conv2d) -> tuple[int, int]:
    """Return where in a kernel the one pixel is that lies in the picture everywhere."""
    assert not isinstance(layer.padding, str)
    (down, right), (rows, columns) = layer.padding, layer.dilation
    return down // rows, right // columns


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Tell whether a convolution can take parts."""
    if type(module) is not nn.Conv2d or isinstance(module.padding, str):
        return False
    along = zip(module.padding, module.dilation, module.kernel_size, strict=True)
    fits = all(pad % step == 0 and pad // step < size for pad, step, size in along)
    # A weight that is made of others at each call cannot be put in its place.
    own = "weight" in dict(module.named_parameters(recurse=False))
    return fits and own and module.groups == 1 and module.padding_mode == "zeros"


class RoundingGuard:
    """Decides which answers for a scan that were reckoned in bfloat16 may stand.

    An answer's error is known from pictures that were reckoned both ways: the first
    one, every one that did not stand, one that is unlike those (more of a class, larger
    logits), and one now and then. Each pixel's class changes with the probability that
    a normal error of that size reaches from its most probable class to the next. An
    answer stands where one in 2,000 pixels is expected to change, twice as many may,
    and where the error is so small that only pixels change whose two classes are all
    but equally likely.

    Attributes
    ----------
    pays : bool
        False once more answers had too large a difference than stood.
    n_stood : int
        Answers that stood.
    """

    def __init__(self) -> None:
        self.pays = True
        self.n_stood = 0
        self._error: float | None = None
        self._pixels: Tensor | None = None  # of each class, the most of those compared
        self._size = 0.0
        self._failed = self._unseen = 0

    def stands(self, rounded: Tensor) -> bool:
        """Tell whether an answer may stand; if not, it goes to `learn` with the other.

        Parameters
        ----------
        rounded : Tensor of float32, shape (C, H, W)
            Logits of a picture, reckoned in bfloat16; at least two classes.
        """
        # What is no number compares as false, and never stands.
        if not self._expected_change(rounded) <= _MOST_CHANGED:
            self._failed += 1
            self.pays = self._failed < _TRIED or self._failed <= self.n_stood
            return False
        pixels = _pixels(rounded)
        if self._unseen >= _UNSEEN or self._is_new(pixels, rounded):
            return False
        self._unseen += int(torch.count_nonzero(pixels)) > 1
        self.n_stood += 1
        return True

    def learn(self, rounded: Tensor, exact: Tensor) -> None:
        """Take in how far both answers for a picture are apart.

        Parameters
        ----------
        rounded, exact : Tensor of float32, shape (C, H, W)
            Logits reckoned in bfloat16 and in float32.
        """
        two = rounded.topk(2, dim=0)
        lead = two.values[0] - two.values[1]
        meant = exact.gather(0, two.indices).diff(dim=0)[0].neg()
        found = max(_error_among(meant, lead, share) for share in _CLOSEST)
        if not math.isfinite(found):
            return
        self._error = max(self._error or 0.0, found)
        # Where the error differs much from place to place, what changed tells.
        changed = int(torch.count_nonzero(rounded.argmax(0) != exact.argmax(0)))
        expected = self._expected_change(rounded) * lead.numel()
        if changed > 2 * expected + _CHANCE:
            self._error *= changed / max(1.0, expected)
        pixels = _pixels(rounded)
        known = self._pixels
        self._pixels = pixels if known is None else torch.maximum(known, pixels)
        self._size = max(self._size, _rms(rounded))
        self._unseen = 0

    def _expected_change(self, rounded: Tensor) -> float:
        """Return the share of pixels whose class is expected to change."""
        if self._error is None or self._error > _LARGEST_ERROR:
            return math.inf
        lead = _lead(rounded)
        if not bool(lead.isfinite().all()):
            return math.nan
        if self._error == 0:
            return 0.0
        close = lead[lead < _FAR * self._error]
        return float(torch.special.ndtr(close / -self._error).sum()) / lead.numel()

    def _is_new(self, pixels: Tensor, rounded: Tensor) -> bool:
        """Tell whether an answer is unlike all that were compared."""
        assert self._pixels is not None  # an error is known
        few = rounded[0].numel() / _FEW
        if bool((pixels > _MORE * self._pixels.clamp(min=few)).any()):
            return True
        return _rms(rounded) > _LARGER * self._size


def _error_among(meant: Tensor, lead: Tensor, share: int) -> float:
    """Return the error's root mean square on the closest pixels, one of so many."""
    # By what is meant: the lead itself is the smaller where the error took from it.
    near = meant.abs()
    limit = near.flatten().kthvalue(max(1, near.numel() // share)).values
    return _rms((meant - lead)[near <= limit])


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


def _pixels(logits: Tensor) -> Tensor:
    """Return of how many pixels (C, H, W) each class is the most probable."""
    return (logits == logits.amax(dim=0)).sum((1, 2))


def _lead(logits: Tensor) -> Tensor:
    """Return by how much each pixel's most probable class (C, H, W) leads the next."""
    best, second = torch.maximum(*logits[:2]), torch.minimum(*logits[:2])
    for one in logits[2:]:
        second = torch.maximum(second, torch.minimum(best, one))
        best = torch.maximum(best, one)
    return best - second


def _example(network: SegmentationNetwork) -> Tensor:
    side = network.stride * -(-_EXAMPLE_SIDE // network.stride)
    shape = (1, network.in_channels, side, side)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def _first_layers(
    network: SegmentationNetwork, images: Tensor
) -> tuple[list[nn.Conv2d], Tensor]:
    """Return the convolutions that are given the pictures themselves, and logits."""
    first: list[nn.Conv2d] = []

    def look(layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0] is images:
            first.append(layer)

    plain = filter(_is_plain, network.modules())
    hooks = [m.register_forward_pre_hook(look) for m in plain]
    try:
        with torch.inference_mode():
            logits = network.logits(images)
    finally:
        for hook in hooks:
            hook.remove()
    return first, logits


def _same(network: SegmentationNetwork, images: Tensor, expected: Tensor) -> bool:
    try:
        with torch.inference_mode():
            found = network.logits(parts_of(images))
    except (RuntimeError, ValueError, TypeError, LookupError, AssertionError):
        return False  # something else wants as many channels as ever
    apart = float((found - expected).abs().max())
    return apart <= _ALIKE * max(1e-6, float(expected.abs().max()))
