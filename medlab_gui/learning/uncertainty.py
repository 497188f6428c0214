"""How unsure the network is, per voxel and per slice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from medlab_gui.core.errors import GeometryError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.core.labels import LabelScheme

__all__ = ["SliceScore", "entropy", "slice_scores"]

_EMPTY_SHARE = 0.1
_EMPTY_TOP = 0.01
_LOWEST = 1e-3


@dataclass(frozen=True, slots=True)
class SliceScore:
    """How much a slice would profit from a person.

    Parameters
    ----------
    k : int
        Index of the slice.
    value : float
        0 to 1; higher is more uncertain.
    reason : str
        What a person reads, e.g. ``"border of Liver"``.
    """

    k: int
    value: float
    reason: str


def entropy(probs: Tensor, dim: int = 0) -> Tensor:
    """Return the normalised entropy of class probabilities.

    ``H = -sum p log p / log C``, with ``0 log 0 = 0``: 0 is certain, 1 is uniform. Of
    the mean of several looks it is the predictive entropy.

    Parameters
    ----------
    probs : Tensor of float
        Class probabilities that sum to 1 over ``dim``.
    dim : int
        The axis of the C classes; C is at least 2.

    Returns
    -------
    Tensor of float32
        In [0, 1]; the shape of ``probs`` without ``dim``, on the same device.

    Raises
    ------
    InputError
        If there are fewer than two classes.
    """
    n_classes = probs.shape[dim]
    if n_classes < 2:
        msg = f"Entropy needs at least two classes; found {n_classes}."
        raise InputError(msg)
    known = probs.float()
    terms = _log_(known.clamp(min=torch.finfo(torch.float32).tiny)).mul_(known)
    total: Tensor = terms.sum(dim)
    return total.div_(-math.log(n_classes)).clamp_(0, 1)


def _log_(numbers: Tensor) -> Tensor:
    """Take natural logarithms in place.

    torch's own wakes all threads on a processor however few the numbers are, and waits
    for them; numpy's is as fast on one. (`special.entr` reckons them one by one.)
    """
    if numbers.device.type != "cpu":
        return numbers.log_()
    np.log(numbers.numpy(), out=numbers.numpy())
    return numbers


def slice_scores(
    labels: NDArray[np.uint8],
    entropy: NDArray[Any],
    spacing: Sequence[float],
    scheme: LabelScheme,
    *,
    band_mm: float = 5.0,
) -> list[SliceScore]:
    """Return the uncertainty of each slice where it matters.

    The value is the mean entropy over the predicted foreground and a band of
    ``band_mm`` round it. (Over whole slices entropy counts background, and is then
    often no better than chance.) A slice without foreground gets a tenth of the mean
    entropy of its most uncertain hundredth: low, but not zero, as the network may have
    missed something.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Predicted classes.
    entropy : ndarray of float, shape (Z, Y, X)
        In [0, 1].
    spacing : sequence of 3 floats
        ``(dz, dy, dx)`` in mm.
    scheme : LabelScheme
        Names the classes for the reasons.
    band_mm : float
        Width in mm, within the slice, of the band outside the foreground; as wide
        inside it counts as border for the reason.

    Returns
    -------
    list of SliceScore
        One for each slice, in order.

    Raises
    ------
    GeometryError
        If the arrays have different shapes.
    """
    if labels.shape != entropy.shape or labels.ndim != 3:
        msg = (
            f"Labels {labels.shape} and entropy {entropy.shape} must have the same "
            "shape (Z, Y, X)."
        )
        raise GeometryError(msg)
    pixel = (float(spacing[1]), float(spacing[2]))
    scores = []
    for k, (mask, unsure) in enumerate(zip(labels, entropy, strict=True)):
        value, reason = _one_slice(mask, unsure, pixel, scheme, band_mm)
        scores.append(SliceScore(k, min(1.0, max(_LOWEST, value)), reason))
    return scores


def _one_slice(
    mask: NDArray[np.uint8],
    unsure: NDArray[Any],
    pixel: tuple[float, float],
    scheme: LabelScheme,
    band_mm: float,
) -> tuple[float, str]:
    classes = [c for c in scheme.classes if (mask == c.value).any()]
    if not classes:
        n_top = max(1, int(unsure.size * _EMPTY_TOP))
        top = np.partition(unsure.ravel(), -n_top)[-n_top:]
        return _EMPTY_SHARE * float(top.mean(dtype=np.float64)), "nothing found"
    box = _box(mask > 0, pixel, band_mm)
    mask, unsure = mask[box], unsure[box].astype(np.float64)
    region = np.zeros(mask.shape, dtype=np.bool_)
    most, reason = -1.0, ""
    for one in classes:
        inside = mask == one.value
        depth, distance = _distances(inside, pixel)
        band = distance <= band_mm  # holds the inside too, at distance 0
        region |= band
        border = band & (depth <= band_mm)
        for where, text in ((border, "border of"), (inside & ~border, "inside")):
            share = float(unsure[where].sum())
            if share > most:
                most, reason = share, f"{text} {one.name}"
    return float(unsure[region].mean()), reason


def _box(
    mask: NDArray[np.bool_], pixel: tuple[float, float], margin_mm: float
) -> tuple[slice, slice]:
    """Return where the mask is, with a margin: distances are costly."""
    box = []
    for axis in (0, 1):
        (index,) = np.nonzero(mask.any(axis=1 - axis))
        margin = int(margin_mm / pixel[axis]) + 2
        box.append(slice(max(0, int(index[0]) - margin), int(index[-1]) + margin + 1))
    return box[0], box[1]


def _distances(
    mask: NDArray[np.bool_], pixel: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mm to the nearest pixel outside (0 there) and inside (0 there)."""
    from scipy.ndimage import distance_transform_edt

    if mask.all():
        far = np.full(mask.shape, np.inf)
        return far, np.zeros(mask.shape)
    return (
        distance_transform_edt(mask, sampling=pixel),
        distance_transform_edt(~mask, sampling=pixel),
    )
