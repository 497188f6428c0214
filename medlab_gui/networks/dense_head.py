"""The dense layers that paper 3 puts behind transferred convolutions."""

from __future__ import annotations

from torch import nn

from medlab_gui.networks.base import checked_share, scaled, start_after_he

__all__ = ["dense_head"]


def dense_head(
    n_features: int, n_logits: int, width: float = 1.0, dropout: float = 0.0
) -> nn.Sequential:
    """Return dense layers of 512 and 256 units and the output.

    Parameters
    ----------
    n_features : int
        Values that describe a picture.
    n_logits : int
        Values that come out; a sigmoid (of one) or softmax (of several) is left to the
        loss and to prediction.
    width : float
        Scales 512 and 256.
    dropout : float
        Share of the units that is dropped while training.

    Notes
    -----
    The paper does not say what stands between the layers: ReLU here.

    References
    ----------
    Li, Ye et al., J. Electronic Measurement and Instrumentation, B2003774.
    """
    first, second = scaled(512, width), scaled(256, width)
    share = checked_share(dropout)
    head = nn.Sequential(
        nn.Linear(n_features, first),
        nn.ReLU(inplace=True),
        nn.Dropout(share),
        nn.Linear(first, second),
        nn.ReLU(inplace=True),
        nn.Dropout(share),
        nn.Linear(second, n_logits),
    )
    for layer in (head[0], head[3]):
        if isinstance(layer, nn.Linear):
            start_after_he(layer)
    return head
