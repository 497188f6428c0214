"""A slice with masks over it, as a PNG that any page can hold."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.labels import IGNORE, OKABE_ITO
from medlab_gui.imaging.masks import bounding_box, surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["class_colour", "overlays", "png", "worst_slice"]

_SIDE = 256
"""Pixels of the longer side of a picture, about."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG file.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (Y, X, 3)
        Red, green, blue.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # filter 0 before each row
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def worst_slice(
    truth: NDArray[np.uint8], predictions: Sequence[NDArray[np.uint8]]
) -> int:
    """Return the slice on which the predictions are wrong at most voxels in all.

    Parameters
    ----------
    truth : ndarray of uint8, shape (Z, Y, X)
        255 does not count.
    predictions : sequence of ndarray of uint8, shape (Z, Y, X)
        At least one.
    """
    wrong = np.zeros(truth.shape[0], np.int64)
    for k in range(truth.shape[0]):
        counts = truth[k] != IGNORE
        for found in predictions:
            wrong[k] += np.count_nonzero((found[k] != truth[k]) & counts)
    if not wrong.any():
        return int(np.argmax(np.count_nonzero(truth, axis=(1, 2))))
    return int(np.argmax(wrong))


def overlays(
    image: NDArray[Any] | None,
    masks: Sequence[NDArray[np.uint8]],
    spacing: tuple[float, float] = (1.0, 1.0),
    is_ct: bool = False,
) -> list[bytes]:
    """Return PNGs of the same part of a slice, one for each mask.

    Parameters
    ----------
    image : ndarray or None, shape (Y, X)
        The picture below; black where None.
    masks : sequence of ndarray of uint8, shape (Y, X)
        Class values; each is drawn on a picture of its own, in its classes' colours.
        255 is not drawn.
    spacing : tuple of float
        ``(dy, dx)``: pixels that are not square are drawn in their true proportions.
    is_ct : bool
        Whether the picture is in Hounsfield units: then it is shown at level 40 and
        width 400, else from its 1st to its 99th percentile.
    """
    drawn = np.zeros(masks[0].shape, np.bool_)
    for mask in masks:
        drawn |= (mask != 0) & (mask != IGNORE)
    place = _place(drawn)
    ground = _grey(image, masks[0].shape, is_ct)[place]
    made = []
    for mask in masks:
        part = mask[place]
        pixels = np.repeat(ground[..., None], 3, axis=2).astype(np.float32)
        for value in np.unique(part[(part != 0) & (part != IGNORE)]):
            inside = part == value
            ink = np.array(_ink(int(value)), np.float32)
            pixels[inside] = 0.75 * pixels[inside] + 0.25 * ink
            pixels[surface(inside)] = ink
        made.append(png(_enlarged(pixels.astype(np.uint8), spacing)))
    return made


def _ink(value: int) -> tuple[int, int, int]:
    return OKABE_ITO[(value - 1) % len(OKABE_ITO)]


def class_colour(value: int) -> str:
    """Return the colour of a class in `overlays`, as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*_ink(value))


def _place(drawn: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the box of what is drawn with a margin; all where nothing is."""
    box = bounding_box(drawn)
    if box is None:
        return tuple(slice(0, n) for n in drawn.shape)
    margin = max(12, max(s.stop - s.start for s in box) // 4)
    return tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(box, drawn.shape, strict=True)
    )


def _grey(
    image: NDArray[Any] | None, shape: tuple[int, ...], is_ct: bool
) -> NDArray[np.uint8]:
    if image is None:
        return np.zeros(shape, np.uint8)
    values = np.nan_to_num(np.asarray(image, np.float32))
    low, high = (-160, 240) if is_ct else np.percentile(values, (1, 99))
    scaled = (values - low) / max(float(high - low), 1e-6) * 255
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def _enlarged(
    pixels: NDArray[np.uint8], spacing: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return it in true proportions, about `_SIDE` long, pixels repeated or skipped."""
    sizes = [n * s for n, s in zip(pixels.shape[:2], spacing, strict=True)]
    scale = _SIDE / max(sizes)
    rows, columns = (
        np.minimum(
            (np.arange(max(1, round(size * scale))) + 0.5) * n / max(1, size * scale),
            n - 1,
        ).astype(np.int64)
        for size, n in zip(sizes, pixels.shape[:2], strict=True)
    )
    result: NDArray[np.uint8] = pixels[rows][:, columns]
    return result
