"""Where the pixels of a DICOM file lie, and whether all of them can be there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from medlab_gui.io.series import PixelLayout

__all__ = ["find_pixels", "most_frames"]

_ENDLESS = 0xFFFFFFFF
_BEST_PACKED = 2000
"""No picture of a patient is packed better than this; a header that claims so lies."""
_SMALLEST_FRAME = 64
"""Bytes; what claims thousands of smaller pictures is no scan."""
_SMALL = 1 << 25
"""What may be unpacked from anything, bytes: an empty picture packs to nothing."""


def find_pixels(
    file: BinaryIO,
    encoding: tuple[bool | None, bool | None],
    layout: PixelLayout,
    n_frames: int,
    compressed: bool,
) -> tuple[str, int | None, str]:
    """Look at the element of the pixels without reading them.

    Parameters
    ----------
    file : file
        Standing where the element begins.
    encoding : tuple of bool
        Whether VRs are left out, and whether it is little endian.
    layout : PixelLayout
        What the header says of a frame.
    n_frames : int
        How many there should be.
    compressed : bool
        Whether they are encapsulated.

    Returns
    -------
    str, int or None, str
        The kind of numbers, where raw ones begin, and in words what is missing.
    """
    implicit, little = encoding
    order = ">" if little is False else "<"
    head = file.read(12)
    if len(head) < 8:
        return "integer", None, "it ends before the pixels"
    group, element = struct.unpack(order + "HH", head[:4])
    kinds = {0x0010: "integer", 0x0008: "float", 0x0009: "double"}
    if group != 0x7FE0 or element not in kinds:
        return "integer", None, "it ends before the pixels"
    kind = kinds[element]
    if implicit:
        (length,) = struct.unpack(order + "L", head[4:8])
        file.seek(-(len(head) - 8), 1)
    else:
        if len(head) < 12:
            return kind, None, "it ends before the pixels"
        (length,) = struct.unpack(order + "L", head[8:12])
    start = file.tell()
    size = file.seek(0, 2)
    wanted = layout.n_bytes * n_frames
    if compressed:
        cut = _walk_fragments(file, start, size, n_frames)
        if wanted > (size - start) * _BEST_PACKED + _SMALL:
            cut = f"its {size - start:,} bytes of pixels cannot be {wanted:,} unpacked"
        return kind, None, cut
    if length == _ENDLESS:
        lies = wanted > (size - start) * _BEST_PACKED + _SMALL
        return kind, None, "its pixels do not end" if lies else ""
    if layout.photometric == "YBR_FULL_422":
        wanted = wanted * 2 // 3
    found = min(length, size - start)
    if found < wanted:
        cut = f"it holds {found:,} of the {wanted:,} bytes of its pixels"
        return kind, None, cut
    return kind, start, ""


def most_frames(layout: PixelLayout, size: int, *, compressed: bool) -> int:
    """Return how many frames a file could hold at most.

    Parameters
    ----------
    layout : PixelLayout
        What the header says of a frame.
    size : int
        Bytes of the file.
    compressed : bool
        Whether the frames are encapsulated.
    """
    if compressed:
        return max(1, size // 8)  # each has an item of eight bytes at least
    return max(1, size * 3 // 2 // max(_SMALLEST_FRAME, layout.n_bytes))


def _walk_fragments(file: BinaryIO, start: int, size: int, n_frames: int) -> str:
    """Return what is missing of encapsulated pixels, going from item to item."""
    file.seek(start)
    n_items = 0
    while True:
        head = file.read(8)
        if len(head) < 8:
            # A missing end mark alone harms nobody, if there was a picture.
            return "" if n_items >= 2 and not head else "it ends within the pixels"
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) != (0xFFFE, 0xE000):
            n_pieces = max(0, n_items - 1)  # the first is the table of offsets
            if n_pieces and n_pieces < n_frames:
                return f"it holds {n_pieces:,} of its {n_frames:,} pictures"
            return "" if n_pieces else "it holds no compressed picture"
        n_items += 1
        if file.tell() + length > size:
            return "it ends within the compressed pixels"
        file.seek(length, 1)
