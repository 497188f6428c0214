"""SegNet."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from medlab_gui.networks.base import SegmentationNetwork, start_after_he
from medlab_gui.networks.vgg import GROUPS, vgg16_channels

__all__ = ["SegNet"]


def _group(channels: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        convolution = nn.Conv2d(before, after, 3, padding=1)
        start_after_he(convolution)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _unpool(x: Tensor, places: Tensor) -> Tensor:
    """Put the values of 2x2 max pooling back where they came from; all else is 0.

    As `torch.nn.MaxUnpool2d`, which cannot be exported.

    Parameters
    ----------
    x : Tensor of float, shape (N, C, H, W)
        Values.
    places : Tensor of int64, shape (N, C, H, W)
        Index of each in its flattened (2H, 2W) plane, as `torch.nn.MaxPool2d` returns.

    Returns
    -------
    Tensor of float, shape (N, C, 2H, 2W)
    """
    n, channels, height, width = x.shape
    plane = x.new_zeros(n, channels, 4 * height * width)
    plane = plane.scatter(2, places.flatten(2), x.flatten(2))
    return plane.view(n, channels, 2 * height, 2 * width)


class SegNet(SegmentationNetwork):
    """An encoder that remembers where each maximum was, and a decoder that uses it.

    VGG16's thirteen 3x3 convolutions in five groups (64 to 512 channels at width 1),
    each convolution with batch normalisation and ReLU, 2x2 max pooling after each
    group. The decoder mirrors it: values are put back where the encoder found the
    maxima, all else is 0, and the group's convolutions fill the gaps. The last
    convolution gives the classes.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. The
    convolutions have biases though the normalisation takes them out again: the public
    files of VGG16 have them, and they count while the encoder is frozen.

    References
    ----------
    V. Badrinarayanan, A. Kendall, R. Cipolla: SegNet: a deep convolutional
    encoder-decoder architecture for image segmentation. IEEE TPAMI 2017.
    """

    title: ClassVar[str] = "SegNet"
    paper: ClassVar[str] = "Badrinarayanan et al., IEEE TPAMI 2017"
    stride: ClassVar[int] = 32
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("encoder",)

    def __init__(self, in_channels: int, n_classes: int, width: float = 1.0) -> None:
        super().__init__(in_channels, n_classes)
        channels = vgg16_channels(width)
        counts = [count for _, count in GROUPS]
        befores = [in_channels, *channels[:-1]]
        self.encoder = nn.ModuleList(
            _group([before] + [c] * count)
            for before, c, count in zip(befores, channels, counts, strict=True)
        )
        self.pool = nn.MaxPool2d(2, return_indices=True)
        # Each group ends with the channels of the next shallower one.
        self.decoder = nn.ModuleList(
            _group([c] * count + [after])
            for c, count, after in zip(
                channels[:0:-1], counts[:0:-1], channels[-2::-1], strict=True
            )
        )
        self.decoder.append(_group([channels[0]] * counts[0]))
        self.head = nn.Conv2d(channels[0], n_classes, 3, padding=1)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files of VGG16, with and without normalisation."""
        plain: dict[str, str] = {}
        normalised: dict[str, str] = {}
        at_plain = at_normalised = 0
        for n, (_, count) in enumerate(GROUPS):
            for m in range(count):
                ours = f"encoder.{n}.{3 * m}"
                plain[f"features.{at_plain}"] = ours
                normalised[f"features.{at_normalised}"] = ours
                norm = f"encoder.{n}.{3 * m + 1}"
                normalised[f"features.{at_normalised + 1}"] = norm
                at_plain += 2
                at_normalised += 3
            at_plain += 1  # the pooling
            at_normalised += 1
        return {"vgg16": plain, "vgg16_bn": normalised}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 32 divides."""
        places: list[Tensor] = []
        for group in self.encoder:
            x, place = self.pool(group(x))
            places.append(place)
        for group in self.decoder:
            x = group(_unpool(x, places.pop()))
        logits: Tensor = self.head(x)
        return logits
