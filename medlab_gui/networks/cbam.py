"""CBAM: attention over channels, then over places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["CBAM"]

_FEWEST = 8  # hidden units: of a few, all may be dead for every picture


class CBAM(nn.Module):
    """Weigh the channels of a feature, then its places.

    ``M_c = sigmoid(MLP(mean) + MLP(max))`` over the places, one MLP for both with
    ``channels / reduction`` hidden units; ``F_c = M_c * F``;
    ``M_s = sigmoid(conv7x7([mean; max]))`` over the channels of ``F_c``; the result is
    ``M_s * F_c``.

    Parameters
    ----------
    channels : int
        Channels of the feature.
    reduction : int
        How many times fewer hidden units there are.

    References
    ----------
    S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: CBAM: convolutional block attention module.
    ECCV 2018.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(_FEWEST, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed feature, of the same shape."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        largest = x.amax(dim=(2, 3), keepdim=True)
        x = x * torch.sigmoid(self.mlp(mean) + self.mlp(largest))
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        result: Tensor = x * torch.sigmoid(self.spatial(places))
        return result
