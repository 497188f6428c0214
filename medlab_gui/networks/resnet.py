"""ResNet-50: its blocks, its encoder, and the classifier."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from medlab_gui.networks.base import ClassificationNetwork, scaled, start_after_he
from medlab_gui.networks.dense_head import dense_head

__all__ = ["STAGES", "ResNet50", "ResNet50Encoder", "resnet50_names"]

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Of each stage: inner channels at width 1, blocks, stride."""

_GROWTH = 4  # a block gives four times its inner channels


class _Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside a branch that passes the input on.

    Where size or channels change the branch is a 1x1 convolution ("convolution block"),
    else it is nothing ("identity block").
    """

    def __init__(self, before: int, inner: int, stride: int, *, branches: bool) -> None:
        super().__init__()
        after = _GROWTH * inner
        self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        # The stride is in the 3x3 convolution, as in the public weights ("v1.5").
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if branches:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both paths."""
        branch = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        result: Tensor = self.relu(x + branch)
        return result


class ResNet50Encoder(nn.Module):
    """ResNet-50 without its dense layer; modules are called as in torchvision.

    Parameters
    ----------
    in_channels : int
        Channels of the picture.
    width : float
        Scales all channels; 1 is the paper.

    Attributes
    ----------
    channels : tuple of int
        Of what `forward` returns, from shallow to deep: 64, 256, 512, 1024, 2048 at
        width 1, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
    """

    def __init__(self, in_channels: int, width: float = 1.0) -> None:
        super().__init__()
        stem = scaled(64, width)
        self.conv1 = nn.Conv2d(in_channels, stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = [stem]
        for n, (inner, count, stride) in enumerate(STAGES, start=1):
            narrow = scaled(inner, width)
            befores = [channels[-1]] + [_GROWTH * narrow] * (count - 1)
            blocks = [
                _Bottleneck(before, narrow, 1 if m else stride, branches=not m)
                for m, before in enumerate(befores)
            ]
            self.add_module(f"layer{n}", nn.Sequential(*blocks))
            channels.append(_GROWTH * narrow)
        self.channels = tuple(channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                start_after_he(module)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return what the stem and the four stages give."""
        x = self.relu(self.bn1(self.conv1(x)))
        levels = [x]
        x = self.maxpool(x)
        for n in range(1, len(STAGES) + 1):
            x = self.get_submodule(f"layer{n}")(x)
            levels.append(x)
        return levels


class ResNet50(ClassificationNetwork):
    """ResNet-50 with the dense layers of paper 3.

    A 7x7 convolution with stride 2 and max pooling; 3, 4, 6 and 3 bottleneck blocks
    (256 to 2048 channels at width 1); the mean over the picture; 512 and 256 units with
    ReLU; one output for two classes.

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
    ``(N, n_classes)``.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition. CVPR
    2016. Dense layers after Li, Ye et al., J. Electronic Measurement and
    Instrumentation, B2003774.
    """

    title: ClassVar[str] = "ResNet-50"
    paper: ClassVar[str] = "He et al., CVPR 2016; dense layers of Li, Ye et al."
    paper_size: ClassVar[tuple[int, int]] = (224, 224)
    smallest: ClassVar[int] = 33
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("encoder",)

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, n_classes)
        self.encoder = ResNet50Encoder(in_channels, width)
        self.head = dense_head(self.encoder.channels[-1], self.n_logits, width, dropout)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files of ResNet-50."""
        return {"resnet50": resnet50_names("encoder")}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, n_logits)."""
        logits: Tensor = self.head(self.encoder(x)[-1].mean(dim=(2, 3)))
        return logits


def resnet50_names(prefix: str) -> dict[str, str]:
    """Return torchvision's names of modules, and those below ``prefix``."""
    own = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
    return {name: f"{prefix}.{name}" for name in own}
