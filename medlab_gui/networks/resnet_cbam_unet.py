"""Residual CBAM U-Net for the mandible, with switches for its ablation."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab_gui.core.errors import SpecError
from medlab_gui.networks.base import (
    SegmentationNetwork,
    scaled,
    start_after_he,
    start_balanced,
)
from medlab_gui.networks.cbam import CBAM
from medlab_gui.networks.resnet import ResNet50Encoder, resnet50_names
from medlab_gui.networks.vgg import LAST_OF_GROUP, vgg16_channels, vgg16_features

__all__ = ["ResNetCBAMUNet"]


class _PlainEncoder(nn.Module):
    """VGG16's convolutions; gives the end of each group, before its pooling."""

    def __init__(self, in_channels: int, width: float) -> None:
        super().__init__()
        # The last pooling is not needed: the decoder begins at the fifth group.
        self.features = vgg16_features(in_channels, width, n_poolings=4)
        self.channels = tuple(vgg16_channels(width))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return features at 1/1, 1/2, 1/4, 1/8 and 1/16 of the size."""
        levels = []
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in LAST_OF_GROUP:
                levels.append(x)
        return levels


class _UpCBAM(nn.Module):
    """CBAM on what comes in, two convolutions, then twice the size."""

    def __init__(
        self, before: int, after: int, reduction: int, *, attends: bool, grows: bool
    ) -> None:
        super().__init__()
        self.attention = CBAM(before, reduction) if attends else nn.Identity()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )
        for layer in self.convolutions:
            if isinstance(layer, nn.Conv2d):
                start_after_he(layer)
        self._grows = grows

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, after, 2H, 2W); (N, after, H, W) where it does not grow."""
        x = self.convolutions(self.attention(x))
        if not self._grows:
            return x
        return functional.interpolate(
            x, scale_factor=2.0, mode="bilinear", align_corners=False
        )


class ResNetCBAMUNet(SegmentationNetwork):
    """U-Net with ResNet-50 as encoder and attention on the way up.

    Encoder: a 7x7 convolution and the bottleneck blocks of ResNet-50, features of 64,
    256, 512, 1024 and 2048 channels at width 1 from 1/2 to 1/32 of the size. Decoder:
    Up-CBAM modules (CBAM on what comes in, two 3x3 convolutions with batch
    normalisation and ReLU to 512, 256, 128, 64 and 64 channels, bilinear enlargement by
    2), with the encoder's feature of that size concatenated after each. A 1x1
    convolution ends it.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper.
    encoder : "residual" or "plain"
        ResNet-50; or for the ablation VGG16's convolutions, features of 64 to 512
        channels from the full size to 1/16.
    attention : "on" or "off"
        Whether CBAM is in the decoder.
    reduction : int
        Of CBAM's hidden units.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. Left open
    by the paper and chosen here: the plain encoder is VGG16, since the ablation has a
    row "transfer" without residual blocks, and VGG16 is the plain network with public
    weights; CBAM's reduction is 16; the decoder's channels; bilinear enlargement; how
    weights are drawn (He; scores after `networks.base.start_balanced`). With the plain
    encoder the last module joins a feature of the full size and therefore does not
    enlarge. The third switch of the ablation, transfer, is no option of the network but
    the weights that training starts from (`networks.ablation`).

    References
    ----------
    Fang et al., Intelligent Computer and Applications 2024, 14(2):83-89.
    """

    title: ClassVar[str] = "Residual CBAM U-Net"
    paper: ClassVar[str] = "Fang et al., Intelligent Computer and Applications 2024"
    stride: ClassVar[int] = 32
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("encoder",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "encoder": ("residual", "plain"),
        "attention": ("on", "off"),
    }

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        encoder: str = "residual",
        attention: str = "on",
        reduction: int = 16,
    ) -> None:
        super().__init__(in_channels, n_classes)
        _one_of("encoder", encoder, self.choices["encoder"])
        _one_of("attention", attention, self.choices["attention"])
        if isinstance(reduction, bool) or not isinstance(reduction, int):
            msg = f"The reduction of CBAM is a whole number; found {reduction!r}."
            raise SpecError(msg)
        if not 1 <= reduction <= 64:
            msg = f"The reduction of CBAM lies from 1 to 64; found {reduction}."
            raise SpecError(msg)
        self._residual = encoder == "residual"
        self.encoder = (
            ResNet50Encoder(in_channels, width)
            if self._residual
            else _PlainEncoder(in_channels, width)
        )
        *skips, deepest = self.encoder.channels
        wanted = [scaled(c, width) for c in (512, 256, 128, 64, 64)]
        befores = [deepest]
        for after, skip in zip(wanted, reversed(skips), strict=False):
            befores.append(after + skip)
        # The residual encoder's first feature has half the size, so all five enlarge.
        self.decoder = nn.ModuleList(
            _UpCBAM(
                before,
                after,
                reduction,
                attends=attention == "on",
                grows=self._residual or n < len(skips),
            )
            for n, (before, after) in enumerate(zip(befores, wanted, strict=True))
        )
        self.head = nn.Conv2d(wanted[-1], n_classes, 1)
        start_balanced(self.head)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files; which ones depends on the encoder."""
        if self._residual:
            return {"resnet50": resnet50_names("encoder")}
        return {"vgg16": {"features": "encoder.features"}}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 32 divides."""
        *skips, x = self.encoder(x)
        for module in self.decoder:
            x = module(x)
            if skips:
                x = torch.cat([skips.pop(), x], dim=1)
        logits: Tensor = self.head(x)
        return logits


def _one_of(option: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        msg = (
            f"The option {option!r} of this network is "
            f"{' or '.join(map(repr, allowed))}; found {value!r}."
        )
        raise SpecError(msg)
