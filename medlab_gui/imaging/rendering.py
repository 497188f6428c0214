"""A volume seen from any side: maximum intensity projection and volume rendering.

Rays are cast with plain numpy through a volume that was made smaller, many rays at a
time: fast enough to turn without a graphics card, and on a thread of its own (numpy
lets go of Python's lock).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.imaging.scene import Scene

__all__ = ["Rendering", "ViewPoint", "first_window", "render"]

_MASK_OPACITY = 0.5
_MASK_TINT = 0.45
_SURFACE = 0.35
_SPENT = 0.02
_SOFT = 0.7
_CT_VOLUME = (200.0, 600.0)
"""In HU: opaque from calcium and vessels with contrast on; soft tissue is a veil."""
_CT_DARK = -100.0
_CT_BODY = -300.0
_CT_BRIGHT = (500.0, 2500.0)
"""In HU, of a CT's MIP: fat is black; what a ray through the body is; where the
brightest bone is white, at least (vessels with contrast) and at most (metal)."""


class Rendering(StrEnum):
    """What becomes of the values along a ray."""

    MIP = "mip"
    VOLUME = "volume"


@dataclass(frozen=True)
class ViewPoint:
    """From where one looks, in parallel projection.

    Parameters
    ----------
    yaw, pitch : float
        Degrees: 0, 0 looks from the front to the back with the head up; yaw turns the
        patient about the axis from feet to head, pitch tips the head towards one.
    zoom : float
        1 fits the whole scan into the shorter side of the picture.
    shift : tuple of float
        Right and down, in mm, by which the picture is moved.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = field(default=(0.0, 0.0))

    def axes(self) -> NDArray[np.float64]:
        """Return LPS directions right, down and away from the viewer, shape (3, 3)."""
        yaw, pitch = np.radians(self.yaw), np.radians(self.pitch)
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        away = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        up = np.array([0.0, 0.0, 1.0])
        tipped = np.cos(pitch) * away - np.sin(pitch) * up
        down = -(np.cos(pitch) * up + np.sin(pitch) * away)
        return np.stack([right, down, tipped])


def first_window(
    scene: Scene, modality: str, rendering: Rendering
) -> tuple[float, float]:
    """Return level and width in which a scan is seen in 3D at first.

    The brightest value of a ray is far above that of a slice, so that the window of
    the slices would show a white shape. Every ray through a head meets the skull,
    hardly one through a belly does: the brightest of a CT's MIP is what the scan has.

    Parameters
    ----------
    scene : Scene
        The scan.
    modality : str
        DICOM modality. A CT's MIP goes from fat to the 97th percentile of what is seen
        of the body from the front, in HU, and its volume has one window for all;
        others go from the 5th to the 99.5th percentile, air left out.
    rendering : Rendering
        How it is seen.
    """
    if modality == "CT" and rendering is Rendering.VOLUME:
        return _CT_VOLUME
    seen = scene.volume[1:-1, 1:-1, 1:-1].max(axis=1)
    if modality == "CT":
        body = seen[seen > _CT_BODY]
        bright = float(np.percentile(body, 97)) if body.size else 0.0
        bright = min(max(bright, _CT_BRIGHT[0]), _CT_BRIGHT[1])
        return (_CT_DARK + bright) / 2, bright - _CT_DARK
    seen = seen[seen > scene.volume.min()].astype(np.float32)
    darkest = float(scene.volume.min())
    if not seen.size:
        return darkest + 0.5, 1.0
    low, high = (float(v) for v in np.percentile(seen, (5, 99.5)))
    if low == high:  # a mask, for instance
        low = darkest
    width = max(high - low, 1e-6 * max(abs(high), 1e-6))
    return low + width / 2, width


@dataclass(frozen=True, eq=False)
class _Rays:
    """Rays through a scene: where they begin, and their steps, in indices."""

    start: NDArray[np.float32]
    step: NDArray[np.float32]
    mm_step: NDArray[np.float64]
    n_steps: int
    size: tuple[int, int]


def _rays(scene: Scene, view: ViewPoint, size: tuple[int, int], step: float) -> _Rays:
    width, height = size
    mm_per_px = 2 * scene.radius / (view.zoom * min(size))
    x = (np.arange(width) + 0.5 - width / 2) * mm_per_px - view.shift[0]
    y = (np.arange(height) + 0.5 - height / 2) * mm_per_px - view.shift[1]
    linear, offset = scene.to_index[:, :3], scene.to_index[:, 3]
    right, down, away = view.axes()
    first = linear @ (scene.center - scene.radius * away) + offset
    across = np.outer(linear @ right, x)[:, np.newaxis, :]
    along = np.outer(linear @ down, y)[:, :, np.newaxis]
    start = first[:, np.newaxis, np.newaxis] + across + along
    length = scene.block_mm * step
    return _Rays(
        start.reshape(3, -1).astype(np.float32),
        (linear @ away * length).astype(np.float32),
        away * length,
        int(np.ceil(2 * scene.radius / length)),
        size,
    )


def _within(rays: _Rays, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], _Rays]:
    """Return which rays meet the volume at all, and those, begun where they enter."""
    top = np.array(shape, dtype=np.float32)[:, np.newaxis] - 1
    step = rays.step[:, np.newaxis].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = -rays.start / step, (top - rays.start) / step
    flat = (np.abs(step) < 1e-9) & (rays.start >= 0) & (rays.start <= top)
    missed = (np.abs(step) < 1e-9) & ~flat
    near = np.where(flat, -np.inf, np.minimum(low, high))
    far = np.where(flat, np.inf, np.maximum(low, high))
    far = np.where(missed, -np.inf, far)
    enter = np.maximum(near.max(axis=0), 0)
    leave = np.minimum(far.min(axis=0), rays.n_steps)
    (hit,) = np.nonzero(leave > enter)
    begun = rays.start[:, hit] + rays.step[:, np.newaxis] * enter[hit]
    longest = int(np.ceil((leave - enter)[hit].max())) + 1 if len(hit) else 0
    inside = _Rays(
        begun.astype(np.float32), rays.step, rays.mm_step, longest, rays.size
    )
    return hit, inside


def _flat_indices(at: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the flat index of the nearest block; what is outside meets the border."""
    k, j, i = (
        np.clip(at[a] + np.float32(0.5), 0, shape[a] - 1).astype(np.int32)
        for a in range(3)
    )
    k *= shape[1]
    k += j
    k *= shape[2]
    k += i
    return np.asarray(k)


def render(
    scene: Scene,
    view: ViewPoint,
    size: tuple[int, int],
    rendering: Rendering,
    window: tuple[float, float],
    labels: NDArray[np.uint8] | None = None,
    colors: NDArray[np.uint8] | None = None,
    *,
    inverted: bool = False,
    step: float = 1.0,
    check: Callable[[], object] = lambda: None,
) -> NDArray[np.uint8]:
    """Return the scene as a picture.

    Parameters
    ----------
    scene : Scene
        What is looked at.
    view : ViewPoint
        From where.
    size : tuple of int
        Width and height in pixels.
    rendering : Rendering
        MIP takes the brightest value on each ray. VOLUME lets values become opaque
        within the window, and shades what is opaque by how it faces the viewer.
    window : tuple of float
        Level and width in the units of the scan.
    labels, colors : ndarray of uint8, optional
        Mask on the scene (see `small_labels`), and its colours, shape (256, 3). The
        first label on a ray tints the MIP; in VOLUME its surface is opaque.
    inverted : bool
        Low values are bright (MONOCHROME1); the MIP then stays that of the values.
    step : float
        Length of a step in blocks: shorter is finer and slower.
    check : callable
        Called now and then; may raise to cancel.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB on black.
    """
    rays = _rays(scene, view, size, step)
    hit, inside = _within(rays, scene.volume.shape)
    picture = np.zeros((rays.start.shape[1], 3), np.float32)
    level, width = window
    low, scale = level - width / 2, 1.0 / max(width, 1e-6)
    if len(hit):
        if labels is not None and not labels.any():
            labels = None
        cast = _mip if rendering is Rendering.MIP else _volume
        picture[hit] = cast(scene, inside, hit, low, scale, labels, colors, check)
    if inverted and rendering is Rendering.MIP:
        picture[hit] = 1 - picture[hit]
    rgb = np.clip(picture * 255, 0, 255).astype(np.uint8)
    return rgb.reshape(size[1], size[0], 3)


def _mip(
    scene: Scene,
    rays: _Rays,
    hit: NDArray[np.intp],
    low: float,
    scale: float,
    labels: NDArray[np.uint8] | None,
    colors: NDArray[np.uint8] | None,
    check: Callable[[], object],
) -> NDArray[np.float32]:
    volume, shape = scene.volume.reshape(-1), scene.volume.shape
    best = np.full(len(hit), volume.min(), volume.dtype)
    first = np.zeros(len(hit), np.uint8)
    at = rays.start.copy()
    for n in range(rays.n_steps):
        if n % 16 == 0:
            check()
        flat = _flat_indices(at, shape)
        np.maximum(best, volume.take(flat), out=best)
        if labels is not None:
            here = labels.reshape(-1).take(flat)
            np.copyto(first, here, where=first == 0)
        at += rays.step[:, np.newaxis]
    gray = np.clip((best.astype(np.float32) - low) * scale, 0, 1)
    rgb = np.repeat(gray[:, np.newaxis], 3, axis=1)
    if labels is not None and colors is not None:
        (marked,) = np.nonzero(first)
        tint = colors[first[marked]].astype(np.float32) / 255
        rgb[marked] += (tint - rgb[marked]) * np.float32(_MASK_TINT)
    return rgb.astype(np.float32)


def _volume(
    scene: Scene,
    rays: _Rays,
    hit: NDArray[np.intp],
    low: float,
    scale: float,
    labels: NDArray[np.uint8] | None,
    colors: NDArray[np.uint8] | None,
    check: Callable[[], object],
) -> NDArray[np.float32]:
    shape = scene.volume.shape
    steps = np.clip((scene.volume.astype(np.float32) - low) * (255 * scale), 0, 255)
    values = steps.astype(np.uint8).reshape(-1)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    # The upper half of the window is what one wants to see; the lower is let through.
    opacity = np.clip(ramp * 1.6 - 0.6, 0, 1) ** 2 * np.float32(0.5)
    dark, light = np.array([0.55, 0.24, 0.17]), np.array([1.0, 0.95, 0.86])
    tones = (dark + (light - dark) * ramp[:, np.newaxis]).astype(np.float32)
    through = np.ones(len(hit), np.float32)
    rgb = np.zeros((len(hit), 3), np.float32)
    depth = np.full(len(hit), rays.n_steps, np.float32)
    at = rays.start.copy()
    # A step of another length must not make things denser.
    length_mm = float(np.linalg.norm(rays.mm_step))
    opacity = 1 - (1 - opacity) ** np.float32(length_mm / scene.block_mm)
    of_mask = np.float32(1 - (1 - _MASK_OPACITY) ** (length_mm / scene.block_mm))
    alive = np.arange(len(hit))
    for n in range(rays.n_steps):
        if n % 8 == 0:
            check()
            # Rays that came to an end need not be followed.
            alive = alive[through[alive] > _SPENT]
            if not len(alive):
                break
        flat = _flat_indices(at[:, alive], shape)
        at += rays.step[:, np.newaxis]
        value = values.take(flat)
        alpha = opacity.take(value)
        here = labels.reshape(-1).take(flat) if labels is not None else None
        if here is not None:
            alpha[here > 0] = of_mask
        (seen,) = np.nonzero(alpha)
        if not len(seen):
            continue
        tone = tones.take(value[seen], axis=0)
        if here is not None and colors is not None:
            marked = here[seen] > 0
            tone[marked] = colors[here[seen][marked]].astype(np.float32) / 255
        rays_seen = alive[seen]
        part = alpha[seen] * through[rays_seen]
        rgb[rays_seen] += tone * part[:, np.newaxis]
        through[rays_seen] -= part
        reached = rays_seen[
            (through[rays_seen] < 1 - _SURFACE) & (depth[rays_seen] == rays.n_steps)
        ]
        depth[reached] = n
    return rgb * _shading(rays, hit, depth)[:, np.newaxis]


def _shading(
    rays: _Rays, hit: NDArray[np.intp], depth: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how bright each ray's surface is in the light of a lamp at the eye."""
    width, height = rays.size
    whole = np.full(width * height, np.nan, np.float32)
    # Rays begin where they enter the volume: back to one plane for all.
    away = rays.step.astype(np.float64)
    length = float(np.linalg.norm(away))
    whole[hit] = depth + (away @ rays.start.astype(np.float64)) / length**2
    surface = _smoothed(whole.reshape(height, width))
    down, right = np.zeros_like(surface), np.zeros_like(surface)
    down[1:-1] = (surface[2:] - surface[:-2]) / 2
    right[:, 1:-1] = (surface[:, 2:] - surface[:, :-2]) / 2
    slope = _SOFT * np.hypot(np.nan_to_num(down), np.nan_to_num(right))
    bright = 0.35 + 0.65 / np.sqrt(1 + np.minimum(slope, 6) ** 2)
    return np.asarray(bright.reshape(-1)[hit], dtype=np.float32)


def _smoothed(surface: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of each 5 x 5 pixels that are there; elsewhere NaN stays."""
    there = np.isfinite(surface)
    total = np.where(there, surface, np.float32(0))
    count = there.astype(np.float32)
    for axis in (0, 1):
        total = np.sum([np.roll(total, n, axis) for n in range(-2, 3)], axis=0)
        count = np.sum([np.roll(count, n, axis) for n in range(-2, 3)], axis=0)
    total[~there] = np.nan
    mean: NDArray[np.float32] = (total / np.maximum(count, 1)).astype(np.float32)
    return mean
