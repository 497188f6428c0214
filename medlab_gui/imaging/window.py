"""Grey-value windows: the linear transform that opens every pipeline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PRESETS", "WindowPreset", "default_window", "window"]


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """A named window for CT.

    Parameters
    ----------
    name : str
        What a person reads.
    level, width : float
        Centre and width in Hounsfield units.
    """

    name: str
    level: float
    width: float


PRESETS: tuple[WindowPreset, ...] = (
    WindowPreset("Abdomen", 40, 400),
    WindowPreset("Liver", 90, 150),
    WindowPreset("Mediastinum", 40, 400),
    WindowPreset("Lung", -600, 1500),
    WindowPreset("Bone", 400, 2000),
    WindowPreset("CT angiography", 200, 600),
    WindowPreset("Brain", 40, 80),
    WindowPreset("Stroke", 40, 40),
)
"""Windows for CT in Hounsfield units; the first is MedLab's default."""


def window(data: NDArray[Any], *, level: float, width: float) -> NDArray[np.float32]:
    """Map a window of grey values linearly to [0, 1] and clip what lies outside.

    ``(x - (level - width / 2)) / width``, clipped. DICOM's ``LINEAR`` function
    differs by half a grey value, which is meant for 256-level screens.

    Parameters
    ----------
    data : ndarray, any shape
        Grey values, e.g. in HU.
    level, width : float
        Centre and width of the window in the units of ``data``.

    Returns
    -------
    ndarray of float32
        Same shape as ``data``, in [0, 1].

    Raises
    ------
    SpecError
        If the width is not above 0, or a number is not finite.
    """
    if not (math.isfinite(level) and math.isfinite(width) and width > 0):
        msg = (
            f"A window needs a finite level and a width above 0; "
            f"found level {level:g} and width {width:g}."
        )
        raise SpecError(msg)
    out = np.asarray(data).astype(np.float32)
    out -= np.float32(level - width / 2)
    out *= np.float32(1 / width)
    np.clip(out, 0, 1, out=out)
    return out


def default_window(
    data: NDArray[Any],
    modality: str,
    file_window: tuple[float, float] | None = None,
    padding: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Return the window in which a scan opens.

    Parameters
    ----------
    data : ndarray
        The scan, any shape; only a sample is looked at.
    modality : str
        DICOM modality, ``"CT"``, ``"MR"``, ...
    file_window : tuple of float, optional
        ``(level, width)`` that the file asks for. It is taken where it is sane: finite,
        of a width above 1, and (other than CT) showing part of the data.
    padding : tuple of float, optional
        Lowest and highest of the values that only fill the picture; left out.

    Returns
    -------
    level, width : float
        For CT without a sane window the first of `PRESETS`; else the range between
        the 1st and the 99th percentile of what is not the darkest value.
    """
    if modality == "CT":
        if file_window is not None and _is_sane_ct(*file_window):
            return file_window
        return PRESETS[0].level, PRESETS[0].width
    stride = tuple(slice(None, None, max(1, n // 64)) for n in data.shape)
    sample = np.asarray(data[stride], dtype=np.float32).ravel()
    sample = sample[np.isfinite(sample)]
    if padding is not None:
        sample = sample[(sample < padding[0]) | (sample > padding[1])]
    if sample.size == 0:
        return 0.5, 1.0
    darkest, brightest = float(sample.min()), float(sample.max())
    if file_window is not None:
        level, width = file_window
        sane = math.isfinite(level) and math.isfinite(width) and width > 1
        shows = level + width / 2 > darkest and level - width / 2 < brightest
        # A window a hundred times wider than the data shows one flat grey.
        if sane and shows and width <= 100 * max(brightest - darkest, 1):
            return level, width
    picture = sample[sample > darkest]
    if picture.size == 0:  # all the same: black, and what is brighter elsewhere white
        return darkest + 0.5, 1.0
    low, high = (float(v) for v in np.percentile(picture, (1, 99)))
    low = min(low, darkest) if darkest >= 0 else low
    width = max(high - low, 1e-6 * max(abs(high), abs(low), 1e-6))
    return low + width / 2, width


def _is_sane_ct(level: float, width: float) -> bool:
    return (
        math.isfinite(level)
        and math.isfinite(width)
        and 1 < width <= 8192
        and -2048 <= level <= 8192
    )
