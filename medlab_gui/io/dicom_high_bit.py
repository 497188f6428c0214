"""Where in a stored word the value lies: High Bit against Bits Stored.

Today's standard wants the value at the bottom of the word (High Bit one less than Bits
Stored). Older files may have it higher up, and sloppy writers name another High Bit
although it is at the bottom; other programs believe the one or the other. So one
picture is looked at, and what was found is told.

References
----------
DICOM PS3.5-2013, 8.1.1 and annex D (Pixel Data encoding), retired since.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_decode import PackedFile

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.io.series import Frame

__all__ = ["settle_high_bit"]


def settle_high_bit(
    frames: Sequence[Frame], incomplete: Collection[Path] = ()
) -> tuple[tuple[Frame, ...], tuple[Problem, ...]]:
    """Return frames whose High Bit is true, and what to tell where it was odd.

    Parameters
    ----------
    frames : sequence of Frame
        Of one series, in any order.
    incomplete : collection of Path
        Files that end before their pixels do; nothing is learned from those, and
        decoders make room for all that they claim.
    """
    frames = tuple(frames)
    odd = [f for f in frames if not f.layout.is_at_the_bottom]
    # Where as many bits are stored as there are, no High Bit can be another.
    odd = [f for f in odd if f.layout.bits_stored < f.layout.bits_allocated]
    if not odd:
        return frames, ()
    sound = [f for f in odd if f.path not in incomplete] or odd
    looked_at = sound[len(sound) // 2]
    layout = looked_at.layout
    at_top = layout.shifts != (layout.bits_allocated - layout.bits_stored,) * 2
    if at_top:
        words = None if looked_at.path in incomplete else _words(looked_at)
        at_top = words is None or not _are_at_the_bottom(words, layout.bits_stored)
    claim = (
        f"The files say that their values of {layout.bits_stored} bits end at bit "
        f"{layout.high_bit} of words of {layout.bits_allocated} bits (High Bit)"
    )
    if at_top:
        message = (
            f"{claim}, as very old files have it; they were taken from there. Compare "
            "a few values with the scanner's."
        )
    else:
        message = f"{claim}, but they end at bit {layout.bits_stored - 1}, as usual."
        frames = tuple(
            f
            if f.layout.is_at_the_bottom
            else replace(f, layout=replace(f.layout, high_bit=f.layout.bits_stored - 1))
            for f in frames
        )
    names = tuple(dict.fromkeys(f.path.name for f in odd))
    severity = Severity.WARNING if at_top else Severity.NOTE
    return frames, (Problem("high-bit", severity, message, names),)


def _words(frame: Frame) -> NDArray[Any] | None:
    """Return the words of a picture, unsigned; None where they cannot be had."""
    try:
        plane, rescaled = PackedFile(frame.path).plane(frame.index)
    except (MedlabError, OSError):
        return None  # told when the picture is read
    whole = plane.dtype.itemsize * 8 == frame.layout.bits_allocated
    if rescaled or not whole or plane.dtype.kind not in "iu":
        return None
    native: NDArray[Any] = plane.astype(plane.dtype.newbyteorder("="))
    return native.view(f"u{plane.dtype.itemsize}")


def _are_at_the_bottom(words: NDArray[Any], bits_stored: int) -> bool:
    """Tell whether nothing but the sign lies above the stored bits."""
    n_bits = words.dtype.itemsize * 8
    above = words >> np.array(bits_stored - 1, words.dtype)
    full = (1 << (n_bits - bits_stored + 1)) - 1
    signed = bool(np.all((above == 0) | (above == full)))
    unsigned = bool(np.all(words < np.array(1 << bits_stored, words.dtype)))
    return signed or unsigned
