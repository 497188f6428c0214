"""Multi-scale-fusion FCN for the liver and its tumours."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from medlab_gui.networks.base import SegmentationNetwork, scaled
from medlab_gui.networks.vgg import GROUPS

__all__ = ["MultiScaleFusionFCN"]


def _group(in_channels: int, out_channels: int, n_convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n in range(n_convolutions):
        before = out_channels if n else in_channels
        layers += [nn.Conv2d(before, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _even_convolution(in_channels: int, out_channels: int, kernel: int) -> nn.Module:
    # An even kernel has no middle: same size asks for one more row and column of
    # padding behind than before.
    before, behind = (kernel - 1) // 2, kernel // 2
    return nn.Sequential(
        nn.ZeroPad2d((before, behind, before, behind)),
        nn.Conv2d(in_channels, out_channels, kernel),
        nn.ReLU(inplace=True),
    )


class MultiScaleFusionFCN(SegmentationNetwork):
    """FCN whose heat map is fused with convolved pool 4 and pool 3.

    Thirteen 3x3 convolutions in five groups (64, 128, 256, 512, 512 channels at width
    1), each ended by 2x2 max pooling; an 8x8 and a 2x2 convolution with 4096 channels;
    a 1x1 convolution to the classes (the heat map, 1/32 of the size). Up 2x by a 4x4
    transposed convolution and plus pool 4 through a convolution of its own; the same
    again with pool 3; up 8x by a 16x16 transposed convolution.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper (216 million weights).

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. Left open
    by the paper and chosen here: the added convolutions are 1x1; they, the heat map
    and the last transposed convolution are linear. A ReLU on a map of scores would
    forbid negative logits, and a class that starts negative everywhere would get no
    gradient ever again. Weights start after Xavier, biases at 0.

    References
    ----------
    Duan et al., Journal of Graphics 2020, 41(1):100-107.
    """

    title: ClassVar[str] = "Multi-scale-fusion FCN"
    paper: ClassVar[str] = "Duan et al., Journal of Graphics 2020"
    stride: ClassVar[int] = 32
    encoder_prefixes: ClassVar[tuple[str, ...]] = (
        "group1",
        "group2",
        "group3",
        "group4",
        "group5",
    )

    def __init__(self, in_channels: int, n_classes: int, width: float = 1.0) -> None:
        super().__init__(in_channels, n_classes)
        c1, c2, c3, c4, c6 = (scaled(c, width) for c in (64, 128, 256, 512, 4096))
        self.group1 = _group(in_channels, c1, 2)
        self.group2 = _group(c1, c2, 2)
        self.group3 = _group(c2, c3, 3)
        self.group4 = _group(c3, c4, 3)
        self.group5 = _group(c4, c4, 3)
        self.pool = nn.MaxPool2d(2)
        self.conv6 = _even_convolution(c4, c6, 8)
        self.conv7 = _even_convolution(c6, c6, 2)
        self.conv8 = nn.Conv2d(c6, n_classes, 1)
        self.fuse4 = nn.Conv2d(c4, n_classes, 1)
        self.fuse3 = nn.Conv2d(c3, n_classes, 1)
        self.up1 = nn.ConvTranspose2d(n_classes, n_classes, 4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(n_classes, n_classes, 4, stride=2, padding=1)
        self.up3 = nn.ConvTranspose2d(n_classes, n_classes, 16, stride=8, padding=4)
        self.relu = nn.ReLU()
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files of VGG16; its groups are those of the paper."""
        names = {}
        at = 0
        for n, (_, count) in enumerate(GROUPS, start=1):
            for m in range(count):
                names[f"features.{at}"] = f"group{n}.{2 * m}"
                at += 2
            at += 1  # the pooling
        return {"vgg16": names}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 32 divides."""
        x = self.pool(self.group1(x))
        x = self.pool(self.group2(x))
        pool3 = self.pool(self.group3(x))
        pool4 = self.pool(self.group4(pool3))
        x = self.pool(self.group5(pool4))
        heat = self.conv8(self.conv7(self.conv6(x)))
        map16 = self.relu(self.up1(heat)) + self.fuse4(pool4)
        map8 = self.relu(self.up2(map16)) + self.fuse3(pool3)
        logits: Tensor = self.up3(map8)
        return logits
