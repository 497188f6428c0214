"""U-Net."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from medlab_gui.networks.base import SegmentationNetwork, scaled, start_balanced

__all__ = ["UNet"]


def _two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    # The normalisation has a shift of its own, so the convolutions need no bias.
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class UNet(SegmentationNetwork):
    """U-Net with same-padding and batch normalisation.

    Five levels of two 3x3 convolutions, 64 to 1024 channels at width 1, max pooling
    between them; then four times a 2x2 transposed convolution, concatenation with the
    level of that size, and two convolutions; a 1x1 convolution ends it.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels; 1 is the paper.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. The paper
    convolves without padding and so loses a margin; padding keeps the size, and batch
    normalisation (younger than the paper) lets it train on few slices. Scores begin
    balanced (`networks.base.start_balanced`), or a narrow network may never find a
    class.

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox: U-Net: convolutional networks for biomedical
    image segmentation. MICCAI 2015.
    """

    title: ClassVar[str] = "U-Net"
    paper: ClassVar[str] = "Ronneberger et al., MICCAI 2015"
    stride: ClassVar[int] = 16
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("encoder",)

    def __init__(self, in_channels: int, n_classes: int, width: float = 1.0) -> None:
        super().__init__(in_channels, n_classes)
        channels = [scaled(64 * 2**level, width) for level in range(5)]
        self.encoder = nn.ModuleList(
            _two_convolutions(before, after)
            for before, after in zip([in_channels, *channels], channels, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        downward = channels[::-1]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(deep, shallow, 2, stride=2)
            for deep, shallow in pairwise(downward)
        )
        self.decoder = nn.ModuleList(
            _two_convolutions(2 * shallow, shallow) for shallow in downward[1:]
        )
        self.head = nn.Conv2d(channels[0], n_classes, 1)
        start_balanced(self.head)

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 16 divides."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))
        logits: Tensor = self.head(x)
        return logits
