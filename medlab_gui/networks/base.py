"""What all networks have in common: any size, freezing, counting."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab_gui.core.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ClassificationNetwork",
    "Network",
    "SegmentationNetwork",
    "below",
    "channels_last",
    "checked_share",
    "count_multiply_adds",
    "count_weights",
    "on_meta",
    "scaled",
    "start_after_he",
    "start_balanced",
]

T = TypeVar("T")


class Network(nn.Module):
    """A network that takes pictures of any size, and of which parts can be frozen.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of the input, classes that it tells apart (background is one).

    Attributes
    ----------
    kind : str
        ``"segmentation"`` (a class for each pixel) or ``"classification"`` (one for
        the whole picture).
    title, paper : str
        What a person reads.
    paper_size : tuple of int
        Height and width of the paper's pictures.
    encoder_prefixes : tuple of str
        Modules that are kept in phase one of transfer.
    choices : dict of str to tuple of str
        Options that take a word, and which words.

    Raises
    ------
    SpecError
        If there are no input channels or fewer than two classes.
    """

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    paper_size: ClassVar[tuple[int, int]] = (512, 512)
    encoder_prefixes: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __init__(self, in_channels: int, n_classes: int) -> None:
        super().__init__()
        if in_channels < 1 or n_classes < 2:
            msg = (
                "A network needs an input channel and two classes (background is one); "
                f"found {in_channels} and {n_classes}."
            )
            raise SpecError(msg)
        self.in_channels = in_channels
        self.n_classes = n_classes
        self._frozen: tuple[str, ...] = ()

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Return the options that the network takes, with their defaults."""
        parameters = inspect.signature(cls).parameters
        return {
            name: p.default
            for name, p in parameters.items()
            if p.default is not inspect.Parameter.empty
        }

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return how modules are called in public files of weights.

        Returns
        -------
        dict
            Source (key of `networks.transfer.SOURCES`) to a table from the names of
            modules there to the names here. What is not in it is not taken over.
        """
        return {}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a picture of a size that fits the network."""
        raise NotImplementedError

    def _check(self, x: Tensor) -> None:
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            msg = (
                f"The network takes (N, {self.in_channels}, H, W); "
                f"found {tuple(x.shape)}."
            )
            raise SpecError(msg)

    def freeze(self, trainable: str | tuple[str, ...] = "all") -> None:
        """Choose what learns; see `networks.freeze`."""
        learns = self._selector(trainable)
        for name, weight in self.named_parameters():
            weight.requires_grad_(learns(name))
        self._frozen = tuple(
            name
            for name, module in self.named_modules()
            if name and _has_weights(module) and not _any_learns(module)
        )
        self.train(self.training)

    def _selector(self, trainable: str | tuple[str, ...]) -> Callable[[str], bool]:
        if trainable == "all":
            return lambda name: True
        if trainable == "head":
            return lambda name: not below(name, self.encoder_prefixes)
        if isinstance(trainable, str):
            msg = (
                f"What learns is 'all', 'head' or a list of modules; "
                f"found {trainable!r}."
            )
            raise SpecError(msg)
        names = [name for name, _ in self.named_parameters()]
        for prefix in trainable:
            if not any(below(name, (prefix,)) for name in names):
                known = ", ".join(name for name, _ in self.named_children())
                msg = f"The network has no module {prefix!r}; it has {known}."
                raise SpecError(msg)
        return lambda name: below(name, trainable)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, except for what is frozen."""
        super().train(mode)
        for name in self._frozen:
            self.get_submodule(name).eval()
        return self


class SegmentationNetwork(Network):
    """A network from pictures to one logit per class and pixel.

    Subclasses implement `logits` for sizes that are multiples of ``stride``; this class
    pads any other size by repeating the last row and column, and crops afterwards.
    """

    kind: ClassVar[str] = "segmentation"
    stride: ClassVar[int] = 1

    def forward(self, x: Tensor) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x : Tensor of float, shape (N, in_channels, H, W)
            Preprocessed pictures, of any size.

        Returns
        -------
        Tensor of float, shape (N, n_classes, H, W)
            Unbounded; softmax over axis 1 makes them probabilities.

        Raises
        ------
        SpecError
            If the input has another number of axes or channels.
        """
        self._check(x)
        height, width = x.shape[-2:]
        below, right = -height % self.stride, -width % self.stride
        if self.training and len(x) == 1 and max(height, width) <= self.stride:
            # Batch normalisation needs more than one value at the bottom.
            right += self.stride
        if below or right:
            x = functional.pad(x, (0, right, 0, below), mode="replicate")
        return self.logits(x)[..., :height, :width]


class ClassificationNetwork(Network):
    """A network from pictures to what they are.

    Subclasses implement `logits` for pictures of at least ``smallest`` pixels a side;
    this class repeats the last row and column of smaller ones. A trace (TorchScript,
    ONNX) serves all sizes from ``smallest`` on if it was made with such a picture; one
    of a smaller picture repeats as many rows of any other, too, which is wrong.
    """

    kind: ClassVar[str] = "classification"
    smallest: ClassVar[int] = 1

    @property
    def n_logits(self) -> int:
        """Numbers that the network gives: one for two classes, else one for each."""
        return 1 if self.n_classes == 2 else self.n_classes

    def forward(self, x: Tensor) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x : Tensor of float, shape (N, in_channels, H, W)
            Preprocessed pictures, of any size.

        Returns
        -------
        Tensor of float, shape (N, n_logits)
            Unbounded. Of two classes the sigmoid is the probability of the second;
            of more, softmax over axis 1 makes them probabilities.

        Raises
        ------
        SpecError
            If the input has another number of axes or channels.
        """
        self._check(x)
        below = max(0, self.smallest - x.shape[-2])
        right = max(0, self.smallest - x.shape[-1])
        if below or right:
            x = functional.pad(x, (0, right, 0, below), mode="replicate")
        return self.logits(x)


def below(name: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a module or tensor is one of these modules or lies in one."""
    return any(name == p or name.startswith(p + ".") for p in prefixes)


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _any_learns(module: nn.Module) -> bool:
    return any(weight.requires_grad for weight in module.parameters())


def scaled(channels: int, width: float) -> int:
    """Return a number of channels times a width, at least 1.

    Raises
    ------
    SpecError
        If the width is not a number in (0, 4].
    """
    is_number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not is_number or not 0 < width <= 4:
        msg = f"The width of a network lies above 0 and up to 4; found {width!r}."
        raise SpecError(msg)
    return max(1, round(channels * width))


def checked_share(share: float) -> float:
    """Return a share of what is dropped.

    Raises
    ------
    SpecError
        If it is not a number in [0, 1).
    """
    is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not is_number or not 0 <= share < 1:
        msg = f"The dropout of a network lies from 0 to below 1; found {share!r}."
        raise SpecError(msg)
    return float(share)


def start_after_he(*layers: nn.Conv2d | nn.Linear) -> None:
    """Draw weights so that what passes ReLUs keeps its size; biases start at 0."""
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def start_balanced(scores: nn.Conv2d) -> None:
    """Let the features speak for each class at first as much as against it.

    For the convolution that turns what a ReLU gives into scores. Features are then
    never negative, so that a class against which all of them speak cannot win
    anywhere. With weights drawn freely that happens to narrow networks (of 8 features
    and two classes 7 or all are against the second one in 9 of 256 draws), and Adam,
    which moves a weight by at most the sum of its learning rates, may not get out of
    it: the class is never found while the loss falls.

    Parameters
    ----------
    scores : nn.Conv2d
        Changed in place: the weights of each class add up to 0 over the features, so
        that of any two classes each has features that speak for it; they grow so that
        features of size 1 give scores of size 1; biases are 0.
    """
    with torch.no_grad():
        if scores.in_channels > 1:
            scores.weight -= scores.weight.mean(dim=1, keepdim=True)
        scores.weight *= 3**0.5  # torch draws with a third of the variance
    if scores.bias is not None:
        nn.init.zeros_(scores.bias)


def channels_last(module: nn.Module) -> None:
    """Lay a module's kernels out with channels last, in place.

    Convolutions are then a quarter to a third faster on a CPU, with the same result up
    to rounding.
    """
    for weight in module.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def on_meta(make: Callable[[], T]) -> T:
    """Return what ``make`` builds, with shapes but without memory for its weights."""
    with torch.device("meta"):
        return make()


def count_weights(module: nn.Module) -> int:
    """Return how many numbers the module learns."""
    return sum(p.numel() for p in module.parameters())


def count_multiply_adds(module: nn.Module, size: tuple[int, int, int]) -> int:
    """Return the multiplications of one forward pass.

    Parameters
    ----------
    module : nn.Module
        Best on the meta device (`on_meta`), where nothing is computed.
    size : tuple of int
        Channels, height and width of the picture.

    Returns
    -------
    int
        Of convolutions, transposed convolutions and dense layers. Everything else
        (normalisation, activation, pooling) is small beside them and left out.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], result: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.ConvTranspose2d):
            # Each input pixel is spread by the kernel into every output channel.
            total += inputs[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            total += result.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in module.modules()]
    was_training = module.training
    try:
        with torch.no_grad():
            device = next(module.parameters()).device
            module.eval()(torch.zeros(1, *size, device=device))
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return total
