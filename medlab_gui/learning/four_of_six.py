"""Four changes out of six, as Li, Ye et al. augment slices of MRI.

Four different ones of contrast, brightness, sharpness, rotation, vertical flip and
horizontal flip are drawn for a slice and applied in the order drawn. The paper gives
no strengths; those of `Strengths` are ours.

References
----------
Li, Ye et al., J. Electronic Measurement and Instrumentation, B2003774.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.learning.augment import Augmentation, augment

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "FourOfSix", "Strengths", "apply_four", "draw_four"]

KINDS = (
    "contrast",
    "brightness",
    "sharpness",
    "rotation",
    "vertical_flip",
    "horizontal_flip",
)


@dataclass(frozen=True, slots=True)
class Strengths:
    """How far each change may go.

    Parameters
    ----------
    contrast : float
        Factor round the slice's mean, up to so much above or below 1.
    brightness : float
        Factor of grey values, up to so much above or below 1.
    sharpness : float
        Blurred (towards -1) or sharpened (towards 1), up to so much either way.
    angle_deg : float
        Turned by up to so much, either way.
    """

    contrast: float = 0.2
    brightness: float = 0.2
    sharpness: float = 0.5
    angle_deg: float = 15.0


@dataclass(frozen=True, slots=True)
class FourOfSix:
    """Four changes, fully determined.

    Parameters
    ----------
    changes : tuple of (str, float)
        Key of `KINDS` and its amount, in the order in which they are applied; flips
        have the amount 1.
    """

    changes: tuple[tuple[str, float], ...]


def draw_four(
    rng: np.random.Generator, strengths: Strengths | None = None
) -> FourOfSix:
    """Draw four different changes and how strong each is.

    Parameters
    ----------
    rng : numpy.random.Generator
        Advanced by the same number of draws each time.
    strengths : Strengths, optional
        How far to go.
    """
    s = strengths or Strengths()
    kinds = rng.permutation(len(KINDS))[:4]
    shares = rng.uniform(-1, 1, 4)
    reach = {
        "contrast": s.contrast,
        "brightness": s.brightness,
        "sharpness": s.sharpness,
        "rotation": s.angle_deg,
    }
    drawn = []
    for kind, share in zip((KINDS[n] for n in kinds), shares, strict=True):
        amount = float(share) * reach[kind] if kind in reach else 1.0
        drawn.append((kind, amount))
    return FourOfSix(tuple(drawn))


def apply_four(
    change: FourOfSix, image: NDArray[np.float32], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Apply four changes to a slice and, where they move it, to its mask.

    Parameters
    ----------
    change : FourOfSix
        What to do.
    image : ndarray of float32, shape (Y, X), or (C, Y, X) with neighbours
        Grey values, about 0 to 1.
    labels : ndarray of uint8, shape (Y, X)
        Class values; the nearest is taken.

    Returns
    -------
    image : ndarray of float32, of the same shape
    labels : ndarray of uint8, shape (Y, X)
    """
    for kind, amount in change.changes:
        if kind == "contrast":
            middle = float(image.mean())
            image = (image - middle) * (1 + amount) + middle
        elif kind == "brightness":
            image = image * (1 + amount)
        elif kind == "sharpness":
            image = _sharpen(image, amount)
        elif kind == "rotation":
            image, labels = augment(Augmentation(angle_deg=amount), image, labels)
        elif kind == "vertical_flip":
            image, labels = image[..., ::-1, :], labels[::-1]
        else:
            image, labels = image[..., ::-1], labels[:, ::-1]
    return (
        np.ascontiguousarray(image, dtype=np.float32),
        np.ascontiguousarray(labels),
    )


def _sharpen(image: NDArray[np.float32], amount: float) -> NDArray[np.float32]:
    """Return the picture moved away from its smoothed self, or towards it."""
    from scipy.ndimage import uniform_filter

    smooth = uniform_filter(image, size=3, mode="nearest", axes=(-2, -1))
    return np.asarray(image + amount * (image - smooth), dtype=np.float32)
