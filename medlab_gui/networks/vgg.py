"""VGG16's convolutions, which several networks begin with."""

from __future__ import annotations

from torch import nn

from medlab_gui.networks.base import scaled, start_after_he

__all__ = ["GROUPS", "LAST_OF_GROUP", "POOLS", "vgg16_channels", "vgg16_features"]

GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels at width 1 and number of 3x3 convolutions, group by group."""

POOLS = (4, 9, 16, 23, 30)
"""Where the five poolings stand in `vgg16_features`."""

LAST_OF_GROUP = (3, 8, 15, 22, 29)
"""Where the groups end, before their poolings."""


def vgg16_channels(width: float) -> list[int]:
    """Return the channels of the five groups."""
    return [scaled(channels, width) for channels, _ in GROUPS]


def vgg16_features(
    in_channels: int,
    width: float = 1.0,
    *,
    pool_kernel: int = 2,
    n_halvings: int = 5,
    n_poolings: int = 5,
) -> nn.Sequential:
    """Return VGG16 without its dense layers, numbered as in torchvision's files.

    Parameters
    ----------
    in_channels : int
        Channels of the picture.
    width : float
        Scales all channels.
    pool_kernel : int
        2, or 3 with a margin of 1, as DeepLab pools.
    n_halvings : int
        Poolings with stride 2. The later ones have stride 1, and the convolutions
        behind them are dilated so that each sees what it saw (atrous).
    n_poolings : int
        5, or 4 to end with the last convolution.

    Notes
    -----
    Thirteen 3x3 convolutions, each with ReLU; weights start after He, biases at 0.

    References
    ----------
    K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image
    recognition. ICLR 2015.
    """
    layers: list[nn.Module] = []
    before, dilation = in_channels, 1
    for n, (channels, (_, count)) in enumerate(
        zip(vgg16_channels(width), GROUPS, strict=True)
    ):
        for _ in range(count):
            convolution = nn.Conv2d(
                before, channels, 3, padding=dilation, dilation=dilation
            )
            start_after_he(convolution)
            layers += [convolution, nn.ReLU(inplace=True)]
            before = channels
        if n == n_poolings:
            break
        halves = n < n_halvings
        margin = (pool_kernel - 1) // 2
        layers.append(nn.MaxPool2d(pool_kernel, 2 if halves else 1, margin))
        # The dilation grows behind the first pooling that no longer halves.
        dilation *= 1 if halves else 2
    return nn.Sequential(*layers)
