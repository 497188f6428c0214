"""What a DICOM header says of how its values are to be shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.display import Display
from medlab_gui.io.dicom_values import numbers, text

if TYPE_CHECKING:
    from medlab_gui.io.series import Frame, PixelLayout

__all__ = [
    "display_of",
    "frame_window",
    "is_secondary_capture",
    "usable_window",
    "voi_item",
    "window_of",
]

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


def is_secondary_capture(class_uid: str) -> bool:
    """Tell whether a SOP class is one of Secondary Capture's: a screenshot, a scan."""
    return class_uid == _SECONDARY or class_uid.startswith(f"{_SECONDARY}.")


def voi_item(dataset: Any) -> Any:
    """Return what holds Window Center and its like: the header or a functional group.

    An enhanced object may give each frame a window; that of the middle one is taken.
    """
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = dataset.get("SharedFunctionalGroupsSequence") or ()
    middle = [per_frame[len(per_frame) // 2]] if len(per_frame) else []
    for group in (*middle, *shared[:1]):
        items = group.get("FrameVOILUTSequence")
        if items:
            return items[0]
    return dataset


def window_of(dataset: Any) -> tuple[float, float] | None:
    """Return (level, width) that a header asks for; the first where there are many."""
    level = numbers(dataset, "WindowCenter")
    width = numbers(dataset, "WindowWidth")
    if not level or not width or not math.isfinite(level[0]) or not width[0] > 0:
        return None
    return level[0], width[0]


def usable_window(
    window: tuple[float, float] | None, function: str
) -> tuple[float, float] | None:
    """Return a window, or None where its VOI LUT Function does not allow it."""
    if window is not None and function == "LINEAR" and window[1] < 1:
        return None
    return window


def frame_window(item: Any) -> tuple[float, float] | None:
    """Return the window of one frame from its item of a Frame VOI LUT Sequence."""
    return usable_window(window_of(item), text(item, "VOILUTFunction").upper())


def display_of(
    dataset: Any, layout: PixelLayout, frames: tuple[Frame, ...], *, is_little: bool
) -> Display:
    """Return how the values of a file are to be shown.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Its header.
    layout : PixelLayout
        How its pixels are written.
    frames : tuple of Frame
        Its frames, with their rescale.
    is_little : bool
        Whether numbers in the header are little endian.
    """
    function = text(voi_item(dataset), "VOILUTFunction").upper()
    return Display(
        function=function if function in _FUNCTIONS else "LINEAR",
        inverted=layout.photometric == "MONOCHROME1",
        padding=_padding(dataset, layout, frames, is_little),
    )


def _padding(
    dataset: Any, layout: PixelLayout, frames: tuple[Frame, ...], is_little: bool
) -> tuple[float, float] | None:
    value = _stored(dataset, "PixelPaddingValue", layout, is_little)
    if value is None or not layout.is_grey:
        return None
    limit = _stored(dataset, "PixelPaddingRangeLimit", layout, is_little)
    ends = sorted((value, value if limit is None else limit))
    rescales = {(f.slope, f.intercept) for f in frames}
    if len(rescales) != 1:
        return None  # one stored value is then another value on each slice
    ((slope, intercept),) = rescales
    table = frames[0].table
    if table is not None:
        ends = table.apply(np.array(ends)).astype(float).tolist()
    low, high = sorted(v * slope + intercept for v in ends)
    return low, high


def _stored(
    dataset: Any, name: str, layout: PixelLayout, is_little: bool
) -> float | None:
    """Return a stored value as the pixels hold it, whatever its VR says."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    if isinstance(value, bytes) and len(value) in (2, 4):
        # An implicit VR leaves open whether it is signed.
        found = int.from_bytes(value, "little" if is_little else "big")
    elif layout.kind != "integer":
        many = numbers(dataset, name)
        return many[0] if many else None
    else:
        many = numbers(dataset, name)
        if not many or not float(many[0]).is_integer():
            return None
        found = int(many[0])
    bits = layout.bits_stored
    if not 0 < bits <= 64:
        return None
    found &= (1 << bits) - 1
    if layout.signed and found >= 1 << (bits - 1):
        found -= 1 << bits
    return float(found)
