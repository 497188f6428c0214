"""Values of voxels: the smallest dtype that holds them exactly, and what is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "EXACT_IN_FLOAT32",
    "PADDING_BYTES",
    "empty_picture",
    "fit_voxels",
    "left_over_problems",
    "look_like_ct",
    "not_numbers",
    "value_problems",
    "values_rounded",
]

EXACT_IN_FLOAT32 = 1 << 24
"""Up to here float32 holds every whole number."""
PADDING_BYTES = 16
"""So many at the end of the voxels fill up a block, and are none."""


@np.errstate(all="ignore")
def fit_voxels(
    raw: NDArray[Any], slope: float = 1.0, intercept: float = 0.0
) -> NDArray[Any]:
    """Rescale stored values and keep them in uint8, int16 or float32.

    Parameters
    ----------
    raw : ndarray, any real dtype
        Stored values; not changed, and not copied where nothing has to change.
    slope, intercept : float
        Value = stored value * slope + intercept. A slope of 0 means 1.

    Returns
    -------
    ndarray
        uint8 where it was uint8 and is not rescaled, int16 where every value fits
        exactly, else float32. What is not a finite number becomes the smallest that is.
    """
    slope = slope or 1.0
    whole = float(slope).is_integer() and float(intercept).is_integer()
    whole = whole and abs(slope) < 1 << 15 and abs(intercept) < 1 << 30
    plain = (slope, intercept) == (1.0, 0.0)
    if raw.dtype.kind in "iub" and whole:
        if plain and raw.dtype in (np.uint8, np.int16):
            return raw.astype(raw.dtype.newbyteorder("="), copy=False)
        ends = [int(v) * slope + intercept for v in (raw.min(), raw.max())]
        if min(ends) >= -32768 and max(ends) <= 32767:
            if plain:
                return raw.astype(np.int16)
            wide = raw.astype(np.int32)
            wide *= int(slope)
            wide += int(intercept)
            return wide.astype(np.int16)
    with np.errstate(all="ignore"):
        if plain:
            values = raw.astype(np.float32)
        else:
            values = (raw.astype(np.float64) * slope + intercept).astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        huge = ~finite & np.isfinite(raw)  # a number, but none that float32 can hold
        largest = np.finfo(np.float32).max
        values[huge] = np.where(np.signbit(values[huge]), -largest, largest)
        finite |= huge
    if not finite.all():
        values[~finite] = values[finite].min() if finite.any() else 0
    if raw.dtype.kind == "f" and values.size and _whole_int16(values):
        return values.astype(np.int16)
    return values


def _whole_int16(values: NDArray[Any]) -> bool:
    # Look at a few first: nearly always that settles it.
    for part in (values.ravel(order="K")[:: max(1, values.size // 1000)], values):
        if part.min() < -32768 or part.max() > 32767 or np.any(part != np.rint(part)):
            return False
    return True


@np.errstate(all="ignore")
def value_problems(
    raw: NDArray[Any], slope: float = 1.0, intercept: float = 0.0
) -> list[Problem]:
    """Say what is odd about stored values: not numbers, too large, all the same.

    Parameters
    ----------
    raw : ndarray, any real dtype
        Stored values.
    slope, intercept : float
        As in `fit_voxels`.
    """
    if raw.size == 0:
        return []
    # Nothing else can come near the largest number of float32.
    wide_float = raw.dtype.kind == "f" and raw.dtype.itemsize > 4
    if wide_float or max(abs(slope), abs(intercept)) > 1e18:
        ends = np.array(
            [np.fmin.reduce(raw, axis=None), np.fmax.reduce(raw, axis=None)]
        )
        ends = ends[np.isfinite(ends)] * (float(slope) or 1.0) + intercept
        if ends.size and not np.abs(ends).max() <= np.finfo(np.float32).max:
            return [_CUT_OFF]
    if raw.dtype.kind == "f":
        n_bad = int(raw.size - np.isfinite(raw).sum())
        if n_bad:
            return [not_numbers(n_bad, raw.size)]
    is_wide = raw.dtype.kind in "iu" and raw.dtype.itemsize > 2
    if is_wide and max(-int(raw.min()), int(raw.max())) > EXACT_IN_FLOAT32:
        return [values_rounded(int(raw.min()), int(raw.max()))]
    if raw.min() == raw.max():
        return [empty_picture(raw.flat[0])]
    return []


_CUT_OFF = Problem(
    "values-cut-off",
    Severity.UNSAFE,
    "The file holds values beyond 3.4e38, which no scanner measures and MedLab cannot "
    "keep; they are cut off there.",
)


def not_numbers(n_bad: int, n_voxels: int) -> Problem:
    """Return the problem of voxels that hold no number."""
    if n_bad == n_voxels:
        message = "No voxel of the file holds a number."
        return Problem("no-numbers", Severity.NOT_A_VOLUME, message)
    message = (
        f"{counted(n_bad, 'voxel holds', 'voxels hold')} no number (NaN or infinite); "
        "they are shown as the smallest value."
    )
    return Problem("not-numbers", Severity.WARNING, message)


def values_rounded(lowest: int, highest: int) -> Problem:
    """Return the problem of whole numbers that float32 cannot hold."""
    message = (
        f"The file holds whole numbers beyond {EXACT_IN_FLOAT32:,} (from "
        f"{lowest:,} to {highest:,}); those are rounded to about seven digits."
    )
    return Problem("values-rounded", Severity.NOTE, message)


def empty_picture(value: Any) -> Problem:
    """Return the problem of voxels that are all alike."""
    message = f"All voxels have the same value ({value})."
    return Problem("empty-picture", Severity.WARNING, message)


@np.errstate(all="ignore")
def look_like_ct(raw: NDArray[Any], slope: float = 1.0, intercept: float = 0.0) -> bool:
    """Tell whether values are very likely CT in Hounsfield units.

    Air near -1000 and soft tissue near 0 to 100 are both frequent, and nothing lies
    far below air but a filling value. No MR, PET or mask has both.

    Parameters
    ----------
    raw : ndarray, shape (Z, Y, X)
        Stored values; only a sample is looked at.
    slope, intercept : float
        As in `fit_voxels`.
    """
    stride = tuple(slice(None, None, max(1, n // 48)) for n in raw.shape)
    sample = raw[stride].astype(np.float64).ravel() * (slope or 1.0) + intercept
    sample = sample[np.isfinite(sample)]
    if sample.size == 0 or sample.min() < -10000 or sample.max() > 32767:
        return False
    air = np.mean((sample >= -1100) & (sample <= -850))
    tissue = np.mean((sample >= -150) & (sample <= 200))
    between = np.mean((sample > -800) & (sample < -200))
    return bool(air > 0.02 and tissue > 0.05 and between < max(air, tissue))


def left_over_problems(n_over: int, n_bytes: int) -> list[Problem]:
    """Report much behind voxels that are not packed.

    Parameters
    ----------
    n_over : int
        How many bytes the file has beyond them.
    n_bytes : int
        How many they are.
    """
    if n_over <= PADDING_BYTES:
        return []
    message = (
        f"The file holds {n_over:,} bytes more than the voxels that its header names. "
        "What is beyond is passed over; if size or type of the voxels are wrong, the "
        "picture is, too."
    )
    severity = Severity.UNSAFE if 2 * n_over >= n_bytes else Severity.WARNING
    return [Problem("pixels-left-over", severity, message)]
