"""Fully convolutional networks on VGG16: FCN-32s and FCN-8s."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from medlab_gui.networks.base import (
    SegmentationNetwork,
    checked_share,
    scaled,
    start_after_he,
)
from medlab_gui.networks.vgg import POOLS, vgg16_channels, vgg16_features

__all__ = ["FCN8s", "FCN32s"]


def _bilinear(n_classes: int, factor: int) -> nn.ConvTranspose2d:
    """Return a layer that enlarges scores, at first as bilinear interpolation does."""
    kernel = 2 * factor
    layer = nn.ConvTranspose2d(
        n_classes, n_classes, kernel, stride=factor, padding=factor // 2, bias=False
    )
    centre = factor - 0.5
    ramp = 1 - (torch.arange(kernel, dtype=torch.float32) - centre).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for n in range(n_classes):
            layer.weight[n, n] = torch.outer(ramp, ramp)
    return layer


class FCN32s(SegmentationNetwork):
    """VGG16 made fully convolutional; its scores are enlarged 32 times at once.

    Thirteen 3x3 convolutions in five groups (64 to 512 channels at width 1), each group
    ended by 2x2 max pooling; the dense layers as a 7x7 and a 1x1 convolution with 4096
    channels, each with ReLU and dropout; a 1x1 convolution to the classes; a 64x64
    transposed convolution with stride 32 that begins as bilinear interpolation.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper.
    dropout : float
        Share of those values that is dropped while training.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. The paper
    pads the picture by 100 pixels and crops; same-padding of the 7x7 convolution gives
    the same size without. What enlarges scores has no bias, as in the authors' code.

    References
    ----------
    J. Long, E. Shelhamer, T. Darrell: Fully convolutional networks for semantic
    segmentation. CVPR 2015.
    """

    title: ClassVar[str] = "FCN-32s"
    paper: ClassVar[str] = "Long et al., CVPR 2015"
    stride: ClassVar[int] = 32
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(in_channels, n_classes)
        dense = scaled(4096, width)
        self.features = vgg16_features(in_channels, width)
        self.fc6 = nn.Conv2d(vgg16_channels(width)[-1], dense, 7, padding=3)
        self.fc7 = nn.Conv2d(dense, dense, 1)
        self.score = nn.Conv2d(dense, n_classes, 1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(checked_share(dropout))
        start_after_he(self.fc6, self.fc7)
        self._add_upsampling(n_classes, width)

    def _add_upsampling(self, n_classes: int, width: float) -> None:
        self.up32 = _bilinear(n_classes, 32)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files; VGG16's dense layers become convolutions."""
        names = {"features": "features", "classifier.0": "fc6", "classifier.3": "fc7"}
        return {"vgg16": names}

    def _scores(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what the poolings gave, and the scores at 1/32 of the size."""
        pools = []
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in POOLS:
                pools.append(x)
        x = self.dropout(self.relu(self.fc6(x)))
        x = self.dropout(self.relu(self.fc7(x)))
        return pools, self.score(x)

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 32 divides."""
        logits: Tensor = self.up32(self._scores(x)[1])
        return logits


class FCN8s(FCN32s):
    """FCN whose scores are joined with those of pool 4 and pool 3 on the way up.

    As FCN-32s up to the scores; these go up 2x, plus scores of pool 4 by a 1x1
    convolution; up 2x, plus scores of pool 3; up 8x. The layers that enlarge begin as
    bilinear interpolation.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper.
    dropout : float
        Share of those values that is dropped while training.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. This is
    "FCN" in the tables of Duan et al. 2020 and Fang et al. 2024. Unlike `msf_fcn`, the
    scores of the poolings begin at zero, as in the paper: the coarse prediction comes
    first, details are added to it.

    References
    ----------
    J. Long, E. Shelhamer, T. Darrell: Fully convolutional networks for semantic
    segmentation. CVPR 2015.
    """

    title: ClassVar[str] = "FCN-8s"

    def _add_upsampling(self, n_classes: int, width: float) -> None:
        c3, c4 = vgg16_channels(width)[2:4]
        self.score4 = nn.Conv2d(c4, n_classes, 1)
        self.score3 = nn.Conv2d(c3, n_classes, 1)
        for layer in (self.score4, self.score3):
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.up2 = _bilinear(n_classes, 2)
        self.up4 = _bilinear(n_classes, 2)
        self.up8 = _bilinear(n_classes, 8)

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 32 divides."""
        (_, _, pool3, pool4, _), scores = self._scores(x)
        scores = self.up2(scores) + self.score4(pool4)
        scores = self.up4(scores) + self.score3(pool3)
        logits: Tensor = self.up8(scores)
        return logits
