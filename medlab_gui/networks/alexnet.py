"""AlexNet as a classifier."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from medlab_gui.networks.base import ClassificationNetwork, scaled, start_after_he
from medlab_gui.networks.dense_head import dense_head

__all__ = ["AlexNet"]


class AlexNet(ClassificationNetwork):
    """AlexNet's five convolutions with the dense layers of paper 3.

    Convolutions of 11x11 (stride 4), 5x5 and three times 3x3 with 64, 192, 384, 256 and
    256 channels at width 1, each with ReLU, 3x3 max pooling after the first, second and
    fifth; 6x6 means; 512 and 256 units with ReLU; one output for two classes.

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
    ``(N, n_classes)``. The channels are those of the public weights (Krizhevsky 2014,
    one column without local response normalisation). At the paper's 224 x 224 pixels
    the last pooling gives 6x6, and the means change nothing.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet classification with deep
    convolutional neural networks. NIPS 2012. A. Krizhevsky: One weird trick for
    parallelizing convolutional neural networks. arXiv 1404.5997. Dense layers after Li,
    Ye et al., J. Electronic Measurement and Instrumentation, B2003774.
    """

    title: ClassVar[str] = "AlexNet"
    paper: ClassVar[str] = "Krizhevsky et al., NIPS 2012; dense layers of Li, Ye et al."
    paper_size: ClassVar[tuple[int, int]] = (224, 224)
    smallest: ClassVar[int] = 63
    encoder_prefixes: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, n_classes)
        c1, c2, c3, c4 = (scaled(c, width) for c in (64, 192, 384, 256))
        convolutions = (
            nn.Conv2d(in_channels, c1, 11, stride=4, padding=2),
            nn.Conv2d(c1, c2, 5, padding=2),
            nn.Conv2d(c2, c3, 3, padding=1),
            nn.Conv2d(c3, c4, 3, padding=1),
            nn.Conv2d(c4, c4, 3, padding=1),
        )
        start_after_he(*convolutions)
        layers: list[nn.Module] = []
        for n, convolution in enumerate(convolutions):
            layers += [convolution, nn.ReLU(inplace=True)]
            if n in (0, 1, 4):
                layers.append(nn.MaxPool2d(3, 2))
        self.features = nn.Sequential(*layers)
        self.means = nn.AdaptiveAvgPool2d(6)
        self.head = dense_head(36 * c4, self.n_logits, width, dropout)

    def public_names(self) -> dict[str, dict[str, str]]:
        """Return names in public files of AlexNet."""
        return {"alexnet": {"features": "features"}}

    def logits(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, n_logits)."""
        logits: Tensor = self.head(self.means(self.features(x)).flatten(1))
        return logits
