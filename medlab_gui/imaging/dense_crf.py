"""Fully connected CRF: a mask whose borders follow the picture's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.errors import InputError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["CRFSpec", "dense_crf"]

_LEVELS = 256
_TOLERANCE = 1e-10
"""Share of a kernel's largest eigenvalue below which others are left out."""

_SMALLEST = 1e-8  # probability; its logarithm must stay finite


@dataclass(frozen=True, kw_only=True)
class CRFSpec:
    """How strongly pixels pull at one another.

    Parameters
    ----------
    iterations : int
        Steps of mean field.
    w_appearance, w_smoothness : float
        Weights of both kernels.
    appearance_mm, appearance_value : float
        Distance in mm and difference in value at which the pull of pixels that look
        alike has fallen to 61 %. Values are shares of the picture's range.
    smoothness_mm : float
        The same distance of the pull of neighbours, whatever they look like.

    Raises
    ------
    SpecError
        If a value is not possible.
    """

    iterations: int = 10
    w_appearance: float = 5.0
    w_smoothness: float = 3.0
    appearance_mm: float = 30.0
    appearance_value: float = 0.05
    smoothness_mm: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.iterations <= 100:
            msg = f"A CRF takes 1 to 100 iterations; found {self.iterations}."
            raise SpecError(msg)
        for name in ("w_appearance", "w_smoothness"):
            if not 0 <= getattr(self, name) <= 1000:
                found = getattr(self, name)
                msg = f"{name} of a CRF lies from 0 to 1000; found {found}."
                raise SpecError(msg)
        for name, high in (
            ("appearance_mm", 1000),
            ("appearance_value", 10),
            ("smoothness_mm", 1000),
        ):
            if not 0.001 <= getattr(self, name) <= high:
                found = getattr(self, name)
                msg = f"{name} of a CRF lies from 0.001 to {high}; found {found}."
                raise SpecError(msg)


def dense_crf(
    probs: NDArray[np.floating],
    image: NDArray[np.floating],
    spacing: Sequence[float] = (1.0, 1.0),
    spec: CRFSpec | None = None,
) -> NDArray[np.float32]:
    """Return class probabilities in which every pixel has heard all others.

    Parameters
    ----------
    probs : ndarray of float, shape (C, Y, X)
        Class probabilities of a slice; they sum to 1 over axis 0.
    image : ndarray of float, shape (Y, X)
        What the slice looks like, e.g. as the network saw it. Its range is divided
        into 256 levels.
    spacing : sequence of 2 floats
        ``(dy, dx)`` in mm.
    spec : CRFSpec, optional
        Weights and ranges.

    Returns
    -------
    ndarray of float32, shape (C, Y, X)
        Probabilities after mean field.

    Raises
    ------
    InputError
        If shapes do not fit, or a value is not a number.

    Notes
    -----
    Labels that differ cost ``k(i, j)`` for every pair of pixels (Potts), with ::

        k = w_a exp(-|p_i - p_j|^2 / 2 s_a^2 - |I_i - I_j|^2 / 2 s_v^2)
          + w_s exp(-|p_i - p_j|^2 / 2 s_s^2)

    each kernel divided by the square roots of its sums over both pixels' partners, so
    that the weights do not depend on the size of the picture. Mean field with parallel
    updates: ``Q_i(l) ~ p_i(l) exp(sum_{j != i} k(i, j) Q_j(l))``.

    The sums over all pairs are not approximated on a lattice, as the authors do for
    coloured pictures. A Gaussian over rows, columns and grey levels is a product of
    three small matrices; each is written by its eigenvectors, of which those that count
    less than 1e-10 of the largest are left out. So the result is that of the double
    sum to 1e-6 of probability.

    References
    ----------
    P. Krähenbühl, V. Koltun: Efficient inference in fully connected CRFs with Gaussian
    edge potentials. NIPS 2011. After DeepLab: L.-C. Chen et al., ICLR 2015.
    """
    spec = spec or CRFSpec()
    if probs.ndim != 3 or image.shape != probs.shape[1:]:
        msg = (
            "A CRF takes probabilities (C, Y, X) and a picture (Y, X); found "
            f"{probs.shape} and {image.shape}."
        )
        raise InputError(msg)
    if not np.isfinite(probs).all() or not np.isfinite(image).all():
        msg = "The probabilities or the picture hold values that are not numbers."
        raise InputError(msg)
    unary = np.log(np.maximum(probs, _SMALLEST), dtype=np.float64)
    kernels = []
    if spec.w_appearance:
        kernels.append((spec.w_appearance, _appearance(image, spacing, spec)))
    if spec.w_smoothness:
        kernels.append((spec.w_smoothness, _smoothness(image.shape, spacing, spec)))
    # A Potts model needs no message of the last class: all of them add up to that of
    # "any class", which never changes.
    ones = np.ones((1, *image.shape))
    scales, alls = [], []
    for _, blur in kernels:
        scale = 1 / np.sqrt(blur(ones)[0])
        scales.append(scale)
        alls.append(_message(blur, scale, ones)[0])
    current = _softmax(unary)
    for _ in range(spec.iterations):
        energy = unary.copy()
        for (weight, blur), scale, to_all in zip(kernels, scales, alls, strict=True):
            messages = _message(blur, scale, current[:-1])
            energy[:-1] += weight * messages
            energy[-1] += weight * (to_all - messages.sum(axis=0))
        current = _softmax(energy)
    return current.astype(np.float32)


def _message(
    blur: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    scale: NDArray[np.float64],
    maps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return what all other pixels say, for maps (C, Y, X)."""
    heard = blur(maps * scale) * scale
    # A pixel does not hear itself: its own kernel is 1 before it is scaled.
    result: NDArray[np.float64] = heard - maps * scale**2
    return result


def _softmax(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.exp(energy - energy.max(axis=0))
    result /= result.sum(axis=0)
    return result


def _gaussian(places: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Return the kernel between all pairs of places, shape (n, n)."""
    difference = (places[:, None] - places[None, :]) / sigma
    result: NDArray[np.float64] = np.exp(-0.5 * difference**2)
    return result


def _roots(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R, shape (n, rank), with ``R @ R.T`` equal to a kernel."""
    values, vectors = np.linalg.eigh(kernel)
    kept = values > _TOLERANCE * values[-1]
    result: NDArray[np.float64] = vectors[:, kept] * np.sqrt(values[kept])
    return result


def _smoothness(
    shape: tuple[int, ...], spacing: Sequence[float], spec: CRFSpec
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what sums maps (C, Y, X) over all pixels, near ones more."""
    rows, columns = (
        _gaussian(np.arange(n) * float(mm), spec.smoothness_mm)
        for n, mm in zip(shape, spacing, strict=True)
    )
    return lambda maps: rows @ maps @ columns


def _appearance(
    image: NDArray[np.floating], spacing: Sequence[float], spec: CRFSpec
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what sums maps (C, Y, X) over all pixels, near and similar ones more."""
    low, high = float(image.min()), float(image.max())
    span = high - low or 1.0
    level = np.rint((image - low) / span * (_LEVELS - 1)).astype(np.intp)
    shares = np.arange(_LEVELS) / (_LEVELS - 1)
    grey = _roots(_gaussian(shares, spec.appearance_value)).T[:, level]
    rows, columns = (
        _roots(_gaussian(np.arange(n) * float(mm), spec.appearance_mm))
        for n, mm in zip(image.shape, spacing, strict=True)
    )

    def blur(maps: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.zeros_like(maps)
        for weight in grey:
            sums = rows.T @ (maps * weight) @ columns
            result += (rows @ sums @ columns.T) * weight
        return result

    return blur
