"""Inception-V3 as a classifier."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab_gui.networks.base import ClassificationNetwork, scaled, start_after_he
from medlab_gui.networks.dense_head import dense_head

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InceptionV3"]

# Names of modules are torchvision's throughout, so that the public file fits by name.
# A branch is a chain of convolutions: (name, channels, kernel, stride, padding).
_Link = tuple[str, int, int | tuple[int, int], int, int | tuple[int, int]]
_Chain = tuple[_Link, ...]


class _Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)
        start_after_he(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated features."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)


_mean3 = partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1)
_max3 = partial(functional.max_pool2d, kernel_size=3, stride=2)


class _Block(nn.Module):
    """Chains side by side on the same input, their results concatenated.

    Parameters
    ----------
    before : int
        Channels of the input.
    chains : tuple
        The branches with convolutions, in the order of concatenation.
    pooled : tuple or None
        The branch that begins with a 3x3 mean; it ends the concatenation.
    keeps_maxima : bool
        Whether a branch of 3x3 maxima with stride 2 ends the concatenation.
    splits : tuple of str
        Links that take the same input as the link before them; both are kept.
    width : float
        Scales channels.
    """

    def __init__(
        self,
        before: int,
        chains: tuple[_Chain, ...],
        width: float,
        *,
        pooled: _Chain | None = None,
        keeps_maxima: bool = False,
        splits: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._chains = tuple(tuple(link[0] for link in chain) for chain in chains)
        self._pooled = None if pooled is None else pooled[0][0]
        self._keeps_maxima = keeps_maxima
        self._splits = splits
        self.channels = before if keeps_maxima else 0
        for chain in (*chains, *([pooled] if pooled else [])):
            at = source = before
            for name, channels, kernel, stride, padding in chain:
                source = source if name in splits else at
                at = scaled(channels, width)
                self.add_module(name, _Convolution(source, at, kernel, stride, padding))
                # What is split off stands beside the link before it.
                self.channels += at if name in splits else 0
            self.channels += at

    def forward(self, x: Tensor) -> Tensor:
        """Return all branches, concatenated along the channels."""
        results: list[Tensor] = []
        for chain in self._chains:
            at = source = x
            for name in chain:
                if name in self._splits:
                    results.append(at)
                else:
                    source = at
                at = self.get_submodule(name)(source)
            results.append(at)
        if self._pooled is not None:
            results.append(self.get_submodule(self._pooled)(_mean3(x)))
        if self._keeps_maxima:
            results.append(_max3(x))
        return torch.cat(results, dim=1)


def _one(name: str, channels: int) -> _Link:
    return (name, channels, 1, 1, 0)


def _row(name: str, channels: int, long: int = 7) -> _Link:
    return (name, channels, (1, long), 1, (0, long // 2))


def _column(name: str, channels: int, long: int = 7) -> _Link:
    return (name, channels, (long, 1), 1, (long // 2, 0))


def _a(before: int, width: float, pooled: int) -> _Block:
    chains: tuple[_Chain, ...] = (
        (_one("branch1x1", 64),),
        (_one("branch5x5_1", 48), ("branch5x5_2", 64, 5, 1, 2)),
        (
            _one("branch3x3dbl_1", 64),
            ("branch3x3dbl_2", 96, 3, 1, 1),
            ("branch3x3dbl_3", 96, 3, 1, 1),
        ),
    )
    return _Block(before, chains, width, pooled=(_one("branch_pool", pooled),))


def _b(before: int, width: float) -> _Block:
    chains: tuple[_Chain, ...] = (
        (("branch3x3", 384, 3, 2, 0),),
        (
            _one("branch3x3dbl_1", 64),
            ("branch3x3dbl_2", 96, 3, 1, 1),
            ("branch3x3dbl_3", 96, 3, 2, 0),
        ),
    )
    return _Block(before, chains, width, keeps_maxima=True)


def _c(before: int, width: float, inner: int) -> _Block:
    chains: tuple[_Chain, ...] = (
        (_one("branch1x1", 192),),
        (
            _one("branch7x7_1", inner),
            _row("branch7x7_2", inner),
            _column("branch7x7_3", 192),
        ),
        (
            _one("branch7x7dbl_1", inner),
            _column("branch7x7dbl_2", inner),
            _row("branch7x7dbl_3", inner),
            _column("branch7x7dbl_4", inner),
            _row("branch7x7dbl_5", 192),
        ),
    )
    return _Block(before, chains, width, pooled=(_one("branch_pool", 192),))


def _d(before: int, width: float) -> _Block:
    chains: tuple[_Chain, ...] = (
        (_one("branch3x3_1", 192), ("branch3x3_2", 320, 3, 2, 0)),
        (
            _one("branch7x7x3_1", 192),
            _row("branch7x7x3_2", 192),
            _column("branch7x7x3_3", 192),
            ("branch7x7x3_4", 192, 3, 2, 0),
        ),
    )
    return _Block(before, chains, width, keeps_maxima=True)


def _e(before: int, width: float) -> _Block:
    chains: tuple[_Chain, ...] = (
        (_one("branch1x1", 320),),
        (
            _one("branch3x3_1", 384),
            _row("branch3x3_2a", 384, 3),
            _column("branch3x3_2b", 384, 3),
        ),
        (
            _one("branch3x3dbl_1", 448),
            ("branch3x3dbl_2", 384, 3, 1, 1),
            _row("branch3x3dbl_3a", 384, 3),
            _column("branch3x3dbl_3b", 384, 3),
        ),
    )
    splits = ("branch3x3_2b", "branch3x3dbl_3b")
    pooled = (_one("branch_pool", 192),)
    return _Block(before, chains, width, pooled=pooled, splits=splits)


_STEM = (
    ("Conv2d_1a_3x3", 32, 3, 2, 0),
    ("Conv2d_2a_3x3", 32, 3, 1, 0),
    ("Conv2d_2b_3x3", 64, 3, 1, 1),
    ("Conv2d_3b_1x1", 80, 1, 1, 0),
    ("Conv2d_4a_3x3", 192, 3, 1, 0),
)
_POOLED = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")  # 3x3 maxima with stride 2 follow

_MIXED: tuple[tuple[str, Callable[[int, float], _Block]], ...] = (
    ("Mixed_5b", partial(_a, pooled=32)),
    ("Mixed_5c", partial(_a, pooled=64)),
    ("Mixed_5d", partial(_a, pooled=64)),
    ("Mixed_6a", _b),
    ("Mixed_6b", partial(_c, inner=128)),
    ("Mixed_6c", partial(_c, inner=160)),
    ("Mixed_6d", partial(_c, inner=160)),
    ("Mixed_6e", partial(_c, inner=192)),
    ("Mixed_7a", _d),
    ("Mixed_7b", _e),
    ("Mixed_7c", _e),
)


class InceptionV3(ClassificationNetwork):
    """Inception-V3 with the dense layers of paper 3.

    Five convolutions with two poolings; eleven blocks of branches with 1x1 to 5x5, 1x7
    and 7x1 convolutions (288 to 2048 channels at width 1), each with batch
    normalisation and ReLU; the mean over the picture; 512 and 256 units with ReLU; one
    output for two classes. The auxiliary classifier of the original is left out.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of the input, classes.
    width : float
        Scales all channels; 1 is the paper.
    dropout : float
        Share of the 512 and 256 units that is dropped while training.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, 1)`` for two classes, else
    ``(N, n_classes)``. Paper 3 shows it 224 x 224 pixels, the original 299 x 299.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna: Rethinking the Inception
    architecture for computer vision. CVPR 2016. Dense layers after Li, Ye et al., J.
    Electronic Measurement and Instrumentation, B2003774.
    """

    title: ClassVar[str] = "Inception-V3"
    paper: ClassVar[str] = "Szegedy et al., CVPR 2016; dense layers of Li, Ye et al."
    paper_size: ClassVar[tuple[int, int]] = (224, 224)
    smallest: ClassVar[int] = 107
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("encoder",)

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, n_classes)
        self.encoder = nn.Sequential()
        channels = in_channels
        for name, wide, kernel, stride, padding in _STEM:
            after = scaled(wide, width)
            layer = _Convolution(channels, after, kernel, stride, padding)
            self.encoder.add_module(name, layer)
            if name in _POOLED:
                self.encoder.add_module(f"pool_{name}", nn.MaxPool2d(3, 2))
            channels = after
        for name, make in _MIXED:
            block = make(channels, width)
            self.encoder.add_module(name, block)
            channels = block.channels
        self.head = dense_head(channels, self.n_logits, width, dropout)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files of Inception-V3."""
        names = [link[0] for link in _STEM] + [name for name, _ in _MIXED]
        return {"inception_v3": {name: f"encoder.{name}" for name in names}}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, n_logits)."""
        logits: Tensor = self.head(self.encoder(x).mean(dim=(2, 3)))
        return logits
