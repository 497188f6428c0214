"""Where the pixels of a DICOM file lie, and whether all of them can be there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

    from medlab_gui.io.series import PixelLayout

__all__ = [
    "PixelPlace",
    "coded_size",
    "coded_syntax",
    "find_pixels",
    "lacks_its_end",
    "most_frames",
]

_ENDLESS = 0xFFFFFFFF
_BEST_PACKED = 2000
"""No picture of a patient is packed better than this; a header that claims so lies."""
_SMALLEST_FRAME = 64
"""Bytes; what claims thousands of smaller pictures is no scan."""
_CODED_HEAD = 2048
"""Bytes of a compressed picture in which its size is looked for."""
_SYNTAX_OF = {
    0xC0: "1.2.840.10008.1.2.4.50",
    0xC1: "1.2.840.10008.1.2.4.51",
    0xC3: "1.2.840.10008.1.2.4.57",
    0xF7: "1.2.840.10008.1.2.4.80",
}
_SMALL = 1 << 25
"""What may be unpacked from anything, bytes: an empty picture packs to nothing."""
_VRS = (b"OB", b"OW", b"OF", b"OD", b"UN")


_ITEM = struct.pack("<HH", 0xFFFE, 0xE000)


class PixelPlace(NamedTuple):
    """Where the pixels of a file are.

    Parameters
    ----------
    kind : str
        The kind of numbers: ``"integer"``, ``"float"`` or ``"double"``.
    offset : int or None
        Where raw ones begin.
    cut_short : str
        In words what is missing of them, or "".
    n_spare : int
        Bytes of raw pixels beyond those that the header speaks of.
    denies : bool
        Whether they are raw although the header says that they are compressed.
    """

    kind: str
    offset: int | None = None
    cut_short: str = ""
    n_spare: int = 0
    denies: bool = False


def find_pixels(
    file: BinaryIO,
    encoding: tuple[bool | None, bool | None],
    layout: PixelLayout,
    n_frames: int,
    compressed: bool,
) -> PixelPlace:
    """Look at the element of the pixels without reading them.

    Parameters
    ----------
    file : file
        Standing where the element begins.
    encoding : tuple of bool
        Whether VRs are left out, as the file says, and whether it is little endian.
    layout : PixelLayout
        What the header says of a frame.
    n_frames : int
        How many there should be.
    compressed : bool
        Whether they are encapsulated.

    """
    implicit, little = encoding
    order = ">" if little is False else "<"
    head = file.read(12)
    if len(head) < 8:
        return PixelPlace("integer", cut_short="it ends before the pixels")
    group, element = struct.unpack(order + "HH", head[:4])
    kinds = {0x0010: "integer", 0x0008: "float", 0x0009: "double"}
    if group != 0x7FE0 or element not in kinds:
        return PixelPlace("integer", cut_short="it ends before the pixels")
    kind = kinds[element]
    # Some files have VRs although they deny it, or the other way round. As a length,
    # these letters would be an odd one, which DICOM does not have.
    known, zero = head[4:6] in _VRS, head[6:8] == b"\0\0"
    has_vr = known and zero
    if not implicit:
        has_vr = known or (zero and head[4:6].isalpha())
    if not has_vr:
        (length,) = struct.unpack(order + "L", head[4:8])
        file.seek(-(len(head) - 8), 1)
    else:
        if len(head) < 12:
            return PixelPlace(kind, cut_short="it ends before the pixels")
        (length,) = struct.unpack(order + "L", head[8:12])
    start = file.tell()
    size = file.seek(0, 2)
    wanted = layout.n_bytes * n_frames
    # An array has two bytes for a voxel, whatever the file says of its bits.
    unpacked = max(wanted, 2 * layout.rows * layout.columns * n_frames)
    lies = unpacked > (size - start) * _BEST_PACKED + _SMALL
    if compressed:
        cut = _walk_fragments(file, start, size, layout, n_frames)
        if lies:
            cut = f"its {size - start:,} bytes of pixels cannot be {wanted:,} unpacked"
        if length != _ENDLESS:
            if length in (wanted, wanted + 1) and length <= size - start:
                file.seek(start)
                head = file.read(_CODED_HEAD)
                if not coded_syntax(head) and head[:4] != _ITEM:
                    return PixelPlace(kind, start, denies=True)
            cut = (
                "its header says that its pixels are compressed, and they are not; nor "
                f"are these {length:,} bytes the {wanted:,} that it would hold plainly"
            )
        return PixelPlace(kind, cut_short=cut)
    if lies:
        what = f"it cannot hold {layout.rows:,} x {layout.columns:,} pixels"
        return PixelPlace(kind, cut_short=what)
    if length == _ENDLESS:
        return PixelPlace(kind)
    if layout.photometric == "YBR_FULL_422":
        wanted = wanted * 2 // 3
    found = min(length, size - start)
    if found < wanted:
        cut = f"it holds {found:,} of the {wanted:,} bytes of its pixels"
        return PixelPlace(kind, cut_short=cut)
    return PixelPlace(kind, start, n_spare=found - wanted)


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


def _walk_fragments(
    file: BinaryIO, start: int, size: int, layout: PixelLayout, n_frames: int
) -> str:
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
            if n_pieces and (group, element) != (0xFFFE, 0xE0DD):
                return "its compressed pixels are damaged"
            return "" if n_pieces else "it holds no compressed picture"
        n_items += 1
        if file.tell() + length > size:
            return "it ends within the compressed pixels"
        at = file.tell()
        coded = coded_size(file.read(min(length, _CODED_HEAD)))
        if coded is not None and coded != (layout.rows, layout.columns):
            return (
                f"a compressed picture in it is {coded[0]:,} x {coded[1]:,} pixels and "
                f"not {layout.rows:,} x {layout.columns:,} as its header says"
            )
        file.seek(at + length)


def coded_size(head: bytes) -> tuple[int, int] | None:
    """Return the size that a compressed picture gives itself.

    A decoder believes it, and reserves memory for it, whatever DICOM's header says.

    Parameters
    ----------
    head : bytes
        The beginning of a fragment.

    Returns
    -------
    tuple of int or None
        Rows and columns of a JPEG, JPEG-LS or JPEG 2000 picture; None where it is none
        or its size does not come early.

    References
    ----------
    ITU-T T.81, B.2.2 (frame header); T.87, C.2.2; T.800, A.5.1 (SIZ).
    """
    if head[:4] == b"\xff\x4f\xff\x51" and len(head) >= 24:
        right, bottom, left, top = struct.unpack(">4L", head[8:24])
        return max(0, bottom - top), max(0, right - left)
    at = _frame_header(head)
    if not at:
        return None
    rows, columns = struct.unpack(">2H", head[at + 5 : at + 9])
    return (rows, columns) if rows else None  # told later, by a DNL segment


def coded_syntax(head: bytes) -> str:
    """Return the transfer syntax that a compressed picture is of, or "".

    Parameters
    ----------
    head : bytes
        The beginning of a fragment.
    """
    if head[:4] == b"\xff\x4f\xff\x51":
        return "1.2.840.10008.1.2.4.91"
    at = _frame_header(head)
    return _SYNTAX_OF.get(head[at + 1], "") if at else ""


def lacks_its_end(coded: bytes) -> bool:
    """Tell whether a compressed picture breaks off, whatever fills its place.

    A transfer that was cut may leave zeros, which decoders take for pixels. Within the
    codes of a picture the mark of its end cannot occur.

    Parameters
    ----------
    coded : bytes
        A whole compressed picture.

    References
    ----------
    ITU-T T.81, B.1.1.3 (EOI); T.87, C.1 (EOI); T.800, A.4.4 (EOC).
    """
    begins = coded[:2] == b"\xff\xd8" or coded[:4] == b"\xff\x4f\xff\x51"
    return begins and coded.rfind(b"\xff\xd9") < 0


def _frame_header(head: bytes) -> int:
    """Return where the frame header of a JPEG or JPEG-LS picture begins, or 0."""
    at = 2 if head[:2] == b"\xff\xd8" else len(head)
    while at + 9 <= len(head) and head[at] == 0xFF:
        mark = head[at + 1]
        if mark == 0xFF:  # filling
            at += 1
            continue
        if mark == 0xF7 or (0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC)):
            return at
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return 0
