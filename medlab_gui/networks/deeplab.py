"""DeepLab v1: VGG16 with holes, and a large field of view."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from medlab_gui.networks.base import (
    SegmentationNetwork,
    checked_share,
    scaled,
    start_after_he,
)
from medlab_gui.networks.vgg import vgg16_channels, vgg16_features

__all__ = ["DeepLabV1"]


class DeepLabV1(SegmentationNetwork):
    """VGG16 that stops halving at 1/8 of the size and looks far by dilation.

    Thirteen 3x3 convolutions in five groups (64 to 512 channels at width 1) with 3x3
    max pooling; the last two poolings have stride 1, and the fifth group's kernels are
    dilated by 2. Then a 3x3 convolution with 1024 channels, dilated by 12 ("large field
    of view"), and a 1x1 convolution with 1024, each with ReLU and dropout; a 1x1
    convolution to the classes; bilinear enlargement by 8.

    Parameters
    ----------
    in_channels, n_classes : int
        Channels of input and output, background included.
    width : float
        Scales all channels but the classes; 1 is the paper.
    dropout : float
        Share of the values of the last two layers that is dropped while training.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output logits ``(N, n_classes, H, W)``. The 3x3
    average before the wide convolution is in the authors' published model, not in the
    text. The fully connected CRF that may follow is `imaging.dense_crf`. VGG16's dense
    layers (4096 channels, 7x7) are thinned out in the paper to start the wide layers;
    here those start at random.

    References
    ----------
    L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille: Semantic image
    segmentation with deep convolutional nets and fully connected CRFs. ICLR 2015.
    """

    title: ClassVar[str] = "DeepLab v1 (large field of view)"
    paper: ClassVar[str] = "Chen et al., ICLR 2015"
    stride: ClassVar[int] = 8
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(in_channels, n_classes)
        dense = scaled(1024, width)
        self.features = vgg16_features(in_channels, width, pool_kernel=3, n_halvings=3)
        self.average = nn.AvgPool2d(3, stride=1, padding=1)
        self.fc6 = nn.Conv2d(
            vgg16_channels(width)[-1], dense, 3, padding=12, dilation=12
        )
        self.fc7 = nn.Conv2d(dense, dense, 1)
        self.score = nn.Conv2d(dense, n_classes, 1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(checked_share(dropout))
        start_after_he(self.fc6, self.fc7)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files."""
        return {"vgg16": {"features": "features"}}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits for a height and width that 8 divides."""
        x = self.average(self.features(x))
        x = self.dropout(self.relu(self.fc6(x)))
        x = self.dropout(self.relu(self.fc7(x)))
        return functional.interpolate(
            self.score(x), scale_factor=8.0, mode="bilinear", align_corners=False
        )
