"""Random changes to training slices: drawn first, then applied by a fixed function.

What was drawn is plain data, so a sample can be made again exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Augmentation", "Disc", "Ranges", "augment", "draw"]


_BEND_NODES = 5
_SHADE_NODES = 4


@dataclass(frozen=True, slots=True)
class Ranges:
    """How far training slices may be changed.

    Parameters
    ----------
    angle_deg : float
        Turned by up to so much, either way.
    scale : tuple of 2 floats
        Enlarged by a factor between these (drawn evenly in its logarithm).
    shift : float
        Moved by up to this share of the height and width, either way.
    margin : float
        Widened at each side by up to this share of the height and width, in half of
        the cases: a wider field of view than the scan's.
    flip : bool
        Whether left and right may be exchanged. Off: the liver is on the right.
    bend : float
        Bent by a smooth field; standard deviation of its 5 x 5 nodes, as a share of the
        height and width.
    beside : float
        Chance, twice, of a disc of tissue with a bright core in the air round the body:
        an arm, which one scan shows and the next does not.
    shade : float
        A smooth field of 4 x 4 nodes, each up to so much either way, is added to grey
        values: beam hardening, coil sensitivity.
    brightness : float
        Added to grey values, up to so much either way.
    contrast : tuple of 2 floats
        Factor round the grey value 0.5.
    gamma : tuple of 2 floats
        Exponent of grey values (drawn evenly in its logarithm).
    field : tuple of 2 floats
        Factor of the distance of grey values from 1. Histogram equalisation gives air
        the share of air in the slice, so a scan with a wider field of view has all its
        tissues nearer to 1: this is what another field of view looks like.
    uptake : float
        Added to the grey values of each class, up to so much either way: another
        phase of contrast agent.
    noise : float
        Largest standard deviation of noise.
    """

    angle_deg: float = 15.0
    scale: tuple[float, float] = (0.7, 1.4)
    shift: float = 0.1
    margin: float = 0.35
    flip: bool = False
    bend: float = 0.02
    beside: float = 0.4
    shade: float = 0.1
    brightness: float = 0.05
    contrast: tuple[float, float] = (0.9, 1.1)
    gamma: tuple[float, float] = (0.8, 1.25)
    field: tuple[float, float] = (0.4, 1.1)
    uptake: float = 0.08
    noise: float = 0.02


@dataclass(frozen=True, slots=True)
class Disc:
    """Something round beside the body.

    Parameters
    ----------
    y, x : float
        Its middle, as shares of the height and width.
    radius : float
        As a share of the smaller of both.
    grey, core : float
        Of its outer part and of the inner third, from 0 (darkest of the slice) to 1
        (brightest).
    """

    y: float
    x: float
    radius: float
    grey: float
    core: float


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One change, fully determined; the names are those of `Ranges`.

    ``margins`` are shares of the height above and below, and of the width left and
    right.
    """

    angle_deg: float = 0.0
    scale: float = 1.0
    shift_yx: tuple[float, float] = (0.0, 0.0)
    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    flip: bool = False
    bend: tuple[float, ...] = ()
    beside: tuple[Disc, ...] = ()
    shade: tuple[float, ...] = ()
    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    field: float = 1.0
    uptake: tuple[float, ...] = ()
    noise: float = 0.0
    noise_seed: int = 0


def draw(
    rng: np.random.Generator, n_classes: int, ranges: Ranges | None = None
) -> Augmentation:
    """Draw a change.

    Parameters
    ----------
    rng : numpy.random.Generator
        Advanced by the same number of draws each time.
    n_classes : int
        Classes with background.
    ranges : Ranges, optional
        How far to go.
    """
    r = ranges or Ranges()

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def factor(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def one_disc() -> Disc:
        return Disc(
            y=between(0.2, 1.0),
            x=between(-0.05, 1.05),
            radius=between(0.05, 0.15),
            grey=between(0.5, 0.95),
            core=between(0.7, 1.0),
        )

    return Augmentation(
        angle_deg=between(-r.angle_deg, r.angle_deg),
        scale=factor(*r.scale),
        shift_yx=(between(-r.shift, r.shift), between(-r.shift, r.shift)),
        margins=(
            max(0.0, between(-r.margin, r.margin)),
            max(0.0, between(-r.margin, r.margin)),
            max(0.0, between(-r.margin, r.margin)),
            max(0.0, between(-r.margin, r.margin)),
        ),
        flip=bool(rng.random() < 0.5) and r.flip,
        beside=tuple(
            disc for disc in (one_disc(), one_disc()) if rng.random() < r.beside
        ),
        bend=tuple(rng.normal(0, r.bend, 2 * _BEND_NODES**2).tolist()),
        shade=tuple(rng.uniform(-r.shade, r.shade, _SHADE_NODES**2).tolist()),
        brightness=between(-r.brightness, r.brightness),
        contrast=factor(*r.contrast),
        gamma=factor(*r.gamma),
        field=factor(*r.field),
        uptake=tuple(between(-r.uptake, r.uptake) for _ in range(n_classes - 1)),
        noise=between(0, r.noise),
        noise_seed=int(rng.integers(2**31)),
    )


def augment(
    change: Augmentation, image: NDArray[np.float32], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Apply a change to a slice and its mask.

    Parameters
    ----------
    change : Augmentation
        What to do.
    image : ndarray of float32, shape (Y, X), or (C, Y, X) with neighbours
        Grey values, about 0 to 1. Interpolated linearly; its edge is repeated outwards.
        Neighbours are changed alike; each has noise of its own, and no ``uptake``.
    labels : ndarray of uint8, shape (Y, X)
        Class values. The nearest is taken, also of what comes from outside: round a
        body is air, and a network that never sees wide air guesses wildly there.

    Returns
    -------
    image : ndarray of float32, shape (Y', X'), or (C, Y', X')
        Larger than before by the margins.
    labels : ndarray of uint8, shape (Y', X')
    """
    planes, labels = _move(change, image.reshape(-1, *labels.shape), labels)
    for disc in change.beside:
        planes = np.stack([_put_beside(disc, plane, labels) for plane in planes])
    # The mask is that of the slice in the middle: where its neighbours' classes lie is
    # not known, and a contrast agent that is in one slice alone would give it away.
    if any(change.uptake) and image.ndim == 2:
        # Class n is foreground n - 1; background and ignored voxels stay as they are.
        table = np.zeros(256, dtype=np.float32)
        table[1 : len(change.uptake) + 1] = change.uptake
        planes = planes + table[labels]
    if any(change.shade):
        nodes = np.reshape(change.shade, (_SHADE_NODES, _SHADE_NODES))
        planes = planes + _smooth(nodes, labels.shape).astype(np.float32)
    # 1 - (1 - g) * field, then the contrast round 0.5 and the brightness.
    slope = np.float32(change.field * change.contrast)
    offset = (0.5 - change.field) * change.contrast + 0.5 + change.brightness
    grey = planes * slope + np.float32(offset)
    if change.gamma != 1:
        # Beyond 0 and 1 the curve goes on as a straight line: pipelines need not clip.
        inside = np.clip(grey, 0, 1)
        grey = inside ** np.float32(change.gamma) + (grey - inside)
    if change.noise:
        for n, plane in enumerate(grey):
            rng = np.random.default_rng(change.noise_seed + n)
            plane += np.float32(change.noise) * rng.standard_normal(
                plane.shape, dtype=np.float32
            )
    shape = labels.shape if image.ndim == 2 else grey.shape
    return np.ascontiguousarray(grey.reshape(shape), dtype=np.float32), labels


def _move(
    change: Augmentation, planes: NDArray[np.float32], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Move planes (C, Y, X) and their one mask (Y, X) alike."""
    shape = np.array(labels.shape)
    above, below, left, right = change.margins
    added = np.round(np.array([[above, below], [left, right]]) * shape[:, None])
    places = (change.angle_deg, change.scale, change.shift_yx, change.flip)
    still = places == (0.0, 1.0, (0.0, 0.0), False) and not any(change.bend)
    if still and not added.any():
        return planes, labels
    angle = np.radians(change.angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # From a pixel of the result to the pixel of the source that it shows.
    back = turn / change.scale
    if change.flip:
        back = np.diag([1.0, -1.0]) @ back
    middle = (shape - 1) / 2
    shift = np.array(change.shift_yx) * shape
    offset = middle - back @ (middle + shift + added[:, 0])
    height, width = (shape + added.sum(axis=1)).astype(int).tolist()
    rows, columns = np.arange(height)[:, None], np.arange(width)
    at = [back[n, 0] * rows + (back[n, 1] * columns + offset[n]) for n in (0, 1)]
    if any(change.bend):
        nodes = np.reshape(change.bend, (2, _BEND_NODES, _BEND_NODES))
        for n in (0, 1):
            at[n] += _smooth(nodes[n], (height, width)) * shape[n]
    # What lies outside shows the nearest pixel of the edge.
    y, x = (np.clip(at[n], 0, shape[n] - 1) for n in (0, 1))
    return _linear(planes, y, x), _nearest(labels, y, x)


def _linear(
    planes: NDArray[np.float32], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return planes (C, Y, X) at places (H, W) inside of them, linearly between."""
    n, height, width = planes.shape
    # The lower neighbour; the last row and column lie at the end of their last step.
    y0 = np.minimum(y.astype(np.intp), max(0, height - 2))
    x0 = np.minimum(x.astype(np.intp), max(0, width - 2))
    down, right = (y - y0).astype(np.float32), (x - x0).astype(np.float32)
    first = y0 * width + x0
    row, column = width if height > 1 else 0, int(width > 1)
    flat = planes.reshape(n, -1)

    def along_row(at: NDArray[np.intp]) -> NDArray[np.float32]:
        own = flat.take(at, axis=1)
        own += right * (flat.take(at + column, axis=1) - own)
        return own

    upper = along_row(first)
    upper += down * (along_row(first + row) - upper)
    return upper


def _nearest(
    labels: NDArray[np.uint8], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return a mask at places (H, W) inside of it, the nearest pixel's."""
    at = (y + 0.5).astype(np.intp) * labels.shape[1] + (x + 0.5).astype(np.intp)
    found: NDArray[np.uint8] = labels.ravel().take(at)
    return found


def _put_beside(
    disc: Disc, image: NDArray[np.float32], labels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Draw a disc behind the body: where there is air, and no class."""
    low, high = float(image.min()), float(image.max())
    height, width = image.shape
    middle_y, middle_x = disc.y * height, disc.x * width
    radius = disc.radius * min(height, width)
    there = tuple(
        slice(max(0, math.floor(at - radius)), max(0, math.ceil(at + radius) + 1))
        for at in (middle_y, middle_x)
    )
    y, x = np.ogrid[:height, :width]
    r = np.hypot(y[there[0]] - middle_y, x[:, there[1]] - middle_x)
    grey = np.where(r < radius / 3, disc.core, disc.grey) * (high - low) + low
    own = image[there]
    seen = (r < radius) & (own < low + 0.05 * (high - low)) & (labels[there] == 0)
    drawn = image.copy()
    drawn[there] = np.where(seen, grey, own)
    return drawn


def _smooth(nodes: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a field of the given shape through a few nodes, by cubic splines."""
    rows, columns = (_splines(m, n) for m, n in zip(nodes.shape, shape, strict=True))
    return rows @ nodes @ columns.T


@lru_cache(maxsize=256)
def _splines(n_nodes: int, length: int) -> NDArray[np.float64]:
    """Return what each node adds to each place of a line, shape (length, n_nodes).

    Splines through a grid are those of its rows, and then of its columns.
    """
    from scipy.ndimage import map_coordinates

    places = [np.linspace(0, n_nodes - 1, length)]
    return np.stack(
        [
            map_coordinates(one, places, order=3, mode="nearest")
            for one in np.eye(n_nodes)
        ],
        axis=1,
    )
